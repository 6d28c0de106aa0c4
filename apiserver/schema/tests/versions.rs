//! Owners who wrote in different versions of a kind: each keeps paths of its own version.

#![allow(clippy::expect_used, reason = "a test")]

mod support;

use kubernel_meta::Object;
use kubernel_schema::Schema;
use kubernel_schema::apply::{Version, Versions, Write, apply, track_update};
use serde_json::{Value, json};

/// `t/v1` says `old` where `t/v2` says `new`; `t/v3` lacks the field; `t/gone` is no more.
struct Renamed;

impl Versions for Renamed {
    fn find(&self, api_version: &str) -> Result<Option<Version>, String> {
        let known = ["t/v1", "t/v2", "t/v3"].contains(&api_version);
        Ok(known.then(|| Version { schema: schema(api_version), reset: Vec::new() }))
    }

    fn convert(&self, object: &Object, api_version: &str) -> Result<Object, String> {
        let mut out = object.clone();
        let value = ["old", "new"].into_iter().find_map(|name| out.remove(&["spec", name]));
        match (value, name_in(api_version)) {
            (Some(value), Some(name)) => out.set(&["spec", name], value),
            (Some(value), None) => out.set(&["spec", "lost"], value),
            (None, _) => {}
        }
        out.set(&["apiVersion"], api_version);
        Ok(out)
    }
}

fn name_in(api_version: &str) -> Option<&'static str> {
    match api_version {
        "t/v1" => Some("old"),
        "t/v2" => Some("new"),
        _ => None,
    }
}

fn schema(api_version: &str) -> Schema {
    let int = json!({"type": "integer"});
    let mut spec = json!({"type": "object", "properties": {"n": int, "m": int}});
    if let Some(name) = name_in(api_version) {
        spec["properties"][name] = int;
    }
    support::custom_schema(&json!({"type": "object", "properties": {"spec": spec}}))
}

