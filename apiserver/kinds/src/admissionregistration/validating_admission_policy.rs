//! `admissionregistration.k8s.io/v1` ValidatingAdmissionPolicy.

use super::{defaults, policy_rules};
use jiff::Timestamp;
use kubernel_meta::{Object, field};
use serde_json::{Value, json};

use crate::descriptor::kind;
use crate::{Kind, Strategy, print};

kind! {
    /// The descriptor of ValidatingAdmissionPolicy.
    pub static KIND = "admissionregistration.k8s.io", "v1", "ValidatingAdmissionPolicy";
    names: "validatingadmissionpolicies", "validatingadmissionpolicy", short [], categories ["api-extensions"];
    definition: "io.k8s.api.admissionregistration.v1.ValidatingAdmissionPolicy";
    namespaced: false, source: Store, hash: "6OxvlMmQ6is=";
    verbs: ALL;
    subresources: [
        "status": STATUS,
    ];
    columns: [
        "Name" name, "Validations" integer, "ParamKind" string, "Age" string,
    ];
    strategy: PolicyStrategy;
}

/// What only ValidatingAdmissionPolicies know.
#[derive(Debug)]
pub struct PolicyStrategy;

impl Strategy for PolicyStrategy {
    fn validate(&self, _kind: &Kind, object: &Object) -> Vec<field::Error> {
        policy_rules::validating(object, None)
    }

    fn validate_update(&self, _kind: &Kind, new: &Object, old: &Object) -> Vec<field::Error> {
        policy_rules::validating(new, Some(old))
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
        let count = object.list_at(&["spec", "validations"]).len();
        let parameter = |field: &str| object.str_at(&["spec", "paramKind", field]);
        let kind = match object.map_at(&["spec", "paramKind"]) {
            None => "<unset>".to_owned(),
            Some(_) => format!("{}/{}", parameter("apiVersion"), parameter("kind")),
        };
        vec![json!(object.name()), json!(count), json!(kind), json!(print::age(object, now))]
    }

    fn status_keeps_metadata(&self) -> bool {
        true
    }
}
