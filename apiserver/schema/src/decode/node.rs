//! A body as it was written: fields in order, duplicates and all, numbers as text.

use std::borrow::Cow;
use std::collections::HashSet;

use serde_json::{Map, Number, Value};

use super::typed::STRICT_ERRORS_MAX;
use crate::{DEPTH_MAX, Error};

/// A value of a body.
#[derive(Debug)]
pub(super) enum Node<'a> {
    Null,
    Bool(bool),
    Number(Cow<'a, str>),
    Text(Cow<'a, str>),
    List(Vec<Node<'a>>),
    Map(Vec<(Cow<'a, str>, Node<'a>)>),
}

impl<'a> Node<'a> {
    /// What Go's errors call it.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "bool",
            Self::Number(_) => "number",
            Self::Text(_) => "string",
            Self::List(_) => "array",
            Self::Map(_) => "object",
        }
    }

    /// A tree that we made ourselves; `depth` counts from 0 at the root.
    pub(super) fn from_value(value: Value, depth: usize) -> Result<Self, Error> {
        if depth > DEPTH_MAX {
            return Err(Error::Depth);
        }
        Ok(match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(value),
            Value::Number(number) => Self::Number(Cow::Owned(number.to_string())),
            Value::String(text) => Self::Text(Cow::Owned(text)),
            Value::Array(items) => {
                Self::List(items.into_iter().map(|item| Self::from_value(item, depth + 1)).collect::<Result<_, _>>()?)
            }
            Value::Object(map) => {
                let entry = |(key, value)| Ok((Cow::Owned(key), Self::from_value(value, depth + 1)?));
                Self::Map(map.into_iter().map(entry).collect::<Result<_, Error>>()?)
            }
        })
    }

    /// Whether some map in it has a field twice.
    pub(super) fn has_duplicates(&self) -> bool {
        match self {
            Self::List(items) => items.iter().any(Self::has_duplicates),
            Self::Map(entries) => {
                let mut seen = HashSet::with_capacity(entries.len());
                entries.iter().any(|(key, value)| !seen.insert(&**key) || value.has_duplicates())
            }
            _ => false,
        }
    }

    /// The tree without a schema: of duplicate fields the last one stays.
    pub(super) fn into_value(self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(value),
            Self::Number(text) => number(&text),
            Self::Text(text) => Value::String(text.into_owned()),
            Self::List(items) => Value::Array(items.into_iter().map(Self::into_value).collect()),
            Self::Map(entries) => {
                let entries = entries.into_iter().map(|(key, value)| (key.into_owned(), value.into_value()));
                Value::Object(entries.collect::<Map<_, _>>())
            }
        }
    }
}

impl Node<'_> {
    /// The same, with a word about each duplicate field; `path` is where the node is.
    pub(super) fn into_strict_value(self, path: &mut String, strict: &mut Vec<String>) -> Value {
        match self {
            Self::List(items) => {
                let items = items.into_iter().enumerate();
                let item = |(index, item): (usize, Self)| item.below(&format!("[{index}]"), path, strict);
                Value::Array(items.map(item).collect())
            }
            Self::Map(entries) => {
                let mut out = Map::new();
                for (key, node) in entries {
                    let step = if path.is_empty() { key.to_string() } else { format!(".{key}") };
                    let value = node.below(&step, path, strict);
                    if out.insert(key.into_owned(), value).is_some() {
                        let message = format!("duplicate field {:?}", format!("{path}{step}"));
                        if strict.len() < STRICT_ERRORS_MAX && !strict.contains(&message) {
                            strict.push(message);
                        }
                    }
                }
                Value::Object(out)
            }
            other => other.into_value(),
        }
    }

    fn below(self, step: &str, path: &mut String, strict: &mut Vec<String>) -> Value {
        let length = path.len();
        path.push_str(step);
        let value = self.into_strict_value(path, strict);
        path.truncate(length);
        value
    }
}

/// A number of no known type: a whole one where it fits, else the nearest double, as upstream's untyped trees hold it.
fn number(text: &str) -> Value {
    if let Ok(whole) = text.parse::<i64>() {
        return Value::from(whole);
    }
    if let Ok(large) = text.parse::<u64>() {
        return Value::from(large);
    }
    let double = text.parse::<f64>().unwrap_or_default();
    // An exponent too large gives infinity, which JSON cannot say; upstream refuses it, we take the largest double.
    Number::from_f64(double.clamp(f64::MIN, f64::MAX)).map_or(Value::Null, Value::Number)
}
