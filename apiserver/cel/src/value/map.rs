//! Maps: objects of a JSON tree with or without declared fields, made by an expression, or computed when asked.

use std::collections::HashMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use serde_json::Value as Json;

use crate::declare::DeclType;
use crate::error::EvalError;
use crate::escape;
use crate::value::{Text, Value, from_typed_json};

/// A map; cheap to clone.
#[derive(Clone, Debug)]
pub enum Map<'a> {
    /// An object of a tree. With declared fields, keys are their escaped names, and a null field is an absent one.
    Json {
        /// The members.
        members: &'a serde_json::Map<String, Json>,
        /// The declared type, if it has one.
        declared: Option<&'a DeclType>,
    },
    /// Made by an expression.
    Values(Arc<Entries<'a>>),
    /// Its values are computed when they are asked for: the `variables` of a policy.
    Lazy(&'a dyn LazyFields),
}

/// A map whose values are computed when they are asked for.
pub trait LazyFields: Sync + fmt::Debug {
    /// The value of a field; `None` if there is no such field.
    fn field(&self, name: &str) -> Option<Result<Value<'_>, EvalError>>;

    /// The names of all fields.
    fn names(&self) -> Vec<&str>;
}

/// The entries of a map that an expression made, in the order in which they came.
#[derive(Clone, Debug, Default)]
pub struct Entries<'a> {
    entries: Vec<(Key<'a>, Value<'a>)>,
    index: HashMap<Key<'a>, usize>,
}

/// A key. Integers of both kinds, and doubles without a fraction, are equal when their numbers are.
#[derive(Clone, Debug)]
pub enum Key<'a> {
    /// A truth value.
    Bool(bool),
    /// A signed integer.
    Int(i64),
    /// An unsigned integer.
    Uint(u64),
    /// Text.
    String(Text<'a>),
}

impl<'a> Key<'a> {
    /// The key that a value is; `None` for types that cannot be keys.
    #[must_use]
    pub fn of(value: &Value<'a>) -> Option<Key<'a>> {
        match value {
            Value::Bool(value) => Some(Key::Bool(*value)),
            Value::Int(value) => Some(Key::Int(*value)),
            Value::Uint(value) => Some(Key::Uint(*value)),
            Value::String(text) => Some(Key::String(text.clone())),
            _ => None,
        }
    }

    /// The key to look up for a value: also a double that is a whole number.
    #[must_use]
    pub fn lookup(value: &Value<'a>) -> Option<Key<'a>> {
        match value {
            Value::Double(number)
                if number.fract() == 0.0 && *number >= -(2f64.powi(63)) && *number < 2f64.powi(63) =>
            {
                Some(Key::Int(*number as i64))
            }
            Value::Double(number) if number.fract() == 0.0 && *number >= 0.0 && *number < 2f64.powi(64) => {
                Some(Key::Uint(*number as u64))
            }
            other => Key::of(other),
        }
    }

    /// The key as a value.
    #[must_use]
    pub fn value(&self) -> Value<'a> {
        match self {
            Key::Bool(value) => Value::Bool(*value),
            Key::Int(value) => Value::Int(*value),
            Key::Uint(value) => Value::Uint(*value),
            Key::String(text) => Value::String(text.clone()),
        }
    }

    fn number(&self) -> Option<i128> {
        match self {
            Key::Int(value) => Some(i128::from(*value)),
            Key::Uint(value) => Some(i128::from(*value)),
            _ => None,
        }
    }
}

impl PartialEq for Key<'_> {
    fn eq(&self, other: &Key<'_>) -> bool {
        match (self, other) {
            (Key::Bool(left), Key::Bool(right)) => left == right,
            (Key::String(left), Key::String(right)) => **left == **right,
            _ => matches!((self.number(), other.number()), (Some(left), Some(right)) if left == right),
        }
    }
}

impl Eq for Key<'_> {}

impl Hash for Key<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Key::Bool(value) => value.hash(state),
            Key::String(text) => (**text).hash(state),
            _ => self.number().hash(state),
        }
    }
}