/// A write: the manager (`!` forces an apply, `=` updates the whole object), the version and `spec`.
type Step = (&'static str, &'static str, &'static str);

const ROWS: &[(&str, &[Step], &str, &str)] = &[
    (
        "a field by another name is the same field",
        &[("a", "t/v1", r#"{"old":1}"#), ("b", "t/v2", r#"{"new":2}"#)],
        "Apply failed with 1 conflict: conflict with \"a\": .spec.old",
        "a@v1:.spec.old",
    ),
    (
        "equal values are shared under both names",
        &[("a", "t/v1", r#"{"old":1}"#), ("b", "t/v2", r#"{"new":1}"#)],
        r#"{"new":1}"#,
        "a@v1:.spec.old b@v2:.spec.new",
    ),
    (
        "force takes the field in the owner's version",
        &[("a", "t/v1", r#"{"old":1,"n":1}"#), ("!b", "t/v2", r#"{"new":2}"#)],
        r#"{"n":1,"new":2}"#,
        "a@v1:.spec.n b@v2:.spec.new",
    ),
    (
        "an update takes the field in the owner's version",
        &[("a", "t/v1", r#"{"old":1,"n":1}"#), ("=b", "t/v2", r#"{"new":2,"n":1}"#)],
        r#"{"n":1,"new":2}"#,
        "a@v1:.spec.n b@v2:.spec.new",
    ),
    (
        "an update removes the field in the owner's version",
        &[("a", "t/v1", r#"{"old":1,"n":1}"#), ("=b", "t/v2", r#"{"n":1}"#)],
        r#"{"n":1}"#,
        "a@v1:.spec.n",
    ),
    (
        "one manager goes to another version",
        &[("a", "t/v1", r#"{"old":1,"n":1}"#), ("a", "t/v2", r#"{"new":1,"n":1}"#)],
        r#"{"n":1,"new":1}"#,
        "a@v2:.spec.n,.spec.new",
    ),
    (
        "what was applied in another version is dropped there",
        &[("a", "t/v1", r#"{"old":1,"n":1}"#), ("a", "t/v2", r#"{"n":1}"#)],
        r#"{"n":1}"#,
        "a@v2:.spec.n",
    ),
    (
        "but stays where somebody else owns it in a third",
        &[("a", "t/v1", r#"{"old":1,"n":1}"#), ("b", "t/v2", r#"{"new":1}"#), ("a", "t/v1", r#"{"n":1}"#)],
        r#"{"n":1,"old":1}"#,
        "a@v1:.spec.n b@v2:.spec.new",
    ),
    (
        "an owner in a version that is no more is forgotten by an apply",
        &[("=a", "t/gone", r#"{"n":1}"#), ("b", "t/v1", r#"{"n":2}"#)],
        r#"{"n":2}"#,
        "b@v1:.spec.n",
    ),
    (
        "and by an update, also one of nothing",
        &[("=a", "t/gone", r#"{"n":1}"#), ("b", "t/v1", r#"{"n":1}"#), ("=c", "t/v1", r#"{"n":1}"#)],
        r#"{"n":1}"#,
        "b@v1:.spec.n",
    ),
    (
        "what does not fit the owner's version is refused",
        &[("a", "t/v3", r#"{"n":1}"#), ("b", "t/v1", r#"{"old":1}"#)],
        "failed to convert new object: .spec.lost: field not declared in schema",
        "a@v3:.spec.n",
    ),
    (
        "an updater keeps an entry for each version",
        &[("=a", "t/v1", r#"{"n":1}"#), ("=a", "t/v2", r#"{"n":1,"m":1}"#)],
        r#"{"m":1,"n":1}"#,
        "a@v1:.spec,.spec.n a@v2:.spec.m",
    ),
];

#[test]
fn version_table() {
    let failures: Vec<String> = ROWS.iter().filter_map(check).collect();
    assert!(failures.is_empty(), "{} of {} differ:\n{}", failures.len(), ROWS.len(), failures.join("\n"));
}

fn check((name, steps, outcome, owners): &(&str, &[Step], &str, &str)) -> Option<String> {
    let mut live: Option<Object> = None;
    let mut got = String::new();
    for (manager, api_version, spec) in *steps {
        let spec: Value = serde_json::from_str(spec).expect("a spec");
        let object = json!({"apiVersion": api_version, "kind": "T", "metadata": {"name": "o"}, "spec": spec});
        let config = Object::from_value(object).expect("an object");
        let before = live.as_ref().map(|live| Renamed.convert(live, api_version).expect("a conversion"));
        match write(before.as_ref(), config, manager, api_version) {
            Ok(mut done) => {
                done.set(&["metadata", "uid"], "u");
                got = done.at(&["spec"]).unwrap_or(&Value::Null).to_string();
                live = Some(done);
            }
            Err(message) => got = message,
        }
    }
    let mut found: Vec<String> = live.iter().flat_map(owned).collect();
    found.sort();
    let found = found.join(" ");
    (got != *outcome || found != *owners)
        .then(|| format!("{name}\n  wanted {outcome} | {owners}\n  got    {got} | {found}"))
}

fn write(live: Option<&Object>, config: Object, manager: &str, api_version: &str) -> Result<Object, String> {
    let name = manager.trim_start_matches(['!', '=']);
    let now = "2026-01-01T00:00:00Z";
    let write = Write { manager: name, api_version, kind: "T", subresource: "", now, reset: &[], only: &[] };
    let schema = schema(api_version);
    if manager.starts_with('=') {
        let mut new = config;
        if live.is_some() {
            new.set(&["metadata", "uid"], "u");
        }
        track_update(&schema, &Renamed, live, &mut new, &write)?;
        return Ok(new);
    }
    let force = manager.starts_with('!');
    apply(&schema, &Renamed, live, &config, &write, force).map_err(|error| error.message().to_owned())
}

/// `manager@version:path,path` for each entry.
fn owned(object: &Object) -> Vec<String> {
    let entry = |entry: &Value| {
        let mut paths = Vec::new();
        let set = kubernel_schema::apply::Set::from_fields_v1(&entry["fieldsV1"]).expect("fields");
        set.for_each_path(&mut |path| paths.push(path));
        let text = |key: &str| entry[key].as_str().unwrap_or_default().to_owned();
        format!("{}@{}:{}", text("manager"), text("apiVersion").replace("t/", ""), paths.join(","))
    };
    object.list_at(&["metadata", "managedFields"]).iter().map(entry).collect()
}
