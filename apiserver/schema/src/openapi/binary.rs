//! The v2 document in the protobuf form that client-go asks for: gnostic's messages (openapiv2/OpenAPIv2.proto). `v3`
//! is the other one's.
//!
//! Only what the documents of this module say is written; a field that is not there takes no bytes. Where gnostic knows
//! no field (`x-kubernetes-…`), the value goes as text among the vendor's extensions.

mod v3;

use serde_json::Value;

use crate::protobuf::wire::{put_bytes, put_double, put_varint};

pub use v3::v3_binary;

/// The bytes of a v2 document.
pub fn v2_binary(document: &Value) -> Vec<u8> {
    let mut out = Message::of(document);
    out.text(1, "swagger");
    out.message(2, "info", |info| {
        let mut out = Message::of(info);
        out.text(1, "title");
        out.text(2, "version");
        out.0
    });
    out.message(8, "paths", |paths| named(paths, 2, path_item));
    out.message(9, "definitions", |all| named(all, 1, schema));
    out.message(10, "parameters", |all| named(all, 1, parameter));
    out.each(12, "security", |one| named(one, 1, |scopes| texts(scopes, 1)));
    out.message(13, "securityDefinitions", |all| {
        named(all, 1, |one| {
            let mut key = Message::of(one);
            for (number, name) in [(1, "type"), (2, "name"), (3, "in"), (4, "description")] {
                key.text(number, name);
            }
            wrapped(2, &key.0)
        })
    });
    out.0
}

/// A message that is being written, and the JSON that it is written from.
struct Message<'a>(Vec<u8>, &'a Value);

impl<'a> Message<'a> {
    fn of(value: &'a Value) -> Self {
        Self(Vec::new(), value)
    }

    fn text(&mut self, number: u32, name: &str) {
        if let Some(text) = self.1[name].as_str().filter(|text| !text.is_empty()) {
            put_bytes(&mut self.0, number, text.as_bytes());
        }
    }

    fn texts(&mut self, number: u32, name: &str) {
        let written = texts(&self.1[name], number);
        self.0.extend_from_slice(&written);
    }

    fn flag(&mut self, number: u32, name: &str) {
        if self.1[name] == true {
            put_varint(&mut self.0, number, 1);
        }
    }

    fn integer(&mut self, number: u32, name: &str) {
        if let Some(integer) = self.1[name].as_i64() {
            put_varint(&mut self.0, number, integer as u64);
        }
    }

    fn double(&mut self, number: u32, name: &str) {
        if let Some(double) = self.1[name].as_f64() {
            put_double(&mut self.0, number, double);
        }
    }

    /// A field of this JSON name, which is a message.
    fn message(&mut self, number: u32, name: &str, write: impl Fn(&Value) -> Vec<u8>) {
        if let Some(value) = self.1.get(name) {
            put_bytes(&mut self.0, number, &write(value));
        }
    }

    /// A repeated field: the items of the list of this JSON name.
    fn each(&mut self, number: u32, name: &str, write: impl Fn(&Value) -> Vec<u8>) {
        for item in self.1[name].as_array().into_iter().flatten() {
            put_bytes(&mut self.0, number, &write(item));
        }
    }

    /// Whatever begins with `x-`.
    fn extensions(&mut self, number: u32) {
        for (name, value) in self.1.as_object().into_iter().flatten().filter(|(name, _)| name.starts_with("x-")) {
            put_bytes(&mut self.0, number, &pair(name, &any(value)));
        }
    }
}

fn path_item(item: &Value) -> Vec<u8> {
    let mut out = Message::of(item);
    let methods = [(2, "get"), (3, "put"), (4, "post"), (5, "delete"), (6, "options"), (7, "head"), (8, "patch")];
    for (number, method) in methods {
        out.message(number, method, operation);
    }
    out.each(9, "parameters", parameters_item);
    out.extensions(10);
    out.0
}

