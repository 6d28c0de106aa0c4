//! Upstream's own bytes in both directions, and bytes that are meant to do harm.

use std::io::Read;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::*;
use crate::{builtin, zero};

struct Pair {
    name: String,
    json: Value,
    bytes: Vec<u8>,
}

/// Objects that a v1.36.2 server gave as JSON and as protobuf.
fn pairs() -> Vec<Pair> {
    let packed = include_bytes!("../../testdata/protobuf-pairs.json.gz");
    let mut text = String::new();
    flate2::read::GzDecoder::new(&packed[..]).read_to_string(&mut text).unwrap();
    let pairs: Vec<Value> = serde_json::from_str(&text).unwrap();
    let pair = |value: &Value| Pair {
        name: format!("{} {} ({})", value["apiVersion"], value["kind"], value["script"]),
        json: without_type_meta_of_items(value["json"].clone()),
        bytes: STANDARD.decode(value["protobuf"].as_str().unwrap()).unwrap(),
    };
    pairs.iter().map(pair).collect()
}

/// Items of lists say their kind in JSON where the list may hold several, never in protobuf.
fn without_type_meta_of_items(mut json: Value) -> Value {
    for item in json["items"].as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
        item.remove("apiVersion");
        item.remove("kind");
    }
    if json["items"].is_null() {
        json.as_object_mut().unwrap().remove("items");
    }
    json
}

fn schema_of(bytes: &[u8]) -> Schema {
    let envelope = envelope(bytes).unwrap();
    let root = builtin().find_kind(envelope.api_version, envelope.kind).unwrap();
    Schema { types: Arc::clone(builtin()), root }
}

/// The first place where two trees differ.
fn difference(a: &Value, b: &Value, path: &str) -> Option<String> {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => {
            let keys: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            keys.into_iter().find_map(|key| match (a.get(key), b.get(key)) {
                (Some(a), Some(b)) => difference(a, b, &format!("{path}.{key}")),
                (a, b) => Some(format!("{path}.{key}: {a:?} / {b:?}")),
            })
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            a.iter().zip(b).enumerate().find_map(|(n, (a, b))| difference(a, b, &format!("{path}[{n}]")))
        }
        _ => (a != b).then(|| format!("{path}: {a} / {b}")),
    }
}

#[test]
fn upstreams_bytes_give_upstreams_json() {
    let pairs = pairs();
    assert_eq!(pairs.len(), 374);
    let mut wrong = Vec::new();
    for pair in &pairs {
        match decode(builtin(), &pair.bytes) {
            Ok(mut object) => {
                zero::fill(&schema_of(&pair.bytes), &mut object);
                if let Some(difference) = difference(&object.into(), &pair.json, "") {
                    wrong.push(format!("{}: {difference}", pair.name));
                }
            }
            Err(error) => wrong.push(format!("{}: {error}", pair.name)),
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn upstreams_json_gives_upstreams_bytes() {
    let mut wrong = Vec::new();
    for pair in &pairs() {
        let object = Object::from_value(pair.json.clone()).unwrap();
        let bytes = encode(&schema_of(&pair.bytes), &object);
        // Raw JSON inside keeps the client's spaces in upstream's store; ours are the tree's.
        let spaced = decode(builtin(), &bytes) == decode(builtin(), &pair.bytes) && has_spaced_json(&pair.bytes);
        if bytes != pair.bytes && !spaced {
            let at = bytes.iter().zip(&pair.bytes).position(|(a, b)| a != b).unwrap_or(0);
            let around =
                |bytes: &[u8]| bytes[at.saturating_sub(40)..(at + 24).min(bytes.len())].escape_ascii().to_string();
            wrong.push(format!("{} at {at}:\n  {}\n  {}", pair.name, around(&bytes), around(&pair.bytes)));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

fn has_spaced_json(bytes: &[u8]) -> bool {
    bytes.windows(3).any(|window| window == b"\": ")
}

#[test]
fn json_and_protobuf_requests_give_the_same_tree() {
    for pair in &pairs() {
        let schema = schema_of(&pair.bytes);
        let from_json = crate::decode::value(&schema, pair.json.clone()).unwrap();
        assert_eq!(from_json.strict, Vec::<String>::new(), "{}", pair.name);
        let from_bytes = decode(builtin(), &pair.bytes).unwrap();
        assert_eq!(difference(&from_bytes.into(), &from_json.object.into(), ""), None, "{}", pair.name);
    }
}

#[test]
fn broken_bytes_are_refused_without_harm() {
    let pairs = pairs();
    for pair in pairs.iter().step_by(7) {
        for cut in (0..pair.bytes.len()).step_by(11) {
            let _ = decode(builtin(), &pair.bytes[..cut]);
            let mut bytes = pair.bytes.clone();
            bytes[cut] = bytes[cut].wrapping_add(0x9d);
            let _ = decode(builtin(), &bytes);
        }
    }
    assert!(decode(builtin(), b"").is_err());
    assert!(decode(builtin(), b"{}").is_err());
    let missing = decode(builtin(), b"k8s\0\x0a\x09\x0a\x02v1\x12\x03Foo").unwrap_err();
    assert_eq!(
        missing.to_string(),
        "no kind \"Foo\" is registered for version \"v1\" in scheme \"pkg/api/legacyscheme/scheme.go:30\""
    );
}
