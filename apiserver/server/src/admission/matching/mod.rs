//! Which writes a webhook or a policy is about: rules, selectors, and equivalent versions of the same resource.
//!
//! Reads nothing but the namespace, and that only where a selector asks for its labels.

mod rule;

use std::sync::Arc;

use kubernel_meta::{ApiError, Gvr, LabelSelector, Object, SelectorError};
use serde_json::Value;

pub(crate) use rule::Write;

use super::{Attributes, Operation, View};
use crate::resources::{Resource, Resources};
use rule::Rule;

/// What a webhook, the `matchConstraints` of a policy or the `matchResources` of a binding select.
#[derive(Debug)]
pub(crate) struct Constraints {
    /// `None` where there are none: then every resource is meant.
    rules: Option<Vec<Rule>>,
    excluded: Vec<Rule>,
    namespaces: Result<LabelSelector, SelectorError>,
    objects: Result<LabelSelector, SelectorError>,
    /// `matchPolicy: Equivalent`.
    equivalent: bool,
}

impl Constraints {
    /// Reads a webhook (`rules`) or a policy's MatchResources (`resourceRules`, `excludeResourceRules`).
    pub(crate) fn parse(value: &Value) -> Self {
        let rules = |field: &str| -> Vec<Rule> {
            value.get(field).and_then(Value::as_array).into_iter().flatten().map(Rule::parse).collect()
        };
        let selector = |field: &str| match value.get(field) {
            Some(selector) => LabelSelector::from_value(selector),
            None => Ok(LabelSelector::default()),
        };
        let of_webhook = value.get("rules").is_some();
        let found = rules(if of_webhook { "rules" } else { "resourceRules" });
        Self {
            rules: (of_webhook || !found.is_empty()).then_some(found),
            excluded: rules("excludeResourceRules"),
            namespaces: selector("namespaceSelector"),
            objects: selector("objectSelector"),
            equivalent: value.get("matchPolicy").and_then(Value::as_str) == Some("Equivalent"),
        }
    }

    /// The resource, in the version that the rules mean, where this write is meant.
    pub(crate) async fn matches(
        &self,
        view: &View<'_>,
        resources: &Resources,
        write: &Attributes<'_>,
        object: Option<&Object>,
        old: Option<&Object>,
    ) -> Result<Option<Arc<Resource>>, ApiError> {
        if !self.excluded.is_empty() && self.find(&self.excluded, resources, write).is_some() {
            return Ok(None);
        }
        let found = match &self.rules {
            Some(rules) => self.find(rules, resources, write),
            None => resources.find(&write.kind.group, &write.kind.version, &write.kind.plural).cloned(),
        };
        let Some(found) = found else { return Ok(None) };
        let selected = |selector: &LabelSelector, object: Option<&Object>| {
            object.is_some_and(|object| has_labels(selector, object))
        };
        let objects = self.objects.as_ref().map_err(ApiError::internal)?;
        if !objects.is_empty() && !selected(objects, object) && !selected(objects, old) {
            return Ok(None);
        }
        let namespaces = self.namespaces.as_ref().map_err(ApiError::internal)?;
        let meant = namespaces.is_empty() || in_namespace(namespaces, view, write, object).await?;
        Ok(meant.then_some(found))
    }

    /// The first resource that the rules mean: the request's own, else one that is the same in another version or group.
    fn find(&self, rules: &[Rule], resources: &Resources, write: &Attributes<'_>) -> Option<Arc<Resource>> {
        let own = write.kind.gvr();
        let seen = |resource| Write {
            operation: write.operation.name(),
            resource,
            subresource: write.subresource,
            namespaced: !write.namespace.is_empty() && !is_namespaces(&own),
            name: write.name,
        };
        if rules.iter().any(|rule| rule.matches(seen(&own))) {
            return resources.find(&own.group, &own.version, &own.resource).cloned();
        }
        if !self.equivalent {
            return None;
        }
        let has_subresource =
            |other: &Resource| write.subresource.is_empty() || other.kind.subresource(write.subresource).is_some();
        let equivalents: Vec<_> = resources
            .iter()
            .filter(|other| other.kind.storage_key() == write.kind.storage_key() && other.gvr != own)
            .filter(|other| has_subresource(other))
            .collect();
        let pairs = rules.iter().flat_map(|rule| equivalents.iter().map(move |other| (rule, *other)));
        pairs.into_iter().find(|(rule, other)| rule.matches(seen(&other.gvr))).map(|(_, other)| other.clone())
    }
}

/// Whether the write's namespace has the labels. What is in no namespace is always meant; a namespace is its own.
async fn in_namespace(
    selector: &LabelSelector,
    view: &View<'_>,
    write: &Attributes<'_>,
    object: Option<&Object>,
) -> Result<bool, ApiError> {
    let of_namespaces = is_namespaces(&write.kind.gvr());
    if write.namespace.is_empty() && !of_namespaces {
        return Ok(true);
    }
    let own_labels = write.subresource.is_empty() && matches!(write.operation, Operation::Create | Operation::Update);
    if let Some(object) = object.filter(|_| of_namespaces && own_labels) {
        return Ok(has_labels(selector, object));
    }
    let name = if of_namespaces { write.name } else { write.namespace };
    match namespace(view, name).await? {
        Some(namespace) => Ok(has_labels(selector, &namespace)),
        None => Err(ApiError::not_found(&Gvr::new("", "v1", "namespaces"), name)),
    }
}

/// A namespace by its name.
pub(crate) async fn namespace(view: &View<'_>, name: &str) -> Result<Option<Arc<Object>>, ApiError> {
    view.get(&format!("/registry/core/namespaces/{name}")).await
}

/// Whether the resource is `namespaces`, whose objects are in no namespace though their requests name one.
pub(crate) fn is_namespaces(resource: &Gvr) -> bool {
    resource.group.is_empty() && resource.resource == "namespaces"
}

fn has_labels(selector: &LabelSelector, object: &Object) -> bool {
    selector.matches(|key| object.at(&["metadata", "labels", key]).and_then(Value::as_str))
}
