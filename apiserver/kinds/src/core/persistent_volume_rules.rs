//! Rules of PersistentVolumes.

use kubernel_meta::field::{Error, Path, Reason};
use kubernel_meta::{Object, validation};
use serde_json::Value;

use super::persistent_volume_claim_rules::access_modes;
use super::pod::amounts;
use crate::tree::{items, set, text};
use crate::validate;

/// The fields of the spec that are no volume sources.
const NO_SOURCES: [&str; 10] = [
    "capacity",
    "accessModes",
    "claimRef",
    "persistentVolumeReclaimPolicy",
    "storageClassName",
    "mountOptions",
    "volumeMode",
    "nodeAffinity",
    "volumeAttributesClassName",
    "name",
];

/// What is wrong with a new volume.
pub(super) fn create(volume: &Object) -> Vec<Error> {
    let (path, spec) = (Path::root("spec"), volume.at(&["spec"]).unwrap_or(&Value::Null));
    let at = path.child("accessModes");
    let mut errors = access_modes(&at, items(spec, "accessModes"), "");
    errors.extend(capacity(&path.child("capacity"), spec.get("capacity")));
    match text(spec, "persistentVolumeReclaimPolicy") {
        "" | "Delete" | "Recycle" | "Retain" => {}
        other => errors
            .push(path.child("persistentVolumeReclaimPolicy").not_supported(other, &["Delete", "Recycle", "Retain"])),
    }
    if let Some(required) = spec.pointer("/nodeAffinity/required")
        && items(required, "nodeSelectorTerms").is_empty()
    {
        let at = path.child("nodeAffinity").child("required").child("nodeSelectorTerms");
        errors.push(at.required("must have at least one node selector term"));
    }
    let sources: Vec<&str> = spec
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(key, value)| !value.is_null() && !NO_SOURCES.contains(&key.as_str()))
        .map(|(key, _)| key.as_str())
        .collect();
    for extra in sources.iter().skip(1) {
        errors.push(path.child(extra).forbidden("may not specify more than 1 volume type"));
    }
    if sources.is_empty() {
        errors.push(path.required("must specify a volume type"));
    }
    if let Some(csi) = set(spec, "csi") {
        for field in ["driver", "volumeHandle"] {
            if text(csi, field).is_empty() {
                errors.push(path.child("csi").child(field).required(""));
            }
        }
    }
    let class = text(spec, "storageClassName");
    if !class.is_empty() {
        errors.extend(validate::texts(&path.child("storageClassName"), class, validation::dns1123_subdomain(class)));
    }
    match text(spec, "volumeMode") {
        "" | "Block" | "Filesystem" => {}
        other => errors.push(path.child("volumeMode").not_supported(other, &["Block", "Filesystem"])),
    }
    errors
}

/// A volume has storage, some of it, and nothing else.
fn capacity(path: &Path, list: Option<&Value>) -> Vec<Error> {
    let mut errors = Vec::new();
    let amounts = list.map(amounts::read).unwrap_or_default();
    if amounts.is_empty() {
        errors.push(path.required(""));
    }
    if amounts.len() != 1 || !amounts.contains_key("storage") {
        let shown = list.cloned().unwrap_or_default();
        errors.push(path.error(Reason::NotSupported, shown, "supported values: \"storage\""));
    }
    for (name, amount) in &amounts {
        if amount.signum() <= 0 {
            errors.push(path.key(name).invalid(amount.to_string(), "must be greater than zero"));
        }
    }
    errors
}

/// What is wrong with a change: the source stays.
pub(super) fn update(new: &Object, old: &Object) -> Vec<Error> {
    let mut errors = create(new);
    let source = |volume: &Object| {
        let mut spec = volume.map_at(&["spec"]).cloned().unwrap_or_default();
        spec.retain(|key, value| !NO_SOURCES.contains(&key.as_str()) && !value.is_null());
        spec
    };
    if source(new) != source(old) {
        errors.push(
            Path::root("spec")
                .child("persistentvolumesource")
                .forbidden("spec.persistentvolumesource is immutable after creation"),
        );
    }
    let (path, mode) = (Path::root("spec").child("volumeMode"), ["spec", "volumeMode"]);
    errors.extend(validate::immutable(&path, new.at(&mode), old.at(&mode)));
    errors
}
