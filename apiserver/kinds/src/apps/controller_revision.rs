//! `apps/v1` ControllerRevision.

use crate::descriptor::kind;
use crate::strategy::Generic;

kind! {
    /// The descriptor of ControllerRevision.
    pub static KIND = "apps", "v1", "ControllerRevision";
    names: "controllerrevisions", "controllerrevision", short [], categories [];
    definition: "io.k8s.api.apps.v1.ControllerRevision";
    namespaced: true, source: Store, hash: "85nkx63pcBU=";
    verbs: ALL;
    subresources: [];
    columns: [
        "Name" name, "Controller" string, "Revision" string, "Age" string,
    ];
    strategy: Generic;
}
