//! What Go writes although nobody set it: structs held by value, and fields without `omitempty`.
//!
//! `status: {}`, `resources: {}`, `containers: null`, `template.metadata.creationTimestamp: null` are on upstream's
//! wire, in its managed fields and in what clients compare; see [`Presence`](crate::Presence).

use kubernel_meta::Object;
use serde_json::{Map, Value};

use crate::Schema;
use crate::shape::{Presence, Shape, StructId, Types};

/// Adds the zero values that upstream writes. Idempotent; comes after all defaults.
pub fn fill(schema: &Schema, object: &mut Object) {
    fill_struct(&schema.types, schema.root, object.map_mut());
}

/// Makes of empty lists and maps that upstream always writes what its storage makes of them: `null` (protobuf cannot
/// tell them from none). Idempotent; comes after the owners of fields were tracked, who own the empty list.
pub fn settle(schema: &Schema, object: &mut Object) {
    settle_struct(&schema.types, schema.root, object.map_mut());
}

fn settle_struct(types: &Types, id: StructId, map: &mut Map<String, Value>) {
    for field in types.zeroed(id) {
        if let Some(value) = map.get_mut(&*field.name) {
            if field.presence == Presence::Always && is_empty_collection(&field.shape, value) {
                *value = Value::Null;
            }
            settle_value(types, &field.shape, value);
        }
    }
}

fn settle_value(types: &Types, shape: &Shape, value: &mut Value) {
    match (shape, value) {
        (Shape::Struct(id), Value::Object(map)) => settle_struct(types, *id, map),
        (Shape::List(list), Value::Array(items)) if is_composite(&list.item) => {
            items.iter_mut().for_each(|item| settle_value(types, &list.item, item));
        }
        (Shape::Map(map), Value::Object(entries)) if is_composite(&map.value) => {
            entries.values_mut().for_each(|value| settle_value(types, &map.value, value));
        }
        _ => {}
    }
}

fn is_empty_collection(shape: &Shape, value: &Value) -> bool {
    match (shape, value) {
        (Shape::List(_), Value::Array(items)) => items.is_empty(),
        (Shape::Map(_), Value::Object(entries)) => entries.is_empty(),
        _ => false,
    }
}

fn fill_struct(types: &Types, id: StructId, map: &mut Map<String, Value>) {
    for field in types.zeroed(id) {
        match map.get_mut(&*field.name) {
            Some(value) => fill_value(types, &field.shape, value),
            None => {
                let value = match field.presence {
                    Presence::Pointer | Presence::OmitZero => continue,
                    Presence::NullPointer => Value::Null,
                    Presence::Always => zero(types, &field.shape),
                };
                map.insert(field.name.to_string(), value);
            }
        }
    }
}

fn fill_value(types: &Types, shape: &Shape, value: &mut Value) {
    match (shape, value) {
        (Shape::Struct(id), Value::Object(map)) => fill_struct(types, *id, map),
        (Shape::List(list), Value::Array(items)) if is_composite(&list.item) => {
            items.iter_mut().for_each(|item| fill_value(types, &list.item, item));
        }
        (Shape::Map(map), Value::Object(entries)) if is_composite(&map.value) => {
            entries.values_mut().for_each(|value| fill_value(types, &map.value, value));
        }
        _ => {}
    }
}

fn is_composite(shape: &Shape) -> bool {
    matches!(shape, Shape::Struct(_) | Shape::List(_) | Shape::Map(_))
}

/// Go's zero value of a type, as JSON shows it.
fn zero(types: &Types, shape: &Shape) -> Value {
    match shape {
        Shape::Bool => Value::Bool(false),
        Shape::Int32 | Shape::Int64 | Shape::Double | Shape::IntOrString => Value::from(0),
        Shape::Text => Value::from(""),
        Shape::Quantity => Value::from("0"),
        Shape::Struct(id) => {
            let mut map = Map::new();
            fill_struct(types, *id, &mut map);
            Value::Object(map)
        }
        Shape::Bytes | Shape::Time | Shape::MicroTime | Shape::Any => Value::Null,
        Shape::List(_) | Shape::Map(_) | Shape::SchemaOr(..) => Value::Null,
    }
}
