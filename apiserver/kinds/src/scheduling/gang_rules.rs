//! What Workloads and PodGroups have in common (KEP-4671): the policy by which a group's Pods are scheduled.

use kubernel_meta::{field, validation};
use serde_json::{Map, Value};

use crate::validate;

/// Drops what counts with further feature gates only, unless the old one has it already.
pub(super) fn drop_disabled(group: &mut Map<String, Value>, old: Option<&Map<String, Value>>) {
    for field in ["schedulingConstraints", "resourceClaims", "disruptionMode", "priorityClassName", "priority"] {
        if !old.is_some_and(|old| old.contains_key(field)) {
            group.remove(field);
        }
    }
}

/// What is wrong with a policy: it is `basic` or `gang`, and a gang has a size.
pub(super) fn policy(path: &field::Path, policy: Option<&Value>) -> Vec<field::Error> {
    let part = |name: &str| policy.and_then(|policy| policy.get(name)).filter(|part| !part.is_null());
    let mut errors = Vec::new();
    match (part("basic"), part("gang")) {
        (None, None) => errors.push(path.invalid("", "must specify one of: `basic`, `gang`")),
        (Some(_), Some(_)) => {
            let detail = "exactly one of `basic`, `gang` is required, but multiple fields are set";
            errors.push(path.invalid("{`basic`, `gang`}", detail));
        }
        (None, Some(gang)) => {
            let path = path.child("gang").child("minCount");
            match gang["minCount"].as_i64().unwrap_or_default() {
                0 => errors.push(path.required("")),
                count if count < 0 => errors.push(path.invalid(count, "must be greater than or equal to 1")),
                _ => {}
            }
        }
        (Some(_), None) => {}
    }
    errors
}

/// What is wrong with a required name that is a DNS label.
pub(super) fn label(path: &field::Path, name: &str) -> Vec<field::Error> {
    match name {
        "" => vec![path.required("")],
        name => validate::texts(path, name, validation::dns1123_label(name)).collect(),
    }
}
