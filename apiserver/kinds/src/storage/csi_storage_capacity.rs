//! `storage.k8s.io/v1` CSIStorageCapacity.

use crate::descriptor::kind;
use crate::strategy::Generic;

kind! {
    /// The descriptor of CSIStorageCapacity.
    pub static KIND = "storage.k8s.io", "v1", "CSIStorageCapacity";
    names: "csistoragecapacities", "csistoragecapacity", short [], categories [];
    definition: "io.k8s.api.storage.v1.CSIStorageCapacity";
    namespaced: true, source: Store, hash: "xeVl+2Ly1kE=";
    verbs: ALL;
    subresources: [];
    columns: [
        "Name" name, "Created At" date,
    ];
    strategy: Generic;
}
