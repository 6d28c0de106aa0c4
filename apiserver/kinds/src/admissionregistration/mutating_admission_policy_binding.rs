//! `admissionregistration.k8s.io/v1` MutatingAdmissionPolicyBinding.

use crate::descriptor::kind;
use crate::strategy::Generic;

kind! {
    /// The descriptor of MutatingAdmissionPolicyBinding.
    pub static KIND = "admissionregistration.k8s.io", "v1", "MutatingAdmissionPolicyBinding";
    names: "mutatingadmissionpolicybindings", "mutatingadmissionpolicybinding", short [], categories ["api-extensions"];
    definition: "io.k8s.api.admissionregistration.v1.MutatingAdmissionPolicyBinding";
    namespaced: false, source: Store, hash: "90V5FRZZ3Zg=";
    verbs: ALL;
    subresources: [];
    columns: [
        "Name" name, "PolicyName" string, "ParamRef" string, "Age" string,
    ];
    strategy: Generic;
}
