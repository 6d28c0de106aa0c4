//! `v1` Node.

use super::{node_rules, plural};
use jiff::Timestamp;
use kubernel_meta::{Object, field};
use serde_json::{Value, json};

use crate::core::pod::spec_defaults::round_up;
use crate::descriptor::kind;
use crate::strategy;
use crate::tree::{condition, map_in, text};
use crate::{Kind, Strategy, print};

kind! {
    /// The descriptor of Node.
    pub static KIND = "", "v1", "Node";
    names: "nodes", "node", short ["no"], categories [];
    definition: "io.k8s.api.core.v1.Node";
    namespaced: false, source: Store, hash: "XwShjMxG9Fs=";
    verbs: ALL;
    subresources: [
        "proxy" as ("", "v1", "NodeProxyOptions"): ["create", "delete", "get", "patch", "update"],
        "status": STATUS,
    ];
    columns: [
        "Name" name, "Status" string, "Roles" string, "Age" string, "Version" string, "Internal-IP" string wide,
        "External-IP" string wide, "OS-Image" string wide, "Kernel-Version" string wide,
        "Container-Runtime" string wide,
    ];
    strategy: NodeStrategy;
}

/// What only Nodes know.
#[derive(Debug)]
pub struct NodeStrategy;

impl Strategy for NodeStrategy {
    fn default(&self, _kind: &Kind, object: &mut Object) {
        let capacity = object.at(&["status", "capacity"]).cloned();
        let status = object.map_at_mut(&["status"]);
        if let Some(capacity) = capacity {
            status.entry("allocatable").or_insert(capacity);
        }
        for list in ["capacity", "allocatable"] {
            if let Some(list) = map_in(status, list) {
                round_up(list);
            }
        }
        let spec = object.map_at_mut(&["spec"]);
        plural::pod_cidrs(spec);
        if spec.get("unschedulable") == Some(&Value::Bool(false)) {
            spec.remove("unschedulable");
        }
    }

    /// Nodes register with their status; nothing is dropped.
    fn prepare_create(&self, _kind: &Kind, _object: &mut Object) {}

    fn prepare_subresource_update(&self, _kind: &Kind, _subresource: &str, new: &mut Object, old: &Object) {
        strategy::keep_all_but_status(new, old);
    }

    fn validate(&self, _kind: &Kind, object: &Object) -> Vec<field::Error> {
        node_rules::create(object)
    }

    fn validate_update(&self, _kind: &Kind, new: &Object, old: &Object) -> Vec<field::Error> {
        node_rules::update(new, old)
    }

    fn validate_subresource_update(
        &self,
        _: &Kind,
        _subresource: &str,
        new: &Object,
        old: &Object,
    ) -> Vec<field::Error> {
        node_rules::update(new, old)
    }

    fn warnings(&self, _kind: &Kind, object: &Object, _old: Option<&Object>) -> Vec<String> {
        node_rules::warnings(object)
    }

    fn cells(&self, _kind: &Kind, object: &Object, now: Timestamp) -> Vec<Value> {
        let known = |field: &str, otherwise: &str| {
            let text = object.str_at(&["status", "nodeInfo", field]);
            json!(if text.is_empty() { otherwise } else { text })
        };
        let address = |type_: &str| {
            let found = object.list_at(&["status", "addresses"]).iter().find(|a| text(a, "type") == type_);
            json!(found.map_or("<none>", |found| text(found, "address")))
        };
        vec![
            json!(object.name()),
            json!(status(object)),
            json!(roles(object)),
            json!(print::age(object, now)),
            known("kubeletVersion", ""),
            address("InternalIP"),
            address("ExternalIP"),
            known("osImage", "<unknown>"),
            known("kernelVersion", "<unknown>"),
            known("containerRuntimeVersion", "<unknown>"),
        ]
    }

    fn selectable_fields(&self) -> Vec<&str> {
        vec!["spec.unschedulable"]
    }

    fn field_values(&self, object: &Object) -> Vec<String> {
        vec![unschedulable(object).to_string()]
    }
}

fn unschedulable(node: &Object) -> bool {
    node.at(&["spec", "unschedulable"]).and_then(Value::as_bool).unwrap_or_default()
}

fn status(node: &Object) -> String {
    let ready = condition(node.list_at(&["status", "conditions"]), "Ready");
    let status = match ready.map(|ready| text(ready, "status")) {
        Some("True") => "Ready",
        Some(_) => "NotReady",
        None => "Unknown",
    };
    if unschedulable(node) { format!("{status},SchedulingDisabled") } else { status.to_owned() }
}

fn roles(node: &Object) -> String {
    let role = |(key, value): (&str, &str)| match key.strip_prefix("node-role.kubernetes.io/") {
        Some(role) if !role.is_empty() => Some(role.to_owned()),
        None if key == "kubernetes.io/role" && !value.is_empty() => Some(value.to_owned()),
        _ => None,
    };
    let mut roles: Vec<String> = node.labels().filter_map(role).collect();
    roles.sort();
    roles.dedup();
    if roles.is_empty() { "<none>".to_owned() } else { roles.join(",") }
}
