//! `v1` ConfigMap.

use super::data_map;
use jiff::Timestamp;
use kubernel_meta::{Object, field};
use serde_json::{Value, json};

use crate::descriptor::kind;
use crate::{Kind, Strategy, print};

kind! {
    /// The descriptor of ConfigMap.
    pub static KIND = "", "v1", "ConfigMap";
    names: "configmaps", "configmap", short ["cm"], categories [];
    definition: "io.k8s.api.core.v1.ConfigMap";
    namespaced: true, source: Store, hash: "qFsyl6wFWjQ=";
    verbs: ALL;
    subresources: [];
    columns: [
        "Name" name, "Data" string, "Age" string,
    ];
    strategy: ConfigMapStrategy;
}

/// What only ConfigMaps know.
#[derive(Debug)]
pub struct ConfigMapStrategy;

impl Strategy for ConfigMapStrategy {
    fn validate(&self, _kind: &Kind, object: &Object) -> Vec<field::Error> {
        let mut errors = data_map::keys(object, "data", Some("binaryData"));
        errors.extend(data_map::keys(object, "binaryData", Some("data")));
        errors.extend(data_map::size(object, &["data", "binaryData"], &["binaryData"]));
        errors
    }

    fn validate_update(&self, kind: &Kind, new: &Object, old: &Object) -> Vec<field::Error> {
        let mut errors = data_map::immutable(new, old, &["data", "binaryData"]);
        errors.extend(self.validate(kind, new));
        errors
    }

    fn cells(&self, _kind: &Kind, object: &Object, now: Timestamp) -> Vec<Value> {
        let count = |field: &str| object.map_at(&[field]).map_or(0, |map| map.len());
        vec![json!(object.name()), json!(count("data") + count("binaryData")), json!(print::age(object, now))]
    }
}
