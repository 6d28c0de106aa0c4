//! `flowcontrol.apiserver.k8s.io/v1` PriorityLevelConfiguration.

use super::rules;
use jiff::Timestamp;
use kubernel_meta::{Object, field};
use serde_json::{Value, json};

use crate::descriptor::kind;
use crate::tree::{default_to, map_in};
use crate::{Kind, Strategy, print};

kind! {
    /// The descriptor of PriorityLevelConfiguration.
    pub static KIND = "flowcontrol.apiserver.k8s.io", "v1", "PriorityLevelConfiguration";
    names: "prioritylevelconfigurations", "prioritylevelconfiguration", short [], categories [];
    definition: "io.k8s.api.flowcontrol.v1.PriorityLevelConfiguration";
    namespaced: false, source: Store, hash: "Kir5PVfvNeI=";
    verbs: ALL;
    subresources: [
        "status": STATUS,
    ];
    columns: [
        "Name" name, "Type" string, "NominalConcurrencyShares" string, "Queues" string, "HandSize" string,
        "QueueLengthLimit" string, "Age" string,
    ];
    strategy: PriorityLevelStrategy;
}

/// What only PriorityLevelConfigurations know.
#[derive(Debug)]
pub struct PriorityLevelStrategy;

impl Strategy for PriorityLevelStrategy {
    fn default(&self, _kind: &Kind, object: &mut Object) {
        let spec = object.map_at_mut(&["spec"]);
        if let Some(limited) = map_in(spec, "limited") {
            default_to(limited, "nominalConcurrencyShares", 30);
            default_to(limited, "lendablePercent", 0);
            if let Some(queuing) = map_in(limited, "limitResponse").and_then(|response| map_in(response, "queuing")) {
                for (field, value) in [("handSize", 8), ("queues", 64), ("queueLengthLimit", 50)] {
                    if queuing.get(field).and_then(Value::as_i64).unwrap_or_default() == 0 {
                        queuing.insert(field.to_owned(), json!(value));
                    }
                }
            }
        }
        if let Some(exempt) = map_in(spec, "exempt") {
            default_to(exempt, "nominalConcurrencyShares", 0);
            default_to(exempt, "lendablePercent", 0);
        }
    }

    fn counts_generation(&self) -> bool {
        true
    }

    fn validate(&self, _kind: &Kind, object: &Object) -> Vec<field::Error> {
        rules::priority_level(object)
    }

    fn validate_subresource_update(&self, _: &Kind, _sub: &str, new: &Object, _old: &Object) -> Vec<field::Error> {
        rules::status(new)
    }

    fn cells(&self, _kind: &Kind, object: &Object, now: Timestamp) -> Vec<Value> {
        let or_none = |value: Option<&Value>| value.cloned().unwrap_or_else(|| json!("<none>"));
        let limited = |field: &str| object.at(&["spec", "limited", field]);
        let queuing = |field: &str| or_none(object.at(&["spec", "limited", "limitResponse", "queuing", field]));
        vec![
            json!(object.name()),
            json!(object.str_at(&["spec", "type"])),
            or_none(limited("nominalConcurrencyShares")),
            queuing("queues"),
            queuing("handSize"),
            queuing("queueLengthLimit"),
            json!(print::age(object, now)),
        ]
    }

    fn status_keeps_metadata(&self) -> bool {
        true
    }
}
