//! `kernel.kubernel.io/v1alpha1` Offer: read from the kernel's memory, never stored.

use crate::descriptor::kind;
use crate::strategy::Generic;

kind! {
    /// The descriptor of Offer.
    pub static KIND = "kernel.kubernel.io", "v1alpha1", "Offer";
    names: "offers", "offer", short [], categories ["kernel"];
    definition: "io.kubernel.kernel.v1alpha1.Offer";
    namespaced: false, source: Live, hash: "";
    verbs: READ;
    subresources: [];
    columns: ["Name" name, "Age" string];
    strategy: Generic;
}
