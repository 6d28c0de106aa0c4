//! `v1` ComponentStatus.

use crate::descriptor::kind;
use crate::strategy::Generic;

kind! {
    /// The descriptor of ComponentStatus.
    pub static KIND = "", "v1", "ComponentStatus";
    names: "componentstatuses", "componentstatus", short ["cs"], categories [];
    definition: "io.k8s.api.core.v1.ComponentStatus";
    namespaced: false, source: Review, hash: "";
    verbs: ["get", "list"];
    subresources: [];
    columns: [
        "Name" name, "Status" string, "Message" string, "Error" string,
    ];
    strategy: Generic;
}
