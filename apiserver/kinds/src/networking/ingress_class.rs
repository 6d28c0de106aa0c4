//! `networking.k8s.io/v1` IngressClass.

use super::ingress_rules;
use jiff::Timestamp;
use kubernel_meta::{Object, field};
use serde_json::{Value, json};

use crate::descriptor::kind;
use crate::tree::{default_to, map_in};
use crate::{Kind, Strategy, print};

kind! {
    /// The descriptor of IngressClass.
    pub static KIND = "networking.k8s.io", "v1", "IngressClass";
    names: "ingressclasses", "ingressclass", short [], categories [];
    definition: "io.k8s.api.networking.v1.IngressClass";
    namespaced: false, source: Store, hash: "l/iqIbDgFyQ=";
    verbs: ALL;
    subresources: [];
    columns: [
        "Name" name, "Controller" string, "Parameters" string, "Age" string,
    ];
    strategy: IngressClassStrategy;
}

/// What only IngressClasses know.
#[derive(Debug)]
pub struct IngressClassStrategy;

impl Strategy for IngressClassStrategy {
    fn default(&self, _kind: &Kind, object: &mut Object) {
        if let Some(parameters) = map_in(object.map_at_mut(&["spec"]), "parameters") {
            default_to(parameters, "scope", "Cluster");
        }
    }

    fn counts_generation(&self) -> bool {
        true
    }

    fn validate(&self, _kind: &Kind, object: &Object) -> Vec<field::Error> {
        ingress_rules::class(object)
    }

    fn validate_update(&self, _kind: &Kind, new: &Object, old: &Object) -> Vec<field::Error> {
        ingress_rules::class_update(new, old)
    }

    fn cells(&self, _kind: &Kind, object: &Object, now: Timestamp) -> Vec<Value> {
        let parameter = |field: &str| object.str_at(&["spec", "parameters", field]);
        let parameters = match (object.map_at(&["spec", "parameters"]), parameter("apiGroup")) {
            (None, _) => "<none>".to_owned(),
            (Some(_), "") => format!("{}/{}", parameter("kind"), parameter("name")),
            (Some(_), group) => format!("{}.{group}/{}", parameter("kind"), parameter("name")),
        };
        vec![
            json!(object.name()),
            json!(object.str_at(&["spec", "controller"])),
            json!(parameters),
            json!(print::age(object, now)),
        ]
    }
}
