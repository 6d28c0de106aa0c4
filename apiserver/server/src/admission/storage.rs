//! StorageObjectInUseProtection and DefaultStorageClass: claims and volumes that are in use do not vanish, and a claim
//! that names no class gets the default one.

use kubernel_meta::{ApiError, Object};
use serde_json::Value;

use super::{Attributes, Operation, View, default_class};

const DEFAULT_ANNOTATION: &str = "storageclass.kubernetes.io/is-default-class";
const BETA_CLASS_ANNOTATION: &str = "volume.beta.kubernetes.io/storage-class";

pub(super) async fn admit(view: &View<'_>, request: &Attributes<'_>, object: &mut Object) -> Result<(), ApiError> {
    if request.operation != Operation::Create {
        return Ok(());
    }
    if request.is_main("", "persistentvolumeclaims") {
        let named = object.at(&["spec", "storageClassName"]).is_some_and(|name| !name.is_null())
            || object.annotations().any(|(key, _)| key == BETA_CLASS_ANNOTATION);
        if !named
            && let Some(class) =
                default_class(view, "/registry/storage.k8s.io/storageclasses/", DEFAULT_ANNOTATION).await?
        {
            object.set(&["spec", "storageClassName"], class);
        }
        add_finalizer(object, "kubernetes.io/pvc-protection");
    } else if request.is_main("", "persistentvolumes") {
        add_finalizer(object, "kubernetes.io/pv-protection");
    } else if request.is_main("storage.k8s.io", "volumeattributesclasses") {
        add_finalizer(object, "kubernetes.io/vac-protection");
    }
    Ok(())
}

fn add_finalizer(object: &mut Object, finalizer: &str) {
    if !object.finalizers().any(|other| other == finalizer) {
        let mut all: Vec<Value> = object.list_at(&["metadata", "finalizers"]).to_vec();
        all.push(finalizer.into());
        object.set(&["metadata", "finalizers"], all);
    }
}
