//! What a client may not set on a Pod, and what the server sets for it, on each way to write one.

use kubernel_meta::Object;
use serde_json::{Map, Value, json};

use super::qos;
use crate::tree::{items, map_in, maps_in, text};
use crate::{Kind, strategy};

type Tree = Map<String, Value>;

/// A new Pod: pending, of a quality of service that follows from its resources, gated where it says so.
pub(super) fn create(kind: &Kind, object: &mut Object) {
    drop_disabled(object.map_at_mut(&["spec"]));
    positive_grace(object);
    app_armor_from_annotations(object);
    merge_match_label_keys(object);
    strategy::prepare_create(kind, object);
    let qos_class = qos::class(object.at(&["spec"]).unwrap_or(&Value::Null));
    let mut status = json!({"phase": "Pending", "qosClass": qos_class});
    if !object.list_at(&["spec", "schedulingGates"]).is_empty() {
        let created = object.at(&["metadata", "creationTimestamp"]).cloned().unwrap_or_default();
        status["conditions"] = json!([{
            "type": "PodScheduled", "status": "False", "lastProbeTime": null, "lastTransitionTime": created,
            "reason": "SchedulingGated", "message": "Scheduling is blocked due to non-empty scheduling gates",
        }]);
    }
    object.set(&["status"], status);
}

/// A write to the Pod itself.
pub(super) fn update(kind: &Kind, new: &mut Object, old: &Object) {
    drop_disabled(new.map_at_mut(&["spec"]));
    positive_grace(new);
    strategy::prepare_update(kind, new, old);
}

/// A write to `status`, `ephemeralcontainers` or `resize`: the rest stays as it was.
pub(super) fn subresource_update(subresource: &str, new: &mut Object, old: &Object) {
    match subresource {
        "status" => {
            strategy::keep_all_but_status(new, old);
            strategy::copy_metadata(new, old, "ownerReferences");
            if new.str_at(&["status", "qosClass"]).is_empty()
                && let Some(class) = old.at(&["status", "qosClass"])
            {
                new.set(&["status", "qosClass"], class.clone());
            }
        }
        "ephemeralcontainers" => {
            let containers = new.at(&["spec", "ephemeralContainers"]).cloned();
            become_old(new, old);
            match containers {
                Some(containers) => new.set(&["spec", "ephemeralContainers"], containers),
                None => drop(new.remove(&["spec", "ephemeralContainers"])),
            }
            count_generation(new, old);
        }
        // What changes more than resources is left to the validation to refuse.
        "resize" if !same_containers(new, old) => {}
        "resize" => {
            let wanted = new.at(&["spec"]).cloned().unwrap_or_default();
            become_old(new, old);
            for list in ["containers", "initContainers"] {
                take_resources(new.map_at_mut(&["spec"]), &wanted, list);
            }
            count_generation(new, old);
        }
        _ => {}
    }
}

/// Whether the Pods have containers of the same names in the same order.
fn same_containers(new: &Object, old: &Object) -> bool {
    ["containers", "initContainers"].into_iter().all(|list| {
        let names = |pod: &Object| -> Vec<String> {
            pod.list_at(&["spec", list]).iter().map(|container| text(container, "name").to_owned()).collect()
        };
        names(new) == names(old)
    })
}

/// Makes the new Pod the old one, save for what identifies the request's view of it.
fn become_old(new: &mut Object, old: &Object) {
    let mut result = old.clone();
    for field in ["name", "namespace", "uid", "resourceVersion", "managedFields"] {
        match new.at(&["metadata", field]) {
            Some(value) => result.set(&["metadata", field], value.clone()),
            None => drop(result.remove(&["metadata", field])),
        }
    }
    *new = result;
}

fn count_generation(new: &mut Object, old: &Object) {
    let generation = old.generation() + i64::from(!strategy::same_content(new, old));
    new.set(&["metadata", "generation"], generation);
}

/// Takes `resources` and `resizePolicy` from the containers of the same place and name.
fn take_resources(spec: &mut Tree, wanted: &Value, list: &str) {
    let wanted = items(wanted, list);
    for (at, container) in maps_in(spec, list).enumerate() {
        let name = container.get("name").and_then(Value::as_str).unwrap_or_default();
        let Some(source) = wanted.get(at).filter(|source| text(source, "name") == name) else { continue };
        for field in ["resources", "resizePolicy"] {
            match source.get(field) {
                Some(value) => container.insert(field.to_owned(), value.clone()),
                None => container.remove(field),
            };
        }
    }
}

