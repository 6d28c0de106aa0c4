//! Rules of PersistentVolumes.

use kubernel_meta::field::{Error, Path, Reason};
use kubernel_meta::{Object, validation as meta};
use serde_json::{Map, Value};

use super::node_labels;
use super::persistent_volume_claim_rules::access_modes;
use super::pod::{amounts, validation};
use super::volume_sources as sources;
use crate::go_form;
use crate::tree::{items, set, text};
use crate::validate;

type Check = fn(&Path, &Value) -> Vec<Error>;

/// All sources in the order in which upstream looks at them: the field, the name in paths to what is in it, and the
/// name in the complaint about a second source. Those whose rules need more of the volume have none here.
const SOURCES: [(&str, &str, &str, Check); 22] = [
    ("hostPath", "hostPath", "hostPath", sources::host_path),
    ("gcePersistentDisk", "persistentDisk", "gcePersistentDisk", sources::gce_disk),
    ("awsElasticBlockStore", "awsElasticBlockStore", "awsElasticBlockStore", sources::aws_disk),
    ("glusterfs", "glusterfs", "glusterfs", sources::persistent_glusterfs),
    ("flocker", "flocker", "flocker", sources::flocker),
    ("nfs", "nfs", "nfs", sources::nfs),
    ("rbd", "rbd", "rbd", sources::rbd),
    ("quobyte", "quobyte", "quobyte", sources::quobyte),
    ("cephfs", "cephfs", "cephFS", sources::cephfs),
    ("iscsi", "iscsi", "iscsi", |_, _| Vec::new()),
    ("cinder", "cinder", "cinder", sources::persistent_cinder),
    ("fc", "fc", "fc", sources::fc),
    ("flexVolume", "flexVolume", "flexVolume", sources::flex),
    ("azureFile", "azureFile", "azureFile", sources::persistent_azure_file),
    ("vsphereVolume", "vsphereVolume", "vsphereVolume", sources::vsphere),
    ("photonPersistentDisk", "photonPersistentDisk", "photonPersistentDisk", sources::photon),
    ("portworxVolume", "portworxVolume", "portworxVolume", sources::portworx),
    ("azureDisk", "azureDisk", "azureDisk", sources::azure_disk),
    ("scaleIO", "scaleIO", "scaleIO", sources::scale_io),
    ("local", "local", "local", sources::local),
    ("storageos", "storageos", "storageos", sources::persistent_storageos),
    ("csi", "csi", "csi", sources::persistent_csi),
];

/// The sources in the order in which Go declares them, for the difference that a refusal shows.
const DECLARED: [&str; 22] = [
    "gcePersistentDisk",
    "awsElasticBlockStore",
    "hostPath",
    "glusterfs",
    "nfs",
    "rbd",
    "quobyte",
    "iscsi",
    "flexVolume",
    "cinder",
    "cephfs",
    "fc",
    "flocker",
    "azureFile",
    "vsphereVolume",
    "azureDisk",
    "photonPersistentDisk",
    "portworxVolume",
    "scaleIO",
    "local",
    "storageos",
    "csi",
];

/// What is wrong with a new volume.
pub(super) fn create(volume: &Object) -> Vec<Error> {
    let (path, spec) = (Path::root("spec"), volume.at(&["spec"]).unwrap_or(&Value::Null));
    let at = path.child("accessModes");
    let mut errors = access_modes(&at, items(spec, "accessModes"), "");
    errors.extend(capacity(&path.child("capacity"), spec.get("capacity")));
    let policy = text(spec, "persistentVolumeReclaimPolicy");
    if !matches!(policy, "" | "Delete" | "Recycle" | "Retain") {
        let at = path.child("persistentVolumeReclaimPolicy");
        errors.push(at.not_supported(policy, &["Delete", "Recycle", "Retain"]));
    }
    if let Some(affinity) = set(spec, "nodeAffinity") {
        let at = path.child("nodeAffinity").child("required");
        match set(affinity, "required") {
            Some(required) => errors.extend(validation::node_selector(&at, required)),
            None => errors.push(at.required("must specify required node constraints")),
        }
    }
    errors.extend(source(&path, spec, volume.name()));
    let root = set(spec, "hostPath").is_some_and(|source| is_root(text(source, "path")));
    if root && policy == "Recycle" {
        let at = path.child("persistentVolumeReclaimPolicy");
        errors.push(at.forbidden("may not be 'recycle' for a hostPath mount of '/'"));
    }
    errors.extend(class_and_mode(&path, spec));
    errors
}

fn source(path: &Path, spec: &Value, name: &str) -> Vec<Error> {
    let mut errors = Vec::new();
    let mut count = 0;
    for (field, shown, complaint, check) in SOURCES {
        let Some(source) = set(spec, field) else { continue };
        count += 1;
        // Upstream counts this one and yet lets it stand beside others.
        if count > 1 && field != "flexVolume" {
            errors.push(path.child(complaint).forbidden("may not specify more than 1 volume type"));
            continue;
        }
        errors.extend(check(&path.child(shown), source));
        match field {
            "iscsi" => errors.extend(sources::persistent_iscsi(&path.child(shown), source, name)),
            "local" if set(spec, "nodeAffinity").is_none() => {
                errors.push(path.child("nodeAffinity").required("Local volume requires node affinity"));
            }
            _ => {}
        }
    }
    if count == 0 {
        errors.push(path.required("must specify a volume type"));
    }
    errors
}

