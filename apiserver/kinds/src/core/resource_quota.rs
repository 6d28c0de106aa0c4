//! `v1` ResourceQuota.

use super::resource_quota_rules;
use jiff::Timestamp;
use kubernel_meta::{Object, field};
use serde_json::{Value, json};

use crate::core::pod::spec_defaults::round_up;
use crate::descriptor::kind;
use crate::tree::map_in;
use crate::{Kind, Strategy, print};

kind! {
    /// The descriptor of ResourceQuota.
    pub static KIND = "", "v1", "ResourceQuota";
    names: "resourcequotas", "resourcequota", short ["quota"], categories [];
    definition: "io.k8s.api.core.v1.ResourceQuota";
    namespaced: true, source: Store, hash: "8uhSgffRX6w=";
    verbs: ALL;
    subresources: [
        "status": STATUS,
    ];
    columns: [
        "Name" name, "Request" string, "Limit" string, "Age" string,
    ];
    strategy: ResourceQuotaStrategy;
}

/// What only ResourceQuotas know.
#[derive(Debug)]
pub struct ResourceQuotaStrategy;

impl Strategy for ResourceQuotaStrategy {
    fn default(&self, _kind: &Kind, object: &mut Object) {
        for (part, list) in [("spec", "hard"), ("status", "hard"), ("status", "used")] {
            if let Some(list) = map_in(object.map_at_mut(&[part]), list) {
                round_up(list);
            }
        }
    }

    fn validate(&self, _kind: &Kind, object: &Object) -> Vec<field::Error> {
        resource_quota_rules::create(object)
    }

    fn validate_update(&self, _kind: &Kind, new: &Object, old: &Object) -> Vec<field::Error> {
        resource_quota_rules::update(new, old)
    }

    fn validate_subresource_update(
        &self,
        _: &Kind,
        _subresource: &str,
        new: &Object,
        _old: &Object,
    ) -> Vec<field::Error> {
        resource_quota_rules::status(new)
    }

    fn cells(&self, _kind: &Kind, object: &Object, now: Timestamp) -> Vec<Value> {
        let (mut requests, mut limits) = (Vec::new(), Vec::new());
        for (name, hard) in object.map_at(&["status", "hard"]).into_iter().flatten() {
            let used = object.str_at(&["status", "used", name]);
            let used = if used.is_empty() { "0" } else { used };
            let part = format!("{name}: {used}/{}", hard.as_str().unwrap_or_default());
            if name.starts_with("limits.") { limits.push(part) } else { requests.push(part) }
        }
        vec![json!(object.name()), json!(requests.join(", ")), json!(limits.join(", ")), json!(print::age(object, now))]
    }
}
