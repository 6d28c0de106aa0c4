//! `v1` Service.

use crate::descriptor::kind;
use crate::strategy::Generic;

kind! {
    /// The descriptor of Service.
    pub static KIND = "", "v1", "Service";
    names: "services", "service", short ["svc"], categories ["all"];
    definition: "io.k8s.api.core.v1.Service";
    namespaced: true, source: Store, hash: "0/CO1lhkEBI=";
    verbs: ALL;
    subresources: [
        "proxy" as ("", "v1", "ServiceProxyOptions"): ["create", "delete", "get", "patch", "update"],
        "status": STATUS,
    ];
    columns: [
        "Name" name, "Type" string, "Cluster-IP" string, "External-IP" string, "Port(s)" string, "Age" string,
        "Selector" string wide,
    ];
    strategy: Generic;
}
