//! A structural schema in the IR, by which server-side apply knows what is owned, and how.

use std::sync::Arc;

use kubernel_schema::{
    Field, ListPatch, ListShape, ListTopology, MapShape, Schema, Shape, Struct, StructId, Types, Unknown, builtin,
};

use kubernel_cel::declare::Topology;

use crate::node::{Additional, Kind, Node};

const OBJECT_META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

/// The IR of the kind of this OpenAPI definition name and `apiVersion`.
pub(crate) fn schema(node: &Node, definition: &str, api_version: &str) -> Schema {
    let mut types = Types::default();
    let root = structure(&mut types, definition, node, Some(api_version));
    Schema { types: Arc::new(types), root }
}

/// A struct with the node's properties; `api_version` is that of the custom resource itself.
fn structure(types: &mut Types, name: &str, node: &Node, api_version: Option<&str>) -> StructId {
    let is_resource = api_version.is_some() || node.embedded;
    let mut fields: Vec<Field> = Vec::with_capacity(node.properties.len() + 3);
    if is_resource {
        for text in ["apiVersion", "kind"] {
            fields.push(Field { name: text.into(), shape: Shape::Text, ..Field::default() });
        }
        let meta = builtin().find(OBJECT_META).map(|id| import(types, id));
        let shape = meta.map_or(Shape::Any, Shape::Struct);
        fields.push(Field { name: "metadata".into(), shape, ..Field::default() });
    }
    for (key, property) in &node.properties {
        if is_resource && matches!(&**key, "apiVersion" | "kind" | "metadata") {
            continue;
        }
        fields.push(Field {
            name: key.clone(),
            shape: shape(types, &format!("{name}.{key}"), property),
            required: node.limits.required.contains(key),
            default: property.default.clone(),
            nullable: property.nullable,
            atomic: property.atomic,
            ..Field::default()
        });
    }
    types.insert(Struct {
        name: name.into(),
        fields,
        unknown: if node.preserve { Unknown::Keep } else { Unknown::Prune },
        atomic: node.atomic,
        api_version: api_version.map(Arc::from),
        ..Struct::default()
    })
}

fn shape(types: &mut Types, name: &str, node: &Node) -> Shape {
    if node.int_or_string {
        return Shape::IntOrString;
    }
    match node.kind {
        Some(Kind::String) => Shape::Text,
        Some(Kind::Integer) => Shape::Int64,
        Some(Kind::Number) => Shape::Double,
        Some(Kind::Boolean) => Shape::Bool,
        Some(Kind::Array) => {
            let item = node.items.as_deref().map_or(Shape::Any, |item| shape(types, &format!("{name}.items"), item));
            let topology = match &node.list {
                None | Some(Topology::Atomic) => ListTopology::Atomic,
                Some(Topology::Set) => ListTopology::Set,
                Some(Topology::Map(keys)) => ListTopology::Map(keys.to_vec()),
            };
            Shape::List(Box::new(ListShape { item, topology, patch: ListPatch::Replace }))
        }
        Some(Kind::Object) => match &node.additional {
            Some(Additional::Schema(of)) => {
                Shape::Map(Box::new(MapShape { value: shape(types, &format!("{name}.values"), of) }))
            }
            Some(Additional::Any(true)) => Shape::Map(Box::new(MapShape { value: Shape::Any })),
            _ => Shape::Struct(structure(types, name, node, None)),
        },
        None if !node.properties.is_empty() || node.embedded => Shape::Struct(structure(types, name, node, None)),
        None => Shape::Any,
    }
}

/// Takes a built-in type, and what it refers to, over into another table.
fn import(types: &mut Types, id: StructId) -> StructId {
    let item = builtin().get(id);
    if let Some(known) = types.find(&item.name) {
        return known;
    }
    types.declare(&item.name);
    let fields = item.fields.iter().map(|field| Field {
        name: field.name.clone(),
        shape: import_shape(types, &field.shape),
        required: field.required,
        default: field.default.clone(),
        nullable: field.nullable,
        atomic: field.atomic,
        granular: field.granular,
        presence: field.presence,
        go: field.go.clone(),
        ..Field::default()
    });
    let fields = fields.collect();
    types.insert(Struct { name: item.name.clone(), fields, atomic: item.atomic, ..Struct::default() })
}

fn import_shape(types: &mut Types, shape: &Shape) -> Shape {
    match shape {
        Shape::Struct(id) => Shape::Struct(import(types, *id)),
        Shape::List(list) => {
            Shape::List(Box::new(ListShape { item: import_shape(types, &list.item), ..(**list).clone() }))
        }
        Shape::Map(map) => Shape::Map(Box::new(MapShape { value: import_shape(types, &map.value) })),
        other => other.clone(),
    }
}
