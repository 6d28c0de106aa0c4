//! `v1` LimitRange.

use super::limit_range_rules;
use kubernel_meta::{Object, field};
use serde_json::{Map, Value, json};

use crate::core::pod::spec_defaults::round_up;
use crate::descriptor::kind;
use crate::tree::{default_to, map_in, maps_in};
use crate::{Kind, Strategy};

kind! {
    /// The descriptor of LimitRange.
    pub static KIND = "", "v1", "LimitRange";
    names: "limitranges", "limitrange", short ["limits"], categories [];
    definition: "io.k8s.api.core.v1.LimitRange";
    namespaced: true, source: Store, hash: "EBKMFVe6cwo=";
    verbs: ALL;
    subresources: [];
    columns: [
        "Name" name, "Created At" date,
    ];
    strategy: LimitRangeStrategy;
}

/// What only LimitRanges know.
#[derive(Debug)]
pub struct LimitRangeStrategy;

impl Strategy for LimitRangeStrategy {
    fn default(&self, _kind: &Kind, object: &mut Object) {
        for item in maps_in(object.map_at_mut(&["spec"]), "limits") {
            for list in ["max", "min", "default", "defaultRequest", "maxLimitRequestRatio"] {
                if let Some(list) = map_in(item, list) {
                    round_up(list);
                }
            }
            if item.get("type").and_then(Value::as_str) == Some("Container") {
                container_defaults(item);
            }
        }
    }

    fn validate(&self, _kind: &Kind, object: &Object) -> Vec<field::Error> {
        limit_range_rules::create(object)
    }

    fn validate_name(&self, name: &str, prefix: bool) -> Vec<String> {
        crate::strategy::dns_subdomain(name, prefix)
    }

    fn allow_create_on_update(&self) -> bool {
        true
    }
}

/// A container's default limit comes from its maximum, its default request from that limit, then from the minimum.
fn container_defaults(item: &mut Map<String, Value>) {
    for (from, to) in [("max", "default"), ("default", "defaultRequest"), ("min", "defaultRequest")] {
        let Some(source) = item.get(from).and_then(Value::as_object).cloned() else { continue };
        if source.is_empty() {
            continue;
        }
        default_to(item, to, json!({}));
        if let Some(target) = map_in(item, to) {
            for (name, amount) in source {
                target.entry(name).or_insert(amount);
            }
        }
    }
}
