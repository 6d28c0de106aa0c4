//! The parameters of a policy: the objects that a binding refers to.

use std::sync::Arc;

use kubernel_meta::{Gvk, Object};
use kubernel_store::Entry;

use super::compiled::{Binding, Policy};
use crate::admission::View;
use crate::resources::{Resource, Resources};
use crate::{ApiServer, crds, document};

/// The resource of a policy's parameters; `None` where it has no kind of them. The error is upstream's text.
pub(super) fn resource(policy: &Policy, resources: &Resources) -> Result<Option<Arc<Resource>>, String> {
    let Some((api_version, kind)) = &policy.param_kind else { return Ok(None) };
    match resources.find_kind(api_version, kind) {
        Some(found) => Ok(Some(found.clone())),
        None => {
            let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
            let Gvk { group, version, kind } = Gvk::new(group, version, kind.as_str());
            Err(format!("failed to find resource referenced by paramKind: '{group}/{version}, Kind={kind}'"))
        }
    }
}

/// The parameters with which a binding puts a policy to work, each for an evaluation of its own; `None` is an evaluation
/// without. The error is upstream's text.
pub(super) async fn collect(
    server: &ApiServer,
    view: &View<'_>,
    resource: Option<&Resource>,
    binding: &Binding,
    namespace: &str,
) -> Result<Vec<Option<Arc<Object>>>, String> {
    let (Some(resource), Some(reference)) = (resource, &binding.parameters) else { return Ok(vec![None]) };
    let namespace = match (resource.kind.namespaced, reference.namespace.as_str()) {
        (false, "") => "",
        (false, _) => {
            return Err("paramRef.namespace must not be provided for a cluster-scoped `paramKind`".to_owned());
        }
        (true, "") if namespace.is_empty() => {
            let why = "cannot use namespaced paramRef in policy binding that matches cluster-scoped resources";
            return Err(why.to_owned());
        }
        (true, "") => namespace,
        (true, named) => named,
    };
    let found = match &reference.selector {
        _ if !reference.name.is_empty() => {
            let key = resource.key(namespace, &reference.name);
            let entry = view.entry(&key).await.map_err(|error| error.message().to_owned())?;
            read(server, resource, entry.into_iter()).await?
        }
        Some(selector) => {
            let selector = selector.as_ref().map_err(ToString::to_string)?;
            let all = view.entries(&resource.collection_prefix(namespace)).await;
            let all = all.map_err(|error| error.message().to_owned())?;
            let meant = all.into_iter().filter(|entry| {
                let labels = &entry.index.labels;
                selector.matches(|key| labels.iter().find(|(name, _)| **name == *key).map(|(_, value)| &**value))
            });
            read(server, resource, meant).await?
        }
        None => return Err("one of name or selector must be provided".to_owned()),
    };
    if found.is_empty() && reference.must_exist {
        return Err("no params found for policy binding with `Deny` parameterNotFoundAction".to_owned());
    }
    Ok(found.into_iter().map(Some).collect())
}

/// Stored objects in the version that the policy names.
async fn read(
    server: &ApiServer,
    resource: &Resource,
    entries: impl Iterator<Item = Arc<Entry>>,
) -> Result<Vec<Arc<Object>>, String> {
    let mut objects = Vec::new();
    for entry in entries {
        let object = match crds::one(server, resource, entry).await {
            Ok(entry) => document::decode(resource, &entry),
            Err(error) => Err(error),
        };
        objects.push(Arc::new(object.map_err(|error| error.message().to_owned())?));
    }
    Ok(objects)
}