/// A negative grace period means the shortest one.
fn positive_grace(object: &mut Object) {
    let path = ["spec", "terminationGracePeriodSeconds"];
    if object.int_at(&path).is_some_and(|secs| secs < 0) {
        object.set(&path, 1);
    }
}

/// AppArmor profiles were once set by annotations; where a container has none of its own, its annotation becomes one.
fn app_armor_from_annotations(object: &mut Object) {
    const PREFIX: &str = "container.apparmor.security.beta.kubernetes.io/";
    let profiles: Vec<(String, Value)> = object
        .annotations()
        .filter_map(|(key, value)| Some((key.strip_prefix(PREFIX)?.to_owned(), app_armor_profile(value)?)))
        .collect();
    for (name, profile) in profiles {
        let spec = object.map_at_mut(&["spec"]);
        for list in super::spec_defaults::CONTAINER_LISTS {
            let named = |c: &&mut Tree| c.get("name").and_then(Value::as_str) == Some(&name);
            let Some(container) = maps_in(spec, list).find(named) else { continue };
            crate::tree::default_to(container, "securityContext", json!({}));
            if let Some(context) = map_in(container, "securityContext") {
                crate::tree::default_to(context, "appArmorProfile", profile.clone());
            }
        }
    }
}

fn app_armor_profile(annotation: &str) -> Option<Value> {
    match annotation {
        "runtime/default" => Some(json!({"type": "RuntimeDefault"})),
        "unconfined" => Some(json!({"type": "Unconfined"})),
        other => {
            other.strip_prefix("localhost/").map(|profile| json!({"type": "Localhost", "localhostProfile": profile}))
        }
    }
}

/// Drops fields of features that are off in v1.36 by default.
fn drop_disabled(spec: &mut Tree) {
    for list in super::spec_defaults::CONTAINER_LISTS {
        for container in maps_in(spec, list) {
            if let Some(lifecycle) = map_in(container, "lifecycle")
                && lifecycle.remove("stopSignal").is_some()
                && lifecycle.is_empty()
            {
                container.remove("lifecycle");
            }
        }
    }
}

/// Adds the Pod's own values of `matchLabelKeys` and `mismatchLabelKeys` to the label selectors beside them.
fn merge_match_label_keys(object: &mut Object) {
    let labels = object.map_at(&["metadata", "labels"]).cloned().unwrap_or_default();
    let spec = object.map_at_mut(&["spec"]);
    for constraint in maps_in(spec, "topologySpreadConstraints") {
        merge_keys(constraint, "matchLabelKeys", "In", &labels);
    }
    let Some(affinity) = map_in(spec, "affinity") else { return };
    for kind in ["podAffinity", "podAntiAffinity"] {
        let Some(affinity) = map_in(affinity, kind) else { continue };
        for term in maps_in(affinity, "requiredDuringSchedulingIgnoredDuringExecution") {
            merge_keys(term, "matchLabelKeys", "In", &labels);
            merge_keys(term, "mismatchLabelKeys", "NotIn", &labels);
        }
        for weighted in maps_in(affinity, "preferredDuringSchedulingIgnoredDuringExecution") {
            if let Some(term) = map_in(weighted, "podAffinityTerm") {
                merge_keys(term, "matchLabelKeys", "In", &labels);
                merge_keys(term, "mismatchLabelKeys", "NotIn", &labels);
            }
        }
    }
}

fn merge_keys(holder: &mut Tree, keys: &str, operator: &str, labels: &Tree) {
    let keys = holder.get(keys).and_then(Value::as_array).cloned().unwrap_or_default();
    let Some(selector) = map_in(holder, "labelSelector") else { return };
    for key in keys.iter().filter_map(Value::as_str) {
        if let Some(value) = labels.get(key) {
            let expressions = selector.entry("matchExpressions").or_insert_with(|| json!([]));
            if let Some(expressions) = expressions.as_array_mut() {
                expressions.push(json!({"key": key, "operator": operator, "values": [value]}));
            }
        }
    }
}