fn operation(operation: &Value) -> Vec<u8> {
    let mut out = Message::of(operation);
    out.texts(1, "tags");
    out.text(3, "description");
    out.text(5, "operationId");
    out.texts(6, "produces");
    out.texts(7, "consumes");
    out.each(8, "parameters", parameters_item);
    out.message(9, "responses", |responses| {
        named(responses, 1, |response| {
            let mut out = Message::of(response);
            out.text(1, "description");
            out.message(2, "schema", |found| wrapped(1, &schema(found)));
            wrapped(1, &out.0)
        })
    });
    out.texts(10, "schemes");
    out.flag(11, "deprecated");
    out.extensions(13);
    out.0
}

/// A parameter, or a reference to one.
fn parameters_item(item: &Value) -> Vec<u8> {
    match item["$ref"].as_str() {
        Some(place) => wrapped(2, &wrapped(1, place.as_bytes())),
        None => wrapped(1, &parameter(item)),
    }
}

fn parameter(item: &Value) -> Vec<u8> {
    let mut out = Message::of(item);
    if item["in"] == "body" {
        out.text(1, "description");
        out.text(2, "name");
        out.text(3, "in");
        out.flag(4, "required");
        out.message(5, "schema", schema);
        return wrapped(1, &out.0);
    }
    // A word of the path cannot be empty, so its message has one field less, and all later ones a lower number.
    let (kind, less) = if item["in"] == "path" { (4, 1) } else { (3, 0) };
    out.flag(1, "required");
    out.text(2, "in");
    out.text(3, "description");
    out.text(4, "name");
    out.text(6 - less, "type");
    out.text(7 - less, "format");
    out.flag(20 - less, "uniqueItems");
    wrapped(2, &wrapped(kind, &out.0))
}

fn schema(value: &Value) -> Vec<u8> {
    let mut out = Message::of(value);
    for (number, name) in [(1, "$ref"), (2, "format"), (3, "title"), (4, "description"), (13, "pattern")] {
        out.text(number, name);
    }
    out.message(5, "default", any);
    for (number, name) in [(6, "multipleOf"), (7, "maximum"), (9, "minimum")] {
        out.double(number, name);
    }
    for (number, name) in [(8, "exclusiveMaximum"), (10, "exclusiveMinimum"), (16, "uniqueItems")] {
        out.flag(number, name);
    }
    let lengths = ["maxLength", "minLength", "", "maxItems", "minItems", "", "maxProperties", "minProperties"];
    for (number, name) in (11..).zip(lengths).filter(|(_, name)| !name.is_empty()) {
        out.integer(number, name);
    }
    out.texts(19, "required");
    out.each(20, "enum", any);
    out.message(21, "additionalProperties", |rest| match rest {
        Value::Bool(any) => {
            let mut out = Vec::new();
            put_varint(&mut out, 2, u64::from(*any));
            out
        }
        rest => wrapped(1, &schema(rest)),
    });
    out.message(22, "type", |kind| match kind.as_str() {
        Some(kind) => wrapped(1, kind.as_bytes()),
        None => texts(kind, 1),
    });
    out.message(23, "items", |items| wrapped(1, &schema(items)));
    out.each(24, "allOf", schema);
    out.message(25, "properties", |fields| named(fields, 1, schema));
    out.message(30, "example", any);
    out.extensions(31);
    out.0
}

/// A value as text in YAML, of which JSON is a part.
fn any(value: &Value) -> Vec<u8> {
    wrapped(2, format!("{value}\n").as_bytes())
}

/// A map as repeated pairs of name and value.
fn named(map: &Value, number: u32, write: impl Fn(&Value) -> Vec<u8>) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, value) in map.as_object().into_iter().flatten() {
        put_bytes(&mut out, number, &pair(name, &write(value)));
    }
    out
}

fn pair(name: &str, value: &[u8]) -> Vec<u8> {
    let mut out = wrapped(1, name.as_bytes());
    put_bytes(&mut out, 2, value);
    out
}

fn texts(list: &Value, number: u32) -> Vec<u8> {
    let mut out = Vec::new();
    for text in list.as_array().into_iter().flatten().filter_map(Value::as_str) {
        put_bytes(&mut out, number, text.as_bytes());
    }
    out
}

/// A message with but one field.
fn wrapped(number: u32, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + 8);
    put_bytes(&mut out, number, bytes);
    out
}
