//! `kernel.kubernel.io/v1alpha1` ResourceRole.

use crate::descriptor::kind;
use crate::strategy::Generic;

kind! {
    /// The descriptor of ResourceRole.
    pub static KIND = "kernel.kubernel.io", "v1alpha1", "ResourceRole";
    names: "resourceroles", "resourcerole", short ["rr"], categories ["kernel"];
    definition: "io.kubernel.kernel.v1alpha1.ResourceRole";
    namespaced: false, source: Store, hash: "eLEmOTJFOIQ=";
    verbs: ALL;
    subresources: ["status": STATUS];
    columns: ["Name" name, "Age" string];
    strategy: Generic;
}
