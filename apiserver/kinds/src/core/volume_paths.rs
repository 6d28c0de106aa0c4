//! Paths inside volumes.

use kubernel_meta::field::{Error, Path};

/// A relative path without `..`.
pub(crate) fn descending(path: &Path, target: &str) -> Vec<Error> {
    let mut errors = Vec::new();
    if target.starts_with('/') {
        errors.push(path.invalid(target, "must be a relative path"));
    }
    errors.extend(no_backsteps(path, target));
    errors
}

/// A path without `..`.
pub(crate) fn no_backsteps(path: &Path, target: &str) -> Option<Error> {
    target.split('/').any(|step| step == "..").then(|| path.invalid(target, "must not contain '..'"))
}

/// A relative path without `..` that does not begin with it either: names the kubelet keeps for itself.
pub(crate) fn not_reserved(path: &Path, target: &str) -> Vec<Error> {
    let mut errors = descending(path, target);
    if target.starts_with("..") && !target.starts_with("../") {
        errors.push(path.invalid(target, "must not start with '..'"));
    }
    errors
}

/// File permissions.
pub(crate) fn mode(path: &Path, mode: Option<i64>) -> Option<Error> {
    let mode = mode?;
    let message = "must be a number between 0 and 0777 (octal), both inclusive";
    (!(0..=0o777).contains(&mode)).then(|| path.invalid(mode, message))
}
