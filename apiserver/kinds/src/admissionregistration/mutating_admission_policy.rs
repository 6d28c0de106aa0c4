//! `admissionregistration.k8s.io/v1` MutatingAdmissionPolicy.

use super::{defaults, policy_rules};
use jiff::Timestamp;
use kubernel_meta::{Object, field};
use serde_json::{Value, json};

use crate::descriptor::kind;
use crate::{Kind, Strategy, print};

kind! {
    /// The descriptor of MutatingAdmissionPolicy.
    pub static KIND = "admissionregistration.k8s.io", "v1", "MutatingAdmissionPolicy";
    names: "mutatingadmissionpolicies", "mutatingadmissionpolicy", short [], categories ["api-extensions"];
    definition: "io.k8s.api.admissionregistration.v1.MutatingAdmissionPolicy";
    namespaced: false, source: Store, hash: "LYmCf+UMVdg=";
    verbs: ALL;
    subresources: [];
    columns: [
        "Name" name, "Mutations" integer, "ParamKind" string, "Age" string,
    ];
    strategy: PolicyStrategy;
}

/// What only MutatingAdmissionPolicies know.
#[derive(Debug)]
pub struct PolicyStrategy;

impl Strategy for PolicyStrategy {
    fn validate(&self, _kind: &Kind, object: &Object) -> Vec<field::Error> {
        policy_rules::mutating(object, None)
    }

    fn validate_update(&self, _kind: &Kind, new: &Object, old: &Object) -> Vec<field::Error> {
        policy_rules::mutating(new, Some(old))
    }

    fn validate_subresource_update(&self, _: &Kind, _sub: &str, new: &Object, old: &Object) -> Vec<field::Error> {
        policy_rules::status(new, old)
    }

    fn default(&self, _kind: &Kind, object: &mut Object) {
        defaults::policy(object);
    }

    fn counts_generation(&self) -> bool {
        true
    }

    fn allow_unconditional_update(&self) -> bool {
        false
    }

    fn cells(&self, _kind: &Kind, object: &Object, now: Timestamp) -> Vec<Value> {
        let count = object.list_at(&["spec", "mutations"]).len();
        let parameter = |field: &str| object.str_at(&["spec", "paramKind", field]);
        let kind = match object.map_at(&["spec", "paramKind"]) {
            None => "<unset>".to_owned(),
            Some(_) => format!("{}/{}", parameter("apiVersion"), parameter("kind")),
        };
        vec![json!(object.name()), json!(count), json!(kind), json!(print::age(object, now))]
    }
}
