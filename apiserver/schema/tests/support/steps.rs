//! Rows of writes to one object: what comes of them, and who owns what afterwards.

#![allow(dead_code, reason = "not every test that uses this module needs it")]

use kubernel_meta::Object;
use kubernel_schema::Schema;
use kubernel_schema::apply::{OneVersion, Write, apply, track_update};
use serde_json::{Value, json};

/// One write: the manager (`!` in front forces an apply, `=` makes it an update of the whole object) and `spec`.
pub(crate) type Step = (&'static str, &'static str);

/// Steps, the outcome of the last one (the `spec`, or the message of its conflict), and who owns what afterwards.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) steps: &'static [Step],
    pub(crate) outcome: &'static str,
    pub(crate) owners: &'static str,
}

macro_rules! rows {
    ($($name:literal: [$($manager:literal $spec:literal),*] => $outcome:literal, $owners:literal;)*) => {
        &[$($crate::steps::Row { name: $name, steps: &[$(($manager, $spec)),*], outcome: $outcome, owners: $owners }),*]
    };
}

pub(crate) use rows;

/// Takes the steps of every row.
pub(crate) fn check(schema: &Schema, rows: &[Row]) {
    let failures: Vec<String> = rows.iter().filter_map(|row| differs(schema, row)).collect();
    assert!(failures.is_empty(), "{} of {} differ:\n{}", failures.len(), rows.len(), failures.join("\n"));
}

fn differs(schema: &Schema, row: &Row) -> Option<String> {
    let mut live: Option<Object> = None;
    let mut outcome = String::new();
    for (manager, spec) in row.steps {
        let spec: Value = serde_json::from_str(spec).expect("a spec");
        let object = json!({"apiVersion": "t/v1", "kind": "T", "metadata": {"name": "o"}, "spec": spec});
        let config = Object::from_value(object).expect("an object");
        match write(schema, live.as_ref(), config, manager) {
            Ok(mut done) => {
                done.set(&["metadata", "uid"], "u");
                outcome = done.at(&["spec"]).unwrap_or(&Value::Null).to_string();
                live = Some(done);
            }
            Err(message) => outcome = message,
        }
    }
    let owners = owners(live.as_ref());
    let wanted = sorted(row.owners);
    (outcome != row.outcome || owners != wanted)
        .then(|| format!("{}\n  wanted {} | {wanted:?}\n  got    {outcome} | {owners:?}", row.name, row.outcome))
}

/// One write; the error is the message of the refusal.
pub(crate) fn write(schema: &Schema, live: Option<&Object>, config: Object, manager: &str) -> Result<Object, String> {
    let (name, force, update) = match manager.split_at(1) {
        ("!", name) => (name, true, false),
        ("=", name) => (name, false, true),
        _ => (manager, false, false),
    };
    let write = Write {
        manager: name,
        api_version: "t/v1",
        kind: "T",
        subresource: "",
        now: "2026-01-01T00:00:00Z",
        reset: &[],
        only: &[],
    };
    if update {
        let mut new = config;
        if live.is_some() {
            new.set(&["metadata", "uid"], "u");
        }
        track_update(schema, &OneVersion, live, &mut new, &write)?;
        return Ok(new);
    }
    apply(schema, &OneVersion, live, &config, &write, force).map_err(|error| error.message().to_owned())
}

fn owners(live: Option<&Object>) -> Vec<String> {
    let entries = live.map_or(&[][..], |live| live.list_at(&["metadata", "managedFields"]));
    let text = entries.iter().map(|entry| {
        let mut paths = Vec::new();
        let set = kubernel_schema::apply::Set::from_fields_v1(&entry["fieldsV1"]).expect("fields");
        set.for_each_path(&mut |path| paths.push(path));
        format!("{}:{}", entry["manager"].as_str().unwrap_or_default(), paths.join(","))
    });
    sorted(&text.collect::<Vec<_>>().join(" "))
}

/// `m:path,path` entries, all sorted.
fn sorted(text: &str) -> Vec<String> {
    let mut out: Vec<String> = text
        .split_whitespace()
        .map(|entry| {
            let (manager, paths) = entry.split_once(':').unwrap_or((entry, ""));
            // Commas inside brackets belong to keys.
            let mut depth = 0;
            let mut list = vec![String::new()];
            for c in paths.chars() {
                match c {
                    '[' => depth += 1,
                    ']' => depth -= 1,
                    _ => {}
                }
                if c == ',' && depth == 0 { list.push(String::new()) } else { list.last_mut().expect("one").push(c) }
            }
            list.sort();
            format!("{manager}:{}", list.join(","))
        })
        .collect();
    out.sort();
    out
}
