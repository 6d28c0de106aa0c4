//! `v1` PersistentVolumeClaim.

use super::persistent_volume_claim_source as data_source;
use super::{persistent_volume_claim_rules, persistent_volume_warnings};
use jiff::Timestamp;
use kubernel_meta::{Object, field};
use serde_json::{Map, Value, json};

use crate::core::pod::spec_defaults::{claim_spec, round_up};
use crate::descriptor::kind;
use crate::tree::{default_text, map_in};
use crate::{Kind, Strategy, print, strategy};

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
    strategy: PersistentVolumeClaimStrategy;
}

/// What only PersistentVolumeClaims know.
#[derive(Debug)]
pub struct PersistentVolumeClaimStrategy;

impl Strategy for PersistentVolumeClaimStrategy {
    fn default(&self, _kind: &Kind, object: &mut Object) {
        claim_defaults(object.map_mut());
    }

    fn prepare_create(&self, kind: &Kind, object: &mut Object) {
        data_source::prepare(object, None);
        strategy::prepare_create(kind, object);
        object.set(&["status"], json!({"phase": "Pending"}));
    }

    fn prepare_update(&self, kind: &Kind, new: &mut Object, old: &Object) {
        strategy::prepare_update(kind, new, old);
        data_source::prepare(new, Some(old));
    }

    fn validate(&self, _kind: &Kind, object: &Object) -> Vec<field::Error> {
        persistent_volume_claim_rules::create(object)
    }

    fn validate_update(&self, _kind: &Kind, new: &Object, old: &Object) -> Vec<field::Error> {
        persistent_volume_claim_rules::update(new, old)
    }

    fn validate_subresource_update(&self, _: &Kind, subresource: &str, new: &Object, _: &Object) -> Vec<field::Error> {
        if subresource == "status" { persistent_volume_claim_rules::status(new) } else { Vec::new() }
    }

    fn warnings(&self, _kind: &Kind, object: &Object, _old: Option<&Object>) -> Vec<String> {
        persistent_volume_warnings::of_claim(object)
    }

    fn cells(&self, _kind: &Kind, object: &Object, now: Timestamp) -> Vec<Value> {
        let phase = object.str_at(&["status", "phase"]);
        let volume = object.str_at(&["spec", "volumeName"]);
        let (mut capacity, mut modes) = ("", String::new());
        if !volume.is_empty() {
            modes = access_modes(object.list_at(&["status", "accessModes"]));
            capacity = object.str_at(&["status", "capacity", "storage"]);
            capacity = if capacity.is_empty() { "0" } else { capacity };
        }
        let unset = |text: &str| json!(if text.is_empty() { "<unset>" } else { text });
        vec![
            json!(object.name()),
            json!(if object.deletion_timestamp().is_some() { "Terminating" } else { phase }),
            json!(volume),
            json!(capacity),
            json!(modes),
            json!(class(object)),
            unset(object.str_at(&["spec", "volumeAttributesClassName"])),
            json!(print::age(object, now)),
            unset(object.str_at(&["spec", "volumeMode"])),
        ]
    }
}

pub use super::persistent_volume_claim_rules::validate_spec;

/// Defaults of a claim, also of one that a StatefulSet's template carries.
pub fn claim_defaults(claim: &mut Map<String, Value>) {
    claim.entry("spec").or_insert_with(|| json!({}));
    claim.entry("status").or_insert_with(|| json!({}));
    if let Some(spec) = map_in(claim, "spec") {
        claim_spec(spec);
    }
    if let Some(status) = map_in(claim, "status") {
        default_text(status, "phase", "Pending");
        for list in ["capacity", "allocatedResources"] {
            if let Some(list) = map_in(status, list) {
                round_up(list);
            }
        }
    }
}

/// The access modes for short: `RWO,ROX`.
pub(super) fn access_modes(modes: &[Value]) -> String {
    let known =
        [("ReadWriteOnce", "RWO"), ("ReadOnlyMany", "ROX"), ("ReadWriteMany", "RWX"), ("ReadWriteOncePod", "RWOP")];
    let short = known.iter().filter(|(mode, _)| modes.iter().any(|m| m == mode)).map(|(_, short)| *short);
    short.collect::<Vec<_>>().join(",")
}

/// The storage class, from the annotation that preceded the field where that is set.
pub(super) fn class(object: &Object) -> &str {
    match object.str_at(&["metadata", "annotations", "volume.beta.kubernetes.io/storage-class"]) {
        "" => object.str_at(&["spec", "storageClassName"]),
        class => class,
    }
}
