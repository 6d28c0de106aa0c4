//! The OpenAPI documents say what those of a v1.36.2 server say.
//!
//! `data/openapi-v3.json.gz` (by the document's name) and `data/openapi-v2.json.gz` are that server's documents without
//! their descriptions, which are ours to write. What differs on purpose is in [`KNOWN`].

use crate::common::Api;
use flate2::read::GzDecoder;
use serde_json::{Map, Value};

/// Differences that stay, by the end of their place.
const KNOWN: &[&str] = &[
    // Upstream's generator leaves this one out among all fields like it.
    "ImageVolumeStatus/properties/imageRef/default",
    // No server-side apply of discovery's own kinds, and none of a string of bytes as a list.
    "APIResource/properties/verbs/x-kubernetes-list-type",
    "APIServiceSpec/properties/caBundle/x-kubernetes-list-type",
];
/// How many differences a failure shows.
const SHOWN_MAX: usize = 30;

#[tokio::test]
async fn version_3_says_what_upstream_says() {
    let api = Api::new().await;
    let index = api.get("/openapi/v3").await;
    let mut found = Map::new();
    for (name, place) in index["paths"].as_object().unwrap() {
        if !is_ours(name) {
            found.insert(name.clone(), api.get(place["serverRelativeURL"].as_str().unwrap()).await);
        }
    }
    check(include_bytes!("data/openapi-v3.json.gz"), Value::Object(found));
}

#[tokio::test]
async fn version_2_says_what_upstream_says() {
    let api = Api::new().await;
    check(include_bytes!("data/openapi-v2.json.gz"), api.get("/openapi/v2").await);
}

fn check(facts: &[u8], found: Value) {
    let expected: Value = serde_json::from_reader(GzDecoder::new(facts)).unwrap();
    let mut differences = Vec::new();
    compare("", &comparable(&expected, &expected), &comparable(&found, &found), &mut differences);
    differences.retain(|line: &String| !KNOWN.iter().any(|known| line.contains(&format!("{known}: "))));
    let count = differences.len();
    differences.truncate(SHOWN_MAX);
    assert!(differences.is_empty(), "{count} differences:\n{}", differences.join("\n"));
}

/// Whether a path, a definition or a group is Kubernel's own.
fn is_ours(name: &str) -> bool {
    name.contains("kernel.kubernel.io") || name.starts_with("io.kubernel.")
}

/// The value without what may differ: descriptions, names of parameters that are written once, and a lone `allOf`.
fn comparable(value: &Value, document: &Value) -> Value {
    match value {
        Value::Object(map) => {
            if let Some(place) = map.get("$ref").and_then(Value::as_str).and_then(|place| place.strip_prefix('#'))
                && place.starts_with("/parameters/")
            {
                return comparable(document.pointer(place).unwrap(), document);
            }
            let kept = map.iter().filter(|(name, value)| {
                let is_text = *name == "description" && value.is_string();
                let is_shared = *name == "parameters" && value.is_object() && map.contains_key("swagger");
                !is_text && !is_shared && !is_ours(name)
            });
            let mut out: Map<String, Value> =
                kept.map(|(name, value)| (name.clone(), comparable(value, document))).collect();
            match out.get_mut("allOf").and_then(Value::as_array_mut) {
                Some(alone) if alone.len() == 1 => {
                    let inner = alone.remove(0);
                    out.remove("allOf");
                    out.extend(inner.as_object().cloned().unwrap());
                }
                _ => {}
            }
            Value::Object(out)
        }
        Value::Array(items) => {
            let kept = items.iter().filter(|item| !item["group"].as_str().is_some_and(is_ours));
            kept.map(|item| comparable(item, document)).collect()
        }
        other => other.clone(),
    }
}

fn compare(place: &str, expected: &Value, found: &Value, differences: &mut Vec<String>) {
    match (expected, found) {
        (Value::Object(expected), Value::Object(found)) => {
            let more = found.keys().filter(|name| !expected.contains_key(*name));
            for name in expected.keys().chain(more) {
                let of = |map: &Map<String, Value>| map.get(name).cloned().unwrap_or_default();
                compare(&format!("{place}/{name}"), &of(expected), &of(found), differences);
            }
        }
        (Value::Array(expected), Value::Array(found)) if expected.len() == found.len() => {
            for (at, (expected, found)) in expected.iter().zip(found).enumerate() {
                compare(&format!("{place}/{at}"), expected, found, differences);
            }
        }
        _ if expected == found => {}
        _ => {
            let short = |value: &Value| value.to_string().chars().take(200).collect::<String>();
            differences.push(format!("{place}: upstream {} ours {}", short(expected), short(found)));
        }
    }
}
