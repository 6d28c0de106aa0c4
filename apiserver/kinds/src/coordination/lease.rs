//! `coordination.k8s.io/v1` Lease.

use crate::descriptor::kind;
use crate::strategy::Generic;

kind! {
    /// The descriptor of Lease.
    pub static KIND = "coordination.k8s.io", "v1", "Lease";
    names: "leases", "lease", short [], categories [];
    definition: "io.k8s.api.coordination.v1.Lease";
    namespaced: true, source: Store, hash: "gqkMMb/YqFM=";
    verbs: ALL;
    subresources: [];
    columns: [
        "Name" name, "Holder" string, "Age" string,
    ];
    strategy: Generic;
}
