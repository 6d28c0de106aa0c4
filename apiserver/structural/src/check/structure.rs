//! Whether a schema is structural: every value's type is said once, outside of validations (ValidateStructural).

use kubernel_meta::field::{Error, Path};
use serde_json::{Map, Value, json};

use super::{flag, listed, one, schemas, text};

/// Where a schema stands, which says how a missing type is told.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Root,
    Item,
    Field,
}

/// What structural schemas cannot hold; other checks refuse it.
const UNKNOWN: [&str; 8] =
    ["id", "$schema", "$ref", "uniqueItems", "additionalItems", "patternProperties", "definitions", "dependencies"];

/// What is wrong, sorted by its text.
pub(super) fn check(schema: &Map<String, Value>, path: &Path) -> Vec<Error> {
    let mut errors = Vec::new();
    invariants(schema, Level::Root, path, &mut errors);
    completeness(schema, path, &mut errors);
    errors.sort_by_cached_key(ToString::to_string);
    errors
}

/// Whether nothing in a schema is beyond structural schemas altogether.
pub(super) fn is_convertible(schema: &Value) -> bool {
    let Some(json) = schema.as_object() else { return true };
    let set = |key: &str| json.get(key).is_some_and(|value| !value.is_null() && value != false && value != "");
    if UNKNOWN.into_iter().any(set) || json.get("items").is_some_and(Value::is_array) {
        return false;
    }
    let nested = json.get("properties").and_then(Value::as_object).into_iter().flat_map(Map::values);
    let lists = ["allOf", "anyOf", "oneOf"].iter().filter_map(|key| json.get(*key)?.as_array()).flatten();
    let single = ["items", "additionalProperties", "not"].iter().filter_map(|key| json.get(*key));
    nested.chain(lists).chain(single).all(is_convertible)
}

fn invariants(schema: &Map<String, Value>, level: Level, path: &Path, errors: &mut Vec<Error>) {
    let kind = text(schema, "type").unwrap_or_default();
    if kind == "array" && one(schema, "items").is_none() {
        errors.push(path.child("items").required("must be specified"));
    }
    if let Some(items) = one(schema, "items") {
        invariants(items, Level::Item, &path.child("items"), errors);
    }
    for (name, property) in schemas(schema, "properties") {
        invariants(property, Level::Field, &path.child("properties").key(name), errors);
    }
    let (either, keeps, embedded) = (
        flag(schema, "x-kubernetes-int-or-string"),
        flag(schema, "x-kubernetes-preserve-unknown-fields"),
        flag(schema, "x-kubernetes-embedded-resource"),
    );
    let additional = schema.get("additionalProperties").filter(|value| !value.is_null());
    if let Some(additional) = additional {
        let path = path.child("additionalProperties");
        if level == Level::Root {
            errors.push(path.forbidden("must not be used at the root"));
        }
        if let Some(additional) = additional.as_object() {
            invariants(additional, Level::Field, &path, errors);
        }
    }
    const NOT_EITHER: &str = "must be false if x-kubernetes-int-or-string is true";
    if either && keeps {
        errors.push(path.child("x-kubernetes-preserve-unknown-fields").invalid(true, NOT_EITHER));
    }
    if either && embedded {
        errors.push(path.child("x-kubernetes-embedded-resource").invalid(true, NOT_EITHER));
    }
    validations(schema, is_either(schema), first_is_either(schema), path, errors);

    let at_type = path.child("type");
    if embedded && kind != "object" {
        const OBJECT: &str = "must be object if x-kubernetes-embedded-resource is true";
        errors.push(if kind.is_empty() { at_type.required(OBJECT) } else { at_type.invalid(kind, OBJECT) });
    } else if kind.is_empty() && !either && !keeps {
        errors.push(at_type.required(match level {
            Level::Root => "must not be empty at the root",
            Level::Item => "must not be empty for specified array items",
            Level::Field => "must not be empty for specified object fields",
        }));
    }
    if embedded && additional.is_some() {
        let detail = "must not be used if x-kubernetes-embedded-resource is set";
        errors.push(path.child("additionalProperties").forbidden(detail));
    }
    if level == Level::Root && !kind.is_empty() && kind != "object" {
        errors.push(at_type.invalid(kind, "must be object at the root"));
    }
    let is_object = level == Level::Root || embedded;
    for (name, property) in schemas(schema, "properties") {
        let path = path.child("properties").key(name);
        let kind = text(property, "type").unwrap_or_default();
        match name {
            "kind" | "apiVersion" if is_object && kind != "string" => {
                errors.push(path.child("type").invalid(kind, "must be string"));
            }
            "metadata" => {
                if is_object && kind != "object" {
                    errors.push(path.child("type").invalid(kind, "must be object"));
                }
                if level == Level::Root && says_more_than_names(property) {
                    let detail = "must not specify anything other than name and generateName, but metadata is \
                                  implicitly specified";
                    errors.push(path.forbidden(detail));
                }
            }
            _ => {}
        }
    }
    if embedded && !keeps && schemas(schema, "properties").next().is_none() {
        let detail = "must not be empty if x-kubernetes-embedded-resource is true without \
                      x-kubernetes-preserve-unknown-fields";
        errors.push(path.child("properties").required(detail));
    }
}

/// Whether a schema of `metadata` says anything but its type and the names.
fn says_more_than_names(schema: &Map<String, Value>) -> bool {
    schema.iter().any(|(key, value)| match key.as_str() {
        "type" | "default" => false,
        "properties" => {
            value.as_object().is_some_and(|map| map.keys().any(|key| key != "name" && key != "generateName"))
        }
        _ => !(value.is_null() || value == false || value == ""),
    })
}

