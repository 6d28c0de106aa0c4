//! Messages to trees.

use jiff::Timestamp;
use kubernel_meta::time;
use serde_json::{Map, Value};

use super::wire::{self, Fields};
use crate::decode::{bytes_to_value, double_value, is_zero, quantity_text};
use crate::shape::{Field, Presence, SchemaAlternative, Shape, Struct, Types};
use crate::{DEPTH_MAX, Error, decode};

const TRUNCATED: Error = Error::Protobuf("proto: wrong wireType");

/// Reads the message of a struct.
pub(super) fn message(types: &Types, item: &Struct, bytes: &[u8]) -> Result<Map<String, Value>, Error> {
    Reader { types, depth: 0 }.message(item, bytes)
}

struct Reader<'t> {
    types: &'t Types,
    depth: usize,
}

impl Reader<'_> {
    fn message(&mut self, item: &Struct, bytes: &[u8]) -> Result<Map<String, Value>, Error> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(Error::Depth);
        }
        let mut out = Map::new();
        self.level(item, &mut Vec::new(), bytes, &mut out)?;
        self.depth -= 1;
        Ok(out)
    }

    /// The fields at one level of a struct's message: those that Go inlines lie in messages of their own, whose numbers
    /// `prefix` holds.
    fn level(
        &mut self,
        item: &Struct,
        prefix: &mut Vec<u32>,
        bytes: &[u8],
        out: &mut Map<String, Value>,
    ) -> Result<(), Error> {
        for field in Fields::of(bytes) {
            let (number, value) = field?;
            let level = prefix.len();
            let here = |field: &&Field| field.proto.starts_with(prefix) && field.proto.get(level) == Some(&number);
            match item.fields.iter().find(here) {
                // A field that a newer client knows and we do not: dropped, as Go drops it.
                None => {}
                Some(field) if field.proto.len() == level + 1 => self.field(field, value, out)?,
                Some(_) => {
                    let wire::Value::Bytes(inner) = value else { return Err(TRUNCATED) };
                    prefix.push(number);
                    self.level(item, prefix, inner, out)?;
                    prefix.pop();
                }
            }
        }
        Ok(())
    }

    fn field(&mut self, field: &Field, value: wire::Value<'_>, out: &mut Map<String, Value>) -> Result<(), Error> {
        let name = &*field.name;
        match &field.shape {
            Shape::List(list) => {
                let entry = out.entry(name).or_insert_with(|| Value::Array(Vec::new()));
                let Value::Array(items) = entry else { return Ok(()) };
                self.item(&list.item, value, items)?;
            }
            Shape::Map(map) => {
                let wire::Value::Bytes(bytes) = value else { return Err(TRUNCATED) };
                let (key, value) = self.map_entry(&map.value, bytes)?;
                let entry = out.entry(name).or_insert_with(|| Value::Object(Map::new()));
                if let Value::Object(map) = entry {
                    map.insert(key, value);
                }
            }
            shape => {
                let value = self.value(shape, value)?;
                let keep = match field.presence {
                    Presence::OmitZero => !is_zero(&value),
                    // An unset time or raw value is held by value and shown as null, which is the same as not there.
                    _ => !value.is_null(),
                };
                if keep {
                    out.insert(name.to_owned(), value);
                }
            }
        }
        Ok(())
    }

    /// One item of a repeated field, or several numbers packed into one.
    fn item(&mut self, shape: &Shape, value: wire::Value<'_>, items: &mut Vec<Value>) -> Result<(), Error> {
        match (shape, value) {
            (Shape::Int32 | Shape::Int64 | Shape::Bool, wire::Value::Bytes(mut packed)) => {
                while !packed.is_empty() {
                    let number = wire::Value::Varint(wire::varint(&mut packed)?);
                    items.push(self.value(shape, number)?);
                }
            }
            _ => items.push(self.value(shape, value)?),
        }
        Ok(())
    }

    fn map_entry(&mut self, shape: &Shape, bytes: &[u8]) -> Result<(String, Value), Error> {
        let mut key = String::new();
        let mut found = None;
        for field in Fields::of(bytes) {
            match field? {
                (1, wire::Value::Bytes(text)) => key = String::from_utf8_lossy(text).into_owned(),
                (2, value) => found = Some(self.value(shape, value)?),
                _ => {}
            }
        }
        let value = match found {
            Some(value) => value,
            None => self.value(shape, empty(shape))?,
        };
        Ok((key, value))
    }

    fn value(&mut self, shape: &Shape, value: wire::Value<'_>) -> Result<Value, Error> {
        match (shape, value) {
            (Shape::Bool, wire::Value::Varint(number)) => Ok(Value::Bool(number != 0)),
            // Negative numbers come as 64 bits of two's complement, whatever their type.
            (Shape::Int32, wire::Value::Varint(number)) => Ok(Value::from(number as i32)),
            (Shape::Int64, wire::Value::Varint(number)) => Ok(Value::from(number as i64)),
            (Shape::Double, wire::Value::Fixed64(bits)) => Ok(double_value(f64::from_bits(bits))),
            (Shape::Double, wire::Value::Fixed32(bits)) => Ok(double_value(f32::from_bits(bits).into())),
            (Shape::Text, wire::Value::Bytes(bytes)) => Ok(Value::String(String::from_utf8_lossy(bytes).into_owned())),
            (Shape::Bytes, wire::Value::Bytes(bytes)) => Ok(bytes_to_value(bytes)),
            (Shape::Struct(id), wire::Value::Bytes(bytes)) => {
                self.message(self.types.get(*id), bytes).map(Value::Object)
            }
            (Shape::Quantity, wire::Value::Bytes(bytes)) => quantity(bytes),
            (Shape::IntOrString, wire::Value::Bytes(bytes)) => int_or_string(bytes),
            (Shape::Time, wire::Value::Bytes(bytes)) => instant(bytes, time::format),
            (Shape::MicroTime, wire::Value::Bytes(bytes)) => instant(bytes, time::format_micro),
            (Shape::Any, wire::Value::Bytes(bytes)) => self.any(bytes),
            (Shape::SchemaOr(alternative, id), wire::Value::Bytes(bytes)) => {
                self.schema_or(*alternative, self.types.get(*id), bytes)
            }
            // A list as the value of a map is a message of its own.
            (Shape::List(list), wire::Value::Bytes(bytes)) => {
                let mut items = Vec::new();
                for field in Fields::of(bytes) {
                    if let (1, value) = field? {
                        self.item(&list.item, value, &mut items)?;
                    }
                }
                Ok(Value::Array(items))
            }
            _ => Err(TRUNCATED),
        }
    }

    /// `RawExtension`, `JSON`, `FieldsV1`: JSON text in field 1, or an object with an envelope of its own.
    fn any(&mut self, bytes: &[u8]) -> Result<Value, Error> {
        let mut raw: &[u8] = &[];
        for field in Fields::of(bytes) {
            if let (1, wire::Value::Bytes(bytes)) = field? {
                raw = bytes;
            }
        }
        if raw.is_empty() {
            return Ok(Value::Null);
        }
        if raw.starts_with(&super::MAGIC) {
            let envelope = super::envelope(raw)?;
            let Some(root) = self.types.find_kind(envelope.api_version, envelope.kind) else {
                return Err(Error::Protobuf("proto: raw value of unknown kind"));
            };
            let mut map = self.message(self.types.get(root), envelope.raw)?;
            map.insert("apiVersion".to_owned(), Value::from(envelope.api_version));
            map.insert("kind".to_owned(), Value::from(envelope.kind));
            return Ok(Value::Object(map));
        }
        decode::Document::json(raw).map(decode::Document::into_value)
    }

    fn schema_or(&mut self, alternative: SchemaAlternative, schema: &Struct, bytes: &[u8]) -> Result<Value, Error> {
        let schema_number = if alternative == SchemaAlternative::Bool { 2 } else { 1 };
        let mut allows = false;
        let mut items = Vec::new();
        for field in Fields::of(bytes) {
            match (field?, alternative) {
                ((number, wire::Value::Bytes(bytes)), _) if number == schema_number => {
                    return self.message(schema, bytes).map(Value::Object);
                }
                ((1, wire::Value::Varint(number)), SchemaAlternative::Bool) => allows = number != 0,
                ((2, wire::Value::Bytes(bytes)), SchemaAlternative::Schemas) => {
                    items.push(Value::Object(self.message(schema, bytes)?));
                }
                ((2, wire::Value::Bytes(bytes)), SchemaAlternative::Texts) => {
                    items.push(Value::String(String::from_utf8_lossy(bytes).into_owned()));
                }
                _ => {}
            }
        }
        Ok(if alternative == SchemaAlternative::Bool { Value::Bool(allows) } else { Value::Array(items) })
    }
}

