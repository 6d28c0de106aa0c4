//! `v1` PersistentVolumeClaim.

use crate::descriptor::kind;
use crate::strategy::Generic;

kind! {
    /// The descriptor of PersistentVolumeClaim.
    pub static KIND = "", "v1", "PersistentVolumeClaim";
    names: "persistentvolumeclaims", "persistentvolumeclaim", short ["pvc"], categories [];
    definition: "io.k8s.api.core.v1.PersistentVolumeClaim";
    namespaced: true, source: Store, hash: "QWTyNDq0dC4=";
    verbs: ALL;
    subresources: [
        "status": STATUS,
    ];
    columns: [
        "Name" name, "Status" string, "Volume" string, "Capacity" string, "Access Modes" string,
        "StorageClass" string, "VolumeAttributesClass" string, "Age" string, "VolumeMode" string wide,
    ];
    strategy: Generic;
}
