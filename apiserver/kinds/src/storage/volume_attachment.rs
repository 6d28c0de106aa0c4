//! `storage.k8s.io/v1` VolumeAttachment.

use crate::descriptor::kind;
use crate::strategy::Generic;

kind! {
    /// The descriptor of VolumeAttachment.
    pub static KIND = "storage.k8s.io", "v1", "VolumeAttachment";
    names: "volumeattachments", "volumeattachment", short [], categories [];
    definition: "io.k8s.api.storage.v1.VolumeAttachment";
    namespaced: false, source: Store, hash: "tJx/ezt6UDU=";
    verbs: ALL;
    subresources: [
        "status": STATUS,
    ];
    columns: [
        "Name" name, "Attacher" name, "PV" string, "Node" string, "Attached" boolean, "Age" string,
    ];
    strategy: Generic;
}
