//! `v1` Secret.

use crate::descriptor::kind;
use crate::strategy::Generic;

kind! {
    /// The descriptor of Secret.
    pub static KIND = "", "v1", "Secret";
    names: "secrets", "secret", short [], categories [];
    definition: "io.k8s.api.core.v1.Secret";
    namespaced: true, source: Store, hash: "S6u1pOWzb84=";
    verbs: ALL;
    subresources: [];
    columns: [
        "Name" name, "Type" string, "Data" string, "Age" string,
    ];
    strategy: Generic;
}
