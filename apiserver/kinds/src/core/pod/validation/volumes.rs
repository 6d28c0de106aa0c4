//! The Pod's volumes: names, one source each, and the sources that are not clouds' or vendors'.

use std::collections::HashMap;

use kubernel_meta::field::{Error, Path};
use kubernel_meta::validation as meta;
use serde_json::{Value, json};

use super::{Holder, containers, projected, references};
use crate::core::pod::amounts;
use crate::core::{persistent_volume_claim, volume_paths as paths, volume_sources};
use crate::tree::{int, items, set, text};
use crate::validate::{pairs, required, texts};

/// The volumes that containers can mount: those without mistakes in their names or sources.
pub(super) type Known<'a> = HashMap<&'a str, &'a Value>;

type Check = fn(&Path, &Value) -> Vec<Error>;

/// In the order in which Go declares them.
const UNUSED_METADATA: [&str; 13] = [
    "name",
    "generateName",
    "namespace",
    "selfLink",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "ownerReferences",
    "finalizers",
    "managedFields",
];
const ONE_TYPE: &str = "may not specify more than 1 volume type";
/// All sources in the order in which upstream looks at them: the field, the name in paths to what is in it, and the
/// name in the complaint about a second source.
const SOURCES: [(&str, &str, &str, Check); 30] = [
    ("emptyDir", "emptyDir", "emptyDir", empty_dir),
    ("hostPath", "hostPath", "hostPath", volume_sources::host_path),
    ("gitRepo", "gitRepo", "gitRepo", volume_sources::git_repo),
    ("gcePersistentDisk", "persistentDisk", "gcePersistentDisk", volume_sources::gce_disk),
    ("awsElasticBlockStore", "awsElasticBlockStore", "awsElasticBlockStore", volume_sources::aws_disk),
    ("secret", "secret", "secret", secret),
    ("nfs", "nfs", "nfs", volume_sources::nfs),
    ("iscsi", "iscsi", "iscsi", volume_sources::iscsi),
    ("glusterfs", "glusterfs", "glusterfs", volume_sources::glusterfs),
    ("flocker", "flocker", "flocker", volume_sources::flocker),
    ("persistentVolumeClaim", "persistentVolumeClaim", "persistentVolumeClaim", claim),
    ("rbd", "rbd", "rbd", volume_sources::rbd),
    ("cinder", "cinder", "cinder", volume_sources::cinder),
    ("cephfs", "cephfs", "cephFS", volume_sources::cephfs),
    ("quobyte", "quobyte", "quobyte", volume_sources::quobyte),
    ("downwardAPI", "downwardAPI", "downwarAPI", downward_api),
    ("fc", "fc", "fc", volume_sources::fc),
    ("flexVolume", "flexVolume", "flexVolume", volume_sources::flex),
    ("configMap", "configMap", "configMap", config_map),
    ("azureFile", "azureFile", "azureFile", volume_sources::azure_file),
    ("vsphereVolume", "vsphereVolume", "vsphereVolume", volume_sources::vsphere),
    ("photonPersistentDisk", "photonPersistentDisk", "photonPersistentDisk", volume_sources::photon),
    ("portworxVolume", "portworxVolume", "portworxVolume", volume_sources::portworx),
    ("azureDisk", "azureDisk", "azureDisk", volume_sources::azure_disk),
    ("storageos", "storageos", "storageos", volume_sources::storageos),
    ("projected", "projected", "projected", projected::validate),
    ("scaleIO", "scaleIO", "scaleIO", volume_sources::scale_io),
    ("csi", "csi", "csi", volume_sources::csi),
    ("ephemeral", "ephemeral", "ephemeral", ephemeral),
    ("image", "image", "image", image),
];

/// The usable volumes, and what is wrong with all of them.
pub(super) fn validate<'a>(path: &Path, spec: &'a Value, pod_name: &str, holder: Holder) -> (Known<'a>, Vec<Error>) {
    let volumes = items(spec, "volumes");
    let created: Vec<String> = volumes
        .iter()
        .filter(|volume| !pod_name.is_empty() && set(volume, "ephemeral").is_some())
        .map(|volume| format!("{pod_name}-{}", text(volume, "name")))
        .collect();
    let mut known = Known::new();
    let mut errors = Vec::new();
    for (i, volume) in volumes.iter().enumerate() {
        let (at, name) = (path.index(i), text(volume, "name"));
        let mut wrong = source(&at, volume, pod_name, holder);
        if name.is_empty() {
            wrong.push(at.child("name").required(""));
        } else {
            wrong.extend(texts(&at.child("name"), name, meta::dns1123_label(name)));
        }
        if known.contains_key(name) {
            wrong.push(at.child("name").duplicate(name));
        }
        if wrong.is_empty() {
            known.insert(name, volume);
        }
        errors.extend(wrong);
        let claim = volume.pointer("/persistentVolumeClaim/claimName").and_then(Value::as_str).unwrap_or_default();
        if created.iter().any(|created| created == claim) {
            let detail = "must not reference a PVC that gets created for an ephemeral volume";
            errors.push(at.child("persistentVolumeClaim").child("claimName").invalid(claim, detail));
        }
    }
    (known, errors)
}

