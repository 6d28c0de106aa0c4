//! Field ownership against recorded conversations with a v1.36.2 server: every write's managedFields, and the answers
//! of apply patches that were refused.

#![allow(clippy::expect_used, reason = "a test")]

mod support;

use kubernel_meta::Object;
use kubernel_schema::Schema;
use kubernel_schema::apply::{OneVersion, Write, apply, track_update};
use kubernel_schema::patch;
use serde_json::{Value, json};

const NOW: &str = "<time>";

#[test]
fn custom_resources() {
    replay(include_str!("data/ownership-custom.json"));
}

#[test]
fn config_maps() {
    replay(include_str!("data/ownership-configmap.json"));
}

#[test]
fn services() {
    replay(include_str!("data/ownership-service.json"));
}

#[test]
fn workloads() {
    replay(include_str!("data/ownership-workload.json"));
}

/// What the creator of each kind of object comes to own: the zero value of its type is nobody's.
#[test]
fn creates_of_every_kind() {
    let rows: Vec<Value> = serde_json::from_str(include_str!("data/ownership-creates.json")).expect("rows");
    let mut failures = Vec::new();
    for row in &rows {
        let mut new = object(&row["object"]).expect("an object");
        let Some(Value::Array(wanted)) = new.remove(&["metadata", "managedFields"]) else { continue };
        let entry = &wanted[0];
        let Some(schema) = support::builtin_schema(new.api_version(), new.kind()) else {
            failures.push(format!("{} has no schema", new.kind()));
            continue;
        };
        let write = Write {
            manager: entry["manager"].as_str().unwrap_or_default(),
            api_version: entry["apiVersion"].as_str().unwrap_or_default(),
            kind: row["object"]["kind"].as_str().unwrap_or_default(),
            subresource: "",
            now: NOW,
            reset: &[&["status"]],
            only: &[],
        };
        let result = track_update(&schema, &OneVersion, None, &mut new, &write);
        let got = new.at(&["metadata", "managedFields"]).cloned().unwrap_or(Value::Null);
        if result.is_err() || got[0]["fieldsV1"] != entry["fieldsV1"] {
            let differ = diff("", &entry["fieldsV1"], &got[0]["fieldsV1"]);
            failures.push(format!("{} ({}): {differ} {result:?}", row["script"], new.kind()));
        }
    }
    assert!(failures.is_empty(), "{} differ:\n{}", failures.len(), failures.join("\n"));
}

/// Where two trees of fields differ.
fn diff(path: &str, wanted: &Value, got: &Value) -> String {
    let (Some(w), Some(g)) = (wanted.as_object(), got.as_object()) else {
        return format!("{path}: {wanted} for {got}");
    };
    let missing = w.keys().filter(|key| !g.contains_key(*key)).map(|key| format!(" -{path}/{key}"));
    let extra = g.keys().filter(|key| !w.contains_key(*key)).map(|key| format!(" +{path}/{key}"));
    let below = w.iter().filter_map(|(key, value)| Some(diff(&format!("{path}/{key}"), value, g.get(key)?)));
    missing.chain(extra).chain(below).collect()
}

/// Replays every script of a recording.
fn replay(recording: &str) {
    let scripts: Vec<Value> = serde_json::from_str(recording).expect("a recording");
    let failures: Vec<String> = scripts.iter().flat_map(run).collect();
    assert!(failures.is_empty(), "{} differ:\n{}", failures.len(), failures.join("\n"));
}

fn run(script: &Value) -> Vec<String> {
    let mut live: Option<Object> = None;
    let mut failures = Vec::new();
    for (at, step) in script["steps"].as_array().expect("steps").iter().enumerate() {
        let answer = &step["answer"];
        let failed = step["code"].as_u64().unwrap_or(0) >= 400;
        let how = step["how"].as_str().unwrap_or_default();
        let subresource = step["subresource"].as_str().unwrap_or_default();
        if how != "get" && subresource != "scale" {
            let Some(schema) = schema_of(script, step) else { continue };
            let wanted = if failed { &answer["message"] } else { &answer["metadata"]["managedFields"] };
            let got = write(&schema, live.as_ref(), step, failed);
            if let Some(got) = got
                && normal(&got) != normal(wanted)
            {
                failures.push(format!("{}[{at}] {how}\n  wanted {wanted}\n  got    {got}", script["script"]));
            }
        }
        if !failed && subresource != "scale" {
            live = Object::from_value(answer.clone()).ok();
        }
    }
    failures
}

