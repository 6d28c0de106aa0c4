//! `networking.k8s.io/v1` Ingress.

use crate::descriptor::kind;
use crate::strategy::Generic;

kind! {
    /// The descriptor of Ingress.
    pub static KIND = "networking.k8s.io", "v1", "Ingress";
    names: "ingresses", "ingress", short ["ing"], categories [];
    definition: "io.k8s.api.networking.v1.Ingress";
    namespaced: true, source: Store, hash: "39NQlfNR+bo=";
    verbs: ALL;
    subresources: [
        "status": STATUS,
    ];
    columns: [
        "Name" name, "Class" string, "Hosts" string, "Address" string, "Ports" string, "Age" string,
    ];
    strategy: Generic;
}
