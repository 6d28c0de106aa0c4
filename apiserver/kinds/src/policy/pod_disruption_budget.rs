//! `policy/v1` PodDisruptionBudget.

use crate::descriptor::kind;
use crate::strategy::Generic;

kind! {
    /// The descriptor of PodDisruptionBudget.
    pub static KIND = "policy", "v1", "PodDisruptionBudget";
    names: "poddisruptionbudgets", "poddisruptionbudget", short ["pdb"], categories [];
    definition: "io.k8s.api.policy.v1.PodDisruptionBudget";
    namespaced: true, source: Store, hash: "EVWiDmWqyJw=";
    verbs: ALL;
    subresources: [
        "status": STATUS,
    ];
    columns: [
        "Name" name, "Min Available" string, "Max Unavailable" string, "Allowed Disruptions" integer, "Age" string,
    ];
    strategy: Generic;
}
