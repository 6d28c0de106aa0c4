//! `networking.k8s.io/v1` NetworkPolicy.

use super::network_policy_rules;
use jiff::Timestamp;
use kubernel_meta::{Object, field};
use serde_json::{Value, json};

use crate::descriptor::kind;
use crate::tree::{default_to, maps_in};
use crate::{Kind, Strategy, print};

kind! {
    /// The descriptor of NetworkPolicy.
    pub static KIND = "networking.k8s.io", "v1", "NetworkPolicy";
    names: "networkpolicies", "networkpolicy", short ["netpol"], categories [];
    definition: "io.k8s.api.networking.v1.NetworkPolicy";
    namespaced: true, source: Store, hash: "YpfwF18m1G8=";
    verbs: ALL;
    subresources: [];
    columns: [
        "Name" name, "Pod-Selector" string, "Age" string,
    ];
    strategy: NetworkPolicyStrategy;
}

/// What only NetworkPolicies know.
#[derive(Debug)]
pub struct NetworkPolicyStrategy;

impl Strategy for NetworkPolicyStrategy {
    fn default(&self, _kind: &Kind, object: &mut Object) {
        let egress = !object.list_at(&["spec", "egress"]).is_empty();
        let spec = object.map_at_mut(&["spec"]);
        for list in ["ingress", "egress"] {
            for port in maps_in(spec, list).flat_map(|rule| maps_in(rule, "ports")) {
                default_to(port, "protocol", "TCP");
            }
        }
        if spec.get("policyTypes").and_then(Value::as_array).is_none_or(Vec::is_empty) {
            let types = if egress { json!(["Ingress", "Egress"]) } else { json!(["Ingress"]) };
            spec.insert("policyTypes".to_owned(), types);
        }
    }

    fn counts_generation(&self) -> bool {
        true
    }

    fn validate(&self, _kind: &Kind, object: &Object) -> Vec<field::Error> {
        network_policy_rules::create(object)
    }

    fn validate_update(&self, _kind: &Kind, new: &Object, old: &Object) -> Vec<field::Error> {
        network_policy_rules::update(new, old)
    }

    fn warnings(&self, _kind: &Kind, object: &Object, _old: Option<&Object>) -> Vec<String> {
        network_policy_rules::warnings(object)
    }

    fn cells(&self, _kind: &Kind, object: &Object, now: Timestamp) -> Vec<Value> {
        let selector = print::selector(object.at(&["spec", "podSelector"]));
        vec![json!(object.name()), json!(selector), json!(print::age(object, now))]
    }
}
