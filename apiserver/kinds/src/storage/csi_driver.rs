//! `storage.k8s.io/v1` CSIDriver.

use crate::descriptor::kind;
use crate::strategy::Generic;

kind! {
    /// The descriptor of CSIDriver.
    pub static KIND = "storage.k8s.io", "v1", "CSIDriver";
    names: "csidrivers", "csidriver", short [], categories [];
    definition: "io.k8s.api.storage.v1.CSIDriver";
    namespaced: false, source: Store, hash: "hL6j/rwBV5w=";
    verbs: ALL;
    subresources: [];
    columns: [
        "Name" name, "AttachRequired" boolean, "PodInfoOnMount" boolean, "StorageCapacity" boolean,
        "TokenRequests" string, "RequiresRepublish" boolean, "Modes" string, "Age" string,
    ];
    strategy: Generic;
}
