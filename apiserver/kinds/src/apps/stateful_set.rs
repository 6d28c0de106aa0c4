//! `apps/v1` StatefulSet.

use crate::descriptor::kind;
use crate::strategy::Generic;

kind! {
    /// The descriptor of StatefulSet.
    pub static KIND = "apps", "v1", "StatefulSet";
    names: "statefulsets", "statefulset", short ["sts"], categories ["all"];
    definition: "io.k8s.api.apps.v1.StatefulSet";
    namespaced: true, source: Store, hash: "H+vl74LkKdo=";
    verbs: ALL;
    subresources: [
        "scale" as ("autoscaling", "v1", "Scale"): STATUS,
        "status": STATUS,
    ];
    columns: [
        "Name" name, "Ready" string, "Age" string, "Containers" string wide, "Images" string wide,
    ];
    strategy: Generic;
}
