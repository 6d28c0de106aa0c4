//! What a client may not set on a Pod, and what the server sets for it, on each way to write one.

use std::collections::{HashMap, VecDeque};

use kubernel_meta::Object;
use serde_json::{Map, Value, json};

use super::{disabled, qos};
use crate::tree::{items, map_in, maps_in, text};
use crate::{Kind, strategy};

type Tree = Map<String, Value>;

/// A new Pod: pending, of a quality of service that follows from its resources, gated where it says so.
pub(super) fn create(kind: &Kind, object: &mut Object) {
    disabled::drop(object.map_at_mut(&["spec"]), None);
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
    disabled::drop(new.map_at_mut(&["spec"]), old.at(&["spec"]));
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
            keep_observed_generations(new, old);
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
        "resize" if !same_counts(new, old) => {}
        "resize" => {
            let wanted = new.at(&["spec"]).cloned().unwrap_or_default();
            become_old(new, old);
            match wanted.get("resources") {
                Some(own) => new.set(&["spec", "resources"], own.clone()),
                None => drop(new.remove(&["spec", "resources"])),
            }
            for list in ["containers", "initContainers"] {
                take_resources(new.map_at_mut(&["spec"]), &wanted, list);
            }
            count_generation(new, old);
        }
        _ => {}
    }
}

/// Whether the Pods have as many containers as each other.
fn same_counts(new: &Object, old: &Object) -> bool {
    let count = |pod: &Object, list: &str| pod.list_at(&["spec", list]).len();
    ["containers", "initContainers"].into_iter().all(|list| count(new, list) == count(old, list))
}

/// What a node does not say of the generation that it has seen stays: of the status, and of each of its conditions, of
/// which several may have one type.
fn keep_observed_generations(new: &mut Object, old: &Object) {
    let field = "observedGeneration";
    let generation = |condition: &Value| condition.get(field).and_then(Value::as_i64).unwrap_or_default();
    if let Some(before) = old.int_at(&["status", field])
        && new.int_at(&["status", field]).unwrap_or_default() == 0
    {
        new.set(&["status", field], before);
    }
    let mut known: HashMap<&str, VecDeque<i64>> = HashMap::new();
    for condition in old.list_at(&["status", "conditions"]) {
        known.entry(text(condition, "type")).or_default().push_back(generation(condition));
    }
    let conditions = new.map_at_mut(&["status"]).get_mut("conditions").and_then(Value::as_array_mut);
    for condition in conditions.into_iter().flatten() {
        let before = known.get_mut(text(condition, "type")).and_then(VecDeque::pop_front).unwrap_or_default();
        if before != 0 && generation(condition) == 0 {
            condition[field] = before.into();
        }
    }
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

/// Takes `resources` and `resizePolicy` from the containers of the same place; where one has another name, the list is
/// taken as it is, for the validation to refuse.
fn take_resources(spec: &mut Tree, wanted: &Value, list: &str) {
    let wanted = items(wanted, list);
    let named = |container: &Tree| container.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
    if maps_in(spec, list).zip(wanted).any(|(container, source)| named(container) != text(source, "name")) {
        spec.insert(list.to_owned(), wanted.to_vec().into());
        return;
    }
    for (container, source) in maps_in(spec, list).zip(wanted) {
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
