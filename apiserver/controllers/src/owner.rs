//! Ownership: who controls an object, taking objects in and letting them go.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta, OwnerReference};
use kube::Api;
use kube::api::{Patch, PatchParams};
use kube::core::Selector;
use serde_json::json;

use crate::Error;

/// The owner that controls the object.
pub(crate) fn controller_of(meta: &ObjectMeta) -> Option<&OwnerReference> {
    meta.owner_references.iter().flatten().find(|owner| owner.controller == Some(true))
}

/// The selector of a workload. An empty one would match everything, which upstream's validation does not let through.
pub(crate) fn selector(selector: Option<&LabelSelector>) -> Result<Selector, Error> {
    let selector = selector.cloned().unwrap_or_default();
    Selector::try_from(selector).map_err(|error| Error::Selector(error.to_string()))
}

/// Makes `owner` the object's controller; `false` where the object is gone or changed hands meanwhile.
pub(crate) async fn adopt<K>(api: &Api<K>, object: &ObjectMeta, owner: &OwnerReference) -> Result<bool, Error>
where
    K: Clone + serde::de::DeserializeOwned + std::fmt::Debug,
{
    let patch = json!({"metadata": {"uid": object.uid, "ownerReferences": [owner]}});
    apply(api, object, &patch).await
}

/// Takes the owner of this uid off the object.
pub(crate) async fn release<K>(api: &Api<K>, object: &ObjectMeta, owner_uid: &str) -> Result<bool, Error>
where
    K: Clone + serde::de::DeserializeOwned + std::fmt::Debug,
{
    let directive = json!({"$patch": "delete", "uid": owner_uid});
    let patch = json!({"metadata": {"uid": object.uid, "ownerReferences": [directive]}});
    apply(api, object, &patch).await
}

async fn apply<K>(api: &Api<K>, object: &ObjectMeta, patch: &serde_json::Value) -> Result<bool, Error>
where
    K: Clone + serde::de::DeserializeOwned + std::fmt::Debug,
{
    let name = object.name.as_deref().unwrap_or_default();
    match api.patch_metadata(name, &PatchParams::default(), &Patch::Strategic(patch)).await {
        Ok(_) => Ok(true),
        Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409 | 422) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
