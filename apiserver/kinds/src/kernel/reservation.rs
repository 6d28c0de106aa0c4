//! `kernel.kubernel.io/v1alpha1` Reservation.

use crate::descriptor::kind;
use crate::strategy::Generic;

kind! {
    /// The descriptor of Reservation.
    pub static KIND = "kernel.kubernel.io", "v1alpha1", "Reservation";
    names: "reservations", "reservation", short [], categories ["kernel"];
    definition: "io.kubernel.kernel.v1alpha1.Reservation";
    namespaced: false, source: Store, hash: "QjnsAe11MO0=";
    verbs: ALL;
    subresources: ["status": STATUS];
    columns: ["Name" name, "Age" string];
    strategy: Generic;
}
