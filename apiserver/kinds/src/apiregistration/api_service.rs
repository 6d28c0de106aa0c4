//! `apiregistration.k8s.io/v1` APIService.

use crate::descriptor::kind;
use crate::strategy::Generic;

kind! {
    /// The descriptor of APIService.
    pub static KIND = "apiregistration.k8s.io", "v1", "APIService";
    names: "apiservices", "apiservice", short [], categories ["api-extensions"];
    definition: "io.k8s.kube-aggregator.pkg.apis.apiregistration.v1.APIService";
    namespaced: false, source: Store, hash: "InPBPD7+PqM=";
    verbs: ALL;
    subresources: [
        "status": STATUS,
    ];
    columns: [
        "Name" name, "Service" string, "Available" string, "Age" string,
    ];
    strategy: Generic;
}
