//! `scheduling.k8s.io/v1` PriorityClass.

use crate::descriptor::kind;
use crate::strategy::Generic;

kind! {
    /// The descriptor of PriorityClass.
    pub static KIND = "scheduling.k8s.io", "v1", "PriorityClass";
    names: "priorityclasses", "priorityclass", short ["pc"], categories [];
    definition: "io.k8s.api.scheduling.v1.PriorityClass";
    namespaced: false, source: Store, hash: "1QwjyaZjj3Y=";
    verbs: ALL;
    subresources: [];
    columns: [
        "Name" name, "Value" integer, "Global-Default" boolean, "Age" string, "PreemptionPolicy" string,
    ];
    strategy: Generic;
}
