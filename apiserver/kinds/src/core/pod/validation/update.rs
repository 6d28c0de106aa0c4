//! What may change in a Pod that exists.

use std::collections::HashSet;

use kubernel_meta::Object;
use kubernel_meta::field::{Error, Path};
use kubernel_meta::validation as meta;
use serde_json::{Value, json};

use super::{annotations, metadata_and_spec, scheduling};
use crate::go_form;
use crate::tree::{items, set, text};

const DEFINITION: &str = "io.k8s.api.core.v1.PodSpec";
const DEADLINE_SECS_MAX: i64 = i32::MAX as i64;
const IMMUTABLE: &str = "pod updates may not change fields other than `spec.containers[*].image`,\
                         `spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only \
                         additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set \
                         to 1 if it was previously negative)\n";
const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";

/// What is wrong with a write to the Pod itself, beyond its metadata.
pub fn update(new: &Object, old: &Object) -> Vec<Error> {
    let null = &Value::Null;
    let path = Path::root("spec");
    let (spec, before) = (new.at(&["spec"]).unwrap_or(null), old.at(&["spec"]).unwrap_or(null));
    let mut errors = metadata_and_spec(new);
    errors.extend(annotations::changes(new, old));
    for list in ["containers", "initContainers"] {
        match images(&path.child(list), items(spec, list), items(before, list)) {
            Ok(wrong) => errors.extend(wrong),
            Err(wrong) => {
                errors.push(wrong);
                return errors;
            }
        }
    }
    match deadline(&path.child("activeDeadlineSeconds"), spec, before) {
        Ok(wrong) => errors.extend(wrong),
        Err(wrong) => {
            errors.push(wrong);
            return errors;
        }
    }
    errors.extend(added_tolerations(&path.child("tolerations"), spec, before));
    errors.extend(deleted_gates(&path.child("schedulingGates"), spec, before));
    if spec == before {
        return errors;
    }
    let mut masked = spec.clone();
    mask(&mut masked, before);
    if !items(before, "schedulingGates").is_empty() {
        errors.extend(gated(&path, &mut masked, before));
    }
    if masked != *before {
        let changes = go_form::changes(DEFINITION, before, &masked);
        errors.push(path.forbidden(format!("{IMMUTABLE}{changes}")));
    }
    errors
}

/// Containers neither come nor go (`Err`); their images stay images.
fn images(path: &Path, new: &[Value], old: &[Value]) -> Result<Vec<Error>, Error> {
    if new.len() != old.len() {
        return Err(path.forbidden("pod updates may not add or remove containers"));
    }
    let mut errors = Vec::new();
    for (i, container) in new.iter().enumerate() {
        let (at, image) = (path.index(i).child("image"), text(container, "image"));
        if image.is_empty() {
            errors.push(at.required(""));
        }
        if image.trim() != image {
            errors.push(at.invalid(image, "must not have leading or trailing whitespace"));
        }
    }
    Ok(errors)
}

/// The deadline may be set and drawn nearer; anything worse (`Err`) ends the validation.
fn deadline(path: &Path, new: &Value, old: &Value) -> Result<Option<Error>, Error> {
    let secs = |spec: &Value| spec.get("activeDeadlineSeconds").and_then(Value::as_i64);
    match (secs(new), secs(old)) {
        (Some(new), old) => {
            if let Some(text) = meta::in_range(new, 0, DEADLINE_SECS_MAX).into_iter().next() {
                return Err(path.invalid(new, text));
            }
            if old.is_some_and(|old| old < new) {
                return Err(path.invalid(new, "must be less than or equal to previous value"));
            }
            Ok(None)
        }
        (None, Some(_)) => Ok(Some(path.invalid(Value::Null, "must not update from a positive integer to nil value"))),
        (None, None) => Ok(None),
    }
}

fn added_tolerations(path: &Path, new: &Value, old: &Value) -> Vec<Error> {
    let without_secs = |toleration: &Value| {
        let mut toleration = toleration.clone();
        if let Some(map) = toleration.as_object_mut() {
            map.remove("tolerationSeconds");
        }
        toleration
    };
    let now: HashSet<Value> = items(new, "tolerations").iter().map(without_secs).collect();
    if items(old, "tolerations").iter().any(|old| !now.contains(&without_secs(old))) {
        return vec![path.forbidden("existing toleration can not be modified except its tolerationSeconds")];
    }
    scheduling::tolerations(path, items(new, "tolerations"))
}

fn deleted_gates(path: &Path, new: &Value, old: &Value) -> Vec<Error> {
    let known: HashSet<&str> = items(old, "schedulingGates").iter().map(|gate| text(gate, "name")).collect();
    let added =
        items(new, "schedulingGates").iter().enumerate().filter(|(_, gate)| !known.contains(text(gate, "name")));
    added
        .map(|(i, gate)| {
            let name = text(gate, "name");
            let detail = format!("only deletion is allowed, but found new scheduling gate '{name}'");
            path.index(i).child("name").forbidden(detail)
        })
        .collect()
}

