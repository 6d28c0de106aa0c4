//! Trees to messages, in the order and with the zero values of Go's generated code.

use kubernel_meta::time;
use serde_json::{Map, Value};

use super::wire::{put_bytes, put_double, put_varint};
use crate::decode::value_to_bytes;
use crate::shape::{Field, Presence, SchemaAlternative, Shape, StructId, Types};

/// Writes the message of a struct.
pub(super) fn message(types: &Types, id: StructId, map: &Map<String, Value>) -> Vec<u8> {
    let mut out = Vec::new();
    level(types, &types.in_proto_order(id), 0, map, &mut out);
    out
}

/// The fields at one level of a message; neighbours that share a number go into a message of their own below it.
fn level(types: &Types, fields: &[&Field], depth: usize, map: &Map<String, Value>, out: &mut Vec<u8>) {
    for group in fields.chunk_by(|a, b| a.proto.get(depth) == b.proto.get(depth)) {
        let Some(number) = group.first().and_then(|field| field.proto.get(depth)) else { continue };
        match group {
            [field] if field.proto.len() == depth + 1 => write_field(types, field, *number, map.get(&*field.name), out),
            inlined => {
                let mut inner = Vec::new();
                level(types, inlined, depth + 1, map, &mut inner);
                put_bytes(out, *number, &inner);
            }
        }
    }
}

fn write_field(types: &Types, field: &Field, number: u32, value: Option<&Value>, out: &mut Vec<u8>) {
    let by_value = matches!(field.presence, Presence::OmitZero | Presence::Always);
    match (&field.shape, value.filter(|value| !value.is_null())) {
        (Shape::List(list), Some(Value::Array(items))) => {
            items.iter().for_each(|item| put(types, &list.item, number, item, out));
        }
        (Shape::Map(shape), Some(Value::Object(entries))) => {
            for (key, value) in entries {
                let mut entry = Vec::new();
                put_bytes(&mut entry, 1, key.as_bytes());
                put(types, &shape.value, 2, value, &mut entry);
                put_bytes(out, number, &entry);
            }
        }
        (shape, Some(value)) => put(types, shape, number, value, out),
        (Shape::List(_) | Shape::Map(_) | Shape::Bytes, None) => {}
        (shape, None) if by_value => put(types, shape, number, &Value::Null, out),
        (_, None) => {}
    }
}

/// Writes one value; null is the zero value of its type.
fn put(types: &Types, shape: &Shape, number: u32, value: &Value, out: &mut Vec<u8>) {
    match shape {
        Shape::Bool => put_varint(out, number, u64::from(value.as_bool().unwrap_or(false))),
        Shape::Int32 | Shape::Int64 => put_varint(out, number, value.as_i64().unwrap_or(0) as u64),
        Shape::Double => put_double(out, number, value.as_f64().unwrap_or(0.0)),
        Shape::Text => put_bytes(out, number, value.as_str().unwrap_or_default().as_bytes()),
        Shape::Bytes => {
            put_bytes(out, number, &value_to_bytes(value.as_str().unwrap_or_default()).unwrap_or_default());
        }
        _ => put_bytes(out, number, &inner(types, shape, value)),
    }
}

/// The bytes of a value that is a message.
fn inner(types: &Types, shape: &Shape, value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    let empty = Map::new();
    match shape {
        Shape::Struct(id) => return message(types, *id, value.as_object().unwrap_or(&empty)),
        Shape::Quantity => put_bytes(&mut out, 1, value.as_str().unwrap_or("0").as_bytes()),
        Shape::IntOrString => {
            put_varint(&mut out, 1, u64::from(value.is_string()));
            put_varint(&mut out, 2, value.as_i64().unwrap_or(0) as u64);
            put_bytes(&mut out, 3, value.as_str().unwrap_or_default().as_bytes());
        }
        Shape::Time | Shape::MicroTime => {
            if let Some(time) = value.as_str().and_then(|text| time::parse(text).ok()) {
                put_varint(&mut out, 1, time.as_second() as u64);
                put_varint(&mut out, 2, i64::from(time.subsec_nanosecond()) as u64);
            }
        }
        Shape::Any => {
            if !value.is_null() {
                put_bytes(&mut out, 1, value.to_string().as_bytes());
            }
        }
        Shape::SchemaOr(alternative, id) => schema_or(types, *alternative, *id, value, &mut out),
        // A list as the value of a map is a message of its own.
        Shape::List(list) => {
            for item in value.as_array().into_iter().flatten() {
                put(types, &list.item, 1, item, &mut out);
            }
        }
        Shape::Bool | Shape::Int32 | Shape::Int64 | Shape::Double | Shape::Text | Shape::Bytes | Shape::Map(_) => {}
    }
    out
}

fn schema_or(types: &Types, alternative: SchemaAlternative, schema: StructId, value: &Value, out: &mut Vec<u8>) {
    let number = if alternative == SchemaAlternative::Bool {
        put_varint(out, 1, u64::from(value != &Value::Bool(false)));
        2
    } else {
        1
    };
    match value {
        Value::Object(map) => put_bytes(out, number, &message(types, schema, map)),
        Value::Array(items) => {
            for item in items {
                match item {
                    Value::Object(map) => put_bytes(out, 2, &message(types, schema, map)),
                    other => put_bytes(out, 2, other.as_str().unwrap_or_default().as_bytes()),
                }
            }
        }
        _ => {}
    }
}
