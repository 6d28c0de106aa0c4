//! `admissionregistration.k8s.io/v1` MutatingAdmissionPolicy.

use crate::descriptor::kind;
use crate::strategy::Generic;

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
    strategy: Generic;
}
