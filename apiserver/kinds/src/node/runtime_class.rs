//! `node.k8s.io/v1` RuntimeClass.

use crate::descriptor::kind;
use crate::strategy::Generic;

kind! {
    /// The descriptor of RuntimeClass.
    pub static KIND = "node.k8s.io", "v1", "RuntimeClass";
    names: "runtimeclasses", "runtimeclass", short [], categories [];
    definition: "io.k8s.api.node.v1.RuntimeClass";
    namespaced: false, source: Store, hash: "WQTu1GL3T2Q=";
    verbs: ALL;
    subresources: [];
    columns: [
        "Name" name, "Handler" string, "Age" string,
    ];
    strategy: Generic;
}
