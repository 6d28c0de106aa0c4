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
    columns: ["Name" name, "Weight" integer, "Share" string, "Dominant" string, "CPU" string, "Memory" string,
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
        match object.int_at(&["spec", "weight"]) {
            Some(weight) if !(1..=WEIGHT_MAX).contains(&weight) => {
                let message = format!("must be between 1 and {WEIGHT_MAX}, inclusive");
                errors.push(path.child("weight").invalid(weight, message));
            }
            _ => {}
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
            json!(object.int_at(&["spec", "weight"]).unwrap_or(1)),
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
const WEIGHT_MAX: i64 = 1_000_000;
