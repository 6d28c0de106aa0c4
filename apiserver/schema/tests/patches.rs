//! Patches against recorded conversations with a v1.36.2 server: the patched object, or the exact refusal.

#![allow(clippy::expect_used, reason = "a test")]

mod support;

use kubernel_meta::ApiError;
use kubernel_schema::patch;
use serde_json::{Map, Value, json};

#[test]
fn recorded_patches() {
    let rows: Vec<Value> = serde_json::from_str(include_str!("data/patches.json")).expect("rows");
    let failures: Vec<String> = rows.iter().filter_map(check).collect();
    assert!(failures.is_empty(), "{} of {} differ:\n{}", failures.len(), rows.len(), failures.join("\n"));
}

fn check(row: &Value) -> Option<String> {
    let answer = &row["answer"];
    let refused = row["code"].as_u64().unwrap_or(0) >= 400;
    let problem = match (apply(row), refused) {
        (Ok(got), false) => differs("", &got, answer),
        (Err(error), false) => Some(format!("refused: {}", error.message())),
        (Err(error), true) => {
            let got = error.to_status();
            (got != *answer).then(|| format!("wanted {answer}\n  got    {got}"))
        }
        // What later steps of the server refuse passes here.
        (Ok(_), true) => is_patch_error(answer).then(|| format!("passed, but wanted {answer}")),
    };
    problem.map(|problem| format!("{} {}: {problem}", row["script"], row["patch"]))
}

fn apply(row: &Value) -> Result<Value, ApiError> {
    let mut target: Map<String, Value> = row["before"].as_object().expect("an object").clone();
    let body = row["patch"].as_str().expect("a body").as_bytes();
    match row["how"].as_str().unwrap_or_default() {
        "json" => patch::json::apply(target, body),
        "merge" => patch::merge::apply(&mut target, body).map(|()| Value::Object(target)),
        _ => {
            let (version, kind) = (row["before"]["apiVersion"].as_str(), row["before"]["kind"].as_str());
            let schema = support::builtin_schema(version.unwrap_or_default(), kind.unwrap_or_default());
            patch::strategic::apply(&schema.expect("a built-in kind"), target, body).map(Value::Object)
        }
    }
}

fn is_patch_error(answer: &Value) -> bool {
    let message = answer["message"].as_str().unwrap_or_default();
    ["the server rejected", "error decoding patch", "Invalid JSON Patch", "invalid patch format", "unknown patch type"]
        .iter()
        .any(|start| message.starts_with(start))
        || message.contains("is invalid: patch:")
}

/// Everything in the patched tree must be in the answer; the answer may hold defaults besides, but no more data.
fn differs(path: &str, got: &Value, answer: &Value) -> Option<String> {
    match (got, answer) {
        (Value::Object(got), Value::Object(answer)) => {
            let data = ["/labels", "/annotations", "/data"].iter().any(|name| path.ends_with(name));
            let extra =
                answer.keys().find(|key| data && !got.contains_key(*key)).map(|key| format!("{path}/{key} lacks"));
            extra.or_else(|| {
                got.iter().filter(|(key, _)| !set_later(path, key)).find_map(|(key, value)| {
                    let path = format!("{path}/{key}");
                    if value.is_null() || *value == json!({}) || *value == json!([]) {
                        return None;
                    }
                    match answer.get(key) {
                        Some(answer) => differs(&path, value, answer),
                        None => Some(format!("{path} is extra: {value}")),
                    }
                })
            })
        }
        (Value::Array(got), Value::Array(answer)) if got.len() == answer.len() => got
            .iter()
            .zip(answer)
            .enumerate()
            .find_map(|(at, (got, answer))| differs(&format!("{path}/{at}"), got, answer)),
        _ => (got != answer).then(|| format!("{path}: {got} for {answer}")),
    }
}

/// Fields that the server sets or drops after the patch.
fn set_later(path: &str, key: &str) -> bool {
    let meta = ["managedFields", "generation", "resourceVersion", "creationTimestamp", "deletionTimestamp", "selfLink"];
    (path == "/metadata" && meta.contains(&key))
        || key.starts_with('$')
        || (path.is_empty() && key != "metadata" && key != "spec" && key != "data")
}
