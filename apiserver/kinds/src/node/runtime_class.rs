//! `node.k8s.io/v1` RuntimeClass.

use super::rules;
use jiff::Timestamp;
use kubernel_meta::{Object, field};
use serde_json::{Value, json};

use crate::descriptor::kind;
use crate::{Kind, Strategy, print};

kind! {
    /// The descriptor of RuntimeClass.
    pub static KIND = "node.k8s.io", "v1", "RuntimeClass";
    names: "runtimeclasses", "runtimeclass", short [], categories [];
    definition: "io.k8s.api.node.v1.RuntimeClass";
    namespaced: false, source: Store, hash: "WQTu1GL3T2Q=";
    verbs: ALL;
    subresources: [];
    columns: [
        "Name" name, "Handler" string, "Age" string,
    ];
    strategy: RuntimeClassStrategy;
}

/// What only RuntimeClasses know.
#[derive(Debug)]
pub struct RuntimeClassStrategy;

impl Strategy for RuntimeClassStrategy {
    fn validate(&self, _kind: &Kind, object: &Object) -> Vec<field::Error> {
        rules::create(object)
    }

    fn validate_update(&self, _kind: &Kind, new: &Object, old: &Object) -> Vec<field::Error> {
        rules::update(new, old)
    }

    fn allow_unconditional_update(&self) -> bool {
        false
    }

    fn cells(&self, _kind: &Kind, object: &Object, now: Timestamp) -> Vec<Value> {
        vec![json!(object.name()), json!(object.str_at(&["handler"])), json!(print::age(object, now))]
    }
}
