//! `v1` Endpoints.

use crate::descriptor::kind;
use crate::strategy::Generic;

kind! {
    /// The descriptor of Endpoints.
    pub static KIND = "", "v1", "Endpoints";
    names: "endpoints", "endpoints", short ["ep"], categories [];
    definition: "io.k8s.api.core.v1.Endpoints";
    namespaced: true, source: Store, hash: "fWeeMqaN/OA=";
    verbs: ALL;
    subresources: [];
    columns: [
        "Name" name, "Endpoints" string, "Age" string,
    ];
    strategy: Generic;
}
