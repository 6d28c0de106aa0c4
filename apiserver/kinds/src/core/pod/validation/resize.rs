//! Changing the resources of a Pod in place.

use kubernel_meta::Object;
use kubernel_meta::field::{Error, Path};
use serde_json::{Map, Value};

use super::metadata_and_spec;
use crate::core::pod::qos;
use crate::tree::{items, set, text};

const MIRROR: &str = "kubernetes.io/config.mirror";
const RESIZED: [&str; 2] = ["cpu", "memory"];

/// What is wrong with a write to `resize`.
pub(super) fn update(new: &Object, old: &Object) -> Vec<Error> {
    let null = &Value::Null;
    let (spec, before) = (new.at(&["spec"]).unwrap_or(null), old.at(&["spec"]).unwrap_or(null));
    let path = Path::root("spec");
    let mut errors = metadata_and_spec(new);
    if old.annotations().any(|(key, _)| key == MIRROR) {
        return vec![Path::whole().forbidden("static pods cannot be resized")];
    }
    if before.get("os").is_some_and(|os| text(os, "name") == "windows") {
        return vec![Path::whole().forbidden("windows pods cannot be resized")];
    }
    for list in ["containers", "initContainers"] {
        if items(spec, list).len() != items(before, list).len() {
            errors.push(path.child(list).forbidden("containers may not be added or removed on resize"));
            return errors;
        }
        let renamed = |(new, old): (&Value, &Value)| text(new, "name") != text(old, "name");
        if items(spec, list).iter().zip(items(before, list)).any(renamed) {
            errors.push(path.child(list).forbidden("containers may not be renamed or reordered on resize"));
            return errors;
        }
    }
    let class = old.str_at(&["status", "qosClass"]);
    if !class.is_empty() && class != qos::class(spec) {
        let now = new.str_at(&["status", "qosClass"]);
        errors.push(path.invalid(now, "Pod QOS Class may not change as a result of resizing"));
    }
    let running = old
        .list_at(&["status", "containerStatuses"])
        .iter()
        .find(|status| status.pointer("/state/running").is_some_and(Value::is_object));
    if running.is_some_and(|status| set(status, "resources").is_none()) {
        errors.push(path.forbidden("Pod running on node without support for resize"));
    }
    errors.extend(containers(&path, spec, before));
    if errors.is_empty() && !same_otherwise(spec, before) {
        errors.push(path.forbidden("only cpu and memory resources are mutable"));
    }
    errors
}

fn containers(path: &Path, spec: &Value, before: &Value) -> Vec<Error> {
    let mut errors = Vec::new();
    for list in ["initContainers", "containers"] {
        for (i, (new, old)) in items(spec, list).iter().zip(items(before, list)).enumerate() {
            errors.extend(removed(&path.child(list).index(i).child("resources"), new, old));
        }
    }
    for list in ["containers", "initContainers"] {
        for (new, old) in items(spec, list).iter().zip(items(before, list)) {
            if unsized_container(new) != unsized_container(old) {
                errors.push(path.forbidden("only cpu and memory resources are mutable"));
            }
        }
    }
    errors
}

fn removed(path: &Path, new: &Value, old: &Value) -> Vec<Error> {
    let names = |container: &Value, list: &str| {
        let amounts = container.pointer(&format!("/resources/{list}")).and_then(Value::as_object);
        amounts.map(|map| map.keys().cloned().collect::<Vec<_>>()).unwrap_or_default()
    };
    let gone = |list: &str| names(old, list).iter().any(|name| !names(new, list).contains(name));
    let mut errors = Vec::new();
    if gone("requests") {
        errors.push(path.child("requests").forbidden("resource requests cannot be removed"));
    }
    if gone("limits") {
        errors.push(path.child("limits").forbidden("resource limits cannot be removed"));
    }
    errors
}

/// The container without its CPU and memory.
fn unsized_container(container: &Value) -> Value {
    let mut container = container.clone();
    if let Some(resources) = container.get_mut("resources").and_then(Value::as_object_mut) {
        for list in ["limits", "requests"] {
            let amounts = resources.get_mut(list).and_then(Value::as_object_mut);
            if amounts.is_some_and(|amounts| {
                amounts.retain(|name, _| !RESIZED.contains(&name.as_str()));
                amounts.is_empty()
            }) {
                resources.remove(list);
            }
        }
    }
    container
}

fn same_otherwise(new: &Value, old: &Value) -> bool {
    let rest = |spec: &Value| -> Map<String, Value> {
        let skipped = |key: &str| matches!(key, "containers" | "initContainers" | "resources");
        let map = spec.as_object().into_iter().flatten();
        map.filter(|(key, _)| !skipped(key)).map(|(key, value)| (key.clone(), value.clone())).collect()
    };
    rest(new) == rest(old)
}
