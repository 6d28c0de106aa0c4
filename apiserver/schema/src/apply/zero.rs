//! The empty object that a create is compared with: what Go's zero value of the type looks like as JSON.
//!
//! Fields that the zero value already shows (`spec: {}`, `containers: null`) are not owned by whoever creates the
//! object, only what is in them. Custom resources have no such form: theirs is an empty map.

use serde_json::{Map, Value, json};

use super::types::Type;
use crate::shape::{Field, Schema, Shape, Struct, Types};

/// Structs that Go holds by value although OpenAPI does not list them as required: always present in JSON.
const BY_VALUE: &[&str] = &["metadata", "spec", "status", "strategy", "updateStrategy", "source"];

/// The zero object of the schema's type.
pub(super) fn zero_object(schema: &Schema) -> Map<String, Value> {
    if Type::root(schema).builtin() { zero_struct(&schema.types, schema.root()) } else { Map::new() }
}

fn zero_struct(types: &Types, item: &Struct) -> Map<String, Value> {
    let shown = |field: &&Field| field.required || is_by_value(field);
    item.fields.iter().filter(shown).map(|field| (field.name.to_string(), zero_value(types, &field.shape))).collect()
}

fn is_by_value(field: &Field) -> bool {
    matches!(field.shape, Shape::Struct(_)) && BY_VALUE.contains(&&*field.name)
}

fn zero_value(types: &Types, shape: &Shape) -> Value {
    match shape {
        Shape::Bool => json!(false),
        Shape::Int32 | Shape::Int64 | Shape::Double | Shape::IntOrString => json!(0),
        Shape::Text => json!(""),
        Shape::Quantity => json!("0"),
        Shape::Struct(id) => Value::Object(zero_struct(types, types.get(*id))),
        Shape::Bytes | Shape::Time | Shape::MicroTime | Shape::Any => Value::Null,
        Shape::SchemaOr(..) | Shape::Map(_) | Shape::List(_) => Value::Null,
    }
}
