//! Schemas for tests: a custom resource's from its structural schema, a built-in kind's by its name.

use kubernel_schema::{Field, ListPatch, ListShape, ListTopology, MapShape, Schema, Shape, Struct, Types, Unknown};
use serde_json::{Value, json};

/// The schema of a custom resource.
#[allow(dead_code, reason = "not every test that uses this module needs it")]
pub(crate) fn custom_schema(structural: &Value) -> Schema {
    let mut types = Types::default();
    let mut whole = structural.clone();
    for key in ["apiVersion", "kind"] {
        whole["properties"][key] = json!({"type": "string"});
    }
    whole["properties"]["metadata"] = json!({"type": "object", "properties": {
        "name": {"type": "string"}, "namespace": {"type": "string"}, "generateName": {"type": "string"},
        "uid": {"type": "string"}, "resourceVersion": {"type": "string"}, "generation": {"type": "integer"},
        "creationTimestamp": {"type": "string"}, "deletionTimestamp": {"type": "string"},
        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        "annotations": {"type": "object", "additionalProperties": {"type": "string"}},
        "finalizers": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
        "managedFields": {"type": "array", "items": {"x-kubernetes-preserve-unknown-fields": true}},
    }});
    let mut next = 0;
    let Shape::Struct(root) = shape(&mut types, &whole, &mut next) else { panic!("the root is a struct") };
    Schema { types: types.into(), root }
}

fn shape(types: &mut Types, schema: &Value, next: &mut usize) -> Shape {
    if schema["x-kubernetes-int-or-string"] == true {
        return Shape::IntOrString;
    }
    let keep = schema["x-kubernetes-preserve-unknown-fields"] == true;
    let embedded = schema["x-kubernetes-embedded-resource"] == true;
    match schema["type"].as_str() {
        Some("array") => Shape::List(Box::new(ListShape {
            item: shape(types, &schema["items"], next),
            topology: topology(schema),
            patch: ListPatch::Replace,
        })),
        Some("string") => Shape::Text,
        Some("boolean") => Shape::Bool,
        Some("integer") => Shape::Int64,
        Some("number") => Shape::Double,
        Some("object") if schema.get("additionalProperties").is_some() => {
            Shape::Map(Box::new(MapShape { value: shape(types, &schema["additionalProperties"], next) }))
        }
        Some("object") if schema.get("properties").is_some() || embedded || !keep => {
            *next += 1;
            let name = format!("test.{next}");
            let mut fields = Vec::new();
            let mut schema = schema.clone();
            if embedded {
                let text = json!({"type": "string"});
                let labels = json!({"type": "object", "additionalProperties": text});
                let metadata = json!({"type": "object", "properties": {"name": text, "labels": labels}});
                schema["properties"] = json!({"apiVersion": text, "kind": text, "metadata": metadata});
            }
            let schema = &schema;
            for (name, property) in schema["properties"].as_object().into_iter().flatten() {
                fields.push(Field {
                    name: name.as_str().into(),
                    shape: shape(types, property, next),
                    default: property.get("default").cloned(),
                    atomic: property["x-kubernetes-map-type"] == "atomic",
                    ..Field::default()
                });
            }
            let unknown = if keep { Unknown::Keep } else { Unknown::Prune };
            let atomic = schema["x-kubernetes-map-type"] == "atomic";
            Shape::Struct(types.insert(Struct { name: name.into(), fields, unknown, atomic, ..Struct::default() }))
        }
        _ => Shape::Any,
    }
}

fn topology(schema: &Value) -> ListTopology {
    match schema["x-kubernetes-list-type"].as_str() {
        Some("set") => ListTopology::Set,
        Some("map") => {
            let keys = schema["x-kubernetes-list-map-keys"].as_array().into_iter().flatten();
            ListTopology::Map(keys.filter_map(Value::as_str).map(Into::into).collect())
        }
        _ => ListTopology::Atomic,
    }
}

/// The schema of a built-in kind.
#[allow(dead_code, reason = "not every test that uses this module needs it")]
pub(crate) fn builtin_schema(api_version: &str, kind: &str) -> Option<Schema> {
    let types = kubernel_schema::builtin();
    Some(Schema { types: types.clone(), root: types.find_kind(api_version, kind)? })
}
