//! `discovery.k8s.io/v1` EndpointSlice.

use super::endpoint_slice_rules;
use jiff::Timestamp;
use kubernel_meta::{Object, field};
use serde_json::{Value, json};

use crate::descriptor::kind;
use crate::strategy;
use crate::tree::{default_to, items, maps_in};
use crate::{Kind, Strategy, print};

kind! {
    /// The descriptor of EndpointSlice.
    pub static KIND = "discovery.k8s.io", "v1", "EndpointSlice";
    names: "endpointslices", "endpointslice", short [], categories [];
    definition: "io.k8s.api.discovery.v1.EndpointSlice";
    namespaced: true, source: Store, hash: "qgS0xkrxYAI=";
    verbs: ALL;
    subresources: [];
    columns: [
        "Name" name, "AddressType" string, "Ports" string, "Endpoints" string, "Age" string,
    ];
    strategy: EndpointSliceStrategy;
}

/// What only EndpointSlices know.
#[derive(Debug)]
pub struct EndpointSliceStrategy;

impl Strategy for EndpointSliceStrategy {
    fn default(&self, _kind: &Kind, object: &mut Object) {
        for port in maps_in(object.map_mut(), "ports") {
            default_to(port, "name", "");
            default_to(port, "protocol", "TCP");
        }
    }

    fn counts_generation(&self) -> bool {
        true
    }

    fn prepare_create(&self, kind: &Kind, object: &mut Object) {
        endpoint_slice_rules::drop_topology(object);
        strategy::prepare_create(kind, object);
    }

    /// Labels count as well.
    fn prepare_update(&self, kind: &Kind, new: &mut Object, old: &Object) {
        endpoint_slice_rules::drop_topology(new);
        strategy::prepare_update(kind, new, old);
        if new.generation() == old.generation() && !new.labels().eq(old.labels()) {
            new.set(&["metadata", "generation"], old.generation() + 1);
        }
    }

    fn validate(&self, _kind: &Kind, object: &Object) -> Vec<field::Error> {
        endpoint_slice_rules::create(object)
    }

    fn validate_update(&self, _kind: &Kind, new: &Object, old: &Object) -> Vec<field::Error> {
        endpoint_slice_rules::update(new, old)
    }

    fn cells(&self, _kind: &Kind, object: &Object, now: Timestamp) -> Vec<Value> {
        let ports = object.list_at(&["ports"]).iter().map(|port| match port.get("port").and_then(Value::as_i64) {
            Some(number) => number.to_string(),
            None => "*".to_owned(),
        });
        let addresses = object.list_at(&["endpoints"]).iter().flat_map(|endpoint| items(endpoint, "addresses"));
        let addresses = addresses.map(|address| address.as_str().unwrap_or_default().to_owned());
        vec![
            json!(object.name()),
            json!(object.str_at(&["addressType"])),
            json!(first_three(ports.collect())),
            json!(first_three(addresses.collect())),
            json!(print::age(object, now)),
        ]
    }

    fn warnings(&self, _kind: &Kind, object: &Object, old: Option<&Object>) -> Vec<String> {
        let fqdn = old.is_none() && object.str_at(&["addressType"]) == "FQDN";
        let fqdn = fqdn.then(|| "spec.addressType: FQDN endpoints are deprecated".to_owned());
        fqdn.into_iter().chain(endpoint_slice_rules::address_warnings(object)).collect()
    }
}

/// As many entries as a cell shows.
const SHOWN_MAX: usize = 3;

fn first_three(all: Vec<String>) -> String {
    match all.len() {
        0 => "<unset>".to_owned(),
        count if count > SHOWN_MAX => format!("{} + {} more...", all[..SHOWN_MAX].join(","), count - SHOWN_MAX),
        _ => all.join(","),
    }
}
