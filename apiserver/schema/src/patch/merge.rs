//! JSON merge patch (RFC 7386).

use kubernel_meta::ApiError;
use serde_json::{Map, Value};

use super::body::{mismatch, parse, undecodable};

/// Lays the patch in `body` over `target`: maps are merged, nulls delete, anything else replaces.
pub fn apply(target: &mut Map<String, Value>, body: &[u8]) -> Result<(), ApiError> {
    match parse(body).map_err(|text| undecodable(&text))? {
        Value::Object(patch) => {
            merge_map(target, patch);
            Ok(())
        }
        Value::Null => Err(ApiError::bad_request("Invalid JSON Patch")),
        other => Err(undecodable(&mismatch(&other, "map[string]interface {}"))),
    }
}

fn merge_map(target: &mut Map<String, Value>, patch: Map<String, Value>) {
    for (key, value) in patch {
        match value {
            Value::Null => {
                target.remove(&key);
            }
            Value::Object(patch) => {
                let slot = target.entry(key).or_insert(Value::Null);
                if !slot.is_object() {
                    *slot = Value::Object(Map::new());
                }
                if let Value::Object(inner) = slot {
                    merge_map(inner, patch);
                }
            }
            other => {
                target.insert(key, other);
            }
        }
    }
}
