//! `networking.k8s.io/v1` Ingress.

use super::ingress_rules;
use jiff::Timestamp;
use kubernel_meta::{Object, field};
use serde_json::{Value, json};

use crate::core::service::load_balancer;
use crate::descriptor::kind;
use crate::tree::text;
use crate::{Kind, Strategy, print};

kind! {
    /// The descriptor of Ingress.
    pub static KIND = "networking.k8s.io", "v1", "Ingress";
    names: "ingresses", "ingress", short ["ing"], categories [];
    definition: "io.k8s.api.networking.v1.Ingress";
    namespaced: true, source: Store, hash: "39NQlfNR+bo=";
    verbs: ALL;
    subresources: [
        "status": STATUS,
    ];
    columns: [
        "Name" name, "Class" string, "Hosts" string, "Address" string, "Ports" string, "Age" string,
    ];
    strategy: IngressStrategy;
}

/// What only Ingresses know.
#[derive(Debug)]
pub struct IngressStrategy;

impl Strategy for IngressStrategy {
    fn counts_generation(&self) -> bool {
        true
    }

    fn validate(&self, _kind: &Kind, object: &Object) -> Vec<field::Error> {
        ingress_rules::create(object)
    }

    fn validate_update(&self, _kind: &Kind, new: &Object, old: &Object) -> Vec<field::Error> {
        ingress_rules::update(new, old)
    }

    fn validate_subresource_update(&self, _: &Kind, _sub: &str, new: &Object, old: &Object) -> Vec<field::Error> {
        ingress_rules::status(new, old)
    }

    fn warnings(&self, _kind: &Kind, object: &Object, old: Option<&Object>) -> Vec<String> {
        let told = if old.is_none() { ingress_rules::class_warning(object) } else { None };
        told.into_iter().collect()
    }

    fn cells(&self, _kind: &Kind, object: &Object, now: Timestamp) -> Vec<Value> {
        let class = object.str_at(&["spec", "ingressClassName"]);
        let annotation = object.str_at(&["metadata", "annotations", ingress_rules::CLASS_ANNOTATION]);
        let class = if class.is_empty() { annotation } else { class };
        let tls = !object.list_at(&["spec", "tls"]).is_empty();
        vec![
            json!(object.name()),
            json!(if class.is_empty() { "<none>" } else { class }),
            json!(hosts(object.list_at(&["spec", "rules"]))),
            json!(load_balancer(object.at(&["status", "loadBalancer"])).join(",")),
            json!(if tls { "80, 443" } else { "80" }),
            json!(print::age(object, now)),
        ]
    }
}

/// As many hosts as the column shows.
const SHOWN_MAX: usize = 3;

fn hosts(rules: &[Value]) -> String {
    let named: Vec<&str> = rules.iter().map(|rule| text(rule, "host")).filter(|host| !host.is_empty()).collect();
    match named.len() {
        0 => "*".to_owned(),
        count if count > SHOWN_MAX => format!("{} + {} more...", named[..SHOWN_MAX].join(","), count - SHOWN_MAX),
        _ => named.join(","),
    }
}
