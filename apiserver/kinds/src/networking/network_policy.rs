//! `networking.k8s.io/v1` NetworkPolicy.

use crate::descriptor::kind;
use crate::strategy::Generic;

kind! {
    /// The descriptor of NetworkPolicy.
    pub static KIND = "networking.k8s.io", "v1", "NetworkPolicy";
    names: "networkpolicies", "networkpolicy", short ["netpol"], categories [];
    definition: "io.k8s.api.networking.v1.NetworkPolicy";
    namespaced: true, source: Store, hash: "YpfwF18m1G8=";
    verbs: ALL;
    subresources: [];
    columns: [
        "Name" name, "Pod-Selector" string, "Age" string,
    ];
    strategy: Generic;
}