/// Makes what may change what it was.
fn mask(spec: &mut Value, before: &Value) {
    for list in ["containers", "initContainers"] {
        let containers = spec.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten();
        for (container, old) in containers.zip(items(before, list)) {
            copy(container, old, "image");
        }
    }
    for field in ["activeDeadlineSeconds", "schedulingGates", "tolerations"] {
        copy(spec, before, field);
    }
    let grace = |spec: &Value| spec.get("terminationGracePeriodSeconds").and_then(Value::as_i64);
    if grace(before).is_some_and(|secs| secs < 0) && grace(spec) == Some(1) {
        copy(spec, before, "terminationGracePeriodSeconds");
    }
}

fn copy(into: &mut Value, from: &Value, field: &str) {
    let Some(map) = into.as_object_mut() else { return };
    match from.get(field) {
        Some(value) => map.insert(field.to_owned(), value.clone()),
        None => map.remove(field),
    };
}

/// A gated Pod may still be narrowed to fewer nodes.
fn gated(path: &Path, spec: &mut Value, before: &Value) -> Vec<Error> {
    let mut errors = Vec::new();
    let null = Value::Null;
    let selector = |spec: &Value| spec.get("nodeSelector").and_then(Value::as_object).cloned().unwrap_or_default();
    let (new, old) = (selector(spec), selector(before));
    if new != old {
        if old.iter().any(|(key, value)| new.get(key) != Some(value)) {
            let detail = "only additions to spec.nodeSelector are allowed (no mutations or deletions)";
            errors.push(path.child("nodeSelector").invalid(Value::Object(new), detail));
        }
        copy(spec, before, "nodeSelector");
    }
    let affinity = |spec: &Value| spec.get("affinity").cloned().unwrap_or(Value::Null);
    let (new, old) = (affinity(spec), affinity(before));
    let (new_node, old_node) = (set(&new, "nodeAffinity"), set(&old, "nodeAffinity"));
    if new_node != old_node {
        let at = path.child("affinity").child("nodeAffinity").child(REQUIRED).child("nodeSelectorTerms");
        errors.extend(narrowed_affinity(&at, new_node.unwrap_or(&null), old_node.unwrap_or(&null)));
        restore_node_affinity(spec, &old, old_node);
    }
    errors
}

fn restore_node_affinity(spec: &mut Value, old: &Value, old_node: Option<&Value>) {
    let Some(map) = spec.as_object_mut() else { return };
    let mut affinity = map.remove("affinity").and_then(|value| value.as_object().cloned()).unwrap_or_default();
    match old_node {
        Some(node) => affinity.insert("nodeAffinity".to_owned(), node.clone()),
        None => affinity.remove("nodeAffinity"),
    };
    if !(affinity.is_empty() && old.is_null()) {
        map.insert("affinity".to_owned(), Value::Object(affinity));
    }
}

fn narrowed_affinity(path: &Path, new: &Value, old: &Value) -> Vec<Error> {
    let terms = |affinity: &Value| {
        set(affinity, REQUIRED).map_or_else(Vec::new, |required| items(required, "nodeSelectorTerms").to_vec())
    };
    let (new, old) = (terms(new), terms(old));
    if old.is_empty() {
        return Vec::new();
    }
    if new.len() != old.len() {
        let detail = "no additions/deletions to non-empty NodeSelectorTerms list are allowed";
        let shown: Vec<Value> = new.iter().map(go_term).collect();
        return vec![path.invalid(shown, detail)];
    }
    let pairs = new.iter().zip(&old).enumerate().filter(|(_, (new, old))| !only_additions(new, old));
    pairs
        .map(|(i, (new, _))| {
            path.index(i).invalid(go_term(new), "only additions are allowed (no mutations or deletions)")
        })
        .collect()
}

fn only_additions(new: &Value, old: &Value) -> bool {
    let lists = ["matchExpressions", "matchFields"];
    if lists.iter().all(|list| items(old, list).is_empty()) {
        return lists.iter().all(|list| items(new, list).is_empty());
    }
    lists.iter().all(|list| items(new, list).starts_with(items(old, list)))
}

/// A term as Go's own form of it shows in errors.
fn go_term(term: &Value) -> Value {
    let list = |name: &str| {
        let requirements = items(term, name).iter().map(|requirement| {
            json!({
                "Key": text(requirement, "key"), "Operator": text(requirement, "operator"),
                "Values": set(requirement, "values"),
            })
        });
        match requirements.collect::<Vec<_>>() {
            list if list.is_empty() => Value::Null,
            list => Value::Array(list),
        }
    };
    json!({"MatchExpressions": list("matchExpressions"), "MatchFields": list("matchFields")})
}