impl<'a> Entries<'a> {
    /// Adds an entry; false if the key is there already.
    pub fn insert(&mut self, key: Key<'a>, value: Value<'a>) -> bool {
        if self.index.contains_key(&key) {
            return false;
        }
        self.index.insert(key.clone(), self.entries.len());
        self.entries.push((key, value));
        true
    }

    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &Key<'_>) -> Option<&Value<'a>> {
        place(&self.index, key).map(|place| &self.entries[place].1)
    }

    /// All entries in their order.
    pub fn iter(&self) -> impl Iterator<Item = &(Key<'a>, Value<'a>)> {
        self.entries.iter()
    }

    /// The number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it has no entries.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// Where an entry is. The key may live shorter than the map.
fn place<'s>(index: &HashMap<Key<'s>, usize>, key: &Key<'s>) -> Option<usize> {
    index.get(key).copied()
}

impl<'a> Map<'a> {
    /// The number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Map::Json { members, .. } => members.len(),
            Map::Values(entries) => entries.len(),
            Map::Lazy(fields) => fields.names().len(),
        }
    }

    /// Whether it has no entries.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value of a text key, which for declared objects is the escaped name of a field.
    #[must_use]
    pub fn get_str(&self, key: &str) -> Option<Result<Value<'a>, EvalError>> {
        match self {
            Map::Json { members, declared } => member(members, *declared, key).map(Ok),
            Map::Values(entries) => entries.get(&Key::String(Text::Borrowed(key))).cloned().map(Ok),
            Map::Lazy(fields) => fields.field(key),
        }
    }

    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &Value<'a>) -> Option<Result<Value<'a>, EvalError>> {
        match (self, key) {
            (Map::Values(entries), key) => entries.get(&Key::lookup(key)?).cloned().map(Ok),
            (_, Value::String(text)) => self.get_str(text),
            _ => None,
        }
    }

    /// The value of a member by its name in JSON, whether it is declared or not.
    #[must_use]
    pub fn get_json_key(&self, key: &str) -> Option<Value<'a>> {
        match self {
            Map::Json { members, declared } => {
                Some(from_typed_json(members.get(key)?, declared.and_then(|declared| member_type(declared, key))))
            }
            other => other.get_str(key)?.ok(),
        }
    }

    /// All keys.
    #[must_use]
    pub fn keys(&self) -> Vec<Value<'a>> {
        match self {
            Map::Json { members, declared } => {
                let is_object = declared.is_some_and(|declared| declared.as_object().is_some());
                members.keys().map(|key| if is_object { escaped_key(key) } else { Value::text(key) }).collect()
            }
            Map::Values(entries) => entries.iter().map(|(key, _)| key.value()).collect(),
            Map::Lazy(fields) => fields.names().into_iter().map(Value::text).collect(),
        }
    }
}

fn member<'a>(
    members: &'a serde_json::Map<String, Json>,
    declared: Option<&'a DeclType>,
    key: &str,
) -> Option<Value<'a>> {
    let Some(declared) = declared else {
        return Some(from_typed_json(members.get(key)?, None));
    };
    match declared.as_object() {
        // A nullable field that is null is an absent one.
        Some(object) => match object.fields.get(key) {
            Some(field) => match members.get(&*field.json)? {
                Json::Null => None,
                value => Some(from_typed_json(value, Some(&field.ty))),
            },
            None => None,
        },
        None => Some(from_typed_json(members.get(key)?, declared.step("@values"))),
    }
}

/// The declared type of a member by its name in JSON; `None` for members that no schema knows.
pub(super) fn member_type<'a>(declared: &'a DeclType, key: &str) -> Option<&'a DeclType> {
    match declared.as_object() {
        Some(object) => Some(&*object.fields.get(escape::escape(key)?.as_str())?.ty),
        None => declared.step("@values"),
    }
}

fn escaped_key(key: &str) -> Value<'_> {
    match escape::escape(key) {
        Some(escaped) if escaped != key => Value::string(escaped),
        _ => Value::text(key),
    }
}
