//! Defaults of device claims.

use serde_json::{Map, Value, json};

use crate::tree::{default_text, default_to, map_in, maps_in};

/// Fills in the defaults of a claim's spec, also in a template.
pub(super) fn claim_spec(spec: &mut Map<String, Value>) {
    spec.entry("devices").or_insert_with(|| json!({}));
    let Some(devices) = map_in(spec, "devices") else { return };
    for request in maps_in(devices, "requests") {
        if let Some(exactly) = map_in(request, "exactly") {
            device_request(exactly);
        }
        maps_in(request, "firstAvailable").for_each(device_request);
    }
}

fn device_request(request: &mut Map<String, Value>) {
    default_text(request, "allocationMode", "ExactCount");
    let exact = request.get("allocationMode").and_then(Value::as_str) == Some("ExactCount");
    if exact && request.get("count").and_then(Value::as_i64).unwrap_or_default() == 0 {
        request.insert("count".to_owned(), json!(1));
    }
    for toleration in maps_in(request, "tolerations") {
        default_to(toleration, "operator", "Equal");
    }
}
