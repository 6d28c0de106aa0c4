//! Values as messages print them, in the manner of Go's `%v`.

use crate::value::{Value, double_text};

/// The text of a value in a message.
#[must_use]
pub fn show(value: &Value<'_>) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Uint(value) => value.to_string(),
        Value::Double(value) => double_text(*value),
        Value::String(text) => text.to_string(),
        Value::Timestamp(timestamp) => timestamp.to_string(),
        Value::Duration(duration) => duration.to_string(),
        Value::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Value::Type(ty) => ty.name().to_owned(),
        other => other.to_json().map_or_else(|| other.ty().name().to_owned(), |json| json.to_string()),
    }
}
