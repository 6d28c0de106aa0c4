//! `apiextensions.k8s.io/v1` CustomResourceDefinition.

use crate::descriptor::kind;
use crate::strategy::Generic;

kind! {
    /// The descriptor of CustomResourceDefinition.
    pub static KIND = "apiextensions.k8s.io", "v1", "CustomResourceDefinition";
    names: "customresourcedefinitions", "customresourcedefinition", short ["crd", "crds"], categories ["api-extensions"];
    definition: "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition";
    namespaced: false, source: Store, hash: "jfWCUB31mvA=";
    verbs: ALL;
    subresources: [
        "status": STATUS,
    ];
    columns: [
        "Name" name, "Created At" date,
    ];
    strategy: Generic;
}
