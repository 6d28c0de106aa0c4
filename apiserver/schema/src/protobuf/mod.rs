//! Protobuf bodies: the envelope `k8s\0` with a `runtime.Unknown`, and objects by the field numbers of the tables.
//!
//! Go's zero values need care in both directions. Upstream writes a field that is held by value even when it is zero
//! (`hostNetwork: false`), and its JSON does not show it; reading drops it again, so that a tree read from protobuf is
//! the one that the same client's JSON would have given. What is held by pointer is kept, zero or not.
//! [`crate::Presence`] says which is which. `wire` knows bytes, `read` and `write` walk the schema.

mod read;
pub(crate) mod wire;
mod write;

use kubernel_meta::Object;
use serde_json::Value;

use crate::{DEPTH_MAX, Error, Schema, Types};
use wire::Fields;

/// What every protobuf body of the API begins with.
pub const MAGIC: [u8; 4] = *b"k8s\0";

/// What every envelope ends with: no content encoding, no content type.
pub const CLOSING: [u8; 4] = [0x1a, 0, 0x22, 0];

/// A body whose envelope has been opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope<'a> {
    /// `apiVersion`.
    pub api_version: &'a str,
    /// `kind`.
    pub kind: &'a str,
    /// The object itself, without them.
    pub raw: &'a [u8],
}

/// Opens a body's envelope, to ask for its kind.
pub fn envelope(bytes: &[u8]) -> Result<Envelope<'_>, Error> {
    let body = bytes.strip_prefix(&MAGIC).ok_or(Error::Protobuf(
        "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]",
    ))?;
    let mut found = Envelope { api_version: "", kind: "", raw: &[] };
    let mut encoding: &[u8] = &[];
    for field in Fields::of(body) {
        match field? {
            (1, wire::Value::Bytes(meta)) => {
                for field in Fields::of(meta) {
                    match field? {
                        (1, wire::Value::Bytes(text)) => found.api_version = wire::text(text)?,
                        (2, wire::Value::Bytes(text)) => found.kind = wire::text(text)?,
                        _ => {}
                    }
                }
            }
            (2, wire::Value::Bytes(raw)) => found.raw = raw,
            (3, wire::Value::Bytes(name)) => encoding = name,
            _ => {}
        }
    }
    if encoding.is_empty() { Ok(found) } else { Err(Error::Protobuf("proto: unknown content encoding")) }
}

/// Reads a body with its envelope: an object with `apiVersion` and `kind`, in the form that [`crate::decode`] gives.
/// The kind is the one that the envelope names; the caller checks that it is the one it expects.
pub fn decode(types: &Types, bytes: &[u8]) -> Result<Object, Error> {
    let envelope = envelope(bytes)?;
    let unknown =
        || Error::UnknownKind { api_version: envelope.api_version.to_owned(), kind: envelope.kind.to_owned() };
    let root = types.find_kind(envelope.api_version, envelope.kind).ok_or_else(unknown)?;
    let mut map = read::message(types, types.get(root), envelope.raw)?;
    map.insert("apiVersion".to_owned(), Value::from(envelope.api_version));
    map.insert("kind".to_owned(), Value::from(envelope.kind));
    // Raw values inside bring a depth of their own.
    if map.values().any(|value| is_deeper(value, DEPTH_MAX)) {
        return Err(Error::Depth);
    }
    Ok(Object::new(map))
}

fn is_deeper(value: &Value, left: usize) -> bool {
    let below = |value: &Value| left == 0 || is_deeper(value, left - 1);
    match value {
        Value::Array(items) => items.iter().any(below),
        Value::Object(map) => map.values().any(below),
        _ => false,
    }
}

/// Writes an object with its envelope, byte for byte as upstream does: map entries in key order, zero values of fields
/// that are held by value. `apiVersion` and `kind` come from the object.
pub fn encode(schema: &Schema, object: &Object) -> Vec<u8> {
    let raw = message(schema, object);
    let mut out = opening(object.api_version(), object.kind(), raw.len());
    out.extend_from_slice(&raw);
    out.extend_from_slice(&CLOSING);
    out
}

/// The message of an object alone: what an envelope, an item of a list and an event of a watch have in common.
pub fn message(schema: &Schema, object: &Object) -> Vec<u8> {
    write::message(&schema.types, schema.root, object.map())
}

/// What an envelope has before a message of this many bytes; [`CLOSING`] comes after it.
pub fn opening(api_version: &str, kind: &str, message_bytes: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(message_bytes + api_version.len() + kind.len() + 32);
    out.extend_from_slice(&MAGIC);
    let mut meta = Vec::new();
    wire::put_bytes(&mut meta, 1, api_version.as_bytes());
    wire::put_bytes(&mut meta, 2, kind.as_bytes());
    wire::put_bytes(&mut out, 1, &meta);
    out.extend_from_slice(&delimiter(2, message_bytes));
    out
}

/// What stands before text, bytes or a message as the field of this number: its tag and length.
pub fn delimiter(number: u32, bytes: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(8);
    wire::put_delimiter(&mut out, number, bytes);
    out
}

/// Whether objects of this schema have a protobuf form.
pub fn has_form(schema: &Schema) -> bool {
    schema.root().fields.iter().any(|field| !field.proto.is_empty())
}

#[cfg(test)]
mod tests;
