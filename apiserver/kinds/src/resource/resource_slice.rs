//! `resource.k8s.io/v1` ResourceSlice.

use crate::descriptor::kind;
use crate::strategy::Generic;

kind! {
    /// The descriptor of ResourceSlice.
    pub static KIND = "resource.k8s.io", "v1", "ResourceSlice";
    names: "resourceslices", "resourceslice", short [], categories [];
    definition: "io.k8s.api.resource.v1.ResourceSlice";
    namespaced: false, source: Store, hash: "KsC072WgaEY=";
    verbs: ALL;
    subresources: [];
    columns: [
        "Name" name, "Node" string, "Driver" string, "Pool" string, "Age" string,
    ];
    strategy: Generic;
}
