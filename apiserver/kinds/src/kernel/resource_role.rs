//! `kernel.kubernel.io/v1alpha1` ResourceRole.

use super::amounts;
use jiff::Timestamp;
use kubernel_meta::{Object, field};
use serde_json::{Value, json};

use crate::descriptor::kind;
use crate::{Kind, Strategy, print};

kind! {
    /// The descriptor of ResourceRole.
    pub static KIND = "kernel.kubernel.io", "v1alpha1", "ResourceRole";
    names: "resourceroles", "resourcerole", short ["rr"], categories ["kernel"];
    definition: "io.kubernel.kernel.v1alpha1.ResourceRole";
    namespaced: false, source: Store, hash: "eLEmOTJFOIQ=";
    verbs: ALL;
    subresources: ["status": STATUS];
    columns: ["Name" name, "Weight" number, "Share" string, "Dominant" string, "CPU" string, "Memory" string,
        "Guarantee" string wide, "Limit" string wide, "Frameworks" integer, "Age" string];
    strategy: ResourceRoleStrategy;
}

/// What only ResourceRoles know.
#[derive(Debug)]
pub struct ResourceRoleStrategy;

impl Strategy for ResourceRoleStrategy {
    fn counts_generation(&self) -> bool {
        true
    }

    fn validate(&self, _kind: &Kind, object: &Object) -> Vec<field::Error> {
        let path = field::Path::root("spec");
        let mut errors = Vec::new();
        let weight = object.at(&["spec", "weight"]).and_then(|weight| Some((weight, weight.as_f64()?)));
        if let Some((shown, weight)) = weight {
            let wrong = |message| path.child("weight").invalid(shown.clone(), message);
            if !(WEIGHT_MIN..=WEIGHT_MAX).contains(&weight) {
                errors.push(wrong(format!("must be between {WEIGHT_MIN} and {WEIGHT_MAX}, inclusive")));
            } else if (weight * 1_000.0).round() / 1_000.0 != weight {
                errors.push(wrong("must be a multiple of 0.001".to_owned()));
            }
        }
        for list in ["guarantee", "limit"] {
            errors.extend(amounts::non_negative(&path.child(list), object.at(&["spec", list])));
        }
        if !object.name().is_empty() && object.str_at(&["spec", "parent"]) == object.name() {
            errors.push(path.child("parent").invalid(object.name(), "a role cannot be its own parent"));
        }
        errors
    }

    fn cells(&self, _kind: &Kind, object: &Object, now: Timestamp) -> Vec<Value> {
        let status = |field: &str| object.str_at(&["status", field]);
        let or_none = |text: &str| json!(if text.is_empty() { "<none>" } else { text });
        let allocated = |resource: &str| amounts::amount(object, &["status", "allocated", resource]);
        vec![
            json!(object.name()),
            object.at(&["spec", "weight"]).cloned().unwrap_or(json!(1)),
            or_none(status("dominantShare")),
            or_none(status("dominantResource")),
            allocated("cpu"),
            allocated("memory"),
            json!(amounts::list(object, &["spec", "guarantee"])),
            json!(amounts::list(object, &["spec", "limit"])),
            json!(object.int_at(&["status", "frameworks"]).unwrap_or_default()),
            json!(print::age(object, now)),
        ]
    }
}

/// The highest weight: more than a thousand times another's share starves it.
const WEIGHT_MAX: f64 = 1_000_000.0;
/// The lowest weight, and the step between weights: the ledger counts in thousandths.
const WEIGHT_MIN: f64 = 0.001;
