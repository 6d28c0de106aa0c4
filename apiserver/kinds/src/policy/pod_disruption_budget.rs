//! `policy/v1` PodDisruptionBudget.

use super::rules;
use jiff::Timestamp;
use kubernel_meta::{Object, field};
use serde_json::{Value, json};

use crate::descriptor::kind;
use crate::{Kind, Strategy, print};

kind! {
    /// The descriptor of PodDisruptionBudget.
    pub static KIND = "policy", "v1", "PodDisruptionBudget";
    names: "poddisruptionbudgets", "poddisruptionbudget", short ["pdb"], categories [];
    definition: "io.k8s.api.policy.v1.PodDisruptionBudget";
    namespaced: true, source: Store, hash: "EVWiDmWqyJw=";
    verbs: ALL;
    subresources: [
        "status": STATUS,
    ];
    columns: [
        "Name" name, "Min Available" string, "Max Unavailable" string, "Allowed Disruptions" integer, "Age" string,
    ];
    strategy: PodDisruptionBudgetStrategy;
}

/// What only PodDisruptionBudgets know.
#[derive(Debug)]
pub struct PodDisruptionBudgetStrategy;

impl Strategy for PodDisruptionBudgetStrategy {
    fn counts_generation(&self) -> bool {
        true
    }

    fn validate(&self, _kind: &Kind, object: &Object) -> Vec<field::Error> {
        rules::create(object)
    }

    fn validate_subresource_update(
        &self,
        _: &Kind,
        _subresource: &str,
        new: &Object,
        _old: &Object,
    ) -> Vec<field::Error> {
        rules::status(new)
    }

    fn allow_unconditional_update(&self) -> bool {
        false
    }

    fn cells(&self, _kind: &Kind, object: &Object, now: Timestamp) -> Vec<Value> {
        let amount = |field: &str| match object.at(&["spec", field]) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => number.to_string(),
            _ => "N/A".to_owned(),
        };
        vec![
            json!(object.name()),
            json!(amount("minAvailable")),
            json!(amount("maxUnavailable")),
            json!(object.int_at(&["status", "disruptionsAllowed"]).unwrap_or_default()),
            json!(print::age(object, now)),
        ]
    }
}
