//! The managers around field ownership: client-side apply's annotation, the cap on updaters, times, scale, User-Agents.

#![allow(clippy::expect_used, reason = "a test")]

mod support;

use kubernel_meta::Object;
use kubernel_schema::Schema;
use kubernel_schema::apply::{
    ManagedFields, OneVersion, Operation, Write, apply, default_manager, keep_times, scale, track_update,
};
use serde_json::{Value, json};

const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
const MANAGED: [&str; 2] = ["metadata", "managedFields"];

fn schema() -> Schema {
    support::builtin_schema("v1", "ConfigMap").expect("a built-in kind")
}

fn write<'a>(manager: &'a str, now: &'a str) -> Write<'a> {
    Write { manager, api_version: "v1", kind: "ConfigMap", subresource: "", now, reset: &[], only: &[] }
}

fn config_map(data: Value) -> Object {
    let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": data});
    Object::from_value(object).expect("an object")
}

fn tracked(live: Option<&Object>, mut new: Object, manager: &str, now: &str) -> Object {
    if live.is_some() {
        new.set(&["metadata", "uid"], "u");
    }
    track_update(&schema(), &OneVersion, live, &mut new, &write(manager, now)).expect("tracked");
    new.set(&["metadata", "uid"], "u");
    new
}

fn managers(object: &Object) -> Vec<String> {
    let entries = object.list_at(&MANAGED).iter();
    entries.map(|entry| entry["manager"].as_str().unwrap_or_default().to_owned()).collect()
}

const NOON: &str = "2026-01-01T12:00:00Z";
const LATER: &str = "2026-01-01T13:00:00Z";

/// What `kubectl apply` left behind.
fn applied_by_client() -> Object {
    let mut object = config_map(json!({"a": "1", "b": "1"}));
    let last = config_map(json!({"a": "1", "b": "1"})).into_value().to_string();
    object.map_at_mut(&["metadata", "annotations"]).insert(LAST_APPLIED.to_owned(), json!(last));
    tracked(None, object, "kubectl-client-side-apply", NOON)
}

#[test]
fn kubectl_takes_over_what_it_applied_from_the_client() {
    let live = applied_by_client();
    let config = config_map(json!({"a": "2", "b": "1"}));
    let done =
        apply(&schema(), &OneVersion, Some(&live), &config, &write("kubectl", LATER), false).expect("no conflict");
    assert_eq!(done.str_at(&["data", "a"]), "2");
    let annotation: Value =
        serde_json::from_str(done.str_at(&["metadata", "annotations", LAST_APPLIED])).expect("JSON");
    assert_eq!(annotation["data"]["a"], "2");
}

#[test]
fn others_do_not() {
    let live = applied_by_client();
    let config = config_map(json!({"a": "2"}));
    let error =
        apply(&schema(), &OneVersion, Some(&live), &config, &write("helm", LATER), false).expect_err("a conflict");
    let wanted = "Apply failed with 1 conflict: conflict with \"kubectl-client-side-apply\" using v1: .data.a";
    assert_eq!(error.message(), wanted);
}

#[test]
fn kubectl_does_not_take_over_what_changed_since() {
    let live = applied_by_client();
    let mut changed = live.clone();
    changed.set(&["data", "a"], "9");
    let live = tracked(Some(&live), changed, "editor", LATER);
    let config = config_map(json!({"a": "2", "b": "2"}));
    let error =
        apply(&schema(), &OneVersion, Some(&live), &config, &write("kubectl", LATER), false).expect_err("a conflict");
    assert_eq!(error.message(), "Apply failed with 1 conflict: conflict with \"editor\" using v1: .data.a");
}

#[test]
fn the_oldest_of_too_many_updaters_are_folded() {
    let mut live = tracked(None, config_map(json!({})), "m00", NOON);
    for at in 0..15 {
        let mut new = live.clone();
        new.map_at_mut(&["data"]).insert(format!("k{at:02}"), json!("1"));
        let (manager, now) = (format!("m{at:02}"), format!("2026-01-01T12:00:{at:02}Z"));
        live = tracked(Some(&live), new, &manager, &now);
        if live.at(&MANAGED).is_none() {
            live = tracked(None, live, &manager, &now);
        }
    }
    let entries = ManagedFields::decode(live.list_at(&MANAGED)).expect("entries");
    let updates: Vec<_> = entries.entries().iter().filter(|e| e.identity.operation == Operation::Update).collect();
    assert_eq!(updates.len(), 10);
    assert_eq!(managers(&live)[0], "ancient-changes");
    let mut owned = 0;
    updates.iter().for_each(|entry| entry.set.for_each_path(&mut |path| owned += usize::from(path.contains(".k"))));
    assert_eq!(owned, 15, "no owner is lost");
}

#[test]
fn times_alone_are_no_change() {
    let live = tracked(None, config_map(json!({"a": "1"})), "m", NOON);
    let mut same = live.clone();
    let entries = same.map_at_mut(&["metadata"]).get_mut("managedFields").and_then(Value::as_array_mut);
    entries.expect("entries")[0]["time"] = json!(LATER);
    let mut other = same.clone();
    other.set(&["data", "a"], "2");
    keep_times(&live, &mut same);
    assert_eq!(same, live);
    let before = other.clone();
    keep_times(&live, &mut other);
    assert_eq!(other, before);
}

#[test]
fn replicas_are_owned_through_scale_and_back() {
    let replicas = scale::Replicas { api_version: "apps/v1", path: &["spec", "replicas"] };
    let entry = |manager: &str, version: &str, fields: Value, time: Option<&str>| {
        let mut entry = json!({"manager": manager, "operation": "Apply", "apiVersion": version,
            "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": fields}});
        if let Some(time) = time {
            entry["time"] = json!(time);
        }
        entry
    };
    let both = json!({"f:replicas": {}, "f:paused": {}});
    let parent = [entry("a", "apps/v1", both, Some(NOON)), entry("b", "apps/v1", json!({"f:paused": {}}), None)];
    let seen = scale::to_scale(&parent, &replicas).expect("entries");
    assert_eq!(seen, [entry("a", "autoscaling/v1", json!({"f:replicas": {}}), Some(NOON))]);
    let taken = [entry("hpa", "autoscaling/v1", json!({"f:replicas": {}}), Some(LATER))];
    let after = scale::to_parent(&parent, &taken, &replicas).expect("entries");
    let wanted = [
        entry("b", "apps/v1", json!({"f:paused": {}}), None),
        entry("hpa", "apps/v1", json!({"f:replicas": {}}), None),
        entry("a", "apps/v1", json!({"f:paused": {}}), Some(NOON)),
    ];
    assert_eq!(after, wanted);
    let kept = scale::to_parent(&parent, &seen, &replicas).expect("entries");
    assert_eq!(kept.len(), 2);
}

#[test]
fn user_agents_name_managers() {
    let long = "x".repeat(200);
    let cases = [
        ("kubectl/v1.36.0 (linux/amd64)", "kubectl"),
        ("Go-http-client/2.0", "Go-http-client"),
        ("plain", "plain"),
        ("", ""),
        ("a\u{7}b/1", "ab"),
        (&long, &long[..128]),
    ];
    for (agent, manager) in cases {
        assert_eq!(default_manager(agent), manager, "{agent}");
    }
}
