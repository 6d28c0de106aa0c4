//! Whether a patched tree fits the Go type, with the texts of apimachinery's converter from unstructured content.

use serde_json::{Map, Value};

use crate::go;
use crate::shape::{Schema, Shape, Struct, Types};

/// The first value of a wrong type, as upstream says it.
pub(super) fn check(schema: &Schema, object: &Map<String, Value>) -> Result<(), String> {
    check_struct(&schema.types, schema.root(), object)
}

fn check_struct(types: &Types, fields: &Struct, map: &Map<String, Value>) -> Result<(), String> {
    fields
        .fields
        .iter()
        .filter_map(|field| map.get(&*field.name).map(|value| (field, value)))
        .try_for_each(|(field, value)| check_value(types, &field.shape, value))
}

fn check_value(types: &Types, shape: &Shape, value: &Value) -> Result<(), String> {
    if value.is_null() {
        return Ok(());
    }
    match (shape, value) {
        (Shape::Struct(id), Value::Object(map)) => check_struct(types, types.get(*id), map),
        (Shape::Map(shape), Value::Object(map)) => {
            map.values().try_for_each(|value| check_value(types, &shape.value, value))
        }
        (Shape::List(shape), Value::Array(list)) => {
            list.iter().try_for_each(|value| check_value(types, &shape.item, value))
        }
        (Shape::Struct(_), other) => Err(format!("cannot restore struct from: {}", go::kind(other))),
        (Shape::Map(_), other) => Err(format!("cannot restore map from {}", go::kind(other))),
        (Shape::List(_), other) => Err(format!("cannot restore slice from {}", go::kind(other))),
        (Shape::Bool, other) => scalar("bool", other, other.is_boolean()),
        (Shape::Int32, other) => scalar("int32", other, other.is_i64()),
        (Shape::Int64, other) => scalar("int64", other, other.is_i64()),
        (Shape::Double, other) => scalar("float64", other, other.is_number()),
        (Shape::Text, other) => scalar("string", other, other.is_string()),
        _ => Ok(()),
    }
}

fn scalar(want: &str, value: &Value, fits: bool) -> Result<(), String> {
    match value {
        _ if fits => Ok(()),
        Value::Number(_) if want != "bool" => Err(format!("cannot convert {} to {want}", go::type_name(value))),
        _ => Err(format!("unrecognized type: {want}")),
    }
}
