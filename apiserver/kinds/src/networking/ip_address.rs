//! `networking.k8s.io/v1` IPAddress.

use super::address_rules;
use jiff::Timestamp;
use kubernel_meta::{Object, field};
use serde_json::{Value, json};

use crate::descriptor::kind;

use crate::{Kind, Strategy, print};

kind! {
    /// The descriptor of IPAddress.
    pub static KIND = "networking.k8s.io", "v1", "IPAddress";
    names: "ipaddresses", "ipaddress", short ["ip"], categories [];
    definition: "io.k8s.api.networking.v1.IPAddress";
    namespaced: false, source: Store, hash: "3f/plJFChNE=";
    verbs: ALL;
    subresources: [];
    columns: [
        "Name" name, "ParentRef" string,
    ];
    strategy: IpAddressStrategy;
}

/// What only IPAddresses know.
#[derive(Debug)]
pub struct IpAddressStrategy;

impl Strategy for IpAddressStrategy {
    fn default(&self, _kind: &Kind, object: &mut Object) {
        let parent = object.map_at_mut(&["spec", "parentRef"]);
        parent.retain(|_, value| value.as_str() != Some(""));
    }

    fn validate(&self, _kind: &Kind, object: &Object) -> Vec<field::Error> {
        address_rules::address(object)
    }

    fn validate_update(&self, _kind: &Kind, new: &Object, old: &Object) -> Vec<field::Error> {
        address_rules::address_update(new, old).into_iter().collect()
    }

    fn validate_name(&self, name: &str, _prefix: bool) -> Vec<String> {
        address_rules::address_name(name)
    }

    fn cells(&self, _kind: &Kind, object: &Object, now: Timestamp) -> Vec<Value> {
        let parent = |field: &str| object.str_at(&["spec", "parentRef", field]);
        let kind = [parent("resource"), parent("group")].into_iter().filter(|part| !part.is_empty());
        let kind = kind.collect::<Vec<_>>().join(".");
        let parts = [kind.as_str(), parent("namespace"), parent("name")].into_iter().filter(|part| !part.is_empty());
        let reference = parts.collect::<Vec<_>>().join("/");
        vec![json!(object.name()), json!(reference), json!(print::age(object, now))]
    }
}
