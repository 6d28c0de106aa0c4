//! `storage.k8s.io/v1` VolumeAttributesClass.

use super::class_rules;
use jiff::Timestamp;
use kubernel_meta::{Object, field};
use serde_json::{Value, json};

use crate::descriptor::kind;
use crate::{Kind, Strategy, print};

kind! {
    /// The descriptor of VolumeAttributesClass.
    pub static KIND = "storage.k8s.io", "v1", "VolumeAttributesClass";
    names: "volumeattributesclasses", "volumeattributesclass", short ["vac"], categories [];
    definition: "io.k8s.api.storage.v1.VolumeAttributesClass";
    namespaced: false, source: Store, hash: "tIjydgKBC5w=";
    verbs: ALL;
    subresources: [];
    columns: [
        "Name" name, "DriverName" string, "Age" string,
    ];
    strategy: VolumeAttributesClassStrategy;
}

/// What only VolumeAttributesClasses know.
#[derive(Debug)]
pub struct VolumeAttributesClassStrategy;

impl Strategy for VolumeAttributesClassStrategy {
    fn validate(&self, _kind: &Kind, object: &Object) -> Vec<field::Error> {
        class_rules::attributes(object)
    }

    fn validate_update(&self, _kind: &Kind, new: &Object, old: &Object) -> Vec<field::Error> {
        class_rules::attributes_update(new, old)
    }

    fn allow_unconditional_update(&self) -> bool {
        false
    }

    fn cells(&self, _kind: &Kind, object: &Object, now: Timestamp) -> Vec<Value> {
        let default = "volumeattributesclass.kubernetes.io/is-default-class";
        let is_default = object.str_at(&["metadata", "annotations", default]) == "true";
        let name = object.name();
        vec![
            json!(if is_default { format!("{name} (default)") } else { name.to_owned() }),
            json!(object.str_at(&["driverName"])),
            json!(print::age(object, now)),
        ]
    }
}
