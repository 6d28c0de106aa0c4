//! OpenAPI v2 documents of several servers in one: what another server says of its own versions is added to what this
//! one says, and a definition that another one has already under the same name gets a new name.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Map, Value};

const REFERENCE: &str = "$ref";
const DEFINITIONS: &str = "#/definitions/";
/// What says of which kinds a definition is: not part of its shape.
const KINDS: &str = "x-kubernetes-group-version-kind";

/// A document of another server, with what is needed to ask whether it is still the same.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub(super) document: Arc<Value>,
    pub(super) etag: String,
    pub(super) asked: tokio::time::Instant,
}

/// Adds to `document` the paths of `other` that begin with `prefix`, and the definitions that they need. Paths that
/// `document` has stay as they are.
pub(super) fn merge(document: &mut Value, other: &Value, prefix: &str) {
    let mut paths: Map<String, Value> = Map::new();
    for (path, item) in other["paths"].as_object().into_iter().flatten() {
        if path.starts_with(prefix) && document["paths"].get(path).is_none() {
            paths.insert(path.clone(), item.clone());
        }
    }
    if paths.is_empty() {
        return;
    }
    let needed = needed(&paths, &other["definitions"]);
    let names = names(&needed, &document["definitions"], &other["definitions"]);
    for item in paths.values_mut() {
        rename(item, &names);
    }
    for name in &needed {
        let mut definition = other["definitions"][name].clone();
        rename(&mut definition, &names);
        let new = names.get(name).unwrap_or(name).clone();
        if document["definitions"].get(&new).is_none() {
            document["definitions"][new] = definition;
        }
    }
    if let Some(all) = document["paths"].as_object_mut() {
        all.extend(paths);
    }
}

/// The names of the definitions that paths need, directly or not.
fn needed(paths: &Map<String, Value>, definitions: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open: Vec<&Value> = paths.values().collect();
    while let Some(value) = open.pop() {
        match value {
            Value::Object(map) => {
                if let Some(name) = map.get(REFERENCE).and_then(referred)
                    && let Some(definition) = definitions.get(name)
                    && found.insert(name.to_owned())
                {
                    open.push(definition);
                }
                open.extend(map.values());
            }
            Value::Array(all) => open.extend(all),
            _ => {}
        }
    }
    found
}

/// New names for the definitions whose names mean something else here: `_v2`, `_v3`, … is added, as upstream does. What
/// is the same here keeps its name.
fn names(needed: &BTreeSet<String>, here: &Value, there: &Value) -> BTreeMap<String, String> {
    let mut names = BTreeMap::new();
    for name in needed {
        let theirs = without_kinds(&there[name]);
        let mut new = name.clone();
        let mut number = 1;
        while here.get(&new).is_some_and(|known| without_kinds(known) != theirs) {
            number += 1;
            new = format!("{name}_v{number}");
        }
        if new != *name {
            names.insert(name.clone(), new);
        }
    }
    names
}

fn without_kinds(definition: &Value) -> Value {
    let mut definition = definition.clone();
    if let Some(map) = definition.as_object_mut() {
        map.remove(KINDS);
    }
    definition
}

fn rename(value: &mut Value, names: &BTreeMap<String, String>) {
    match value {
        Value::Object(map) => {
            if let Some(new) = map.get(REFERENCE).and_then(referred).and_then(|name| names.get(name)) {
                map.insert(REFERENCE.to_owned(), Value::String(format!("{DEFINITIONS}{new}")));
            }
            map.values_mut().for_each(|value| rename(value, names));
        }
        Value::Array(all) => all.iter_mut().for_each(|value| rename(value, names)),
        _ => {}
    }
}

fn referred(reference: &Value) -> Option<&str> {
    reference.as_str()?.strip_prefix(DEFINITIONS)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn documents() {
        let reference = |name: &str| json!({"$ref": format!("#/definitions/{name}")});
        let mut here = json!({
            "swagger": "2.0",
            "paths": {"/apis/a.io/v1/own": 1},
            "definitions": {
                "Same": {"type": "string", "x-kubernetes-group-version-kind": [1]},
                "Other": {"type": "integer"},
            },
        });
        let there = json!({
            "paths": {
                "/apis/a.io/v1/own": 2,
                "/apis/a.io/v1/things": {"get": {"schema": reference("Thing")}},
                "/apis/b.io/v1/things": {"get": {"schema": reference("Unused")}},
            },
            "definitions": {
                "Thing": {"properties": {"a": reference("Same"), "b": reference("Other"), "c": reference("Thing")}},
                "Same": {"type": "string", "x-kubernetes-group-version-kind": [2]},
                "Other": {"type": "boolean"},
                "Unused": {},
            },
        });
        merge(&mut here, &there, "/apis/a.io/v1/");
        let wanted = json!({
            "swagger": "2.0",
            "paths": {"/apis/a.io/v1/own": 1, "/apis/a.io/v1/things": {"get": {"schema": reference("Thing")}}},
            "definitions": {
                "Same": {"type": "string", "x-kubernetes-group-version-kind": [1]},
                "Other": {"type": "integer"},
                "Other_v2": {"type": "boolean"},
                "Thing": {"properties": {"a": reference("Same"), "b": reference("Other_v2"), "c": reference("Thing")}},
            },
        });
        assert_eq!(here, wanted);
    }
}
