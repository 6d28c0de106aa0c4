//! The statuses of a Pod's containers: which ended ones may run again, their users, and the health of their devices.

use std::collections::HashSet;

use kubernel_meta::field::{Error, Path};
use serde_json::Value;

use super::{restart, security};
use crate::tree::{items, text};

/// The lists of statuses, each with the list of the containers they are about.
const LISTS: [(&str, &str); 3] = [
    ("containerStatuses", "containers"),
    ("initContainerStatuses", "initContainers"),
    ("ephemeralContainerStatuses", "ephemeralContainers"),
];
const HEALTH: [&str; 3] = ["Healthy", "Unhealthy", "Unknown"];

/// A container that ended for good does not come back.
pub(super) fn transitions(path: &Path, new: &Value, old: &Value, spec: &Value) -> Vec<Error> {
    let all_may_return = restart::restarts_all(spec);
    let mut errors = Vec::new();
    for (list, of) in LISTS {
        let ephemeral = of == "ephemeralContainers";
        if all_may_return && !ephemeral {
            continue;
        }
        for (i, before) in items(old, list).iter().enumerate() {
            let name = text(before, "name");
            let Some(ended) = before.pointer("/state/terminated").filter(|state| state.is_object()) else { continue };
            let now = items(new, list).iter().find(|status| text(status, "name") == name);
            let runs = |status: &Value| status.pointer("/state/terminated").is_none_or(Value::is_null);
            if !now.is_some_and(runs) {
                continue;
            }
            let exit_code = ended.get("exitCode").and_then(Value::as_i64).unwrap_or_default();
            let may_return = |container: &Value| restart::returns(spec, container, exit_code);
            let container = items(spec, of).iter().find(|container| text(container, "name") == name);
            if ephemeral || !container.is_some_and(may_return) {
                let at = path.child(list).index(i).child("state");
                errors.push(at.forbidden("may not be transitioned to non-terminated state"));
            }
        }
    }
    errors
}

/// What is wrong with the users that containers run as.
pub(super) fn users(path: &Path, spec: &Value, status: &Value) -> Vec<Error> {
    let os = spec.get("os").map_or("linux", |os| text(os, "name"));
    let mut errors = Vec::new();
    for (list, _) in LISTS {
        for (i, status) in items(status, list).iter().enumerate() {
            let Some(user) = status.pointer("/user/linux").filter(|user| user.is_object()) else { continue };
            let at = path.child(list).index(i).child("user").child("linux");
            if os == "windows" {
                errors.push(at.forbidden("cannot be set for a windows pod"));
                continue;
            }
            for field in ["uid", "gid"] {
                errors.extend(security::id(&at.child(field), user.get(field)));
            }
            for (j, group) in items(user, "supplementalGroups").iter().enumerate() {
                errors.extend(security::id(&at.child("supplementalGroups").index(j), Some(group)));
            }
        }
    }
    errors
}

/// What is wrong with `allocatedResourcesStatus`: it is about what the container asked for; ephemeral ones ask for nothing.
pub(super) fn allocated(path: &Path, spec: &Value, status: &Value) -> Vec<Error> {
    let mut errors = Vec::new();
    for (list, of) in LISTS {
        for (i, status) in items(status, list).iter().enumerate() {
            let at = path.child(list).index(i).child("allocatedResourcesStatus");
            let resources = items(status, "allocatedResourcesStatus");
            if of == "ephemeralContainers" {
                if !resources.is_empty() {
                    errors.push(at.forbidden("must not be specified in container status"));
                }
                continue;
            }
            let container = items(spec, of).iter().find(|container| text(container, "name") == text(status, "name"));
            for (j, resource) in resources.iter().enumerate() {
                errors.extend(container.and_then(|container| unasked(&at.index(j).child("name"), container, resource)));
                errors.extend(health(&at.index(j).child("resources"), items(resource, "resources")));
            }
        }
    }
    errors
}

/// A resource that the container did not ask for.
fn unasked(path: &Path, container: &Value, resource: &Value) -> Option<Error> {
    let name = text(resource, "name");
    let asked = container.get("resources").unwrap_or(&Value::Null);
    let (found, detail) = match name.strip_prefix("claim:") {
        Some(claim) => {
            let is_this = |asked: &Value| match text(asked, "request") {
                "" => claim == text(asked, "name"),
                request => claim == format!("{}/{request}", text(asked, "name")),
            };
            let detail = "must match one of the container's resource claims in a format \
                          'claim:<claimName>/<request>' or 'claim:<claimName>' if request is empty";
            (items(asked, "claims").iter().any(is_this), detail)
        }
        None => {
            let found = asked.get("requests").is_some_and(|requests| requests.get(name).is_some());
            (found, "must match one of the container's resource requests")
        }
    };
    (!found).then(|| path.invalid(name, detail))
}

fn health(path: &Path, resources: &[Value]) -> Vec<Error> {
    let mut seen = HashSet::new();
    let mut errors = Vec::new();
    for (i, resource) in resources.iter().enumerate() {
        let (health, id) = (text(resource, "health"), text(resource, "resourceID"));
        if !HEALTH.contains(&health) {
            errors.push(path.index(i).child("health").not_supported(health, &HEALTH));
        }
        if !seen.insert(id) {
            errors.push(path.index(i).child("resourceID").duplicate(id));
        }
    }
    errors
}