/// What a map entry without a value holds.
fn empty(shape: &Shape) -> wire::Value<'static> {
    match shape {
        Shape::Bool | Shape::Int32 | Shape::Int64 => wire::Value::Varint(0),
        Shape::Double => wire::Value::Fixed64(0),
        _ => wire::Value::Bytes(&[]),
    }
}

fn quantity(bytes: &[u8]) -> Result<Value, Error> {
    let mut text = "0";
    for field in Fields::of(bytes) {
        if let (1, wire::Value::Bytes(bytes)) = field? {
            text = wire::text(bytes)?;
        }
    }
    quantity_text(text).map(Value::String)
}

fn int_or_string(bytes: &[u8]) -> Result<Value, Error> {
    let (mut is_text, mut number, mut text) = (false, 0, "");
    for field in Fields::of(bytes) {
        match field? {
            (1, wire::Value::Varint(kind)) => is_text = kind == 1,
            (2, wire::Value::Varint(value)) => number = value as i32,
            (3, wire::Value::Bytes(bytes)) => text = wire::text(bytes)?,
            _ => {}
        }
    }
    Ok(if is_text { Value::from(text) } else { Value::from(number) })
}

/// A time: seconds and nanoseconds since 1970; nothing, or the very start of it, is no time.
fn instant(bytes: &[u8], format: fn(Timestamp) -> String) -> Result<Value, Error> {
    let (mut seconds, mut nanos) = (0, 0);
    for field in Fields::of(bytes) {
        match field? {
            (1, wire::Value::Varint(value)) => seconds = value as i64,
            (2, wire::Value::Varint(value)) => nanos = value as i32,
            _ => {}
        }
    }
    if (seconds, nanos) == (0, 0) {
        return Ok(Value::Null);
    }
    let time = Timestamp::new(seconds, nanos).map_err(|_| Error::Protobuf("proto: time out of range"))?;
    Ok(Value::String(format(time)))
}
