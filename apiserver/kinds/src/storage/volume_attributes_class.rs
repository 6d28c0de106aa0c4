//! `storage.k8s.io/v1` VolumeAttributesClass.

use crate::descriptor::kind;
use crate::strategy::Generic;

kind! {
    /// The descriptor of VolumeAttributesClass.
    pub static KIND = "storage.k8s.io", "v1", "VolumeAttributesClass";
    names: "volumeattributesclasses", "volumeattributesclass", short ["vac"], categories [];
    definition: "io.k8s.api.storage.v1.VolumeAttributesClass";
    namespaced: false, source: Store, hash: "tIjydgKBC5w=";
    verbs: ALL;
    subresources: [];
    columns: [
        "Name" name, "DriverName" string, "Age" string,
    ];
    strategy: Generic;
}
