//! Binding a Pod to a node: what the `pods/binding` subresource and the legacy `bindings` resource do to the Pod.

use jiff::Timestamp;
use kubernel_meta::{Object, field};
use serde_json::{Value, json};

use crate::tree::{items, text};

/// Where a Pod is to go, and what it gains on the way there.
#[derive(Clone, Copy, Debug)]
pub struct Binding<'a> {
    /// The whole `Binding` object.
    pub object: &'a Object,
}

impl Binding<'_> {
    /// What is wrong with the binding itself: only Nodes can be its target.
    pub fn validate(&self) -> Vec<field::Error> {
        let target = field::Path::root("target");
        let kind = self.object.str_at(&["target", "kind"]);
        let mut errors = Vec::new();
        if !kind.is_empty() && kind != "Node" {
            errors.push(target.child("kind").not_supported(kind, &["Node", "<empty>"]));
        }
        if self.object.str_at(&["target", "name"]).is_empty() {
            errors.push(target.child("name").required(""));
        }
        errors
    }
}

/// Puts the Pod on the binding's node: `spec.nodeName`, the binding's labels and annotations, and the condition
/// `PodScheduled`. The error is the text of a 409.
pub fn assign(pod: &mut Object, binding: Binding<'_>, now: Timestamp) -> Result<(), String> {
    let uid = binding.object.uid();
    if !uid.is_empty() && uid != pod.uid() {
        return Err(format!("Precondition failed: UID in precondition: {uid}, UID in object meta: {}", pod.uid()));
    }
    if pod.deletion_timestamp().is_some() {
        return Err(format!("pod {} is being deleted, cannot be assigned to a host", pod.name()));
    }
    let node = pod.str_at(&["spec", "nodeName"]);
    if !node.is_empty() {
        return Err(format!("pod {} is already assigned to node {node:?}", pod.name()));
    }
    if !pod.list_at(&["spec", "schedulingGates"]).is_empty() {
        return Err(format!("pod {} has non-empty .spec.schedulingGates", pod.name()));
    }
    pod.set(&["spec", "nodeName"], binding.object.str_at(&["target", "name"]));
    let gained = |field: &str| binding.object.map_at(&["metadata", field]).filter(|map| !map.is_empty()).cloned();
    if let Some(annotations) = gained("annotations") {
        pod.map_at_mut(&["metadata", "annotations"]).extend(annotations);
    }
    // Labels that the Pod has stay as they are.
    for (key, value) in gained("labels").into_iter().flatten() {
        pod.map_at_mut(&["metadata", "labels"]).entry(key).or_insert(value);
    }
    set_condition(pod, "PodScheduled", "True", now);
    Ok(())
}

/// Sets a condition of the Pod without a reason; the transition time changes only with the status.
fn set_condition(pod: &mut Object, type_: &str, status: &str, now: Timestamp) {
    let mut condition = json!({
        "type": type_, "status": status, "lastProbeTime": null,
        "lastTransitionTime": Timestamp::from_second(now.as_second()).unwrap_or(now).to_string(),
    });
    let object_status = pod.map_at_mut(&["status"]);
    let conditions = object_status.entry("conditions").or_insert_with(|| json!([]));
    let old = items(&json!({"conditions": conditions}), "conditions").to_vec();
    let mut conditions: Vec<Value> = old.iter().filter(|c| text(c, "type") != type_).cloned().collect();
    if let Some(old) = old.iter().find(|c| text(c, "type") == type_ && text(c, "status") == status) {
        condition["lastTransitionTime"] = old.get("lastTransitionTime").cloned().unwrap_or_default();
    }
    let at = old.iter().position(|c| text(c, "type") == type_).unwrap_or(conditions.len());
    conditions.insert(at.min(conditions.len()), condition);
    object_status.insert("conditions".to_owned(), Value::Array(conditions));
}
