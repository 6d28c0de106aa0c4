//! The defaults that the schema itself carries (`default` in OpenAPI). Most of upstream's defaults are code and belong
//! to their kind; those of custom resources are all here.

use kubernel_meta::Object;
use serde_json::{Map, Value};

use crate::Schema;
use crate::decode::is_zero;
use crate::shape::{Presence, Shape, Struct, Types};

/// Sets every default whose field is missing, from the outside in. Idempotent.
pub fn apply(schema: &Schema, object: &mut Object) {
    apply_struct(&schema.types, schema.root(), object.map_mut());
}

fn apply_struct(types: &Types, item: &Struct, map: &mut Map<String, Value>) {
    for field in &item.fields {
        if let Some(default) = &field.default {
            let missing = map.get(&*field.name).is_none_or(|value| value.is_null() && !field.nullable);
            // Some zero values are said only for the keys of lists; Go leaves them out again.
            let shown = field.presence != Presence::OmitZero || !is_zero(default);
            if missing && shown {
                map.insert(field.name.to_string(), default.clone());
            }
        }
        match (map.get_mut(&*field.name), &field.shape) {
            (Some(value), shape) => apply_value(types, shape, value),
            // A struct held by value is there, empty, for Go; so are its defaults.
            (None, Shape::Struct(id)) if field.presence == Presence::Always => {
                let mut inner = Map::new();
                apply_struct(types, types.get(*id), &mut inner);
                if !inner.is_empty() {
                    map.insert(field.name.to_string(), Value::Object(inner));
                }
            }
            (None, _) => {}
        }
    }
}

fn apply_value(types: &Types, shape: &Shape, value: &mut Value) {
    match (shape, value) {
        (Shape::Struct(id), Value::Object(map)) => apply_struct(types, types.get(*id), map),
        (Shape::List(list), Value::Array(items)) => {
            items.iter_mut().for_each(|item| apply_value(types, &list.item, item));
        }
        (Shape::Map(map), Value::Object(entries)) => {
            entries.values_mut().for_each(|value| apply_value(types, &map.value, value));
        }
        _ => {}
    }
}
