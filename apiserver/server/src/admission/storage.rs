//! StorageObjectInUseProtection and DefaultStorageClass: claims and volumes that are in use do not vanish, and a claim
//! that names no class gets the default one.

use kubernel_meta::{ApiError, Object};
use serde_json::Value;

use super::in_tree::default_class;
use super::{Attributes, Operation, View};

const DEFAULT_ANNOTATION: &str = "storageclass.kubernetes.io/is-default-class";
const BETA_CLASS_ANNOTATION: &str = "volume.beta.kubernetes.io/storage-class";

/// DefaultStorageClass.
pub(super) async fn admit_class(view: &View<'_>, request: &Attributes<'_>, claim: &mut Object) -> Result<(), ApiError> {
    if request.operation != Operation::Create || !request.is_main("", "persistentvolumeclaims") {
        return Ok(());
    }
    let named = claim.at(&["spec", "storageClassName"]).is_some_and(|name| !name.is_null())
        || claim.annotations().any(|(key, _)| key == BETA_CLASS_ANNOTATION);
    if named {
        return Ok(());
    }
    let prefix = "/registry/storage.k8s.io/storageclasses/";
    if let Some(class) = default_class(view, prefix, DEFAULT_ANNOTATION).await? {
        claim.set(&["spec", "storageClassName"], class);
    }
    Ok(())
}

/// StorageObjectInUseProtection.
pub(super) fn admit_finalizer(request: &Attributes<'_>, object: &mut Object) {
    if request.operation != Operation::Create {
        return;
    }
    if request.is_main("", "persistentvolumeclaims") {
        add_finalizer(object, "kubernetes.io/pvc-protection");
    } else if request.is_main("", "persistentvolumes") {
        add_finalizer(object, "kubernetes.io/pv-protection");
    } else if request.is_main("storage.k8s.io", "volumeattributesclasses") {
        add_finalizer(object, "kubernetes.io/vac-protection");
    }
}

fn add_finalizer(object: &mut Object, finalizer: &str) {
    if !object.finalizers().any(|other| other == finalizer) {
        let mut all: Vec<Value> = object.list_at(&["metadata", "finalizers"]).to_vec();
        all.push(finalizer.into());
        object.set(&["metadata", "finalizers"], all);
    }
}
