//! `apps/v1` ReplicaSet.

use crate::descriptor::kind;
use crate::strategy::Generic;

kind! {
    /// The descriptor of ReplicaSet.
    pub static KIND = "apps", "v1", "ReplicaSet";
    names: "replicasets", "replicaset", short ["rs"], categories ["all"];
    definition: "io.k8s.api.apps.v1.ReplicaSet";
    namespaced: true, source: Store, hash: "P1RzHs8/mWQ=";
    verbs: ALL;
    subresources: [
        "scale" as ("autoscaling", "v1", "Scale"): STATUS,
        "status": STATUS,
    ];
    columns: [
        "Name" name, "Desired" integer, "Current" integer, "Ready" integer, "Age" string, "Containers" string wide,
        "Images" string wide, "Selector" string wide,
    ];
    strategy: Generic;
}
