//! `flowcontrol.apiserver.k8s.io/v1` FlowSchema.

use crate::descriptor::kind;
use crate::strategy::Generic;

kind! {
    /// The descriptor of FlowSchema.
    pub static KIND = "flowcontrol.apiserver.k8s.io", "v1", "FlowSchema";
    names: "flowschemas", "flowschema", short [], categories [];
    definition: "io.k8s.api.flowcontrol.v1.FlowSchema";
    namespaced: false, source: Store, hash: "GJVAJZSZBIw=";
    verbs: ALL;
    subresources: [
        "status": STATUS,
    ];
    columns: [
        "Name" name, "PriorityLevel" string, "MatchingPrecedence" string, "DistinguisherMethod" string,
        "Age" string, "MissingPL" string,
    ];
    strategy: Generic;
}
