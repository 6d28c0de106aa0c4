//! One level of a structural schema, parsed for speed: sorted properties, compiled patterns, no JSON to look things up in.

use std::sync::Arc;

use kubernel_cel::declare::Topology;
use regex::Regex;
use serde_json::{Number, Value};

/// One level of a schema: what a value there must look like.
#[derive(Debug, Default)]
pub struct Node {
    /// `type`; `None` where it is left out (int-or-string, preserved fields, nested validations).
    pub kind: Option<Kind>,
    /// `null` is a value of its own.
    pub nullable: bool,
    /// `default`; null counts as none.
    pub default: Option<Value>,
    /// Properties by name, sorted.
    pub properties: Vec<(Arc<str>, Node)>,
    /// What other keys than `properties` hold.
    pub additional: Option<Additional>,
    /// What the items of a list hold.
    pub items: Option<Box<Node>>,
    /// `x-kubernetes-preserve-unknown-fields`.
    pub preserve: bool,
    /// `x-kubernetes-embedded-resource`.
    pub embedded: bool,
    /// `x-kubernetes-int-or-string`.
    pub int_or_string: bool,
    /// `x-kubernetes-list-type` and `x-kubernetes-list-map-keys`; `None` where it is left out.
    pub list: Option<Topology>,
    /// `x-kubernetes-map-type: atomic`.
    pub atomic: bool,
    /// `x-kubernetes-validations`.
    pub rules: Vec<Rule>,
    /// What values must fulfil beyond their type.
    pub limits: Limits,
}

/// The JSON types that schemas name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names of OpenAPI's types")]
pub enum Kind {
    Array,
    Boolean,
    Integer,
    Number,
    Object,
    String,
}

/// `additionalProperties`.
#[derive(Debug)]
pub enum Additional {
    /// Any keys, or none.
    Any(bool),
    /// Any keys with values of this schema.
    Schema(Box<Node>),
}

/// What values must fulfil beyond their type.
#[derive(Debug, Default)]
#[expect(missing_docs, reason = "the names of JSON schema's keywords")]
pub struct Limits {
    pub format: Option<Arc<str>>,
    pub length_max: Option<i64>,
    pub length_min: Option<i64>,
    pub pattern: Option<(Arc<str>, Arc<Regex>)>,
    pub maximum: Option<Number>,
    pub exclusive_maximum: bool,
    pub minimum: Option<Number>,
    pub exclusive_minimum: bool,
    pub multiple_of: Option<Number>,
    pub items_max: Option<i64>,
    pub items_min: Option<i64>,
    pub properties_max: Option<i64>,
    pub properties_min: Option<i64>,
    pub required: Vec<Arc<str>>,
    pub values: Vec<Value>,
    pub all_of: Vec<Node>,
    pub any_of: Vec<Node>,
    pub one_of: Vec<Node>,
    pub not: Option<Box<Node>>,
}

/// One of `x-kubernetes-validations`.
#[derive(Clone, Debug, Default)]
pub struct Rule {
    /// The expression.
    pub rule: Arc<str>,
    /// What is said when it is false; may be empty.
    pub message: Arc<str>,
    /// An expression that says it; may be empty.
    pub message_expression: Arc<str>,
    /// The kind of field error, as its `causes[].reason`.
    pub reason: Option<Arc<str>>,
    /// Which field below is to blame, as a JSON path; may be empty.
    pub field_path: Arc<str>,
    /// `oldSelf` is an optional; `None` where the rule does not say.
    pub optional_old_self: Option<bool>,
}

impl Kind {
    /// The kind of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "array" => Self::Array,
            "boolean" => Self::Boolean,
            "integer" => Self::Integer,
            "number" => Self::Number,
            "object" => Self::Object,
            "string" => Self::String,
            _ => return None,
        })
    }

    /// The name in schemas.
    pub fn name(self) -> &'static str {
        match self {
            Self::Array => "array",
            Self::Boolean => "boolean",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Object => "object",
            Self::String => "string",
        }
    }
}

impl Node {
    /// The property of this name.
    pub fn property(&self, name: &str) -> Option<&Node> {
        let at = self.properties.binary_search_by(|(known, _)| (**known).cmp(name)).ok()?;
        Some(&self.properties[at].1)
    }

    /// The schema of this key's value: a property's, or that of additional properties.
    pub fn child(&self, key: &str) -> Option<&Node> {
        self.property(key).or_else(|| self.additional_schema())
    }

    /// The schema of additional properties.
    pub fn additional_schema(&self) -> Option<&Node> {
        match &self.additional {
            Some(Additional::Schema(node)) => Some(node),
            _ => None,
        }
    }

    /// The key fields of a list that is a map.
    pub fn map_keys(&self) -> Option<&[Arc<str>]> {
        match &self.list {
            Some(Topology::Map(keys)) => Some(keys),
            _ => None,
        }
    }
}
