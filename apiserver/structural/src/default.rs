//! Defaults, on writes and on reads: fills in what a schema says, then drops nulls that are no values.

use serde_json::{Map, Value};

use crate::node::Node;

/// Fills in the defaults of a map and of all below.
pub(crate) fn map(map: &mut Map<String, Value>, node: &Node) {
    for (name, property) in &node.properties {
        let Some(default) = &property.default else { continue };
        match map.get_mut(&**name) {
            Some(Value::Null) if property.nullable => {}
            Some(found) if !found.is_null() => {}
            Some(null) => *null = default.clone(),
            None => {
                map.insert((**name).to_owned(), default.clone());
            }
        }
    }
    map.retain(|key, value| {
        let Some(child) = node.child(key) else { return true };
        settle(value, child);
        !value.is_null() || child.nullable
    });
}

fn value(value: &mut Value, node: &Node) {
    match value {
        Value::Object(found) => map(found, node),
        Value::Array(list) => {
            if let Some(items) = &node.items {
                list.iter_mut().for_each(|item| settle(item, items));
            }
        }
        _ => {}
    }
}

/// A null where none is allowed gives way to the default.
fn settle(found: &mut Value, node: &Node) {
    if let (true, false, Some(default)) = (found.is_null(), node.nullable, &node.default) {
        *found = default.clone();
    }
    value(found, node);
}
