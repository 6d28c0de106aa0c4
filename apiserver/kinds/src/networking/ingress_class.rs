//! `networking.k8s.io/v1` IngressClass.

use crate::descriptor::kind;
use crate::strategy::Generic;

kind! {
    /// The descriptor of IngressClass.
    pub static KIND = "networking.k8s.io", "v1", "IngressClass";
    names: "ingressclasses", "ingressclass", short [], categories [];
    definition: "io.k8s.api.networking.v1.IngressClass";
    namespaced: false, source: Store, hash: "l/iqIbDgFyQ=";
    verbs: ALL;
    subresources: [];
    columns: [
        "Name" name, "Controller" string, "Parameters" string, "Age" string,
    ];
    strategy: Generic;
}
