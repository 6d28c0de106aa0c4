//! `storage.k8s.io/v1` CSINode.

use crate::descriptor::kind;
use crate::strategy::Generic;

kind! {
    /// The descriptor of CSINode.
    pub static KIND = "storage.k8s.io", "v1", "CSINode";
    names: "csinodes", "csinode", short [], categories [];
    definition: "io.k8s.api.storage.v1.CSINode";
    namespaced: false, source: Store, hash: "Pe62DkZtjuo=";
    verbs: ALL;
    subresources: [];
    columns: [
        "Name" name, "Drivers" integer, "Age" string,
    ];
    strategy: Generic;
}
