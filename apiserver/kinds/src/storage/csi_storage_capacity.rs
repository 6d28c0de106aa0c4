//! `storage.k8s.io/v1` CSIStorageCapacity.

use super::csi_rules;
use kubernel_meta::Object;
use kubernel_meta::field::{self, Path};

use crate::core::node_labels;
use crate::descriptor::kind;
use crate::{Kind, Strategy};

kind! {
    /// The descriptor of CSIStorageCapacity.
    pub static KIND = "storage.k8s.io", "v1", "CSIStorageCapacity";
    names: "csistoragecapacities", "csistoragecapacity", short [], categories [];
    definition: "io.k8s.api.storage.v1.CSIStorageCapacity";
    namespaced: true, source: Store, hash: "xeVl+2Ly1kE=";
    verbs: ALL;
    subresources: [];
    columns: [
        "Name" name, "Created At" date,
    ];
    strategy: CsiStorageCapacityStrategy;
}

/// What only CSIStorageCapacities know.
#[derive(Debug)]
pub struct CsiStorageCapacityStrategy;

impl Strategy for CsiStorageCapacityStrategy {
    fn validate(&self, _kind: &Kind, object: &Object) -> Vec<field::Error> {
        csi_rules::capacity(object)
    }

    fn validate_update(&self, _kind: &Kind, new: &Object, old: &Object) -> Vec<field::Error> {
        csi_rules::capacity_update(new, old)
    }

    fn warnings(&self, _kind: &Kind, object: &Object, _old: Option<&Object>) -> Vec<String> {
        let topology = object.at(&["nodeTopology"]);
        topology
            .map(|topology| node_labels::selector_warnings(&Path::root("nodeTopology"), topology))
            .unwrap_or_default()
    }

    fn allow_unconditional_update(&self) -> bool {
        false
    }
}
