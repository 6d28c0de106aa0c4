//! `networking.k8s.io/v1` ServiceCIDR.

use super::address_rules;
use jiff::Timestamp;
use kubernel_meta::{Object, field};
use serde_json::{Value, json};

use crate::descriptor::kind;
use crate::{Kind, Strategy, print};

kind! {
    /// The descriptor of ServiceCIDR.
    pub static KIND = "networking.k8s.io", "v1", "ServiceCIDR";
    names: "servicecidrs", "servicecidr", short [], categories [];
    definition: "io.k8s.api.networking.v1.ServiceCIDR";
    namespaced: false, source: Store, hash: "gNLvruQhW2g=";
    verbs: ALL;
    subresources: [
        "status": STATUS,
    ];
    columns: [
        "Name" name, "CIDRs" string, "Age" string,
    ];
    strategy: ServiceCidrStrategy;
}

/// What only ServiceCIDRs know.
#[derive(Debug)]
pub struct ServiceCidrStrategy;

impl Strategy for ServiceCidrStrategy {
    fn status_keeps_metadata(&self) -> bool {
        true
    }

    fn validate(&self, _kind: &Kind, object: &Object) -> Vec<field::Error> {
        address_rules::cidrs(object)
    }

    fn validate_update(&self, _kind: &Kind, new: &Object, old: &Object) -> Vec<field::Error> {
        address_rules::cidrs_update(new, old)
    }

    fn cells(&self, _kind: &Kind, object: &Object, now: Timestamp) -> Vec<Value> {
        let cidrs: Vec<&str> = object.list_at(&["spec", "cidrs"]).iter().filter_map(Value::as_str).collect();
        vec![json!(object.name()), json!(cidrs.join(",")), json!(print::age(object, now))]
    }

    /// None: upstream names them for a group `networking` that there is not.
    fn reset_fields(&self, _kind: &Kind, _subresource: &str) -> Vec<Vec<&'static str>> {
        Vec::new()
    }
}
