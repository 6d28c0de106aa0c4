//! TaintNodesByCondition: a new node takes no Pods before it was seen ready.

use kubernel_meta::Object;
use serde_json::{Value, json};

use super::{Attributes, Operation};

pub(super) fn admit(request: &Attributes<'_>, node: &mut Object) {
    if !request.is_main("", "nodes") || request.operation != Operation::Create {
        return;
    }
    let taint = json!({ "key": "node.kubernetes.io/not-ready", "effect": "NoSchedule" });
    let taints = node.list_at(&["spec", "taints"]);
    if !taints.iter().any(|other| other["key"] == taint["key"] && other["effect"] == taint["effect"]) {
        let all: Vec<Value> = taints.iter().cloned().chain([taint]).collect();
        node.set(&["spec", "taints"], all);
    }
}
