//! `resource.k8s.io/v1` ResourceClaim.

use crate::descriptor::kind;
use crate::strategy::Generic;

kind! {
    /// The descriptor of ResourceClaim.
    pub static KIND = "resource.k8s.io", "v1", "ResourceClaim";
    names: "resourceclaims", "resourceclaim", short [], categories [];
    definition: "io.k8s.api.resource.v1.ResourceClaim";
    namespaced: true, source: Store, hash: "wgAZaHcZxUg=";
    verbs: ALL;
    subresources: [
        "status": STATUS,
    ];
    columns: [
        "Name" name, "State" string, "Age" string,
    ];
    strategy: Generic;
}
