//! `v1` PersistentVolume.

use crate::descriptor::kind;
use crate::strategy::Generic;

kind! {
    /// The descriptor of PersistentVolume.
    pub static KIND = "", "v1", "PersistentVolume";
    names: "persistentvolumes", "persistentvolume", short ["pv"], categories [];
    definition: "io.k8s.api.core.v1.PersistentVolume";
    namespaced: false, source: Store, hash: "HN/zwEC+JgM=";
    verbs: ALL;
    subresources: [
        "status": STATUS,
    ];
    columns: [
        "Name" name, "Capacity" string, "Access Modes" string, "Reclaim Policy" string, "Status" string,
        "Claim" string, "StorageClass" string, "VolumeAttributesClass" string, "Reason" string, "Age" string,
        "VolumeMode" string wide,
    ];
    strategy: Generic;
}
