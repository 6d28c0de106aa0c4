//! Projected volumes: several sources in one tree of files.

use kubernel_meta::field::{Error, Path};
use serde_json::Value;

use super::{selectors, volumes};
use crate::core::volume_paths as paths;
use crate::go_form;
use crate::tree::{int, items, set, text};
use crate::validate::required;

const TOKEN_SECS_MIN: i64 = 600;
const TOKEN_SECS_MAX: i64 = 1 << 32;
const CONFLICT: &str = "conflicting duplicate paths";

/// What is wrong with a projected volume.
pub(super) fn validate(path: &Path, volume: &Value) -> Vec<Error> {
    let mut errors: Vec<Error> = volumes::default_mode(path, volume).into_iter().collect();
    let mut taken: Vec<String> = Vec::new();
    for (i, source) in items(volume, "sources").iter().enumerate() {
        let at = path.child("sources").index(i);
        let mut sources = 0;
        for kind in ["secret", "configMap", "downwardAPI", "serviceAccountToken", "clusterTrustBundle"] {
            let Some(value) = set(source, kind) else { continue };
            sources += 1;
            let at = at.child(kind);
            errors.extend(match kind {
                "secret" | "configMap" => named(path, &at, value, &mut taken),
                "downwardAPI" => downward_api(path, &at, value, &mut taken),
                "serviceAccountToken" => token(path, &at, value),
                _ => trust_bundle(path, &at, value, &mut taken),
            });
        }
        if sources > 1 {
            errors.push(at.forbidden("may not specify more than 1 volume type per source"));
        }
    }
    errors
}

/// Notes a file's path; a second file there is a conflict, reported at the volume.
fn take(volume: &Path, target: &str, shown: &str, taken: &mut Vec<String>) -> Option<Error> {
    if target.is_empty() {
        return None;
    }
    if taken.iter().any(|other| other == target) {
        return Some(volume.invalid(shown, CONFLICT));
    }
    taken.push(target.to_owned());
    None
}

fn named(volume: &Path, path: &Path, source: &Value, taken: &mut Vec<String>) -> Vec<Error> {
    let mut errors = required(path, source, &["name"]);
    for (i, item) in items(source, "items").iter().enumerate() {
        errors.extend(volumes::key_to_path(&path.child("items").index(i), item));
        errors.extend(take(volume, text(item, "path"), text(source, "name"), taken));
    }
    errors
}

fn downward_api(volume: &Path, path: &Path, source: &Value, taken: &mut Vec<String>) -> Vec<Error> {
    let mut errors = Vec::new();
    for file in items(source, "items") {
        errors.extend(volumes::downward_file(path, file));
        errors.extend(take(volume, text(file, "path"), text(file, "path"), taken));
    }
    errors
}

fn token(volume: &Path, path: &Path, source: &Value) -> Vec<Error> {
    let mut errors = Vec::new();
    let secs = int(source, "expirationSeconds");
    let at = path.child("expirationSeconds");
    if secs < TOKEN_SECS_MIN {
        errors.push(at.invalid(secs, "may not specify a duration less than 10 minutes"));
    }
    if secs > TOKEN_SECS_MAX {
        errors.push(at.invalid(secs, "may not specify a duration larger than 2^32 seconds"));
    }
    let target = text(source, "path");
    if target.is_empty() {
        errors.push(volume.child("path").required(""));
    } else {
        errors.extend(paths::not_reserved(&volume.child("path"), target));
    }
    errors
}

fn trust_bundle(volume: &Path, path: &Path, source: &Value, taken: &mut Vec<String>) -> Vec<Error> {
    let mut errors = Vec::new();
    match (set(source, "name"), set(source, "signerName")) {
        (Some(_), Some(_)) => {
            let detail = "only one of name and signerName may be used";
            errors.push(go_form::invalid(path, "io.k8s.api.core.v1.ClusterTrustBundleProjection", source, detail));
        }
        (Some(name), None) => {
            if name.as_str().is_none_or(str::is_empty) {
                errors.push(path.child("name").required("must be a valid object name"));
            }
            if let Some(selector) = set(source, "labelSelector") {
                let detail = "labelSelector must be unset if name is specified";
                errors.push(go_form::invalid(&path.child("labelSelector"), go_form::LABEL_SELECTOR, selector, detail));
            }
        }
        (None, Some(signer)) => {
            if signer.as_str().is_none_or(str::is_empty) {
                errors.push(path.child("signerName").required("must be a valid signer name"));
            }
            errors.extend(selectors::validate(&path.child("labelSelector"), source.get("labelSelector")));
        }
        (None, None) => errors.push(path.required("either name or signerName must be specified")),
    }
    let target = text(source, "path");
    errors.extend(required(path, source, &["path"]));
    errors.extend(paths::not_reserved(&path.child("path"), target));
    errors.extend(take(volume, target, target, taken));
    errors
}

/// A Pod gets tokens only for an account that it names.
pub(super) fn tokens_need_account(path: &Path, spec: &Value) -> Vec<Error> {
    let mut errors = Vec::new();
    if !text(spec, "serviceAccountName").is_empty() {
        return errors;
    }
    for (i, volume) in items(spec, "volumes").iter().enumerate() {
        let Some(projected) = set(volume, "projected") else { continue };
        for (j, source) in items(projected, "sources").iter().enumerate() {
            if set(source, "serviceAccountToken").is_some() {
                let at = path.child("volumes").index(i).child("projected").child("sources").index(j);
                let detail = "must not be specified when serviceAccountName is not set";
                errors.push(at.child("serviceAccountToken").forbidden(detail));
            }
        }
    }
    errors
}
