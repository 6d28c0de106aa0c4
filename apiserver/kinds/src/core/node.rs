//! `v1` Node.

use crate::descriptor::kind;
use crate::strategy::Generic;

kind! {
    /// The descriptor of Node.
    pub static KIND = "", "v1", "Node";
    names: "nodes", "node", short ["no"], categories [];
    definition: "io.k8s.api.core.v1.Node";
    namespaced: false, source: Store, hash: "XwShjMxG9Fs=";
    verbs: ALL;
    subresources: [
        "proxy" as ("", "v1", "NodeProxyOptions"): ["create", "delete", "get", "patch", "update"],
        "status": STATUS,
    ];
    columns: [
        "Name" name, "Status" string, "Roles" string, "Age" string, "Version" string, "Internal-IP" string wide,
        "External-IP" string wide, "OS-Image" string wide, "Kernel-Version" string wide,
        "Container-Runtime" string wide,
    ];
    strategy: Generic;
}
