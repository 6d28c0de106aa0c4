//! `storage.k8s.io/v1` StorageClass.

use crate::descriptor::kind;
use crate::strategy::Generic;

kind! {
    /// The descriptor of StorageClass.
    pub static KIND = "storage.k8s.io", "v1", "StorageClass";
    names: "storageclasses", "storageclass", short ["sc"], categories [];
    definition: "io.k8s.api.storage.v1.StorageClass";
    namespaced: false, source: Store, hash: "K+m6uJwbjGY=";
    verbs: ALL;
    subresources: [];
    columns: [
        "Name" name, "Provisioner" string, "ReclaimPolicy" string, "VolumeBindingMode" string,
        "AllowVolumeExpansion" string, "Age" string,
    ];
    strategy: Generic;
}
