//! `v1` ResourceQuota.

use crate::descriptor::kind;
use crate::strategy::Generic;

kind! {
    /// The descriptor of ResourceQuota.
    pub static KIND = "", "v1", "ResourceQuota";
    names: "resourcequotas", "resourcequota", short ["quota"], categories [];
    definition: "io.k8s.api.core.v1.ResourceQuota";
    namespaced: true, source: Store, hash: "8uhSgffRX6w=";
    verbs: ALL;
    subresources: [
        "status": STATUS,
    ];
    columns: [
        "Name" name, "Request" string, "Limit" string, "Age" string,
    ];
    strategy: Generic;
}