/// Whether a path means the root directory (Go's `path.Clean`).
fn is_root(path: &str) -> bool {
    let mut depth = 0_usize;
    for step in path.split('/') {
        match step {
            "" | "." => {}
            ".." => depth = depth.saturating_sub(1),
            _ => depth += 1,
        }
    }
    path.starts_with('/') && depth == 0
}

fn class_and_mode(path: &Path, spec: &Value) -> Vec<Error> {
    let mut errors = Vec::new();
    let class = text(spec, "storageClassName");
    if !class.is_empty() {
        errors.extend(validate::texts(&path.child("storageClassName"), class, meta::dns1123_subdomain(class)));
    }
    match spec.get("volumeMode").and_then(Value::as_str) {
        None | Some("Block" | "Filesystem") => {}
        Some(other) => errors.push(path.child("volumeMode").not_supported(other, &["Block", "Filesystem"])),
    }
    if let Some(class) = spec.get("volumeAttributesClassName").and_then(Value::as_str) {
        let at = path.child("volumeAttributesClassName");
        if class.is_empty() {
            errors.push(at.required("an empty string is disallowed"));
        } else {
            errors.extend(validate::texts(&at, class, meta::dns1123_subdomain(class)));
        }
        if set(spec, "csi").is_none() {
            let detail = "has to be specified when using volumeAttributesClassName";
            errors.push(path.child("csi").required(detail));
        }
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
        if amount.value() < 0 {
            errors.push(path.key(name).invalid(amount.value(), "must be a valid resource quantity"));
        }
        if amount.signum() <= 0 {
            errors.push(path.key(name).invalid(amount.to_string(), "must be greater than zero"));
        }
    }
    errors
}

/// What is wrong with a change: the source stays, and what else decides where the volume is.
pub(super) fn update(new: &Object, old: &Object) -> Vec<Error> {
    let mut errors = create(new);
    let path = Path::root("spec");
    let (mut now, before) = (source_of(new), source_of(old));
    allow_expand_secret(&mut now, &before);
    if now != before {
        let changes = go_form::field_changes(
            "io.k8s.api.core.v1.PersistentVolumeSpec",
            &DECLARED,
            &Value::Object(before),
            &Value::Object(now),
        );
        let detail = format!("spec.persistentvolumesource is immutable after creation\n{changes}");
        errors.push(path.child("persistentvolumesource").forbidden(detail));
    }
    let value = |volume: &Object, field: &str| volume.at(&["spec", field]).filter(|value| !value.is_null()).cloned();
    // Upstream's paths of these two begin at the field.
    let (mode, mode_before) = (value(new, "volumeMode"), value(old, "volumeMode"));
    errors.extend(validate::immutable(&Path::root("volumeMode"), mode.as_ref(), mode_before.as_ref()));
    let (affinity, affinity_before) = (value(new, "nodeAffinity"), value(old, "nodeAffinity"));
    if let Some(before) = affinity_before
        && affinity.as_ref() != Some(&with_stable_labels(before, affinity.as_ref()))
    {
        let affinity = affinity.unwrap_or_default();
        let shown = match &affinity {
            Value::Null => "null".to_owned(),
            affinity => go_form::compact("io.k8s.api.core.v1.VolumeNodeAffinity", affinity),
        };
        let detail = "field is immutable, except for updating from beta label to GA";
        errors.push(Path::root("nodeAffinity").invalid(affinity, detail).shown_as(shown));
    }
    if value(old, "volumeAttributesClassName").is_some() && value(new, "volumeAttributesClassName").is_none() {
        let at = path.child("volumeAttributesClassName");
        errors.push(at.forbidden("update from non-nil value to nil is forbidden"));
    }
    errors
}

fn source_of(volume: &Object) -> Map<String, Value> {
    let mut spec = volume.map_at(&["spec"]).cloned().unwrap_or_default();
    spec.retain(|key, value| DECLARED.contains(&key.as_str()) && !value.is_null());
    spec
}

/// A CSI volume may be told later which secret its expansion needs.
fn allow_expand_secret(now: &mut Map<String, Value>, before: &Map<String, Value>) {
    const FIELD: &str = "controllerExpandSecretRef";
    if before.get("csi").is_some_and(|csi| set(csi, FIELD).is_none())
        && let Some(csi) = now.get_mut("csi").and_then(Value::as_object_mut)
    {
        csi.remove(FIELD);
    }
}

/// An affinity with the stable names of labels that had others in beta, where the new one has them in the same place.
fn with_stable_labels(mut affinity: Value, new: Option<&Value>) -> Value {
    let terms = affinity.pointer_mut("/required/nodeSelectorTerms").and_then(Value::as_array_mut);
    for (i, term) in terms.into_iter().flatten().enumerate() {
        for list in ["matchExpressions", "matchFields"] {
            let expressions = term.get_mut(list).and_then(Value::as_array_mut);
            for (j, expression) in expressions.into_iter().flatten().enumerate() {
                let place = format!("/required/nodeSelectorTerms/{i}/{list}/{j}/key");
                let wanted = new.and_then(|new| new.pointer(&place)).and_then(Value::as_str);
                let newer = node_labels::newer(text(expression, "key"));
                if let Some(newer) = newer.filter(|newer| wanted == Some(newer)) {
                    expression["key"] = newer.into();
                }
            }
        }
    }
    affinity
}
