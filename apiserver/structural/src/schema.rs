//! The schema as a tree, read once from JSON.

use std::collections::BTreeMap;

use serde_json::Value;

/// How deep schemas may nest.
const DEPTH_MAX: usize = 64;

/// The schema of one version of a custom resource.
#[derive(Clone, Debug)]
pub struct Structural {
    pub(crate) root: Node,
    /// The schema as it was written.
    pub(crate) source: Value,
}

/// One place of a schema.
#[derive(Clone, Debug, Default)]
pub struct Node {
    /// `type`.
    pub type_: Option<Type>,
    /// `properties`.
    pub properties: BTreeMap<String, Node>,
    /// `additionalProperties`.
    pub additional: Additional,
    /// `items`.
    pub items: Option<Box<Node>>,
    /// `default`.
    pub default: Option<Value>,
    /// `nullable`.
    pub nullable: bool,
    /// `required`.
    pub required: Vec<String>,
    /// `x-kubernetes-preserve-unknown-fields`.
    pub preserve: bool,
    /// `x-kubernetes-embedded-resource`.
    pub embedded: bool,
    /// `x-kubernetes-int-or-string`.
    pub int_or_string: bool,
    /// `x-kubernetes-list-type`.
    pub list_type: ListType,
    /// `x-kubernetes-map-type: atomic`.
    pub atomic_map: bool,
}

/// `type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the types of JSON schemas")]
pub enum Type {
    Object,
    Array,
    String,
    Integer,
    Number,
    Boolean,
}

/// `additionalProperties`.
#[derive(Clone, Debug, Default)]
pub enum Additional {
    /// There are none.
    #[default]
    None,
    /// Anything, of which nothing is known.
    Any,
    /// Values of this schema.
    Of(Box<Node>),
}

/// `x-kubernetes-list-type`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ListType {
    /// Owned as a whole.
    #[default]
    Atomic,
    /// Each scalar is owned on its own.
    Set,
    /// Each item is found by the values of these keys.
    Map(Vec<String>),
}

/// Why a schema could not be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Schemas are nested too deeply.
    #[error("a schema is nested too deeply")]
    Depth,
}

impl Structural {
    /// Reads `openAPIV3Schema`.
    pub fn parse(schema: &Value) -> Result<Self, Error> {
        Ok(Self { root: Node::read(schema, 0)?, source: schema.clone() })
    }

    /// The schema of the whole object.
    pub fn root(&self) -> &Node {
        &self.root
    }
}

impl Node {
    fn read(schema: &Value, depth: usize) -> Result<Self, Error> {
        if depth > DEPTH_MAX {
            return Err(Error::Depth);
        }
        let text = |name: &str| schema.get(name).and_then(Value::as_str).unwrap_or_default();
        let flag = |name: &str| schema.get(name).and_then(Value::as_bool).unwrap_or_default();
        let texts = |name: &str| -> Vec<String> {
            let items = schema.get(name).and_then(Value::as_array).into_iter().flatten();
            items.filter_map(|item| item.as_str().map(str::to_owned)).collect()
        };
        let mut properties = BTreeMap::new();
        for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            properties.insert(name.clone(), Self::read(property, depth + 1)?);
        }
        let additional = match schema.get("additionalProperties") {
            Some(Value::Bool(true)) => Additional::Any,
            Some(of @ Value::Object(_)) => Additional::Of(Box::new(Self::read(of, depth + 1)?)),
            _ => Additional::None,
        };
        let items = match schema.get("items") {
            Some(items @ Value::Object(_)) => Some(Box::new(Self::read(items, depth + 1)?)),
            _ => None,
        };
        Ok(Self {
            type_: match text("type") {
                "object" => Some(Type::Object),
                "array" => Some(Type::Array),
                "string" => Some(Type::String),
                "integer" => Some(Type::Integer),
                "number" => Some(Type::Number),
                "boolean" => Some(Type::Boolean),
                _ => None,
            },
            properties,
            additional,
            items,
            default: schema.get("default").filter(|value| !value.is_null()).cloned(),
            nullable: flag("nullable"),
            required: texts("required"),
            preserve: flag("x-kubernetes-preserve-unknown-fields"),
            embedded: flag("x-kubernetes-embedded-resource"),
            int_or_string: flag("x-kubernetes-int-or-string"),
            list_type: match text("x-kubernetes-list-type") {
                "set" => ListType::Set,
                "map" => ListType::Map(texts("x-kubernetes-list-map-keys")),
                _ => ListType::Atomic,
            },
            atomic_map: text("x-kubernetes-map-type") == "atomic",
        })
    }
}
