//! `storage.k8s.io/v1` CSINode.

use super::csi_rules;
use jiff::Timestamp;
use kubernel_meta::{Object, field};
use serde_json::{Value, json};

use crate::descriptor::kind;
use crate::{Kind, Strategy, print};

kind! {
    /// The descriptor of CSINode.
    pub static KIND = "storage.k8s.io", "v1", "CSINode";
    names: "csinodes", "csinode", short [], categories [];
    definition: "io.k8s.api.storage.v1.CSINode";
    namespaced: false, source: Store, hash: "Pe62DkZtjuo=";
    verbs: ALL;
    subresources: [];
    columns: [
        "Name" name, "Drivers" integer, "Age" string,
    ];
    strategy: CsiNodeStrategy;
}

/// What only CSINodes know.
#[derive(Debug)]
pub struct CsiNodeStrategy;

impl Strategy for CsiNodeStrategy {
    fn validate(&self, _kind: &Kind, object: &Object) -> Vec<field::Error> {
        csi_rules::node(object)
    }

    fn validate_update(&self, _kind: &Kind, new: &Object, old: &Object) -> Vec<field::Error> {
        csi_rules::node_update(new, old)
    }

    fn allow_unconditional_update(&self) -> bool {
        false
    }

    fn cells(&self, _kind: &Kind, object: &Object, now: Timestamp) -> Vec<Value> {
        let drivers = object.list_at(&["spec", "drivers"]).len();
        vec![json!(object.name()), json!(drivers), json!(print::age(object, now))]
    }
}
