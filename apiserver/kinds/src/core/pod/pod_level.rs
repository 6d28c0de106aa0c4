//! Resources of a Pod as a whole (KEP-2837) and their defaults from the containers' resources.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::amounts::{self, Amounts};

type Tree = Map<String, Value>;

/// Whether a resource can be requested for the Pod as a whole.
pub(super) fn is_supported(resource: &str) -> bool {
    resource == "cpu" || resource == "memory" || is_huge_page(resource)
}

fn is_huge_page(resource: &str) -> bool {
    resource.starts_with("hugepages-")
}

/// Fills in the Pod's own requests and limits where `spec.resources` says part of them.
pub(super) fn defaults(spec: &mut Tree) {
    let list = |name: &str| {
        let resources = spec.get("resources").and_then(|resources| resources.get(name));
        resources.and_then(Value::as_object).cloned().unwrap_or_default()
    };
    let (mut requests, mut limits) = (list("requests"), list("limits"));
    if requests.is_empty() && limits.is_empty() {
        return;
    }
    let container_limits = amounts::aggregate(spec, "limits");
    for (name, amount) in container_limits.iter().filter(|(name, _)| is_huge_page(name)) {
        if !requests.contains_key(name) {
            limits.entry(name.clone()).or_insert_with(|| json!(amount.to_string()));
        }
    }
    if !limits.is_empty() {
        requests_from_containers(&mut requests, &amounts::aggregate(spec, "requests"));
        for (name, limit) in limits.iter().filter(|(name, _)| is_supported(name)) {
            requests.entry(name.clone()).or_insert_with(|| limit.clone());
        }
    }
    if !limits.keys().any(|name| is_supported(name)) && requests.keys().any(|name| is_supported(name)) {
        for (name, amount) in container_limits.iter().filter(|(name, _)| is_supported(name) && !is_huge_page(name)) {
            if amounts::every_container_limits(spec, name) {
                limits.entry(name.clone()).or_insert_with(|| json!(amount.to_string()));
            }
        }
    }
    if let Some(resources) = spec.get_mut("resources").and_then(Value::as_object_mut) {
        for (name, list) in [("requests", requests), ("limits", limits)] {
            if !list.is_empty() {
                resources.insert(name.to_owned(), Value::Object(list));
            }
        }
    }
}

fn requests_from_containers(requests: &mut Tree, from_containers: &Amounts) {
    let overcommittable: BTreeMap<_, _> =
        from_containers.iter().filter(|(name, _)| is_supported(name) && !is_huge_page(name)).collect();
    for (name, amount) in overcommittable {
        requests.entry(name.clone()).or_insert_with(|| json!(amount.to_string()));
    }
}
