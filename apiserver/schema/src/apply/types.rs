//! Server-side apply's view of the schema: every type is a scalar, a map or a list, and some are owned as a whole.
//!
//! Built-in types hold free content (`RawExtension`) as a whole; custom resources and the schemas in their definitions
//! own it field by field, each list in it as a whole (upstream's "deduced" type). This module only looks types up; the
//! walks are in its neighbours.

use std::sync::Arc;

use serde_json::Value;

use super::path::PathElement;
use crate::shape::{ListTopology, Schema, Shape, Struct, Types, Unknown};

/// The type at one place of an object.
#[derive(Clone, Copy)]
pub(super) struct Type<'a> {
    types: &'a Types,
    kind: Kind<'a>,
    atomic: bool,
    builtin: bool,
}

#[derive(Clone, Copy)]
enum Kind<'a> {
    Shape(&'a Shape),
    Struct(&'a Struct),
    Free,
}

/// A type, once it is known which kind of value it holds.
pub(super) enum View<'a> {
    Scalar(Scalar),
    Map(MapType<'a>),
    List(ListType<'a>),
}

/// What a scalar must be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Scalar {
    Bool,
    Number,
    Text,
    Any,
}

/// A struct or a map.
#[derive(Clone, Copy)]
pub(super) struct MapType<'a> {
    outer: Type<'a>,
    fields: Option<&'a Struct>,
    entry: Option<Type<'a>>,
    pub(super) atomic: bool,
}

/// A list.
#[derive(Clone, Copy)]
pub(super) struct ListType<'a> {
    pub(super) item: Type<'a>,
    topology: &'a ListTopology,
}

/// One entry of a map: its step, its type (`None` where the schema does not know it), and whether it is a named field.
pub(super) struct Entry<'a> {
    pub(super) step: PathElement,
    pub(super) ty: Option<Type<'a>>,
    pub(super) declared: bool,
}

const BUILTIN_PREFIX: &str = "io.k8s.";
const JSON_SCHEMA_KIND: &str = "JSONSchemaProps";

impl<'a> Type<'a> {
    /// The type of a whole object.
    pub(super) fn root(schema: &'a Schema) -> Self {
        let root = schema.root();
        let builtin = root.name.starts_with(BUILTIN_PREFIX);
        Self { types: &schema.types, kind: Kind::Struct(root), atomic: false, builtin }
    }

    /// The type is one of the server's own, whose values have Go's zero forms.
    pub(super) fn builtin(&self) -> bool {
        self.builtin
    }

    /// The kind of value this type holds; free content takes the kind of `value`.
    pub(super) fn view(self, value: Option<&Value>) -> View<'a> {
        let shape = match self.kind {
            Kind::Struct(fields) => return self.struct_view(fields),
            Kind::Free | Kind::Shape(Shape::Any) => return self.free_view(value),
            Kind::Shape(shape) => shape,
        };
        match shape {
            Shape::SchemaOr(..) => self.deduced().free_view(value),
            Shape::Bool => View::Scalar(Scalar::Bool),
            Shape::Int32 | Shape::Int64 | Shape::Double => View::Scalar(Scalar::Number),
            Shape::Text | Shape::Bytes => View::Scalar(Scalar::Text),
            Shape::Struct(id) => self.struct_view(self.types.get(*id)),
            Shape::Map(map) => {
                View::Map(MapType { outer: self, fields: None, entry: Some(self.of(&map.value)), atomic: self.atomic })
            }
            Shape::List(list) => View::List(ListType {
                item: self.of(&list.item),
                topology: if self.atomic { &ListTopology::Atomic } else { &list.topology },
            }),
            _ => View::Scalar(Scalar::Any),
        }
    }

    fn struct_view(self, fields: &'a Struct) -> View<'a> {
        let entry = (fields.unknown == Unknown::Keep).then(|| self.free());
        View::Map(MapType { outer: self, fields: Some(fields), entry, atomic: self.atomic || fields.atomic })
    }

    fn free_view(self, value: Option<&Value>) -> View<'a> {
        match value {
            Some(Value::Array(_)) => View::List(ListType { item: self.free(), topology: &ListTopology::Atomic }),
            None | Some(Value::Null | Value::Object(_)) => View::Map(MapType {
                outer: self,
                fields: None,
                entry: Some(self.free()),
                atomic: self.builtin || self.atomic,
            }),
            Some(_) => View::Scalar(Scalar::Any),
        }
    }

    fn of(self, shape: &'a Shape) -> Self {
        Self { kind: Kind::Shape(shape), atomic: false, ..self }
    }

    fn free(self) -> Self {
        Self { kind: Kind::Free, atomic: false, ..self }
    }

    fn deduced(self) -> Self {
        Self { kind: Kind::Free, builtin: false, ..self }
    }
}

