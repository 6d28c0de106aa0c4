//! Volumes that no longer work, and files of volumes that hide each other.

use kubernel_meta::field::Path;
use serde_json::Value;

use crate::core::persistent_volume_warnings;
use crate::tree::{items, set, text};

/// Volume sources that no longer work: the field, its name in the warning, and what became of it.
const OLD_SOURCES: [(&str, &str, &str); 7] = [
    ("photonPersistentDisk", "photonPersistentDisk", "deprecated in v1.11, non-functional in v1.16+"),
    ("gitRepo", "gitRepo", "deprecated in v1.11, and disabled by default in v1.33+"),
    ("scaleIO", "scaleIO", "deprecated in v1.16, non-functional in v1.22+"),
    ("flocker", "flocker", "deprecated in v1.22, non-functional in v1.25+"),
    ("storageos", "storageOS", "deprecated in v1.22, non-functional in v1.25+"),
    ("quobyte", "quobyte", "deprecated in v1.22, non-functional in v1.25+"),
    ("glusterfs", "glusterfs", "deprecated in v1.25, non-functional in v1.26+"),
];
/// The same, behind the claim of an ephemeral volume.
const OLD_SOURCES_BEHIND: [(&str, &str, &str); 2] = [
    ("cephfs", "cephfs", "deprecated in v1.28, non-functional in v1.31+"),
    ("rbd", "rbd", "deprecated in v1.28, non-functional in v1.31+"),
];

/// The warnings about all volumes.
pub(super) fn warnings(path: &Path, volumes: &[Value]) -> Vec<String> {
    let mut warnings = Vec::new();
    for (index, volume) in volumes.iter().enumerate() {
        let at = path.index(index);
        let old = |(field, shown, message): &(&str, &str, &str)| {
            set(volume, field).map(|_| format!("{}: {message}", at.child(shown)))
        };
        warnings.extend(OLD_SOURCES.iter().filter_map(old));
        if let Some(spec) = volume.pointer("/ephemeral/volumeClaimTemplate/spec") {
            let at = at.child("ephemeral").child("volumeClaimTemplate").child("spec");
            warnings.extend(persistent_volume_warnings::of_claim_spec(&at, spec));
        }
        warnings.extend(OLD_SOURCES_BEHIND.iter().filter_map(old));
    }
    warnings.extend(volumes.iter().flat_map(overlapping));
    warnings
}

/// Files of one volume of which one would lie where another is.
fn overlapping(volume: &Value) -> Vec<String> {
    let name = text(volume, "name");
    let mut warnings = Vec::new();
    let of_source = |source: &str, what: String| {
        let files = set(volume, source).map(paths).unwrap_or_default();
        collisions(&files, &format!("volume {name:?} ({what}): overlapping paths"))
    };
    let named = |source: &str, field: &str| volume.get(source).map_or("", |source| text(source, field));
    warnings.extend(of_source("configMap", format!("ConfigMap {:?}", named("configMap", "name"))));
    warnings.extend(of_source("secret", format!("Secret {:?}", named("secret", "secretName"))));
    warnings.extend(of_source("downwardAPI", "DownwardAPI".to_owned()));
    let mut before: Vec<&str> = Vec::new();
    for source in set(volume, "projected").map_or(&[][..], |projected| items(projected, "sources")) {
        let Some((what, files)) = projection(source) else {
            if source.as_object().is_some_and(|source| source.values().all(Value::is_null)) {
                warnings.push(format!("volume {name:?} (Projected) has no sources provided"));
            }
            continue;
        };
        let message = format!("volume {name:?} (Projected {what}): overlapping paths");
        warnings.extend(collisions(&files, &message));
        let mut own = files;
        own.sort_unstable();
        own.dedup();
        let mut all = [own.as_slice(), before.as_slice()].concat();
        all.sort_unstable();
        warnings.extend(collisions(&all, &message));
        before = all;
    }
    warnings
}

/// What a projected source is called, and its files.
fn projection(source: &Value) -> Option<(String, Vec<&str>)> {
    let kinds = ["configMap", "secret", "downwardAPI", "serviceAccountToken", "podCertificate", "clusterTrustBundle"];
    let (kind, inner) = kinds.iter().find_map(|kind| Some((*kind, set(source, kind)?)))?;
    let name = text(inner, "name");
    Some(match kind {
        "configMap" => (format!("ConfigMap {name:?}"), paths(inner)),
        "secret" => (format!("Secret {name:?}"), paths(inner)),
        "downwardAPI" => ("DownwardAPI".to_owned(), paths(inner)),
        "serviceAccountToken" => ("ServiceAccountToken".to_owned(), vec![text(inner, "path")]),
        "podCertificate" => {
            let fields = ["credentialBundlePath", "keyPath", "certificateChainPath"];
            let files = fields.iter().map(|field| text(inner, field)).filter(|path| !path.is_empty());
            ("PodCertificate".to_owned(), files.collect())
        }
        _ => {
            let name = if set(inner, "name").is_some() { name } else { text(inner, "signerName") };
            (format!("ClusterTrustBundle {name:?}"), vec![text(inner, "path")])
        }
    })
}

fn paths(source: &Value) -> Vec<&str> {
    items(source, "items").iter().map(|item| text(item, "path")).collect()
}

fn collisions(paths: &[&str], message: &str) -> Vec<String> {
    let paths: Vec<&str> = paths.iter().map(|path| path.trim_end_matches('/')).collect();
    let mut warnings = Vec::new();
    for (index, path) in paths.iter().enumerate() {
        let in_the_way = |other: &&&str| {
            !path.is_empty()
                && !other.is_empty()
                && (format!("{other}/").starts_with(path) || format!("{path}/").starts_with(**other))
        };
        if let Some(other) = paths[..index].iter().find(in_the_way) {
            warnings.push(format!("{message}: {path:?} with {other:?}"));
        }
    }
    warnings
}
