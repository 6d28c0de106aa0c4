//! Defaults of webhook configurations and admission policies.

use kubernel_meta::Object;
use serde_json::{Map, Value, json};

use crate::tree::{default_to, map_in, maps_in};

const HTTPS_PORT: u16 = 443;
const TIMEOUT_SECS: u8 = 10;

/// Fills in the defaults of the webhooks of a configuration; mutating ones may be invoked again.
pub(super) fn webhooks(object: &mut Object, mutating: bool) {
    for webhook in maps_in(object.map_mut(), "webhooks") {
        default_to(webhook, "failurePolicy", "Fail");
        default_to(webhook, "matchPolicy", "Equivalent");
        default_to(webhook, "namespaceSelector", json!({}));
        default_to(webhook, "objectSelector", json!({}));
        default_to(webhook, "timeoutSeconds", TIMEOUT_SECS);
        if mutating {
            default_to(webhook, "reinvocationPolicy", "Never");
        }
        if let Some(service) = map_in(webhook, "clientConfig").and_then(|config| map_in(config, "service")) {
            default_to(service, "port", HTTPS_PORT);
        }
        maps_in(webhook, "rules").for_each(rule);
    }
}

fn rule(rule: &mut Map<String, Value>) {
    default_to(rule, "scope", "*");
}

/// Fills in the defaults of an admission policy.
pub(super) fn policy(object: &mut Object) {
    let spec = object.map_at_mut(&["spec"]);
    default_to(spec, "failurePolicy", "Fail");
    if let Some(constraints) = map_in(spec, "matchConstraints") {
        match_resources(constraints);
    }
}

/// Fills in the defaults of the binding of an admission policy.
pub(super) fn binding(object: &mut Object) {
    if let Some(resources) = map_in(object.map_at_mut(&["spec"]), "matchResources") {
        match_resources(resources);
    }
}

fn match_resources(resources: &mut Map<String, Value>) {
    default_to(resources, "matchPolicy", "Equivalent");
    default_to(resources, "namespaceSelector", json!({}));
    default_to(resources, "objectSelector", json!({}));
    for list in ["resourceRules", "excludeResourceRules"] {
        maps_in(resources, list).for_each(rule);
    }
}
