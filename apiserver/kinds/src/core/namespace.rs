//! `v1` Namespace.

use crate::descriptor::kind;
use crate::strategy::Generic;

kind! {
    /// The descriptor of Namespace.
    pub static KIND = "", "v1", "Namespace";
    names: "namespaces", "namespace", short ["ns"], categories [];
    definition: "io.k8s.api.core.v1.Namespace";
    namespaced: false, source: Store, hash: "Q3oi5N2YM8M=";
    verbs: ["create", "delete", "get", "list", "patch", "update", "watch"];
    subresources: [
        "finalize": ["update"],
        "status": STATUS,
    ];
    columns: [
        "Name" name, "Status" string, "Age" string,
    ];
    strategy: Generic;
}
