//! `kernel.kubernel.io/v1alpha1` Framework.

use crate::descriptor::kind;
use crate::strategy::Generic;

kind! {
    /// The descriptor of Framework.
    pub static KIND = "kernel.kubernel.io", "v1alpha1", "Framework";
    names: "frameworks", "framework", short [], categories ["kernel"];
    definition: "io.kubernel.kernel.v1alpha1.Framework";
    namespaced: false, source: Store, hash: "HgaDmo8iYe8=";
    verbs: ALL;
    subresources: ["status": STATUS];
    columns: ["Name" name, "Age" string];
    strategy: Generic;
}
