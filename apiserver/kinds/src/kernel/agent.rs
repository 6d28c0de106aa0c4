//! `kernel.kubernel.io/v1alpha1` Agent: read from the kernel's memory, never stored.

use crate::descriptor::kind;
use crate::strategy::Generic;

kind! {
    /// The descriptor of Agent.
    pub static KIND = "kernel.kubernel.io", "v1alpha1", "Agent";
    names: "agents", "agent", short [], categories ["kernel"];
    definition: "io.kubernel.kernel.v1alpha1.Agent";
    namespaced: false, source: Live, hash: "";
    verbs: READ;
    subresources: [];
    columns: ["Name" name, "Age" string];
    strategy: Generic;
}
