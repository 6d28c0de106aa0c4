//! `v1` ConfigMap.

use crate::descriptor::kind;
use crate::strategy::Generic;

kind! {
    /// The descriptor of ConfigMap.
    pub static KIND = "", "v1", "ConfigMap";
    names: "configmaps", "configmap", short ["cm"], categories [];
    definition: "io.k8s.api.core.v1.ConfigMap";
    namespaced: true, source: Store, hash: "qFsyl6wFWjQ=";
    verbs: ALL;
    subresources: [];
    columns: [
        "Name" name, "Data" string, "Age" string,
    ];
    strategy: Generic;
}
