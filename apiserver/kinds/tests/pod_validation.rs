//! Pod validation against recorded answers of a v1.36.2 server: the same errors, in the same order and words.

#![allow(clippy::expect_used, reason = "a test")]

use kubernel_kinds::Strategy;
use kubernel_kinds::core::pod::{KIND, PodStrategy};
use kubernel_meta::{ApiError, Object, validation};
use kubernel_schema::{Schema, decode, patch, zero};
use serde_json::{Value, json};

#[test]
fn new_pods() {
    report(include_str!("data/pod-validation.json"), |schema, row| {
        let mut pod = decoded(schema, row["pod"].clone());
        pod.set(&["metadata", "namespace"], "g");
        let generated = pod.name().is_empty() && !pod.str_at(&["metadata", "generateName"]).is_empty();
        if generated {
            let name = format!("{}xxxxx", pod.str_at(&["metadata", "generateName"]));
            pod.set(&["metadata", "name"], name);
        }
        admit(&mut pod);
        PodStrategy.prepare_create(&KIND, &mut pod);
        zero::fill(schema, &mut pod);
        let mut wrong = validation::object_meta(&pod, true, |name, prefix| PodStrategy.validate_name(name, prefix));
        wrong.extend(PodStrategy.validate(&KIND, &pod));
        let name = if generated { "" } else { pod.name() };
        (!wrong.is_empty()).then(|| ApiError::invalid(&KIND.gvk(), name, &wrong))
    });
}

/// Runs every row and compares messages and causes.
fn report(rows: &str, run: impl Fn(&Schema, &Value) -> Option<ApiError>) {
    let types = kubernel_schema::builtin();
    let root = types.find_kind("v1", "Pod").expect("a Pod");
    let schema = Schema { types: types.clone(), root };
    let rows: Vec<Value> = serde_json::from_str(rows).expect("rows");
    let mut failures = Vec::new();
    for row in &rows {
        let wanted = row["message"].as_str().unwrap_or_default();
        let got = run(&schema, row).map(|error| error.message().to_owned()).unwrap_or_default();
        if wanted != got {
            failures.push(format!("{}\n  wanted {wanted}\n  got    {got}", row["script"]));
        }
    }
    assert!(failures.is_empty(), "{} of {} differ:\n{}", failures.len(), rows.len(), failures.join("\n"));
}

fn decoded(schema: &Schema, value: Value) -> Object {
    let mut object = decode::value(schema, value).expect("a body that decodes").object;
    kubernel_schema::default::apply(schema, &mut object);
    PodStrategy.default(&KIND, &mut object);
    zero::fill(schema, &mut object);
    object
}

/// What admission sets on every Pod before it is validated.
fn admit(pod: &mut Object) {
    if pod.str_at(&["spec", "serviceAccountName"]).is_empty() {
        pod.set(&["spec", "serviceAccountName"], "default");
    }
    pod.set(&["spec", "priority"], json!(0));
}

#[test]
fn changed_pods() {
    report(include_str!("data/pod-updates.json"), |schema, row| {
        let old = Object::from_value(row["before"].clone()).expect("a Pod");
        let subresource = row["sub"].as_str().unwrap_or_default();
        let body = row["patch"].as_str().unwrap_or_default();
        let mut target = old.map().clone();
        let patched = match row["how"].as_str().unwrap_or_default() {
            "merge" => patch::merge::apply(&mut target, body.as_bytes()).map(|()| Value::Object(target)),
            "json" => patch::json::apply(target, body.as_bytes()),
            "strategic" => patch::strategic::apply(schema, target, body.as_bytes()).map(Value::Object),
            _ => Ok(serde_json::from_str(body).expect("a body")),
        };
        let mut new = match patched {
            Ok(patched) => decoded(schema, patched),
            Err(error) => return Some(error),
        };
        if subresource.is_empty() {
            PodStrategy.prepare_update(&KIND, &mut new, &old);
        } else {
            PodStrategy.prepare_subresource_update(&KIND, subresource, &mut new, &old);
        }
        zero::fill(schema, &mut new);
        zero::settle(schema, &mut new);
        let wrong = if subresource.is_empty() {
            PodStrategy.validate_update(&KIND, &new, &old)
        } else {
            PodStrategy.validate_subresource_update(&KIND, subresource, &new, &old)
        };
        (!wrong.is_empty()).then(|| ApiError::invalid(&KIND.gvk(), old.name(), &wrong))
    });
}
