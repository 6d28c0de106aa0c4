//! `v1` PodTemplate.

use crate::descriptor::kind;
use crate::strategy::Generic;

kind! {
    /// The descriptor of PodTemplate.
    pub static KIND = "", "v1", "PodTemplate";
    names: "podtemplates", "podtemplate", short [], categories [];
    definition: "io.k8s.api.core.v1.PodTemplate";
    namespaced: true, source: Store, hash: "LIXB2x4IFpk=";
    verbs: ALL;
    subresources: [];
    columns: [
        "Name" name, "Containers" string, "Images" string, "Pod Labels" string,
    ];
    strategy: Generic;
}
