//! `networking.k8s.io/v1` IPAddress.

use crate::descriptor::kind;
use crate::strategy::Generic;

kind! {
    /// The descriptor of IPAddress.
    pub static KIND = "networking.k8s.io", "v1", "IPAddress";
    names: "ipaddresses", "ipaddress", short ["ip"], categories [];
    definition: "io.k8s.api.networking.v1.IPAddress";
    namespaced: false, source: Store, hash: "3f/plJFChNE=";
    verbs: ALL;
    subresources: [];
    columns: [
        "Name" name, "ParentRef" string,
    ];
    strategy: Generic;
}
