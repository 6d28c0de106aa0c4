//! `flowcontrol.apiserver.k8s.io/v1` PriorityLevelConfiguration.

use crate::descriptor::kind;
use crate::strategy::Generic;

kind! {
    /// The descriptor of PriorityLevelConfiguration.
    pub static KIND = "flowcontrol.apiserver.k8s.io", "v1", "PriorityLevelConfiguration";
    names: "prioritylevelconfigurations", "prioritylevelconfiguration", short [], categories [];
    definition: "io.k8s.api.flowcontrol.v1.PriorityLevelConfiguration";
    namespaced: false, source: Store, hash: "Kir5PVfvNeI=";
    verbs: ALL;
    subresources: [
        "status": STATUS,
    ];
    columns: [
        "Name" name, "Type" string, "NominalConcurrencyShares" string, "Queues" string, "HandSize" string,
        "QueueLengthLimit" string, "Age" string,
    ];
    strategy: Generic;
}
