//! `admissionregistration.k8s.io/v1` ValidatingAdmissionPolicyBinding.

use super::{defaults, policy_rules};
use jiff::Timestamp;
use kubernel_meta::{Object, field};
use serde_json::{Value, json};

use crate::descriptor::kind;
use crate::{Kind, Strategy, print};

kind! {
    /// The descriptor of ValidatingAdmissionPolicyBinding.
    pub static KIND = "admissionregistration.k8s.io", "v1", "ValidatingAdmissionPolicyBinding";
    names: "validatingadmissionpolicybindings", "validatingadmissionpolicybinding", short [], categories ["api-extensions"];
    definition: "io.k8s.api.admissionregistration.v1.ValidatingAdmissionPolicyBinding";
    namespaced: false, source: Store, hash: "v9715VZqakg=";
    verbs: ALL;
    subresources: [];
    columns: [
        "Name" name, "PolicyName" string, "ParamRef" string, "Age" string,
    ];
    strategy: BindingStrategy;
}

/// What only ValidatingAdmissionPolicyBindings know.
#[derive(Debug)]
pub struct BindingStrategy;

impl Strategy for BindingStrategy {
    fn validate(&self, _kind: &Kind, object: &Object) -> Vec<field::Error> {
        policy_rules::binding(object, true)
    }

    fn default(&self, _kind: &Kind, object: &mut Object) {
        defaults::binding(object);
    }

    fn counts_generation(&self) -> bool {
        true
    }

    fn allow_unconditional_update(&self) -> bool {
        false
    }

    fn cells(&self, _kind: &Kind, object: &Object, now: Timestamp) -> Vec<Value> {
        let parameter = |field: &str| object.str_at(&["spec", "paramRef", field]);
        let reference = match (object.map_at(&["spec", "paramRef"]), parameter("name"), parameter("namespace")) {
            (None, ..) => "<unset>".to_owned(),
            (Some(_), "", _) => crate::print::selector(object.at(&["spec", "paramRef", "selector"])),
            (Some(_), name, "") => name.to_owned(),
            (Some(_), name, namespace) => format!("{namespace}/{name}"),
        };
        let policy = object.str_at(&["spec", "policyName"]);
        vec![json!(object.name()), json!(policy), json!(reference), json!(print::age(object, now))]
    }
}
