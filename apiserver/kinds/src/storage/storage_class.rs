//! `storage.k8s.io/v1` StorageClass.

use super::class_rules;
use jiff::Timestamp;
use kubernel_meta::{Object, field};
use serde_json::{Value, json};

use crate::descriptor::kind;
use crate::tree::default_to;
use crate::{Kind, Strategy, print};

kind! {
    /// The descriptor of StorageClass.
    pub static KIND = "storage.k8s.io", "v1", "StorageClass";
    names: "storageclasses", "storageclass", short ["sc"], categories [];
    definition: "io.k8s.api.storage.v1.StorageClass";
    namespaced: false, source: Store, hash: "K+m6uJwbjGY=";
    verbs: ALL;
    subresources: [];
    columns: [
        "Name" name, "Provisioner" string, "ReclaimPolicy" string, "VolumeBindingMode" string,
        "AllowVolumeExpansion" string, "Age" string,
    ];
    strategy: StorageClassStrategy;
}

/// What only StorageClasses know.
#[derive(Debug)]
pub struct StorageClassStrategy;

impl Strategy for StorageClassStrategy {
    fn default(&self, _kind: &Kind, object: &mut Object) {
        default_to(object.map_mut(), "reclaimPolicy", "Delete");
        default_to(object.map_mut(), "volumeBindingMode", "Immediate");
    }

    fn validate(&self, _kind: &Kind, object: &Object) -> Vec<field::Error> {
        class_rules::create(object)
    }

    fn validate_update(&self, _kind: &Kind, new: &Object, old: &Object) -> Vec<field::Error> {
        class_rules::update(new, old)
    }

    fn warnings(&self, _kind: &Kind, object: &Object, _old: Option<&Object>) -> Vec<String> {
        class_rules::warnings(object)
    }

    fn cells(&self, _kind: &Kind, object: &Object, now: Timestamp) -> Vec<Value> {
        let default =
            ["storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class"];
        let is_default = default.iter().any(|key| object.str_at(&["metadata", "annotations", key]) == "true");
        let name = object.name();
        vec![
            json!(if is_default { format!("{name} (default)") } else { name.to_owned() }),
            json!(object.str_at(&["provisioner"])),
            json!(object.str_at(&["reclaimPolicy"])),
            json!(object.str_at(&["volumeBindingMode"])),
            json!(object.at(&["allowVolumeExpansion"]).and_then(Value::as_bool).unwrap_or_default()),
            json!(print::age(object, now)),
        ]
    }
}
