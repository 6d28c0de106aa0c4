//! `node.k8s.io/v1` RuntimeClass.

use super::rules;
use jiff::Timestamp;
use kubernel_meta::{Object, field};
use serde_json::{Value, json};

use crate::core::node_labels;
use crate::core::pod::spec_defaults::round_up;
use crate::descriptor::kind;
use crate::tree::map_in;
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
    fn default(&self, _kind: &Kind, object: &mut Object) {
        if let Some(overhead) = map_in(object.map_mut(), "overhead").and_then(|overhead| map_in(overhead, "podFixed")) {
            round_up(overhead);
        }
    }

    fn validate(&self, _kind: &Kind, object: &Object) -> Vec<field::Error> {
        rules::create(object)
    }

    fn validate_update(&self, _kind: &Kind, new: &Object, old: &Object) -> Vec<field::Error> {
        rules::update(new, old)
    }

    fn warnings(&self, _kind: &Kind, object: &Object, _old: Option<&Object>) -> Vec<String> {
        let labels = object.map_at(&["scheduling", "nodeSelector"]).into_iter().flatten();
        let warnings = labels.filter_map(|(label, _)| node_labels::warning(label));
        warnings.map(|warning| format!("scheduling.nodeSelector: {warning}")).collect()
    }

    fn allow_unconditional_update(&self) -> bool {
        false
    }

    fn cells(&self, _kind: &Kind, object: &Object, now: Timestamp) -> Vec<Value> {
        vec![json!(object.name()), json!(object.str_at(&["handler"])), json!(print::age(object, now))]
    }
}
