//! Changes against a v1.36.2 server's recorded answers: what a PUT or a patch makes of a stored object where it answered
//! 200, and what is wrong where it answered 422. The cases are in `data/updates.json`; Pods have theirs in
//! `pod_validation.rs`.

#![allow(clippy::unwrap_used, reason = "a test")]

use kubernel_kinds::{Kind, registry};
use kubernel_meta::{ApiError, Object, validation};
use kubernel_schema::{Schema, builtin, decode, patch, zero};
use serde_json::{Value, json};

/// What allocation adds to Services.
const ALLOCATED: [&str; 5] = ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "healthCheckNodePort"];

/// Metadata that the server keeps or sets, whatever the kind.
const KEPT: [&str; 8] = [
    "name",
    "namespace",
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "selfLink",
    "managedFields",
];

fn replay(case: &Value) -> Option<String> {
    let text = |key: &str| case[key].as_str().unwrap();
    let kind = registry::find(text("group"), text("version"), text("resource")).unwrap();
    let types = builtin().clone();
    let root = types.find(&kind.definition).unwrap();
    let schema = Schema { types, root };
    let old = Object::from_value(case["old"].clone()).unwrap();
    let new = match changed(&schema, kind, &old, case) {
        Ok(new) => new,
        Err(error) => return Some(error),
    };
    let strategy = &kind.strategy;
    let mut wrong = validation::object_meta(&new, kind.namespaced, |name, prefix| strategy.validate_name(name, prefix));
    wrong.extend(validation::object_meta_update(&new, &old));
    wrong.extend(validation::standard_finalizers(&new));
    wrong.extend(match text("sub") {
        "" => strategy.validate_update(kind, &new, &old),
        sub => strategy.validate_subresource_update(kind, sub, &new, &old),
    });
    let refusal = (!wrong.is_empty()).then(|| ApiError::invalid(&kind.error_gvk(), new.name(), &wrong));
    match (refusal, case["answer"].as_str()) {
        (Some(refusal), Some(wanted)) => {
            (refusal.message() != wanted).then(|| format!("\n  ours   {}\n  theirs {wanted}", refusal.message()))
        }
        (Some(refusal), None) => Some(format!("refused: {}", refusal.message())),
        (None, Some(wanted)) => Some(format!("accepted, wanted {wanted}")),
        (None, None) => differs(new, Object::from_value(case["answer"].clone()).unwrap(), kind),
    }
}

/// The object as it would be stored after the change.
fn changed(schema: &Schema, kind: &Kind, old: &Object, case: &Value) -> Result<Object, String> {
    let body = serde_json::to_vec(&case["patch"]).unwrap();
    let mut target = old.map().clone();
    let result = match case["how"].as_str().unwrap() {
        "merge" => patch::merge::apply(&mut target, &body).map(|()| Value::Object(target)),
        "json" => patch::json::apply(target, &body),
        "strategic" => patch::strategic::apply(schema, target, &body).map(Value::Object),
        _ => Ok(case["patch"].clone()),
    };
    let result = result.map_err(|error| format!("patch: {error}"))?;
    let mut new = decode::value(schema, result).map_err(|error| format!("decode: {error}"))?.object;
    kubernel_schema::default::apply(schema, &mut new);
    kind.strategy.default(kind, &mut new);
    zero::fill(schema, &mut new);
    if new.resource_version().is_empty() {
        new.set(&["metadata", "resourceVersion"], old.resource_version());
    }
    for field in KEPT {
        match old.at(&["metadata", field]) {
            Some(value) => new.set(&["metadata", field], value.clone()),
            None => drop(new.remove(&["metadata", field])),
        }
    }
    if let Some(generation) = old.at(&["metadata", "generation"]) {
        new.set(&["metadata", "generation"], generation.clone());
    } else {
        new.remove(&["metadata", "generation"]);
    }
    match case["sub"].as_str().unwrap() {
        "" => kind.strategy.prepare_update(kind, &mut new, old),
        sub => kind.strategy.prepare_subresource_update(kind, sub, &mut new, old),
    }
    zero::fill(schema, &mut new);
    zero::settle(schema, &mut new);
    Ok(new)
}

fn differs(mut ours: Object, mut theirs: Object, kind: &Kind) -> Option<String> {
    for object in [&mut ours, &mut theirs] {
        object.remove(&["metadata", "resourceVersion"]);
        if kind.kind == "Service" {
            ALLOCATED.iter().for_each(|field| drop(object.remove(&["spec", field])));
            let ports = object.map_at_mut(&["spec"]).get_mut("ports").and_then(Value::as_array_mut);
            for port in ports.into_iter().flatten().filter_map(Value::as_object_mut) {
                port.remove("nodePort");
            }
        }
    }
    difference("", &ours.into_value(), &theirs.into_value())
}

fn difference(path: &str, ours: &Value, theirs: &Value) -> Option<String> {
    match (ours, theirs) {
        (Value::Object(a), Value::Object(b)) => {
            let keys: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            keys.into_iter().find_map(|key| match (a.get(key), b.get(key)) {
                (Some(a), Some(b)) => difference(&format!("{path}.{key}"), a, b),
                (a, b) => Some(format!("{path}.{key}: {} for {}", json!(a), json!(b))),
            })
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            (0..a.len()).find_map(|at| difference(&format!("{path}[{at}]"), &a[at], &b[at]))
        }
        (a, b) => (a != b).then(|| format!("{path}: {a} for {b}")),
    }
}

#[test]
fn changes_as_recorded() {
    let cases: Vec<Value> = serde_json::from_str(include_str!("data/updates.json")).unwrap();
    let failures: Vec<String> =
        cases.iter().filter_map(|case| replay(case).map(|text| format!("{}: {text}", case["case"]))).collect();
    assert!(failures.is_empty(), "{} of {} differ:\n{}", failures.len(), cases.len(), failures.join("\n"));
}
