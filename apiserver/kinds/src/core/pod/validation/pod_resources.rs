//! Requests and limits of a Pod as a whole.

use kubernel_meta::field::{Error, Path};
use serde_json::{Map, Value};

use super::resources;
use super::spec::Context;
use crate::core::pod::amounts;
use crate::core::resource_names::{self, HUGE_PAGES};
use crate::tree::{items, set, text};

const SUPPORTED: [&str; 3] = ["cpu", "hugepages-", "memory"];

/// What is wrong with the Pod's own `resources`.
pub(super) fn validate(path: &Path, context: &Context<'_>) -> Vec<Error> {
    let Some(own) = set(context.spec, "resources") else { return Vec::new() };
    if context.spec.get("os").is_some_and(|os| text(os, "name") == "windows") {
        return vec![path.forbidden("may not be set for a windows pod")];
    }
    let mut errors = Vec::new();
    if set(own, "claims").is_some() {
        errors.push(path.child("claims").forbidden("claims may not be set for Resources at pod-level"));
    }
    errors.extend(resources::requirements(path, own, &context.claims, name));
    errors.extend(consistency(path, context.spec, own));
    errors
}

fn name(path: &Path, name: &str) -> Vec<Error> {
    let errors = resource_names::any(path, name);
    if !errors.is_empty() || matches!(name, "cpu" | "memory") || name.starts_with(HUGE_PAGES) {
        return errors;
    }
    vec![path.not_supported(name, &SUPPORTED)]
}

/// The Pod must request what its containers do together, and none may be allowed more than the Pod.
fn consistency(path: &Path, spec: &Value, own: &Value) -> Vec<Error> {
    let mut errors = Vec::new();
    let null = &Value::Null;
    let requests = amounts::read(own.get("requests").unwrap_or(null));
    let empty = Map::new();
    let limits = amounts::read(own.get("limits").unwrap_or(null));
    let spec_map = spec.as_object().unwrap_or(&empty);
    for (name, sum) in amounts::aggregate(spec_map, "requests") {
        if let Some(of_pod) = requests.get(&name).filter(|of_pod| sum > **of_pod) {
            let detail = format!("must be greater than or equal to aggregate container requests of {sum}");
            errors.push(path.child("requests").key(&name).invalid(of_pod.to_string(), detail));
        }
    }
    // Huge pages cannot be overcommitted: the Pod's must hold all containers' at once.
    for (name, sum) in
        amounts::aggregate(spec_map, "limits").into_iter().filter(|(name, _)| name.starts_with(HUGE_PAGES))
    {
        if let Some(of_pod) = limits.get(&name).filter(|of_pod| sum > **of_pod) {
            let detail = format!("must be greater than or equal to aggregate container limits of {sum}");
            errors.push(path.child("limits").key(&name).invalid(of_pod.to_string(), detail));
        }
    }
    for (i, container) in items(spec, "containers").iter().enumerate() {
        let of_container = amounts::read(container.pointer("/resources/limits").unwrap_or(null));
        for (name, limit) in of_container {
            if let Some(of_pod) = limits.get(&name)
                && limit > *of_pod
            {
                let at = path.child("containers").index(i).key(&name).child("limits");
                let detail = format!("must be less than or equal to pod limits of {of_pod}");
                errors.push(at.invalid(limit.to_string(), detail));
            }
        }
    }
    errors
}
