//! `apps/v1` DaemonSet.

use crate::descriptor::kind;
use crate::strategy::Generic;

kind! {
    /// The descriptor of DaemonSet.
    pub static KIND = "apps", "v1", "DaemonSet";
    names: "daemonsets", "daemonset", short ["ds"], categories ["all"];
    definition: "io.k8s.api.apps.v1.DaemonSet";
    namespaced: true, source: Store, hash: "dd7pWHUlMKQ=";
    verbs: ALL;
    subresources: [
        "status": STATUS,
    ];
    columns: [
        "Name" name, "Desired" integer, "Current" integer, "Ready" integer, "Up-to-date" integer,
        "Available" integer, "Node Selector" string, "Age" string, "Containers" string wide, "Images" string wide,
        "Selector" string wide,
    ];
    strategy: Generic;
}
