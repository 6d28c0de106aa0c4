//! Defaults that Pods have and pod templates do not, so that workloads do not change when new ones are added.

use kubernel_meta::Object;
use serde_json::{Map, Value, json};

use super::{pod_level, spec_defaults};
use crate::core::plural;
use crate::tree::{default_text, default_to, map_in, maps_in};

type Tree = Map<String, Value>;

/// Fills in the defaults of a Pod.
pub(super) fn pod(object: &mut Object) {
    let spec = object.map_at_mut(&["spec"]);
    spec_defaults::pod_spec(spec);
    for list in ["containers", "initContainers"] {
        for container in maps_in(spec, list) {
            if let Some(resources) = map_in(container, "resources") {
                requests_from_limits(resources);
            }
        }
    }
    pod_level::defaults(spec);
    default_to(spec, "enableServiceLinks", true);
    if spec.get("hostNetwork").and_then(Value::as_bool).unwrap_or_default() {
        for list in ["containers", "initContainers"] {
            for port in maps_in(spec, list).flat_map(|container| maps_in(container, "ports")) {
                host_port(port);
            }
        }
    }
    let status = object.map_at_mut(&["status"]);
    default_text(status, "phase", "Pending");
    plural::pod_ips(status);
}

/// What is limited but not requested is requested up to its limit.
fn requests_from_limits(resources: &mut Tree) {
    let Some(limits) = resources.get("limits").and_then(Value::as_object).cloned() else { return };
    if limits.is_empty() {
        return;
    }
    default_to(resources, "requests", json!({}));
    if let Some(requests) = map_in(resources, "requests") {
        for (name, limit) in limits {
            requests.entry(name).or_insert(limit);
        }
    }
}

/// In the host's network a container's port is the host's port.
fn host_port(port: &mut Tree) {
    if port.get("hostPort").and_then(Value::as_i64).unwrap_or_default() == 0
        && let Some(container_port) = port.get("containerPort").cloned()
    {
        port.insert("hostPort".to_owned(), container_port);
    }
}
