//! `v1` LimitRange.

use crate::descriptor::kind;
use crate::strategy::Generic;

kind! {
    /// The descriptor of LimitRange.
    pub static KIND = "", "v1", "LimitRange";
    names: "limitranges", "limitrange", short ["limits"], categories [];
    definition: "io.k8s.api.core.v1.LimitRange";
    namespaced: true, source: Store, hash: "EBKMFVe6cwo=";
    verbs: ALL;
    subresources: [];
    columns: [
        "Name" name, "Created At" date,
    ];
    strategy: Generic;
}
