//! Filling in defaults, and dropping nulls that stand for nothing, as upstream's structural defaulting does.

use kubernel_meta::Object;
use serde_json::{Map, Value};

use crate::schema::{Additional, Node, Structural};

impl Structural {
    /// Sets the defaults of missing fields, and of nulls where null is no value. Idempotent.
    pub fn default(&self, object: &mut Object) {
        map(object.map_mut(), &self.root);
    }
}

fn map(values: &mut Map<String, Value>, node: &Node) {
    for (name, property) in &node.properties {
        if let Some(default) = &property.default
            && values.get(name).is_none_or(|value| is_nothing(value, property))
        {
            values.insert(name.clone(), default.clone());
        }
    }
    values.retain(|name, value| match (node.properties.get(name), &node.additional) {
        (Some(below), _) => !is_nothing(value, below),
        (None, Additional::Of(below)) => {
            if is_nothing(value, below)
                && let Some(default) = &below.default
            {
                *value = default.clone();
            }
            !is_nothing(value, below)
        }
        _ => true,
    });
    for (name, value) in values.iter_mut() {
        match (node.properties.get(name), &node.additional) {
            (Some(below), _) => walk(value, below),
            (None, Additional::Of(below)) => walk(value, below),
            _ => {}
        }
    }
}

fn walk(value: &mut Value, node: &Node) {
    match value {
        Value::Object(values) => map(values, node),
        Value::Array(items) => {
            let Some(item) = &node.items else { return };
            for value in items {
                if is_nothing(value, item)
                    && let Some(default) = &item.default
                {
                    *value = default.clone();
                }
                walk(value, item);
            }
        }
        _ => {}
    }
}

/// A null where null is no value.
fn is_nothing(value: &Value, node: &Node) -> bool {
    value.is_null() && !node.nullable
}
