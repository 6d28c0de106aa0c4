//! The v3 document in protobuf: gnostic's messages again (openapiv3/OpenAPIv3.proto).

use serde_json::Value;

use super::{Message, any, named, wrapped};
use crate::protobuf::wire::{put_double, put_varint};

/// The bytes of a v3 document.
pub fn v3_binary(document: &Value) -> Vec<u8> {
    let mut out = Message::of(document);
    out.text(1, "openapi");
    out.message(2, "info", |info| {
        let mut out = Message::of(info);
        out.text(1, "title");
        out.text(2, "description");
        out.text(6, "version");
        out.0
    });
    out.message(4, "paths", |paths| named(paths, 1, path_item));
    out.message(5, "components", |components| {
        let mut out = Message::of(components);
        out.message(1, "schemas", |all| named(all, 1, schema_or_reference));
        out.message(7, "securitySchemes", |all| named(all, 1, |scheme| wrapped(1, &security_scheme(scheme))));
        out.0
    });
    out.0
}

fn security_scheme(scheme: &Value) -> Vec<u8> {
    let mut out = Message::of(scheme);
    for (number, name) in [(1, "type"), (2, "description"), (3, "name"), (4, "in"), (5, "scheme")] {
        out.text(number, name);
    }
    out.0
}

fn path_item(item: &Value) -> Vec<u8> {
    let mut out = Message::of(item);
    out.text(3, "description");
    let methods = [(4, "get"), (5, "put"), (6, "post"), (7, "delete"), (8, "options"), (9, "head"), (10, "patch")];
    for (number, method) in methods {
        out.message(number, method, operation);
    }
    out.each(13, "parameters", parameter_or_reference);
    out.extensions(14);
    out.0
}

fn operation(operation: &Value) -> Vec<u8> {
    let mut out = Message::of(operation);
    out.texts(1, "tags");
    out.text(3, "description");
    out.text(5, "operationId");
    out.each(6, "parameters", parameter_or_reference);
    out.message(7, "requestBody", |body| {
        let mut out = Message::of(body);
        out.text(1, "description");
        out.message(2, "content", media_types);
        out.flag(3, "required");
        wrapped(1, &out.0)
    });
    out.message(8, "responses", |responses| named(responses, 2, response_or_reference));
    out.flag(10, "deprecated");
    out.extensions(13);
    out.0
}

fn response_or_reference(response: &Value) -> Vec<u8> {
    or_reference(response, |response| {
        let mut out = Message::of(response);
        out.text(1, "description");
        out.message(3, "content", media_types);
        out.0
    })
}

fn parameter_or_reference(parameter: &Value) -> Vec<u8> {
    or_reference(parameter, |parameter| {
        let mut out = Message::of(parameter);
        for (number, name) in [(1, "name"), (2, "in"), (3, "description")] {
            out.text(number, name);
        }
        out.flag(4, "required");
        out.message(10, "schema", schema_or_reference);
        out.0
    })
}

fn media_types(content: &Value) -> Vec<u8> {
    named(content, 1, |media| {
        let mut out = Message::of(media);
        out.message(1, "schema", schema_or_reference);
        out.0
    })
}

fn schema_or_reference(value: &Value) -> Vec<u8> {
    or_reference(value, schema)
}

/// What is written in place is field 1, what is said elsewhere field 2.
fn or_reference(value: &Value, write: impl Fn(&Value) -> Vec<u8>) -> Vec<u8> {
    match value["$ref"].as_str() {
        Some(place) => wrapped(2, &wrapped(1, place.as_bytes())),
        None => wrapped(1, &write(value)),
    }
}

fn schema(value: &Value) -> Vec<u8> {
    let mut out = Message::of(value);
    out.flag(1, "nullable");
    out.message(7, "example", any);
    out.text(9, "title");
    for (number, name) in [(10, "multipleOf"), (11, "maximum"), (13, "minimum")] {
        out.double(number, name);
    }
    let lengths = [
        (15, "maxLength"),
        (16, "minLength"),
        (18, "maxItems"),
        (19, "minItems"),
        (21, "maxProperties"),
        (22, "minProperties"),
    ];
    for (number, name) in lengths {
        out.integer(number, name);
    }
    for (number, name) in [(12, "exclusiveMaximum"), (14, "exclusiveMinimum"), (20, "uniqueItems")] {
        out.flag(number, name);
    }
    out.text(17, "pattern");
    out.texts(23, "required");
    out.each(24, "enum", any);
    out.text(25, "type");
    for (number, name) in [(26, "allOf"), (27, "oneOf"), (28, "anyOf")] {
        out.each(number, name, schema_or_reference);
    }
    out.message(29, "not", schema);
    out.message(30, "items", |items| wrapped(1, &schema_or_reference(items)));
    out.message(31, "properties", |fields| named(fields, 1, schema_or_reference));
    out.message(32, "additionalProperties", |rest| match rest {
        Value::Bool(any) => {
            let mut out = Vec::new();
            put_varint(&mut out, 2, u64::from(*any));
            out
        }
        rest => wrapped(1, &schema_or_reference(rest)),
    });
    out.message(33, "default", default);
    out.text(34, "description");
    out.text(35, "format");
    out.extensions(36);
    out.0
}

/// A default: a number, a flag or a text. What is neither is an empty message, as gnostic makes of it.
fn default(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    match value {
        Value::Number(number) => put_double(&mut out, 1, number.as_f64().unwrap_or_default()),
        Value::Bool(flag) => put_varint(&mut out, 2, u64::from(*flag)),
        Value::String(text) => return wrapped(3, text.as_bytes()),
        Value::Null | Value::Array(_) | Value::Object(_) => {}
    }
    out
}
