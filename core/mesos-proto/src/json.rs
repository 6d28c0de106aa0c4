//! JSON as Mesos reads and writes it.
//!
//! Read: numbers, booleans and doubles also as strings (`"true"`, `"5"`, `"Infinity"`), any number for any numeric type
//! (a fraction is cut off, what is too large is the largest), a lone value for a repeated field, `null` for an absent
//! one, unknown members and unknown names of optional enums as if they were not there.
//! Written: ASCII on one line, since there are clients that cut streams by lines and count characters.

use serde_json::Value as Json;

use crate::{Context, Error, label};

/// The members of a JSON object, written one after the other.
#[derive(Debug)]
pub struct Object<'a> {
    out: &'a mut String,
    empty: bool,
}

impl<'a> Object<'a> {
    /// Writes an object.
    pub fn write(out: &'a mut String, members: impl FnOnce(&mut Self)) {
        out.push('{');
        let mut object = Self { out, empty: true };
        members(&mut object);
        object.out.push('}');
    }

    /// Writes the name of the next member; its value is to follow.
    pub fn member(&mut self, name: &str) -> &mut String {
        if !std::mem::take(&mut self.empty) {
            self.out.push(',');
        }
        write_text(name, self.out);
        self.out.push(':');
        self.out
    }
}

/// Writes a text: what is not ASCII as `\uXXXX`.
pub fn write_text(text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            ' '..='~' => out.push(character),
            _ => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    out.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
    }
    out.push('"');
}

/// Writes a number; what JSON has no number for, as the words that are read again.
pub(crate) fn write_double(number: f64, out: &mut String) {
    if number.is_finite() {
        out.push_str(&format!("{number:?}"));
    } else if number.is_nan() {
        out.push_str("\"NaN\"");
    } else {
        out.push_str(if number > 0.0 { "\"Infinity\"" } else { "\"-Infinity\"" });
    }
}

pub(crate) fn integer(json: &Json, context: &Context) -> Result<i128, Error> {
    let parsed = match json {
        Json::Number(number) => number
            .as_i64()
            .map(i128::from)
            .or_else(|| number.as_u64().map(i128::from))
            .or_else(|| number.as_f64().map(cut)),
        Json::String(text) => {
            let text = text.trim();
            text.parse().ok().or_else(|| text.parse().ok().map(cut))
        }
        _ => None,
    };
    parsed.ok_or_else(|| unexpected(json, context))
}

#[expect(clippy::cast_possible_truncation, reason = "a fraction is cut off, as Mesos does")]
fn cut(number: f64) -> i128 {
    number as i128
}

pub(crate) fn double(json: &Json, context: &Context) -> Result<f64, Error> {
    let parsed = match json {
        Json::Number(number) => number.as_f64(),
        Json::String(text) => match text.as_str() {
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            "NaN" => Some(f64::NAN),
            text => text.trim().parse().ok(),
        },
        _ => None,
    };
    parsed.ok_or_else(|| unexpected(json, context))
}

pub(crate) fn boolean(json: &Json, context: &Context) -> Result<bool, Error> {
    match json {
        Json::Bool(value) => Ok(*value),
        Json::String(text) if text == "true" => Ok(true),
        Json::String(text) if text == "false" => Ok(false),
        _ => Err(unexpected(json, context)),
    }
}

/// Says that a value is not for the field that is being read.
pub(crate) fn unexpected(json: &Json, context: &Context) -> Error {
    Error::Unexpected { found: kind(json), field: context.field() }
}

fn kind(json: &Json) -> &'static str {
    match json {
        Json::Null => "null",
        Json::Bool(_) => "boolean",
        Json::Number(_) => "number",
        Json::String(_) => "string",
        Json::Array(_) => "array",
        Json::Object(_) => "object",
    }
}

/// The elements of a repeated field: those of an array, or the one value that stands alone.
pub(crate) fn elements(json: &Json) -> &[Json] {
    match json {
        Json::Array(elements) => elements,
        alone => std::slice::from_ref(alone),
    }
}

/// The members of a map.
pub(crate) fn entries<'j>(json: &'j Json, context: &Context) -> Result<&'j label::Members, Error> {
    json.as_object().ok_or_else(|| unexpected(json, context))
}
