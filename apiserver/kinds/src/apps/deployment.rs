//! `apps/v1` Deployment.

use crate::descriptor::kind;
use crate::strategy::Generic;

kind! {
    /// The descriptor of Deployment.
    pub static KIND = "apps", "v1", "Deployment";
    names: "deployments", "deployment", short ["deploy"], categories ["all"];
    definition: "io.k8s.api.apps.v1.Deployment";
    namespaced: true, source: Store, hash: "8aSe+NMegvE=";
    verbs: ALL;
    subresources: [
        "scale" as ("autoscaling", "v1", "Scale"): STATUS,
        "status": STATUS,
    ];
    columns: [
        "Name" name, "Ready" string, "Up-to-date" string, "Available" string, "Age" string,
        "Containers" string wide, "Images" string wide, "Selector" string wide,
    ];
    strategy: Generic;
}
