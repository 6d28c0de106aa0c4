//! `discovery.k8s.io/v1` EndpointSlice.

use crate::descriptor::kind;
use crate::strategy::Generic;

kind! {
    /// The descriptor of EndpointSlice.
    pub static KIND = "discovery.k8s.io", "v1", "EndpointSlice";
    names: "endpointslices", "endpointslice", short [], categories [];
    definition: "io.k8s.api.discovery.v1.EndpointSlice";
    namespaced: true, source: Store, hash: "qgS0xkrxYAI=";
    verbs: ALL;
    subresources: [];
    columns: [
        "Name" name, "AddressType" string, "Ports" string, "Endpoints" string, "Age" string,
    ];
    strategy: Generic;
}
