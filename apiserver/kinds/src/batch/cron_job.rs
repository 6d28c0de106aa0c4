//! `batch/v1` CronJob.

use crate::descriptor::kind;
use crate::strategy::Generic;

kind! {
    /// The descriptor of CronJob.
    pub static KIND = "batch", "v1", "CronJob";
    names: "cronjobs", "cronjob", short ["cj"], categories ["all"];
    definition: "io.k8s.api.batch.v1.CronJob";
    namespaced: true, source: Store, hash: "sd5LIXh4Fjs=";
    verbs: ALL;
    subresources: [
        "status": STATUS,
    ];
    columns: [
        "Name" name, "Schedule" string, "Timezone" string, "Suspend" boolean, "Active" integer,
        "Last Schedule" string, "Age" string, "Containers" string wide, "Images" string wide,
        "Selector" string wide,
    ];
    strategy: Generic;
}
