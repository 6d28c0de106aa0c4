//! `networking.k8s.io/v1` ServiceCIDR.

use crate::descriptor::kind;
use crate::strategy::Generic;

kind! {
    /// The descriptor of ServiceCIDR.
    pub static KIND = "networking.k8s.io", "v1", "ServiceCIDR";
    names: "servicecidrs", "servicecidr", short [], categories [];
    definition: "io.k8s.api.networking.v1.ServiceCIDR";
    namespaced: false, source: Store, hash: "gNLvruQhW2g=";
    verbs: ALL;
    subresources: [
        "status": STATUS,
    ];
    columns: [
        "Name" name, "CIDRs" string, "Age" string,
    ];
    strategy: Generic;
}
