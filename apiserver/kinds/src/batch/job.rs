//! `batch/v1` Job.

use crate::descriptor::kind;
use crate::strategy::Generic;

kind! {
    /// The descriptor of Job.
    pub static KIND = "batch", "v1", "Job";
    names: "jobs", "job", short [], categories ["all"];
    definition: "io.k8s.api.batch.v1.Job";
    namespaced: true, source: Store, hash: "mudhfqk/qZY=";
    verbs: ALL;
    subresources: [
        "status": STATUS,
    ];
    columns: [
        "Name" name, "Status" string, "Completions" string, "Duration" string, "Age" string,
        "Containers" string wide, "Images" string wide, "Selector" string wide,
    ];
    strategy: Generic;
}
