//! `apiregistration.k8s.io/v1` APIService.

use super::rules;
use jiff::Timestamp;
use kubernel_meta::{Object, field};
use serde_json::{Value, json};

use crate::descriptor::kind;
use crate::tree::{condition, default_to, map_in, text};
use crate::{Kind, Strategy, print, strategy};

kind! {
    /// The descriptor of APIService.
    pub static KIND = "apiregistration.k8s.io", "v1", "APIService";
    names: "apiservices", "apiservice", short [], categories ["api-extensions"];
    definition: "io.k8s.kube-aggregator.pkg.apis.apiregistration.v1.APIService";
    namespaced: false, source: Store, hash: "InPBPD7+PqM=";
    verbs: ALL;
    subresources: [
        "status": STATUS,
    ];
    columns: [
        "Name" name, "Service" string, "Available" string, "Age" string,
    ];
    strategy: ApiServiceStrategy;
}

/// What only APIServices know.
#[derive(Debug)]
pub struct ApiServiceStrategy;

impl Strategy for ApiServiceStrategy {
    fn default(&self, _kind: &Kind, object: &mut Object) {
        if let Some(service) = map_in(object.map_at_mut(&["spec"]), "service") {
            default_to(service, "port", 443);
        }
    }

    /// What the server serves itself is there from the start.
    fn prepare_create(&self, kind: &Kind, object: &mut Object) {
        strategy::prepare_create(kind, object);
        if object.map_at(&["spec", "service"]).is_none() {
            let created = object.at(&["metadata", "creationTimestamp"]).cloned().unwrap_or_default();
            object.set(
                &["status", "conditions"],
                json!([{
                    "type": "Available", "status": "True", "reason": "Local", "lastTransitionTime": created,
                    "message": "Local APIServices are always available",
                }]),
            );
        }
    }

    fn validate(&self, _kind: &Kind, object: &Object) -> Vec<field::Error> {
        rules::create(object)
    }

    fn allow_unconditional_update(&self) -> bool {
        false
    }

    fn validate_name(&self, name: &str, prefix: bool) -> Vec<String> {
        strategy::path_segment(name, prefix)
    }

    fn cells(&self, _kind: &Kind, object: &Object, now: Timestamp) -> Vec<Value> {
        let service = match object.map_at(&["spec", "service"]) {
            None => "Local".to_owned(),
            Some(_) => {
                let part = |field: &str| object.str_at(&["spec", "service", field]);
                format!("{}/{}", part("namespace"), part("name"))
            }
        };
        let available = match condition(object.list_at(&["status", "conditions"]), "Available") {
            None => "Unknown".to_owned(),
            Some(condition) if text(condition, "status") == "True" => "True".to_owned(),
            Some(condition) => format!("{} ({})", text(condition, "status"), text(condition, "reason")),
        };
        vec![json!(object.name()), json!(service), json!(available), json!(print::age(object, now))]
    }

    fn status_keeps_metadata(&self) -> bool {
        true
    }
}