/// The managedFields or the error message of one step; `None` where neither comes from this crate.
fn write(schema: &Schema, live: Option<&Object>, step: &Value, failed: bool) -> Option<Value> {
    let text = |key: &str| step[key].as_str().unwrap_or_default();
    let answer = Object::from_value(step["answer"].clone()).ok()?;
    let reset: &[&[&str]] = match text("subresource") {
        "status" => &[&["spec"]],
        _ if schema.root().name.starts_with("io.k8s.") => &[&["status"]],
        _ => &[],
    };
    let write = Write {
        manager: text("manager"),
        api_version: text("api_version"),
        kind: text("kind"),
        subresource: text("subresource"),
        now: NOW,
        reset,
        only: &[],
    };
    if text("how") == "apply" {
        let config = object(&step["sent"])?;
        let force = step["force"].as_bool().unwrap_or(false);
        return match apply(schema, &OneVersion, live, &config, &write, force) {
            Ok(done) if !failed => Some(done.at(&["metadata", "managedFields"]).cloned().unwrap_or(Value::Null)),
            Ok(_) => answered_by_apply(&answer).then(|| json!("no error")),
            Err(error) => Some(json!(error.message())),
        };
    }
    if failed {
        return None;
    }
    let mut new = answer;
    match patched(schema, live, step).remove(&["metadata", "managedFields"]) {
        Some(sent) => new.set(&["metadata", "managedFields"], sent),
        None => drop(new.remove(&["metadata", "managedFields"])),
    }
    track_update(schema, &OneVersion, live, &mut new, &write).expect("the fields compare");
    Some(new.at(&["metadata", "managedFields"]).cloned().unwrap_or(Value::Null))
}

fn answered_by_apply(answer: &Object) -> bool {
    let message = answer.str_at(&["message"]);
    ["Apply failed", "failed to create typed", "metadata.managedFields must", "invalid object type"]
        .iter()
        .any(|start| message.starts_with(start))
}

/// What the client sent, laid over the live object where it is a patch.
fn patched(schema: &Schema, live: Option<&Object>, step: &Value) -> Object {
    let body = step["sent"].to_string();
    let mut target = live.map(|live| live.map().clone()).unwrap_or_default();
    let result = match step["how"].as_str().unwrap_or_default() {
        "merge" => patch::merge::apply(&mut target, body.as_bytes()).map(|()| Value::Object(target)),
        "json" => patch::json::apply(target, body.as_bytes()),
        "strategic" => patch::strategic::apply(schema, target, body.as_bytes()).map(Value::Object),
        _ => Ok(step["sent"].clone()),
    };
    object(&result.expect("a patch that applies")).expect("an object")
}

fn object(value: &Value) -> Option<Object> {
    Object::from_value(value.clone()).ok()
}

fn schema_of(script: &Value, step: &Value) -> Option<Schema> {
    match script.get("schema") {
        Some(structural) => Some(support::custom_schema(structural)),
        None => support::builtin_schema(step["api_version"].as_str()?, step["kind"].as_str()?),
    }
}

/// Times replaced by whether there is one, entries in a fixed order.
fn normal(value: &Value) -> Value {
    let Value::Array(entries) = value else { return value.clone() };
    let mut entries = entries.clone();
    for entry in &mut entries {
        if let Some(time) = entry.get_mut("time") {
            *time = json!("<time>");
        }
    }
    entries.sort_by_key(ToString::to_string);
    Value::Array(entries)
}