/// `anyOf: [{type: integer}, {type: string}]`, the one way to say both types in validations.
fn is_either(schema: &Map<String, Value>) -> bool {
    schema.get("anyOf") == Some(&json!([{"type": "integer"}, {"type": "string"}]))
}

fn first_is_either(schema: &Map<String, Value>) -> bool {
    one_of_list(schema, "allOf", 0).is_some_and(is_either)
}

fn one_of_list<'a>(schema: &'a Map<String, Value>, key: &str, index: usize) -> Option<&'a Map<String, Value>> {
    schema.get(key)?.get(index)?.as_object()
}

fn validations(
    schema: &Map<String, Value>,
    skip_any: bool,
    skip_any_of_first: bool,
    path: &Path,
    errors: &mut Vec<Error>,
) {
    for (key, skip) in [("anyOf", skip_any), ("allOf", false), ("oneOf", false)] {
        for (index, inner) in listed(schema, key).filter(|_| !skip) {
            let skip_any = key == "allOf" && index == 0 && skip_any_of_first;
            nested(inner, skip_any, &path.child(key).index(index), errors);
        }
    }
    if let Some(not) = one(schema, "not") {
        nested(not, false, &path.child("not"), errors);
    }
    if let Some(pattern) = text(schema, "pattern").filter(|pattern| !pattern.is_empty())
        && let Err(text) = kubernel_cel::pattern::compile(pattern)
    {
        let detail = format!("must be a valid regular expression, but isn't: {text}");
        errors.push(path.child("pattern").invalid(pattern, detail));
    }
}

/// A schema inside of a validation: it may restrict values, and say nothing else.
fn nested(schema: &Map<String, Value>, skip_any: bool, path: &Path, errors: &mut Vec<Error>) {
    validations(schema, skip_any, false, path, errors);
    if let Some(items) = one(schema, "items") {
        nested(items, false, &path.child("items"), errors);
    }
    for (name, property) in schemas(schema, "properties") {
        nested(property, false, &path.child("properties").key(name), errors);
    }
    const EMPTY: &str = "must be empty to be structural";
    const UNDEFINED: &str = "must be undefined to be structural";
    const FALSE: &str = "must be false to be structural";
    const FORBIDDEN: [(&str, &str); 13] = [
        ("type", EMPTY),
        ("additionalProperties", UNDEFINED),
        ("default", UNDEFINED),
        ("title", EMPTY),
        ("description", EMPTY),
        ("nullable", FALSE),
        ("externalDocs", UNDEFINED),
        ("x-kubernetes-preserve-unknown-fields", FALSE),
        ("x-kubernetes-embedded-resource", FALSE),
        ("x-kubernetes-int-or-string", FALSE),
        ("x-kubernetes-list-map-keys", EMPTY),
        ("x-kubernetes-list-type", UNDEFINED),
        ("x-kubernetes-map-type", UNDEFINED),
    ];
    for (key, detail) in FORBIDDEN {
        let said = schema.get(key).is_some_and(|value| match value {
            Value::Null => false,
            Value::Bool(false) => key == "additionalProperties" || key == "default",
            Value::String(text) => !text.is_empty() || detail == UNDEFINED,
            Value::Array(list) => !list.is_empty() || detail == UNDEFINED,
            _ => true,
        });
        if said {
            errors.push(path.child(key).forbidden(detail));
        }
    }
    if schema.get("x-kubernetes-validations").and_then(Value::as_array).is_some_and(|rules| !rules.is_empty()) {
        errors.push(path.child("x-kubernetes-validations").forbidden(EMPTY));
    }
    if schemas(schema, "properties").any(|(name, _)| name == "metadata") {
        let path = path.child("properties").key("metadata");
        errors.push(path.forbidden("must not be specified in a nested context"));
    }
}

/// Every field and item that the root's validations name must be said outside of them, too. (Upstream looks at the
/// root's alone.)
fn completeness(schema: &Map<String, Value>, path: &Path, errors: &mut Vec<Error>) {
    for_each_validation(schema, path, &mut |inner, inner_path| {
        inner_complete(inner, schema, path, inner_path, errors);
    });
}

fn for_each_validation(schema: &Map<String, Value>, path: &Path, visit: &mut dyn FnMut(&Map<String, Value>, &Path)) {
    for key in ["allOf", "anyOf", "oneOf"] {
        for (index, inner) in listed(schema, key) {
            visit(inner, &path.child(key).index(index));
        }
    }
    if let Some(not) = one(schema, "not") {
        visit(not, &path.child("not"));
    }
}

/// `outer` is what is said outside of validations, at `outer_path`.
fn inner_complete(
    inner: &Map<String, Value>,
    outer: &Map<String, Value>,
    outer_path: &Path,
    path: &Path,
    errors: &mut Vec<Error>,
) {
    let because = |path: &Path| format!("because it is defined in {path}");
    for_each_validation(inner, path, &mut |deeper, path| inner_complete(deeper, outer, outer_path, path, errors));
    if let Some(items) = one(inner, "items") {
        let (outer_path, path) = (outer_path.child("items"), path.child("items"));
        match one(outer, "items") {
            Some(outer) => inner_complete(items, outer, &outer_path, &path, errors),
            None => errors.push(outer_path.required(because(&path))),
        }
    }
    for (name, property) in schemas(inner, "properties") {
        let (outer_path, path) = (outer_path.child("properties").key(name), path.child("properties").key(name));
        match one(outer, "properties").and_then(|outer| outer.get(name)?.as_object()) {
            Some(outer) => inner_complete(property, outer, &outer_path, &path, errors),
            None => errors.push(outer_path.required(because(&path))),
        }
    }
}
