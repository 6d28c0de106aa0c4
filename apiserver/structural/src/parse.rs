//! From the JSON of `openAPIV3Schema` to [`Node`]s. Lenient: what a definition may not say, [`crate::check`] has refused.

use std::sync::Arc;

use kubernel_cel::declare::Topology;
use serde_json::{Map, Value};

use crate::node::{Additional, Kind, Limits, Node, Rule};
use crate::{DEPTH_MAX, Error};

/// The schema that this JSON describes; none describes nothing.
pub(crate) fn node(json: &Value, depth: usize) -> Result<Node, Error> {
    if json.is_null() && depth == 0 {
        return Ok(Node::default());
    }
    let json = json.as_object().ok_or(Error::NoObject)?;
    if depth >= DEPTH_MAX {
        return Err(Error::TooDeep);
    }
    let below = |json: &Value| node(json, depth + 1);
    let mut properties = Vec::new();
    for (name, json) in json.get("properties").and_then(Value::as_object).into_iter().flatten() {
        properties.push((Arc::from(name.as_str()), below(json)?));
    }
    properties.sort_by(|(a, _): &(Arc<str>, Node), (b, _)| a.cmp(b));
    let additional = match json.get("additionalProperties") {
        Some(Value::Bool(any)) => Some(Additional::Any(*any)),
        Some(schema @ Value::Object(_)) => Some(Additional::Schema(Box::new(below(schema)?))),
        _ => None,
    };
    let items = json.get("items").filter(|items| items.is_object()).map(below).transpose()?;
    let rules = json.get("x-kubernetes-validations").and_then(Value::as_array);
    Ok(Node {
        kind: text(json, "type").and_then(Kind::from_name),
        nullable: flag(json, "nullable"),
        default: json.get("default").filter(|value| !value.is_null()).cloned(),
        properties,
        additional,
        items: items.map(Box::new),
        preserve: flag(json, "x-kubernetes-preserve-unknown-fields"),
        embedded: flag(json, "x-kubernetes-embedded-resource"),
        int_or_string: flag(json, "x-kubernetes-int-or-string"),
        list: list(json),
        atomic: text(json, "x-kubernetes-map-type") == Some("atomic"),
        rules: rules.into_iter().flatten().filter_map(Value::as_object).map(rule).collect(),
        limits: limits(json, below)?,
    })
}

/// One of `x-kubernetes-validations`.
pub(crate) fn rule(json: &Map<String, Value>) -> Rule {
    let word = |key: &str| Arc::from(text(json, key).unwrap_or_default());
    Rule {
        rule: word("rule"),
        message: word("message"),
        message_expression: word("messageExpression"),
        reason: text(json, "reason").map(Arc::from),
        field_path: word("fieldPath"),
        optional_old_self: json.get("optionalOldSelf").and_then(Value::as_bool),
    }
}

fn limits(json: &Map<String, Value>, below: impl Fn(&Value) -> Result<Node, Error>) -> Result<Limits, Error> {
    let count = |key: &str| json.get(key).and_then(Value::as_i64);
    let number = |key: &str| json.get(key).and_then(Value::as_number).cloned();
    let nested = |key: &str| -> Result<Vec<Node>, Error> {
        json.get(key).and_then(Value::as_array).into_iter().flatten().map(&below).collect()
    };
    let pattern = text(json, "pattern").filter(|pattern| !pattern.is_empty());
    let compiled = pattern.map(kubernel_cel::pattern::compile).transpose().map_err(Error::Pattern)?;
    let required = json.get("required").and_then(Value::as_array);
    Ok(Limits {
        format: text(json, "format").filter(|format| !format.is_empty()).map(Arc::from),
        length_max: count("maxLength"),
        length_min: count("minLength"),
        pattern: pattern.map(Arc::from).zip(compiled),
        maximum: number("maximum"),
        exclusive_maximum: flag(json, "exclusiveMaximum"),
        minimum: number("minimum"),
        exclusive_minimum: flag(json, "exclusiveMinimum"),
        multiple_of: number("multipleOf"),
        items_max: count("maxItems"),
        items_min: count("minItems"),
        properties_max: count("maxProperties"),
        properties_min: count("minProperties"),
        required: required.into_iter().flatten().filter_map(Value::as_str).map(Arc::from).collect(),
        values: json.get("enum").and_then(Value::as_array).cloned().unwrap_or_default(),
        all_of: nested("allOf")?,
        any_of: nested("anyOf")?,
        one_of: nested("oneOf")?,
        not: json.get("not").filter(|not| not.is_object()).map(&below).transpose()?.map(Box::new),
    })
}

fn list(json: &Map<String, Value>) -> Option<Topology> {
    Some(match text(json, "x-kubernetes-list-type")? {
        "set" => Topology::Set,
        "map" => {
            let keys = json.get("x-kubernetes-list-map-keys").and_then(Value::as_array);
            Topology::Map(keys.into_iter().flatten().filter_map(Value::as_str).map(Arc::from).collect())
        }
        _ => Topology::Atomic,
    })
}

fn text<'a>(json: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    json.get(key).and_then(Value::as_str)
}

fn flag(json: &Map<String, Value>, key: &str) -> bool {
    json.get(key).and_then(Value::as_bool).unwrap_or(false)
}
