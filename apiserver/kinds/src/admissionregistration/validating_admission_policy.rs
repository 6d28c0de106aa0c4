//! `admissionregistration.k8s.io/v1` ValidatingAdmissionPolicy.

use crate::descriptor::kind;
use crate::strategy::Generic;

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
    strategy: Generic;
}
