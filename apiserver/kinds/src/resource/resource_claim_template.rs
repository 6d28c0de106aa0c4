//! `resource.k8s.io/v1` ResourceClaimTemplate.

use crate::descriptor::kind;
use crate::strategy::Generic;

kind! {
    /// The descriptor of ResourceClaimTemplate.
    pub static KIND = "resource.k8s.io", "v1", "ResourceClaimTemplate";
    names: "resourceclaimtemplates", "resourceclaimtemplate", short [], categories [];
    definition: "io.k8s.api.resource.v1.ResourceClaimTemplate";
    namespaced: true, source: Store, hash: "TuzjC49aUfM=";
    verbs: ALL;
    subresources: [];
    columns: [
        "Name" name, "Age" string,
    ];
    strategy: Generic;
}
