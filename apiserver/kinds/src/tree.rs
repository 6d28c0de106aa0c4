//! Reading and defaulting JSON trees in Go's terms: what is missing, null or of another type reads as the zero value.

use std::collections::HashSet;
use std::hash::Hash;

use serde_json::{Map, Value};

/// The text in a field; empty where there is none.
pub(crate) fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// The integer in a field; 0 where there is none.
pub(crate) fn int(value: &Value, key: &str) -> i64 {
    value.get(key).and_then(Value::as_i64).unwrap_or_default()
}

/// Whether a field is true.
pub(crate) fn flag(value: &Value, key: &str) -> bool {
    value.get(key).and_then(Value::as_bool).unwrap_or_default()
}

/// The list in a field; empty where there is none.
pub(crate) fn items<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The items of which an earlier one has the same key, item by item: linear, for lists of any length.
pub(crate) fn repeated<'a, K: Eq + Hash>(items: &'a [Value], key: impl Fn(&'a Value) -> K) -> Vec<bool> {
    let mut seen = HashSet::with_capacity(items.len());
    items.iter().map(|item| !seen.insert(key(item))).collect()
}

/// The field where it is set to something other than null.
pub(crate) fn set<'a>(value: &'a Value, key: &str) -> Option<&'a Value> {
    value.get(key).filter(|value| !value.is_null())
}

/// The condition of this type in a list of conditions.
pub(crate) fn condition<'a>(conditions: &'a [Value], type_: &str) -> Option<&'a Value> {
    conditions.iter().find(|condition| text(condition, "type") == type_)
}

/// Whether the condition of this type is `True`.
pub(crate) fn condition_is_true(conditions: &[Value], type_: &str) -> bool {
    condition(conditions, type_).is_some_and(|condition| text(condition, "status") == "True")
}

/// Sets a field of a map where it is missing or null (Go's nil pointer).
pub(crate) fn default_to(map: &mut Map<String, Value>, key: &str, value: impl Into<Value>) {
    match map.get_mut(key) {
        Some(Value::Null) | None => drop(map.insert(key.to_owned(), value.into())),
        Some(_) => {}
    }
}

/// Sets a text of a map where it is missing, null or empty (Go's zero string).
pub(crate) fn default_text(map: &mut Map<String, Value>, key: &str, value: &str) {
    if map.get(key).and_then(Value::as_str).unwrap_or_default().is_empty() {
        map.insert(key.to_owned(), value.into());
    }
}

/// The map in this field, where there is one.
pub(crate) fn map_in<'a>(map: &'a mut Map<String, Value>, key: &str) -> Option<&'a mut Map<String, Value>> {
    map.get_mut(key).and_then(Value::as_object_mut)
}

/// The maps in this field's list.
pub(crate) fn maps_in<'a>(
    map: &'a mut Map<String, Value>,
    key: &str,
) -> impl Iterator<Item = &'a mut Map<String, Value>> {
    map.get_mut(key).and_then(Value::as_array_mut).into_iter().flatten().filter_map(Value::as_object_mut)
}
