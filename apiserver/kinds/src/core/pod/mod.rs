//! `v1` Pod.

use crate::descriptor::kind;
use crate::strategy::Generic;

kind! {
    /// The descriptor of Pod.
    pub static KIND = "", "v1", "Pod";
    names: "pods", "pod", short ["po"], categories ["all"];
    definition: "io.k8s.api.core.v1.Pod";
    namespaced: true, source: Store, hash: "xPOwRZ+Yhw8=";
    verbs: ALL;
    subresources: [
        "attach" as ("", "v1", "PodAttachOptions"): ["create", "get"],
        "binding" as ("", "v1", "Binding"): ["create"],
        "ephemeralcontainers": STATUS,
        "eviction" as ("policy", "v1", "Eviction"): ["create"],
        "exec" as ("", "v1", "PodExecOptions"): ["create", "get"],
        "log": ["get"],
        "portforward" as ("", "v1", "PodPortForwardOptions"): ["create", "get"],
        "proxy" as ("", "v1", "PodProxyOptions"): ["create", "delete", "get", "patch", "update"],
        "resize": STATUS,
        "status": STATUS,
    ];
    columns: [
        "Name" name, "Ready" string, "Status" string, "Restarts" string, "Age" string, "IP" string wide,
        "Node" string wide, "Nominated Node" string wide, "Readiness Gates" string wide,
    ];
    strategy: Generic;
}
