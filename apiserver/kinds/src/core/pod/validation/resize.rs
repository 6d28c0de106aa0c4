//! Changing the resources of a Pod in place.

use kubernel_meta::Object;
use kubernel_meta::field::{Error, Path};
use serde_json::{Map, Value};

use super::metadata_and_spec;
use crate::core::pod::qos;
use crate::tree::{items, set, text};

const MIRROR: &str = "kubernetes.io/config.mirror";
const RESIZED: [&str; 2] = ["cpu", "memory"];
const LISTS: [&str; 2] = ["containers", "initContainers"];

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
    errors.extend(of_pod(&path, spec, before));
    if !old.list_at(&["status", "nodeAllocatableResourceClaimStatuses"]).is_empty() {
        errors.push(path.forbidden("pods with node allocatable resource claims cannot be resized"));
    }
    let order = order(&path, spec, before);
    if !order.is_empty() {
        errors.extend(order);
        return errors;
    }
    errors.extend(of_containers(&path, spec, before));
    if errors.is_empty() && !same_otherwise(spec, before) {
        errors.push(path.forbidden("only cpu and memory resources are mutable"));
    }
    errors
}

/// What is wrong with a change of the Pod's own resources, where it has or gets some.
fn of_pod(path: &Path, spec: &Value, before: &Value) -> Vec<Error> {
    let (new, old) = (set(spec, "resources"), set(before, "resources"));
    let says =
        |own: Option<&Value>| own.is_some_and(|own| ["requests", "limits"].iter().any(|list| len(own, list) > 0));
    if !says(new) && !says(old) {
        return Vec::new();
    }
    let at = path.child("resources");
    let mut errors = Vec::new();
    if let Some(old) = old {
        let Some(new) = new else { return vec![at.forbidden("pod-level resources cannot be removed")] };
        errors.extend(removed(&at, new, old, "pod-level resource"));
    }
    let null = &Value::Null;
    if masked(new.unwrap_or(null), old.unwrap_or(null)) != said(old.unwrap_or(null)) {
        errors.push(path.forbidden("only cpu and memory resources are mutable at pod-level"));
    }
    errors
}

/// Containers neither come nor go, nor change places or names.
fn order(path: &Path, spec: &Value, before: &Value) -> Vec<Error> {
    let mut errors = Vec::new();
    for list in LISTS {
        let (at, new, old) = (path.child(list), items(spec, list), items(before, list));
        if new.len() != old.len() {
            errors.push(at.forbidden(format!("{list} may not be added or removed on resize")));
            continue;
        }
        let renamed = new.iter().zip(old).enumerate().filter(|(_, (new, old))| text(new, "name") != text(old, "name"));
        let detail = format!("{list} may not be renamed or reordered on resize");
        errors.extend(renamed.map(|(i, _)| at.index(i).child("name").forbidden(detail.as_str())));
    }
    errors
}

fn of_containers(path: &Path, spec: &Value, before: &Value) -> Vec<Error> {
    let mut errors = Vec::new();
    let pairs = |list: &str| items(spec, list).iter().zip(items(before, list)).collect::<Vec<_>>();
    for list in ["initContainers", "containers"] {
        for (i, (new, old)) in pairs(list).into_iter().enumerate() {
            let (new, old) = (resources(new), resources(old));
            errors.extend(removed(&path.child(list).index(i).child("resources"), new, old, "resource"));
        }
    }
    for (new, old) in pairs("containers") {
        if differs_otherwise(new, old) {
            errors.push(path.forbidden("only cpu and memory resources are mutable"));
        }
    }
    for (i, (new, old)) in pairs("initContainers").into_iter().enumerate() {
        let at = path.child("initContainers").index(i);
        if differs_otherwise(new, old) {
            errors.push(at.forbidden("only cpu and memory resources for init or sidecar containers are mutable"));
        }
        let restarts =
            items(new, "resizePolicy").iter().any(|policy| text(policy, "restartPolicy") == "RestartContainer");
        if restarts && text(new, "restartPolicy") != "Always" && said(resources(new)) != said(resources(old)) {
            let detail = "non-sidecar init containers with a resize policy of RestartContainer cannot be resized";
            errors.push(at.forbidden(detail));
        }
    }
    errors
}

fn resources(container: &Value) -> &Value {
    container.get("resources").unwrap_or(&Value::Null)
}

fn len(resources: &Value, list: &str) -> usize {
    resources.get(list).and_then(Value::as_object).map_or(0, Map::len)
}

/// Requests and limits stay; only their amounts change.
fn removed(path: &Path, new: &Value, old: &Value, what: &str) -> Vec<Error> {
    let has = |resources: &Value, list: &str, name: &str| resources.get(list).is_some_and(|l| l.get(name).is_some());
    let gone = |list: &&str| {
        let before = old.get(*list).and_then(Value::as_object).into_iter().flatten();
        before.into_iter().any(|(name, _)| !has(new, list, name))
    };
    let lists = ["requests", "limits"].into_iter().filter(|list| gone(list));
    lists.map(|list| path.child(list).forbidden(format!("{what} {list} cannot be removed"))).collect()
}

/// Whether more than CPU and memory changed. Upstream forgets the claims of the new container here.
fn differs_otherwise(new: &Value, old: &Value) -> bool {
    let mut now = masked(resources(new), resources(old));
    now.remove("claims");
    now != said(resources(old)) || without_resources(new) != without_resources(old)
}

fn without_resources(container: &Value) -> Map<String, Value> {
    let mut map = container.as_object().cloned().unwrap_or_default();
    map.remove("resources");
    map
}

/// The resources with the CPU and memory of the old ones.
fn masked(new: &Value, old: &Value) -> Map<String, Value> {
    let mut result = said(new);
    for list in ["limits", "requests"] {
        let mut amounts = result.remove(list).and_then(|list| list.as_object().cloned()).unwrap_or_default();
        for name in RESIZED {
            match old.get(list).and_then(|list| list.get(name)) {
                Some(amount) => amounts.insert(name.to_owned(), amount.clone()),
                None => amounts.remove(name),
            };
        }
        if !amounts.is_empty() {
            result.insert(list.to_owned(), Value::Object(amounts));
        }
    }
    result
}

/// What resources say, without what is empty.
fn said(resources: &Value) -> Map<String, Value> {
    let empty = |value: &Value| match value {
        Value::Object(map) => map.is_empty(),
        Value::Array(list) => list.is_empty(),
        other => other.is_null(),
    };
    let fields = resources.as_object().into_iter().flatten();
    fields.filter(|(_, value)| !empty(value)).map(|(key, value)| (key.clone(), value.clone())).collect()
}

fn same_otherwise(new: &Value, old: &Value) -> bool {
    let rest = |spec: &Value| -> Map<String, Value> {
        let skipped = |key: &str| LISTS.contains(&key) || key == "resources";
        let map = spec.as_object().into_iter().flatten();
        map.filter(|(key, _)| !skipped(key)).map(|(key, value)| (key.clone(), value.clone())).collect()
    };
    rest(new) == rest(old)
}
