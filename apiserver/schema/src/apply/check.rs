//! Whether an applied configuration fits its schema: unknown fields, wrong types, duplicate list items.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::path::PathElement;
use super::types::{MapType, Scalar, Type, View};
use super::violation::Violation;
use crate::go;

/// All mistakes in the configuration, in the order in which they are met.
pub(super) fn check(ty: Type<'_>, config: &Map<String, Value>) -> Vec<Violation> {
    let mut out = Vec::new();
    if let View::Map(map) = ty.view(None) {
        check_map(map, config, &mut out);
    }
    out
}

fn check_value(ty: Type<'_>, value: &Value) -> Vec<Violation> {
    let mut out = Vec::new();
    match (ty.view(Some(value)), value) {
        (_, Value::Null) => {}
        (View::Scalar(kind), value) => out.extend(check_scalar(kind, value)),
        (View::Map(map), Value::Object(entries)) => check_map(map, entries, &mut out),
        (View::Map(_), other) => out.push(Violation::new(format!("expected map, got &{{{}}}", go::print(other)))),
        (View::List(list), Value::Array(items)) => {
            let mut seen = BTreeSet::new();
            for (at, item) in items.iter().enumerate() {
                let step = if list.atomic() {
                    PathElement::Index(i64::try_from(at).unwrap_or(i64::MAX))
                } else {
                    match list.step(item) {
                        Ok(step) => step,
                        Err(text) => {
                            out.push(Violation::element(at, &text));
                            return out;
                        }
                    }
                };
                if seen.contains(&step) {
                    out.push(Violation::new(format!("duplicate entries for key {step}")));
                }
                out.extend(check_value(list.item, item).into_iter().map(|violation| violation.under(&step)));
                seen.insert(step);
            }
        }
        (View::List(_), other) => out.push(Violation::new(format!("expected list, got &{{{}}}", go::print(other)))),
    }
    out
}

fn check_map(map: MapType<'_>, entries: &Map<String, Value>, out: &mut Vec<Violation>) {
    for (key, value) in entries {
        let entry = map.entry(key);
        match entry.ty {
            Some(ty) => out.extend(check_value(ty, value).into_iter().map(|violation| violation.under(&entry.step))),
            None => {
                out.push(Violation::new("field not declared in schema").under(&entry.step));
                return;
            }
        }
    }
}

fn check_scalar(kind: Scalar, value: &Value) -> Option<Violation> {
    let printed = || format!("&{{{}}}", go::print(value));
    let text = match (kind, value) {
        (Scalar::Number, Value::Number(_))
        | (Scalar::Text, Value::String(_))
        | (Scalar::Bool, Value::Bool(_))
        | (Scalar::Any, Value::Number(_) | Value::String(_) | Value::Bool(_)) => return None,
        (Scalar::Number, other) => format!("expected numeric (int or float), got {}", go::type_name(other)),
        (Scalar::Text, other) => {
            format!("expected string, got &value.valueUnstructured{{Value:{}}}", go::literal(other))
        }
        (Scalar::Bool, _) => format!("expected boolean, got {}", printed()),
        (Scalar::Any, _) => format!("expected any scalar, got {}", printed()),
    };
    Some(Violation::new(text))
}
