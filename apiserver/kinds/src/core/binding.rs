//! `v1` Binding.

use crate::descriptor::kind;
use crate::strategy::Generic;

kind! {
    /// The descriptor of Binding.
    pub static KIND = "", "v1", "Binding";
    names: "bindings", "binding", short [], categories [];
    definition: "io.k8s.api.core.v1.Binding";
    namespaced: true, source: Review, hash: "";
    verbs: ["create"];
    subresources: [];
    columns: [];
    strategy: Generic;
}
