//! `v1` Service. Which addresses and ports it gets is the server's business; [`needs`] tells it which it needs.

mod addresses;
mod defaults;
pub mod needs;
mod transition;
mod validation;
mod warnings;

use jiff::Timestamp;
use kubernel_meta::{Object, field};
use serde_json::{Value, json};

use crate::descriptor::kind;
use crate::tree::{int, items, text};
use crate::{Kind, Strategy, print, strategy};

kind! {
    /// The descriptor of Service.
    pub static KIND = "", "v1", "Service";
    names: "services", "service", short ["svc"], categories ["all"];
    definition: "io.k8s.api.core.v1.Service";
    namespaced: true, source: Store, hash: "0/CO1lhkEBI=";
    verbs: ALL;
    subresources: [
        "proxy" as ("", "v1", "ServiceProxyOptions"): ["create", "delete", "get", "patch", "update"],
        "status": STATUS,
    ];
    columns: [
        "Name" name, "Type" string, "Cluster-IP" string, "External-IP" string, "Port(s)" string, "Age" string,
        "Selector" string wide,
    ];
    strategy: ServiceStrategy;
}

/// What only Services know.
#[derive(Debug)]
pub struct ServiceStrategy;

impl Strategy for ServiceStrategy {
    fn default(&self, _kind: &Kind, object: &mut Object) {
        defaults::service(object);
    }

    fn prepare_create(&self, kind: &Kind, object: &mut Object) {
        transition::create(object);
        strategy::prepare_create(kind, object);
    }

    fn prepare_update(&self, kind: &Kind, new: &mut Object, old: &Object) {
        strategy::prepare_update(kind, new, old);
        transition::update(new, old);
    }

    fn validate(&self, _kind: &Kind, object: &Object) -> Vec<field::Error> {
        validation::create(object)
    }

    fn validate_update(&self, _kind: &Kind, new: &Object, old: &Object) -> Vec<field::Error> {
        validation::update(new, old)
    }

    fn validate_subresource_update(
        &self,
        _: &Kind,
        subresource: &str,
        new: &Object,
        old: &Object,
    ) -> Vec<field::Error> {
        if subresource == "status" { validation::status(new, old) } else { Vec::new() }
    }

    fn validate_name(&self, name: &str, prefix: bool) -> Vec<String> {
        strategy::dns_label(name, prefix)
    }

    fn warnings(&self, _kind: &Kind, object: &Object, old: Option<&Object>) -> Vec<String> {
        warnings::of(object, old)
    }

    fn cells(&self, _kind: &Kind, object: &Object, now: Timestamp) -> Vec<Value> {
        let none = |text: &str| json!(if text.is_empty() { "<none>" } else { text });
        vec![
            json!(object.name()),
            json!(object.str_at(&["spec", "type"])),
            none(object.str_at(&["spec", "clusterIP"])),
            json!(external_ip(object)),
            none(&ports(object)),
            json!(print::age(object, now)),
            json!(print::labels(object.at(&["spec", "selector"]))),
        ]
    }

    fn selectable_fields(&self) -> Vec<&str> {
        vec!["spec.clusterIP", "spec.type"]
    }

    fn field_values(&self, object: &Object) -> Vec<String> {
        let spec = |key: &str| object.str_at(&["spec", key]).to_owned();
        vec![spec("clusterIP"), spec("type")]
    }

    fn allow_create_on_update(&self) -> bool {
        true
    }
}

fn ports(service: &Object) -> String {
    let port = |port: &Value| match (int(port, "port"), int(port, "nodePort"), text(port, "protocol")) {
        (number, 0, protocol) => format!("{number}/{protocol}"),
        (number, node, protocol) => format!("{number}:{node}/{protocol}"),
    };
    service.list_at(&["spec", "ports"]).iter().map(port).collect::<Vec<_>>().join(",")
}

fn external_ip(service: &Object) -> String {
    let listed: Vec<&str> = service.list_at(&["spec", "externalIPs"]).iter().filter_map(Value::as_str).collect();
    match service.str_at(&["spec", "type"]) {
        "ExternalName" => service.str_at(&["spec", "externalName"]).to_owned(),
        "LoadBalancer" => {
            let mut balanced = load_balancer(service.at(&["status", "loadBalancer"]));
            if !listed.is_empty() {
                balanced.extend(listed.iter().map(|ip| (*ip).to_owned()));
                balanced.join(",")
            } else if balanced.is_empty() {
                "<pending>".to_owned()
            } else {
                balanced.join(",")
            }
        }
        "ClusterIP" | "NodePort" if listed.is_empty() => "<none>".to_owned(),
        "ClusterIP" | "NodePort" => listed.join(","),
        _ => "<unknown>".to_owned(),
    }
}

/// The addresses or names of a load balancer's status, sorted, each once.
pub(crate) fn load_balancer(status: Option<&Value>) -> Vec<String> {
    let ingress = status.map_or(&[][..], |status| items(status, "ingress"));
    let address = |entry: &Value| match text(entry, "ip") {
        "" => text(entry, "hostname").to_owned(),
        ip => ip.to_owned(),
    };
    let mut all: Vec<String> = ingress.iter().map(address).filter(|address| !address.is_empty()).collect();
    all.sort();
    all.dedup();
    all
}
