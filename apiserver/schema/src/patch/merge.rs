//! JSON merge patch (RFC 7386).

use kubernel_meta::ApiError;
use serde_json::{Map, Value};

use super::body::{mismatch, parse, undecodable};
use super::nulls::drop_nulls;

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
    for (key, mut value) in patch {
        match (target.get_mut(&key), value) {
            (_, Value::Null) => {
                target.remove(&key);
                continue;
            }
            (Some(Value::Object(inner)), Value::Object(patch)) => {
                merge_map(inner, patch);
                continue;
            }
            // Upstream's library looks for nulls in what is new, and in what takes the place of anything but a map.
            (Some(Value::Object(_)), other) => value = other,
            (_, mut other) => {
                drop_nulls(&mut other);
                value = other;
            }
        }
        target.insert(key, value);
    }
}
