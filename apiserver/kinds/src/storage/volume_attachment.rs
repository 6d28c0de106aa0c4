//! `storage.k8s.io/v1` VolumeAttachment.

use super::csi_rules;
use jiff::Timestamp;
use kubernel_meta::{Object, field};
use serde_json::{Value, json};

use crate::descriptor::kind;
use crate::{Kind, Strategy, print};

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
    strategy: VolumeAttachmentStrategy;
}

/// What only VolumeAttachments know.
#[derive(Debug)]
pub struct VolumeAttachmentStrategy;

impl Strategy for VolumeAttachmentStrategy {
    fn validate(&self, _kind: &Kind, object: &Object) -> Vec<field::Error> {
        csi_rules::attachment(object)
    }

    fn validate_update(&self, _kind: &Kind, new: &Object, old: &Object) -> Vec<field::Error> {
        csi_rules::attachment_update(new, old)
    }

    fn validate_subresource_update(&self, _: &Kind, _sub: &str, new: &Object, old: &Object) -> Vec<field::Error> {
        csi_rules::attachment_update(new, old)
    }

    fn allow_unconditional_update(&self) -> bool {
        false
    }

    fn cells(&self, _kind: &Kind, object: &Object, now: Timestamp) -> Vec<Value> {
        let spec = |path: &[&str]| json!(object.str_at(path));
        vec![
            json!(object.name()),
            spec(&["spec", "attacher"]),
            spec(&["spec", "source", "persistentVolumeName"]),
            spec(&["spec", "nodeName"]),
            json!(object.at(&["status", "attached"]).and_then(Value::as_bool).unwrap_or_default()),
            json!(print::age(object, now)),
        ]
    }

    fn status_keeps_metadata(&self) -> bool {
        true
    }
}
