//! Every level of a schema for itself (ValidateCustomResourceDefinitionOpenAPISchema).

use kubernel_meta::field::{Error, Path};
use serde_json::{Map, Value};

use super::rules::{Context, Total};
use super::{flag, listed, one, rules, schemas, text};
use crate::prune::OBJECT_FIELDS;

const TYPES: [&str; 6] = ["array", "boolean", "integer", "number", "object", "string"];
const LIST_TYPES: [&str; 3] = ["atomic", "set", "map"];
const MAP_TYPES: [&str; 2] = ["atomic", "granular"];

/// Where a level stands.
#[derive(Clone, Default)]
pub(super) struct Place {
    is_root: bool,
    in_metadata: bool,
    /// Why there must be no defaults.
    no_defaults: Option<&'static str>,
    /// From where on old values cannot be found.
    uncorrelated: Option<Path>,
}

impl Place {
    pub(super) fn root() -> Self {
        Self { is_root: true, ..Self::default() }
    }

    fn below(&self) -> Self {
        Self { is_root: false, ..self.clone() }
    }

    fn uncorrelated_from(mut self, path: &Path) -> Self {
        self.uncorrelated.get_or_insert_with(|| path.clone());
        self
    }
}

/// What is wrong with a level and all below.
pub(super) fn check(
    schema: &Map<String, Value>,
    path: &Path,
    place: &Place,
    context: Option<Context<'_>>,
    total: &mut Total,
    errors: &mut Vec<Error>,
) {
    words(schema, path, place, errors);
    if flag(schema, "uniqueItems") {
        let detail = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic";
        errors.push(path.child("uniqueItems").forbidden(detail));
    }
    let embedded = flag(schema, "x-kubernetes-embedded-resource");
    let additional = schema.get("additionalProperties").filter(|value| !value.is_null());
    if let Some(additional) = additional {
        let path = path.child("additionalProperties");
        if one(schema, "properties").is_some_and(|properties| !properties.is_empty()) && additional != true {
            errors.push(path.forbidden("additionalProperties and properties are mutual exclusive"));
        }
        if let Some(additional) = additional.as_object() {
            let mut place = place.below();
            if place.in_metadata {
                place.no_defaults = Some("inside additionalProperties applying to object metadata");
            }
            let context = context.as_ref().and_then(Context::additional);
            check(additional, &path, &place, context, total, errors);
        }
    }
    for (name, property) in schemas(schema, "properties") {
        let mut below = place.below();
        if text(schema, "x-kubernetes-map-type") == Some("atomic") {
            below = below.uncorrelated_from(path);
        }
        if (place.is_root || embedded) && OBJECT_FIELDS.contains(&name) {
            below.in_metadata = true;
            if place.is_root {
                below.no_defaults = Some("in top-level metadata");
            }
        }
        let context = context.as_ref().and_then(|context| context.property(name));
        check(property, &path.child("properties").key(name), &below, context, total, errors);
    }
    let below = place.below();
    for (name, inner) in schemas(schema, "patternProperties") {
        check(inner, &path.child("patternProperties").key(name), &below, None, total, errors);
    }
    if let Some(inner) = one(schema, "additionalItems") {
        check(inner, &path.child("additionalItems"), &below, None, total, errors);
    }
    if let Some(inner) = one(schema, "not") {
        check(inner, &path.child("not"), &below, None, total, errors);
    }
    for key in ["allOf", "oneOf", "anyOf"] {
        for (index, inner) in listed(schema, key) {
            check(inner, &path.child(key).index(index), &below, None, total, errors);
        }
    }
    for (name, inner) in schemas(schema, "definitions") {
        check(inner, &path.child("definitions").key(name), &below, None, total, errors);
    }
    let is_map = text(schema, "x-kubernetes-list-type") == Some("map");
    if let Some(items) = one(schema, "items") {
        let below = if is_map { below.clone() } else { below.clone().uncorrelated_from(path) };
        let context = context.as_ref().and_then(Context::items);
        check(items, &path.child("items"), &below, context, total, errors);
    }
    for (index, inner) in listed(schema, "items") {
        check(inner, &path.child("items").index(index), &below, None, total, errors);
    }
    for (name, inner) in schemas(schema, "dependencies") {
        check(inner, &path.child("dependencies").key(name), &below, None, total, errors);
    }
    extensions(schema, path, errors);
    rules::check(schema, path, context.as_ref(), place.uncorrelated.as_ref(), total, errors);
}

/// The keywords that definitions may not use.
fn words(schema: &Map<String, Value>, path: &Path, place: &Place, errors: &mut Vec<Error>) {
    let kind = text(schema, "type").unwrap_or_default();
    if !kind.is_empty() && !TYPES.contains(&kind) {
        errors.push(path.child("type").not_supported(kind, &TYPES));
    }
    if let (Some(reason), true) = (place.no_defaults, schema.get("default").is_some_and(|default| !default.is_null())) {
        errors.push(path.child("default").forbidden(format!("must not be set {reason}")));
    }
    let set = |key: &str| match schema.get(key) {
        None | Some(Value::Null) => false,
        Some(Value::String(text)) => !text.is_empty() || key == "$ref",
        Some(Value::Object(map)) => !map.is_empty() || matches!(key, "additionalItems" | "dependencies"),
        Some(_) => true,
    };
    for key in ["id", "additionalItems", "patternProperties", "definitions", "dependencies", "$ref"] {
        if set(key) {
            errors.push(path.child(key).forbidden(format!("{key} is not supported")));
        }
    }
    if kind == "null" {
        let detail = "type cannot be set to null, use nullable as an alternative";
        errors.push(path.child("type").forbidden(detail));
    }
    if schema.get("items").and_then(Value::as_array).is_some_and(|items| !items.is_empty()) {
        errors.push(path.child("items").forbidden("items must be a schema object and not an array"));
    }
    if place.in_metadata && flag(schema, "x-kubernetes-embedded-resource") {
        let detail = "must not be used inside of resource meta";
        errors.push(path.child("x-kubernetes-embedded-resource").forbidden(detail));
    }
}

