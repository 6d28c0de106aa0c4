//! Warnings about PersistentVolumes and claims that are accepted all the same.

use kubernel_meta::Object;
use kubernel_meta::field::Path;
use serde_json::Value;

use super::node_labels::{self, BadValues};
use super::pod::amounts;
use crate::tree::set;

/// Annotations that have become fields.
const ANNOTATIONS: [(&str, &str); 2] = [
    ("volume.beta.kubernetes.io/storage-class", "deprecated since v1.8; use \"storageClassName\" attribute instead"),
    ("volume.beta.kubernetes.io/mount-options", "deprecated since v1.31; use \"mountOptions\" attribute instead"),
];
/// Sources that no longer work: the field, its name in the warning, and what became of it.
const SOURCES: [(&str, &str, &str); 6] = [
    ("cephfs", "cephfs", "deprecated in v1.28, non-functional in v1.31+"),
    ("photonPersistentDisk", "photonPersistentDisk", "deprecated in v1.11, non-functional in v1.16+"),
    ("scaleIO", "scaleIO", "deprecated in v1.16, non-functional in v1.22+"),
    ("storageos", "storageOS", "deprecated in v1.22, non-functional in v1.25+"),
    ("glusterfs", "glusterfs", "deprecated in v1.25, non-functional in v1.26+"),
    ("rbd", "rbd", "deprecated in v1.28, non-functional in v1.31+"),
];

/// The warnings about a volume.
pub(super) fn of(volume: &Object) -> Vec<String> {
    let (path, spec) = (Path::root("spec"), volume.at(&["spec"]).unwrap_or(&Value::Null));
    let mut warnings: Vec<String> = ANNOTATIONS.iter().filter_map(|one| annotation(volume, one)).collect();
    if volume.str_at(&["spec", "persistentVolumeReclaimPolicy"]) == "Recycle" {
        warnings.push(format!(
            "{}: The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic \
             provisioning.",
            path.child("persistentVolumeReclaimPolicy")
        ));
    }
    let terms = path.child("nodeAffinity").child("required").child("nodeSelectorTerms");
    let required = volume.list_at(&["spec", "nodeAffinity", "required", "nodeSelectorTerms"]).iter().enumerate();
    warnings
        .extend(required.flat_map(|(at, term)| node_labels::term_warnings(&terms.index(at), term, BadValues::Refused)));
    let source = SOURCES.iter().find(|(field, ..)| set(spec, field).is_some());
    warnings.extend(source.map(|(_, shown, message)| format!("{}: {message}", path.child(shown))));
    warnings
}

/// The warnings about a claim.
pub(super) fn of_claim(claim: &Object) -> Vec<String> {
    let mut warnings: Vec<String> = annotation(claim, &ANNOTATIONS[0]).into_iter().collect();
    warnings.extend(of_claim_spec(&Path::root("spec"), claim.at(&["spec"]).unwrap_or(&Value::Null)));
    warnings
}

/// The warnings about a claim's spec: bytes come whole.
pub(crate) fn of_claim_spec(path: &Path, spec: &Value) -> Vec<String> {
    let lists = ["requests", "limits"].into_iter().filter_map(|list| {
        let amount = spec.get("resources")?.get(list)?.get("storage").and_then(amounts::quantity)?;
        let at = path.child("resources").child(list).key("storage");
        let shown = amount.to_string();
        (!amount.is_integer()).then(|| format!("{at}: fractional byte value {shown:?} is invalid, must be an integer"))
    });
    lists.collect()
}

fn annotation(object: &Object, (key, message): &(&str, &str)) -> Option<String> {
    object.at(&["metadata", "annotations", key])?;
    Some(format!("{}: {message}", Path::root("metadata").child("annotations").key(key)))
}
