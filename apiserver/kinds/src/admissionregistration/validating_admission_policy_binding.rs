//! `admissionregistration.k8s.io/v1` ValidatingAdmissionPolicyBinding.

use crate::descriptor::kind;
use crate::strategy::Generic;

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
    strategy: Generic;
}