/// `x-kubernetes-preserve-unknown-fields`, `-map-type` and `-list-type`.
fn extensions(schema: &Map<String, Value>, path: &Path, errors: &mut Vec<Error>) {
    let at = |key: &str| path.child(key);
    if schema.get("x-kubernetes-preserve-unknown-fields") == Some(&Value::Bool(false)) {
        errors.push(at("x-kubernetes-preserve-unknown-fields").invalid(false, "must be true or undefined"));
    }
    let kind = text(schema, "type").unwrap_or_default();
    let must_be = |wanted: &str, key: &str| {
        let detail = format!("must be {wanted} if {key} is specified");
        if kind.is_empty() { at("type").required(detail) } else { at("type").invalid(kind, detail) }
    };
    if let Some(map_type) = text(schema, "x-kubernetes-map-type") {
        if kind != "object" {
            errors.push(must_be("object", "x-kubernetes-map-type"));
        }
        if !MAP_TYPES.contains(&map_type) {
            errors.push(at("x-kubernetes-map-type").not_supported(map_type, &MAP_TYPES));
        }
    }
    let list_type = text(schema, "x-kubernetes-list-type");
    if let Some(list_type) = list_type {
        if kind != "array" {
            errors.push(must_be("array", "x-kubernetes-list-type"));
        } else if !LIST_TYPES.contains(&list_type) {
            errors.push(at("x-kubernetes-list-type").not_supported(list_type, &LIST_TYPES));
        }
    }
    let keys = schema.get("x-kubernetes-list-map-keys").and_then(Value::as_array).filter(|keys| !keys.is_empty());
    if keys.is_some() && list_type != Some("map") {
        let (at, detail) = (at("x-kubernetes-list-type"), "must be map if x-kubernetes-list-map-keys is non-empty");
        errors.push(list_type.map_or_else(|| at.required(detail), |other| at.invalid(other, detail)));
    }
    match list_type {
        Some("map") => list_map(schema, keys, path, errors),
        Some("set") => list_set(schema, path, errors),
        _ => {}
    }
}

fn list_set(schema: &Map<String, Value>, path: &Path, errors: &mut Vec<Error>) {
    let Some(items) = one(schema, "items") else { return };
    let path = path.child("items");
    for (kind, key) in [("object", "x-kubernetes-map-type"), ("array", "x-kubernetes-list-type")] {
        if text(items, "type") == Some(kind) && text(items, key) != Some("atomic") {
            let value = items.get(key).cloned().unwrap_or(Value::Null);
            let detail = "must be atomic as item of a list with x-kubernetes-list-type=set";
            errors.push(path.child(key).invalid(value, detail));
        }
    }
    if flag(items, "nullable") {
        errors.push(path.child("nullable").forbidden("cannot be nullable when x-kubernetes-list-type is set"));
    }
}

fn list_map(schema: &Map<String, Value>, keys: Option<&Vec<Value>>, path: &Path, errors: &mut Vec<Error>) {
    let at_keys = path.child("x-kubernetes-list-map-keys");
    if keys.is_none() {
        errors.push(at_keys.required("must not be empty if x-kubernetes-list-type is map"));
    }
    let at_items = path.child("items");
    let Some(items) = one(schema, "items") else {
        if schema.get("items").is_none_or(Value::is_null) {
            errors.push(at_items.required("must have a schema if x-kubernetes-list-type is map"));
        }
        return;
    };
    let keys: Vec<&str> = keys.into_iter().flatten().filter_map(Value::as_str).collect();
    let kind = text(items, "type").unwrap_or_default();
    if kind != "object" {
        let detail = "must be object if parent array's x-kubernetes-list-type is map";
        errors.push(at_items.child("type").invalid(kind, detail));
    } else {
        let property = |key: &str| one(items, "properties").and_then(|properties| properties.get(key)?.as_object());
        let mut seen: Vec<&str> = Vec::new();
        for key in &keys {
            match property(key) {
                Some(property) if matches!(text(property, "type"), Some("array" | "object")) => {
                    let detail = "must be a scalar type if parent array's x-kubernetes-list-type is map";
                    errors.push(at_items.child("properties").key(key).child("type").invalid(kind, detail));
                }
                Some(_) => {}
                None => {
                    let detail = "entries must all be names of item properties";
                    errors.push(at_keys.invalid(keys.clone(), detail));
                }
            }
            if seen.contains(key) {
                errors.push(at_keys.invalid(keys.clone(), "must not contain duplicate entries"));
            }
            seen.push(key);
        }
    }
    if flag(items, "nullable") {
        errors.push(at_items.child("nullable").forbidden("cannot be nullable when x-kubernetes-list-type is map"));
    }
    let required = items.get("required").and_then(Value::as_array);
    for key in keys {
        let Some(property) = one(items, "properties").and_then(|properties| properties.get(key)?.as_object()) else {
            continue;
        };
        let path = at_items.child("properties").key(key);
        let is_required = required.is_some_and(|required| required.iter().any(|name| name == key));
        if !is_required && property.get("default").is_none_or(Value::is_null) {
            errors.push(path.child("default").required(
                "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property",
            ));
        }
        if flag(property, "nullable") {
            let detail = "this property is in x-kubernetes-list-map-keys, so it cannot be nullable";
            errors.push(path.child("nullable").forbidden(detail));
        }
    }
}