impl<'a> MapType<'a> {
    /// What the entry of this key is.
    pub(super) fn entry(&self, key: &str) -> Entry<'a> {
        let field = self.fields.and_then(|fields| Some((fields, fields.field(key)?)));
        match field {
            Some((fields, field)) => {
                let ty = Type { kind: Kind::Shape(&field.shape), atomic: field.atomic, ..self.outer };
                // `apiextensions.JSON`: values that a schema gives as defaults or examples.
                let json = matches!(field.shape, Shape::Any) && fields.kind() == JSON_SCHEMA_KIND;
                Entry {
                    step: PathElement::Field(field.name.clone()),
                    ty: Some(if json { ty.deduced() } else { ty }),
                    declared: true,
                }
            }
            None => Entry { step: PathElement::field(key), ty: self.entry, declared: false },
        }
    }
}

impl ListType<'_> {
    /// The list is owned as a whole.
    pub(super) fn atomic(&self) -> bool {
        matches!(self.topology, ListTopology::Atomic)
    }

    /// The step to an item of a set or map list.
    pub(super) fn step(&self, item: &Value) -> Result<PathElement, String> {
        match self.topology {
            ListTopology::Atomic => Err("invalid indexing of non-associative list".to_owned()),
            ListTopology::Set => set_step(item),
            ListTopology::Map(keys) => self.key_step(keys, item),
        }
    }

    fn key_step(&self, keys: &[Arc<str>], item: &Value) -> Result<PathElement, String> {
        let map = match item {
            Value::Object(map) => map,
            Value::Null => return Err("associative list with keys may not have a null element".to_owned()),
            _ => return Err("associative list with keys may not have non-map elements".to_owned()),
        };
        // An item may lack a key; then that is what tells it from the others. It may not lack all of them.
        let value = |key: &Arc<str>| map.get(&**key).or_else(|| self.key_default(key)).cloned();
        let mut out: Vec<_> = keys.iter().filter_map(|key| Some((key.clone(), value(key)?))).collect();
        if out.is_empty() {
            let keys = keys.iter().map(|key| format!("{key:?}")).collect::<Vec<_>>().join(" ");
            return Err(format!(
                "associative list with keys has an element that omits all key fields [{keys}] (and doesn't have default values for any key fields)"
            ));
        }
        out.sort_by(|(left, _), (right, _)| left.cmp(right));
        Ok(PathElement::Key(out))
    }

    fn key_default(&self, key: &str) -> Option<&Value> {
        let View::Map(map) = self.item.view(None) else { return None };
        map.fields?.field(key)?.default.as_ref()
    }
}

fn set_step(item: &Value) -> Result<PathElement, String> {
    match item {
        Value::Object(_) => Err("associative list without keys has an element that's a map type".to_owned()),
        Value::Array(_) => Err("not supported: associative list with lists as elements".to_owned()),
        Value::Null => Err("associative list without keys has an element that's an explicit null".to_owned()),
        scalar => Ok(PathElement::Value(scalar.clone())),
    }
}
