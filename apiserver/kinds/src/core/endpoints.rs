//! `v1` Endpoints.

use super::endpoints_rules;
use jiff::Timestamp;
use kubernel_meta::{Object, field};
use serde_json::{Value, json};

use crate::descriptor::kind;
use crate::tree::{default_text, int, items, maps_in, text};
use crate::{Kind, Strategy, print};

kind! {
    /// The descriptor of Endpoints.
    pub static KIND = "", "v1", "Endpoints";
    names: "endpoints", "endpoints", short ["ep"], categories [];
    definition: "io.k8s.api.core.v1.Endpoints";
    namespaced: true, source: Store, hash: "fWeeMqaN/OA=";
    verbs: ALL;
    subresources: [];
    columns: [
        "Name" name, "Endpoints" string, "Age" string,
    ];
    strategy: EndpointsStrategy;
}

/// What only Endpoints know.
#[derive(Debug)]
pub struct EndpointsStrategy;

impl Strategy for EndpointsStrategy {
    fn default(&self, _kind: &Kind, object: &mut Object) {
        for subset in maps_in(object.map_mut(), "subsets") {
            for port in maps_in(subset, "ports") {
                default_text(port, "protocol", "TCP");
            }
        }
    }

    fn validate(&self, _kind: &Kind, object: &Object) -> Vec<field::Error> {
        endpoints_rules::check(object, None)
    }

    fn validate_update(&self, _kind: &Kind, new: &Object, old: &Object) -> Vec<field::Error> {
        endpoints_rules::check(new, Some(old))
    }

    fn warnings(&self, _kind: &Kind, object: &Object, _old: Option<&Object>) -> Vec<String> {
        endpoints_rules::warnings(object)
    }

    fn cells(&self, _kind: &Kind, object: &Object, now: Timestamp) -> Vec<Value> {
        vec![json!(object.name()), json!(addresses(object)), json!(print::age(object, now))]
    }

    fn allow_create_on_update(&self) -> bool {
        true
    }

    fn deprecated(&self) -> Option<&str> {
        Some("v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice")
    }
}

/// As many `address:port` as the column shows.
const SHOWN_MAX: usize = 3;

fn addresses(object: &Object) -> String {
    let mut all = Vec::new();
    for subset in object.list_at(&["subsets"]) {
        let addresses = items(subset, "addresses");
        if items(subset, "ports").is_empty() {
            all.extend(addresses.iter().map(|address| text(address, "ip").to_owned()));
        }
        for port in items(subset, "ports") {
            all.extend(addresses.iter().map(|address| host_port(text(address, "ip"), int(port, "port"))));
        }
    }
    match all.len() {
        0 => "<none>".to_owned(),
        count if count > SHOWN_MAX => format!("{} + {} more...", all[..SHOWN_MAX].join(","), count - SHOWN_MAX),
        _ => all.join(","),
    }
}

fn host_port(ip: &str, port: i64) -> String {
    if ip.contains(':') { format!("[{ip}]:{port}") } else { format!("{ip}:{port}") }
}
