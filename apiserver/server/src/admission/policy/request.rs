//! What the expressions of policies see of a write, and whether its match conditions hold.

use std::borrow::Cow;
use std::sync::Arc;

use kubernel_cel::Value;
use kubernel_cel::admission::{Bindings, Budget, CONDITIONS_COST_MAX, Scope};
use kubernel_cel::library::authz::{self, Authorizer};
use kubernel_cel::value::{Map as Members, from_json};
use kubernel_kinds::Kind;
use kubernel_meta::{ApiError, Gvr, Object};
use serde_json::{Map, Value as Json, json};

use super::authorizer;
use super::compiled::Policy;
use crate::admission::matching::{is_namespaces, namespace};
use crate::admission::{Attributes, View, review};
use crate::resources::Resource;
use crate::{ApiServer, crds};

/// A write in the version that a policy means, with all that its expressions may ask for.
pub(super) struct Seen<'a> {
    request: Json,
    namespace: Option<Json>,
    object: Option<Cow<'a, Object>>,
    old: Option<Cow<'a, Object>>,
    authorizer: Arc<dyn Authorizer>,
    check: authz::Check,
}

impl<'a> Seen<'a> {
    /// The error is upstream's text: an object cannot be brought into that version.
    pub(super) async fn new(
        server: &ApiServer,
        write: &Attributes<'_>,
        matched: &Resource,
        namespace: Option<&Object>,
        object: Option<&'a Object>,
        old: Option<&'a Object>,
    ) -> Result<Self, String> {
        Ok(Self {
            request: review::request(write, matched),
            namespace: namespace.map(shown_namespace),
            object: converted(server, object, write, matched).await?,
            old: converted(server, old, write, matched).await?,
            authorizer: authorizer::of(server, write),
            check: authorizer::request_resource(write),
        })
    }

    /// The object in the version that the policy means.
    pub(super) fn object(&self) -> Option<&Object> {
        self.object.as_deref()
    }

    /// Puts another object in its place: what a mutation made of it.
    pub(super) fn set_object(&mut self, object: Object) {
        self.object = Some(Cow::Owned(object));
    }

    /// The values of the variables.
    pub(super) fn bindings<'s>(&'s self, params: Option<&'s Object>) -> Bindings<'s> {
        let tree = |object: &'s Object| Value::Map(Members::Json { members: object.map(), declared: None });
        Bindings {
            object: self.object.as_deref().map(tree),
            old_object: self.old.as_deref().map(tree),
            request: Some(from_json(&self.request)),
            params: params.map(tree),
            namespace: self.namespace.as_ref().map(from_json),
            authorizer: Some(authz::authorizer(self.authorizer.clone())),
            request_resource: Some(authz::resource_check(self.authorizer.clone(), self.check.clone())),
        }
    }

    /// Whether all match conditions of a policy hold; the error says which could not be decided. One that does not hold
    /// outweighs those.
    pub(super) fn meets_conditions(&self, policy: &Policy, params: Option<&Object>) -> Result<bool, String> {
        if policy.conditions.is_empty() {
            return Ok(true);
        }
        let scope = Scope::new(Bindings { namespace: None, ..self.bindings(params) }, &[]);
        let mut budget = Budget::new(CONDITIONS_COST_MAX);
        let mut errors: Vec<String> = Vec::new();
        let mut failed = None;
        for condition in &policy.conditions {
            match scope.evaluate(condition, &mut budget) {
                Ok(Ok(value)) if value.as_bool() == Some(false) => return Ok(false),
                Ok(Ok(_)) => {}
                Ok(Err(error)) if errors.contains(&error) => {}
                Ok(Err(error)) => errors.push(error),
                Err(spent) => {
                    failed = Some(spent.to_string());
                    break;
                }
            }
        }
        let error = match (failed, errors.as_slice()) {
            (Some(failed), _) => failed,
            (None, []) => return Ok(true),
            (None, [only]) => only.clone(),
            (None, many) => format!("[{}]", many.join(", ")),
        };
        if policy.ignores_failures { Ok(false) } else { Err(error) }
    }
}

/// The namespace of a write's object, for its labels and expressions; a namespace itself is in none.
pub(super) async fn namespace_of(view: &View<'_>, write: &Attributes<'_>) -> Result<Option<Arc<Object>>, ApiError> {
    if write.namespace.is_empty() || is_namespaces(&write.kind.gvr()) {
        return Ok(None);
    }
    match namespace(view, write.namespace).await? {
        Some(namespace) => Ok(Some(namespace)),
        None => Err(ApiError::not_found(&Gvr::new("", "v1", "namespaces"), write.namespace)),
    }
}

/// The parts of a namespace that expressions see.
fn shown_namespace(namespace: &Object) -> Json {
    const METADATA: [&str; 12] = [
        "name",
        "generateName",
        "namespace",
        "uid",
        "resourceVersion",
        "generation",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "labels",
        "annotations",
        "finalizers",
    ];
    let part = |field: &str| namespace.map().get(field).cloned().unwrap_or_else(|| json!({}));
    let metadata: Map<String, Json> = METADATA
        .iter()
        .filter_map(|field| Some(((*field).to_owned(), namespace.at(&["metadata", field])?.clone())))
        .collect();
    json!({ "metadata": metadata, "spec": part("spec"), "status": part("status") })
}

/// An object of the request in the version of the matched resource. What a subresource carries in a kind of its own is
/// the same in all of them.
async fn converted<'a>(
    server: &ApiServer,
    object: Option<&'a Object>,
    write: &Attributes<'_>,
    matched: &Resource,
) -> Result<Option<Cow<'a, Object>>, String> {
    let Some(object) = object else { return Ok(None) };
    if matched.gvr == write.kind.gvr() || object.kind() != write.kind.kind {
        return Ok(Some(Cow::Borrowed(object)));
    }
    Ok(Some(Cow::Owned(between(server, object, write.kind, matched).await?)))
}

/// An object of one kind as another kind over the same stored objects.
pub(super) async fn between(server: &ApiServer, object: &Object, from: &Kind, to: &Resource) -> Result<Object, String> {
    let mut object = object.clone();
    if let Some(custom) = &to.custom {
        let converted = crds::convert(server, custom, vec![object], &to.gvk).await;
        let converted = converted.map_err(|error| format!("failed to convert object version: {}", error.message()))?;
        return converted.into_iter().next().ok_or_else(|| "failed to convert object version".to_owned());
    }
    if let Some(stored) = from.stored_as {
        (stored.to_stored)(&mut object);
    }
    if let Some(stored) = to.kind.stored_as {
        (stored.from_stored)(&mut object);
    }
    object.set(&["apiVersion"], to.api_version.as_str());
    Ok(object)
}
