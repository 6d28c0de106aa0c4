//! Objects of the wrong shape: whatever a subtree is replaced by, no strategy panics. Decoding keeps most of these out;
//! what the store once held, or a webhook made, may still look like them.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::collections::BTreeMap;

use kubernel_kinds::{Kind, registry};
use kubernel_meta::Object;
use serde_json::{Value, json};

/// As many recorded objects as are taken of each kind.
const SAMPLES_PER_KIND: usize = 1;

#[test]
fn no_strategy_panics() {
    let cases: Vec<Value> = serde_json::from_str(include_str!("data/creates.json")).unwrap();
    let mut samples: BTreeMap<(String, String), Vec<&Value>> = BTreeMap::new();
    for case in cases.iter().filter(|case| case["code"] == json!(201)) {
        let key = (case["group"].to_string(), case["resource"].to_string());
        samples.entry(key).or_default().push(case);
    }
    for cases in samples.values_mut() {
        cases.sort_by_key(|case| std::cmp::Reverse(case["answer"].to_string().len()));
        for case in cases.iter().take(SAMPLES_PER_KIND) {
            let text = |key: &str| case[key].as_str().unwrap();
            let kind = registry::find(text("group"), text("version"), text("resource")).unwrap();
            let good = &case["answer"];
            for pointer in pointers(good) {
                for bad in [json!(null), json!({}), json!([]), json!([null]), json!("é%"), json!(-1), json!(true)] {
                    let mut value = good.clone();
                    *value.pointer_mut(&pointer).unwrap() = bad;
                    exercise(kind, value, good);
                }
            }
        }
    }
}

/// Where every subtree of a value is, but for the value itself.
fn pointers(value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let mut todo = vec![(String::new(), value)];
    while let Some((at, value)) = todo.pop() {
        let escape = |key: &str| key.replace('~', "~0").replace('/', "~1");
        match value {
            Value::Object(map) => todo.extend(map.iter().map(|(key, v)| (format!("{at}/{}", escape(key)), v))),
            Value::Array(list) => todo.extend(list.iter().enumerate().map(|(n, v)| (format!("{at}/{n}"), v))),
            _ => {}
        }
        if !at.is_empty() {
            found.push(at);
        }
    }
    found
}

fn exercise(kind: &Kind, value: Value, good: &Value) {
    let strategy = &kind.strategy;
    let now: jiff::Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    let old = Object::from_value(good.clone()).unwrap();
    let mut object = Object::from_value(value).unwrap();
    strategy.cells(kind, &object, now);
    strategy.row_conditions(&object);
    strategy.field_values(&object);
    strategy.grace_secs(&object, None);
    strategy.default(kind, &mut object);
    let mut created = object.clone();
    strategy.prepare_create(kind, &mut created);
    strategy.validate(kind, &created);
    strategy.warnings(kind, &created, None);
    let mut updated = object.clone();
    strategy.prepare_update(kind, &mut updated, &old);
    strategy.validate_update(kind, &updated, &old);
    strategy.validate_update(kind, &old, &object);
    for subresource in kind.subresources.iter() {
        let mut written = object.clone();
        strategy.prepare_subresource_update(kind, &subresource.name, &mut written, &old);
        strategy.validate_subresource_update(kind, &subresource.name, &written, &old);
    }
    if let Some(hook) = kind.stored_as {
        (hook.to_stored)(&mut object);
        (hook.from_stored)(&mut object);
    }
}
