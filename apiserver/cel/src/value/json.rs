//! From JSON, by declared type, and back.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Number, Value as Json};

use crate::declare::{DeclShape, DeclType};
use crate::value::{Duration, List, Map, Timestamp, Value};

/// A JSON value without a declared type: whole numbers that were written so are integers.
#[must_use]
pub fn from_json(json: &Json) -> Value<'_> {
    match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => from_number(number),
        Json::String(text) => Value::text(text),
        Json::Array(items) => Value::List(List::Json { items, declared: None }),
        Json::Object(members) => Value::Map(Map::Json { members, declared: None }),
    }
}

/// A JSON value of a declared type. What does not fit the type (the object is not valid, then) is taken as it is.
#[must_use]
pub fn from_typed_json<'a>(json: &'a Json, declared: Option<&'a DeclType>) -> Value<'a> {
    let Some(declared) = declared else {
        return from_json(json);
    };
    match (&declared.shape, json) {
        (DeclShape::Double, Json::Number(number)) => number.as_f64().map_or(Value::Null, Value::Double),
        (DeclShape::Int, Json::Number(number)) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => Value::Int(whole),
            (None, Some(double)) => Value::Int(double as i64),
            (None, None) => Value::Null,
        },
        (DeclShape::Uint, Json::Number(number)) => number.as_u64().map_or_else(|| from_number(number), Value::Uint),
        (DeclShape::Bytes, Json::String(text)) => {
            STANDARD.decode(text).map_or_else(|_| Value::text(text), |bytes| Value::Bytes(bytes.into()))
        }
        (DeclShape::Timestamp, Json::String(text)) => {
            Timestamp::parse_day_or_time(text).map_or_else(|| Value::text(text), Value::Timestamp)
        }
        (DeclShape::Duration, Json::String(text)) => {
            Duration::parse_format(text).map_or_else(|| Value::text(text), Value::Duration)
        }
        (DeclShape::List { .. }, Json::Array(items)) => Value::List(List::Json { items, declared: Some(declared) }),
        (DeclShape::Map { .. } | DeclShape::Object(_), Json::Object(members)) => {
            Value::Map(Map::Json { members, declared: Some(declared) })
        }
        _ => from_json(json),
    }
}

impl Value<'_> {
    /// The JSON form: bytes in base64, times and durations as text; `None` for what has none, such as types.
    #[must_use]
    pub fn to_json(&self) -> Option<Json> {
        Some(match self {
            Value::Null => Json::Null,
            Value::Bool(value) => Json::Bool(*value),
            Value::Int(value) => Json::from(*value),
            Value::Uint(value) => Json::from(*value),
            Value::Double(value) => Number::from_f64(*value).map(Json::Number)?,
            Value::String(text) => Json::String(text.to_string()),
            Value::Bytes(bytes) => Json::String(STANDARD.encode(bytes)),
            Value::Timestamp(timestamp) => Json::String(timestamp.to_string()),
            Value::Duration(duration) => Json::String(duration.to_string()),
            Value::List(List::Json { items, .. }) => Json::Array(items.to_vec()),
            Value::List(list) => Json::Array(list.iter().map(|item| item.to_json()).collect::<Option<_>>()?),
            Value::Map(Map::Json { members, .. }) => Json::Object((*members).clone()),
            Value::Map(map) => {
                let mut members = serde_json::Map::new();
                for key in map.keys() {
                    let value = map.get(&key)?.ok()?.to_json()?;
                    members.insert(key_text(&key)?, value);
                }
                Json::Object(members)
            }
            Value::Optional(None) => Json::Null,
            Value::Optional(Some(value)) => value.to_json()?,
            Value::Opaque(opaque) => opaque.to_json()?,
            Value::Type(_) => return None,
        })
    }
}

fn key_text(key: &Value<'_>) -> Option<String> {
    Some(match key {
        Value::String(text) => text.to_string(),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Uint(value) => value.to_string(),
        _ => return None,
    })
}

/// Whole numbers that 64 bits with a sign can hold, and doubles.
fn from_number<'a>(number: &Number) -> Value<'a> {
    match (number.as_i64(), number.as_f64()) {
        (Some(whole), _) => Value::Int(whole),
        (None, Some(double)) => Value::Double(double),
        (None, None) => Value::Null,
    }
}