fn source(path: &Path, volume: &Value, pod_name: &str, holder: Holder) -> Vec<Error> {
    let mut errors = Vec::new();
    let mut sources = 0;
    for (field, name, complaint, check) in SOURCES {
        let Some(source) = set(volume, field) else { continue };
        sources += 1;
        if sources > 1 {
            errors.push(path.child(complaint).forbidden(ONE_TYPE));
            continue;
        }
        errors.extend(check(&path.child(name), source));
        let own_name = text(volume, "name");
        match field {
            "iscsi"
                if set(source, "initiatorName").is_some()
                    && own_name.len() + 1 + text(source, "targetPortal").len() > 64 =>
            {
                errors.push(path.child("name").invalid(own_name, volume_sources::NAME_AND_PORTAL));
            }
            "ephemeral" if !pod_name.is_empty() && !own_name.is_empty() => {
                let claim = format!("{pod_name}-{own_name}");
                for text in meta::dns1123_subdomain(&claim) {
                    errors.push(path.child("name").invalid(own_name, format!("PVC name {claim:?}: {text}")));
                }
            }
            "image" if holder == Holder::Pod && text(source, "reference").is_empty() => {
                errors.insert(0, path.child("image").child("reference").required(""));
            }
            _ => {}
        }
    }
    if sources == 0 {
        errors.push(path.required("must specify a volume type"));
    }
    errors
}

fn empty_dir(path: &Path, source: &Value) -> Vec<Error> {
    let negative = source.get("sizeLimit").and_then(amounts::quantity).is_some_and(|limit| limit.signum() < 0);
    let error = || path.child("sizeLimit").forbidden("SizeLimit field must be a valid resource quantity");
    negative.then(error).into_iter().collect()
}

fn secret(path: &Path, source: &Value) -> Vec<Error> {
    let mut errors = required(path, source, &["secretName"]);
    errors.extend(keys_and_mode(path, source));
    errors
}

fn config_map(path: &Path, source: &Value) -> Vec<Error> {
    let mut errors = required(path, source, &["name"]);
    errors.extend(keys_and_mode(path, source));
    errors
}

fn keys_and_mode(path: &Path, source: &Value) -> Vec<Error> {
    let mut errors: Vec<Error> = default_mode(path, source).into_iter().collect();
    for (i, item) in items(source, "items").iter().enumerate() {
        errors.extend(key_to_path(&path.child("items").index(i), item));
    }
    errors
}

/// What is wrong with `defaultMode`.
pub(super) fn default_mode(path: &Path, source: &Value) -> Option<Error> {
    paths::mode(&path.child("defaultMode"), source.get("defaultMode").and_then(Value::as_i64))
}

/// What is wrong with a key and the file made of it.
pub(super) fn key_to_path(path: &Path, item: &Value) -> Vec<Error> {
    let mut errors = required(path, item, &["key", "path"]);
    errors.extend(paths::not_reserved(&path.child("path"), text(item, "path")));
    errors.extend(paths::mode(&path.child("mode"), item.get("mode").and_then(Value::as_i64)));
    errors
}

fn claim(path: &Path, source: &Value) -> Vec<Error> {
    required(path, source, &["claimName"])
}

/// Upstream's paths leave out which file it is.
fn downward_api(path: &Path, source: &Value) -> Vec<Error> {
    let mut errors: Vec<Error> = default_mode(path, source).into_iter().collect();
    errors.extend(items(source, "items").iter().flat_map(|file| downward_file(path, file)));
    errors
}

/// What is wrong with a file of the downward API.
pub(super) fn downward_file(path: &Path, file: &Value) -> Vec<Error> {
    let mut errors = required(path, file, &["path"]);
    errors.extend(paths::not_reserved(&path.child("path"), text(file, "path")));
    match (set(file, "fieldRef"), set(file, "resourceFieldRef")) {
        (Some(field), resource) => {
            errors.extend(references::field(&path.child("fieldRef"), field, &references::VOLUME_FIELDS));
            if resource.is_some() {
                let detail = "fieldRef and resourceFieldRef can not be specified simultaneously";
                errors.push(path.invalid("resource", detail));
            }
        }
        (None, Some(resource)) => {
            errors.extend(references::resource(&path.child("resourceFieldRef"), resource, true));
        }
        (None, None) => errors.push(path.required("one of fieldRef and resourceFieldRef is required")),
    }
    errors.extend(paths::mode(&path.child("mode"), set(file, "mode").map(|_| int(file, "mode"))));
    errors
}

fn ephemeral(path: &Path, source: &Value) -> Vec<Error> {
    let path = path.child("volumeClaimTemplate");
    let Some(template) = set(source, "volumeClaimTemplate") else { return vec![path.required("")] };
    let metadata = template.get("metadata").unwrap_or(&Value::Null);
    let mut errors = template_metadata(&path.child("metadata"), metadata);
    let spec = template.get("spec").unwrap_or(&Value::Null);
    errors.extend(persistent_volume_claim::validate_spec(&path.child("spec"), spec));
    errors
}

/// What is wrong with the metadata of a template of which labels and annotations alone are used.
fn template_metadata(path: &Path, metadata: &Value) -> Vec<Error> {
    let mut errors = meta::annotations(pairs(metadata.get("annotations")), &path.child("annotations"));
    errors.extend(meta::labels(pairs(metadata.get("labels")), &path.child("labels")));
    let unused = UNUSED_METADATA.iter().filter(|field| set(metadata, field).is_some_and(|value| *value != json!("")));
    errors.extend(unused.map(|field| path.child(field).forbidden("cannot be set")));
    errors
}

fn image(path: &Path, source: &Value) -> Vec<Error> {
    containers::pull_policy(&path.child("pullPolicy"), text(source, "pullPolicy")).into_iter().collect()
}
