//! Looks at `openAPIV3Schema` when a definition is written: everything upstream refuses, in its words and order.
//!
//! First whether it is structural ([`structure`]) and its defaults are valid ([`defaults`]), then every level for
//! itself ([`level`]) with its rules and their costs ([`rules`]).

mod defaults;
mod level;
mod rules;
mod structure;

use kubernel_meta::field::{Error, Path, Reason};
use serde_json::{Map, Value};

use crate::DEPTH_MAX;
use crate::parse;
use crate::rules::declared;
use crate::value::is_known_format;
use rules::Total;

/// What the root of a schema may say where there is a `status` subresource, as upstream names it.
const ROOT_FIELDS: [(&str, &str); 22] = [
    ("Description", "description"),
    ("Type", "type"),
    ("Format", "format"),
    ("Title", "title"),
    ("Maximum", "maximum"),
    ("ExclusiveMaximum", "exclusiveMaximum"),
    ("Minimum", "minimum"),
    ("ExclusiveMinimum", "exclusiveMinimum"),
    ("MaxLength", "maxLength"),
    ("MinLength", "minLength"),
    ("Pattern", "pattern"),
    ("MaxItems", "maxItems"),
    ("MinItems", "minItems"),
    ("UniqueItems", "uniqueItems"),
    ("MultipleOf", "multipleOf"),
    ("Required", "required"),
    ("Items", "items"),
    ("Properties", "properties"),
    ("ExternalDocs", "externalDocs"),
    ("Example", "example"),
    ("XPreserveUnknownFields", "x-kubernetes-preserve-unknown-fields"),
    ("XValidations", "x-kubernetes-validations"),
];

/// What is wrong with a schema at `path` (`spec.validation.openAPIV3Schema`). `has_status`: there is a `status`
/// subresource.
pub fn schema(schema: &Value, path: &Path, has_status: bool) -> Vec<Error> {
    let Some(json) = schema.as_object() else { return Vec::new() };
    if is_too_deep(schema, 0) {
        let detail = format!("must not nest deeper than {DEPTH_MAX} levels");
        return vec![path.error(Reason::Invalid, "", detail).shown_as("")];
    }
    let mut errors = Vec::new();
    if has_status {
        errors.extend(root_with_status(json, path));
    }
    if flag(json, "nullable") {
        errors.push(path.child("nullable").forbidden("nullable cannot be true at the root"));
    }
    let mut total = Total::default();
    let mut root = None;
    if structure::is_convertible(schema) {
        let wrong = structure::check(json, path);
        if wrong.is_empty() {
            match parse::node(schema, 0) {
                Ok(node) => {
                    let wrong = defaults::check(&node, json, path);
                    if wrong.is_empty() {
                        root = Some(node);
                    }
                    errors.extend(wrong);
                }
                Err(error) => errors.push(path.invalid("", error.to_string())),
            }
        }
        errors.extend(wrong);
    }
    let rules = root.as_ref().map(|node| rules::Context::root(node, declared(node, true)));
    level::check(json, path, &level::Place::root(), rules, &mut total, &mut errors);
    errors.extend(total.errors(path));
    errors
}

/// The formats in a schema that are not known, in their order, each as often as it stands there.
pub fn unknown_formats(schema: &Value) -> Vec<String> {
    let mut found = Vec::new();
    collect_formats(schema, 0, &mut found);
    found
}

fn collect_formats(schema: &Value, depth: usize, found: &mut Vec<String>) {
    let Some(json) = schema.as_object().filter(|_| depth <= DEPTH_MAX) else { return };
    if let Some(format) = text(json, "format").filter(|format| !format.is_empty() && !is_known_format(format)) {
        found.push(format.to_owned());
    }
    for schema in inner_schemas(json) {
        collect_formats(schema, depth + 1, found);
    }
}

/// Whether a schema has a default anywhere.
pub fn has_default(schema: &Value) -> bool {
    defaults_somewhere(schema, 0)
}

fn defaults_somewhere(schema: &Value, depth: usize) -> bool {
    let Some(json) = schema.as_object().filter(|_| depth <= DEPTH_MAX) else { return false };
    json.get("default").is_some_and(|default| !default.is_null())
        || inner_schemas(json).any(|schema| defaults_somewhere(schema, depth + 1))
}

/// The schemas of one level below.
fn inner_schemas(json: &Map<String, Value>) -> impl Iterator<Item = &Value> {
    let properties = json.get("properties").and_then(Value::as_object).into_iter().flat_map(Map::values);
    let lists = ["allOf", "anyOf", "oneOf"].into_iter().filter_map(|key| json.get(key)?.as_array()).flatten();
    let single = ["items", "additionalProperties", "not"].into_iter().filter_map(|key| json.get(key));
    properties.chain(lists).chain(single)
}

fn root_with_status(json: &Map<String, Value>, path: &Path) -> Option<Error> {
    let kind = text(json, "type").unwrap_or_default();
    if !kind.is_empty() && kind != "object" {
        let detail =
            "only \"object\" is allowed as the type at the root of the schema if the status subresource is enabled";
        return Some(path.child("type").invalid(kind, detail));
    }
    let odd = json.iter().any(|(key, value)| {
        let zero = value.is_null() || value == false || value == "";
        !zero && !ROOT_FIELDS.iter().any(|(_, known)| known == key)
    });
    odd.then(|| {
        let names: Vec<&str> = ROOT_FIELDS.iter().map(|(name, _)| *name).collect();
        let detail = format!(
            "only [{}] fields are allowed at the root of the schema if the status subresource is enabled",
            names.join(" ")
        );
        path.invalid(Value::Object(json.clone()), detail)
    })
}

fn is_too_deep(schema: &Value, depth: usize) -> bool {
    match schema {
        _ if depth > DEPTH_MAX * 2 => true,
        Value::Object(map) => map.values().any(|value| is_too_deep(value, depth + 1)),
        Value::Array(list) => list.iter().any(|value| is_too_deep(value, depth + 1)),
        _ => false,
    }
}

fn text<'a>(json: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    json.get(key).and_then(Value::as_str)
}

fn flag(json: &Map<String, Value>, key: &str) -> bool {
    json.get(key).and_then(Value::as_bool).unwrap_or(false)
}

/// The schemas in a map of schemas (`properties`), by name.
fn schemas<'a>(
    json: &'a Map<String, Value>,
    key: &str,
) -> impl Iterator<Item = (&'a str, &'a Map<String, Value>)> + use<'a> {
    let map = json.get(key).and_then(Value::as_object);
    map.into_iter().flatten().filter_map(|(name, schema)| Some((name.as_str(), schema.as_object()?)))
}

/// The schemas in a list of schemas (`allOf`).
fn listed<'a>(
    json: &'a Map<String, Value>,
    key: &str,
) -> impl Iterator<Item = (usize, &'a Map<String, Value>)> + use<'a> {
    let list = json.get(key).and_then(Value::as_array);
    list.into_iter().flatten().enumerate().filter_map(|(index, schema)| Some((index, schema.as_object()?)))
}

/// The one schema under a key.
fn one<'a>(json: &'a Map<String, Value>, key: &str) -> Option<&'a Map<String, Value>> {
    json.get(key).and_then(Value::as_object)
}
