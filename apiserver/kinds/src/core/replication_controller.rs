//! `v1` ReplicationController.

use crate::descriptor::kind;
use crate::strategy::Generic;

kind! {
    /// The descriptor of ReplicationController.
    pub static KIND = "", "v1", "ReplicationController";
    names: "replicationcontrollers", "replicationcontroller", short ["rc"], categories ["all"];
    definition: "io.k8s.api.core.v1.ReplicationController";
    namespaced: true, source: Store, hash: "Jond2If31h0=";
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
