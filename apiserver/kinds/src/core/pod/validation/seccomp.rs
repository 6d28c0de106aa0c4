//! Seccomp profiles, in fields and in the annotations that came before them.

use kubernel_meta::field::{Error, Path};
use serde_json::{Value, json};

use crate::core::volume_paths as paths;
use crate::tree::{set, text};

const POD: &str = "seccomp.security.alpha.kubernetes.io/pod";
const CONTAINER_PREFIX: &str = "container.seccomp.security.alpha.kubernetes.io/";
const LOCALHOST_PREFIX: &str = "localhost/";
const TYPES: [&str; 3] = ["Localhost", "RuntimeDefault", "Unconfined"];
const UNMATCHED: &str = "seccomp type in annotation and field must match";

/// What is wrong with a profile field.
pub(super) fn profile(path: &Path, context: &Value) -> Vec<Error> {
    let Some(profile) = set(context, "seccompProfile") else { return Vec::new() };
    let path = path.child("seccompProfile");
    let (kind, local) = (text(profile, "type"), profile.get("localhostProfile").and_then(Value::as_str));
    let at = path.child("localhostProfile");
    let mut errors = Vec::new();
    match kind {
        "" => errors.push(path.child("type").required("type is required when seccompProfile is set")),
        kind if TYPES.contains(&kind) => {}
        other => errors.push(path.child("type").not_supported(other, &TYPES)),
    }
    match (kind, local) {
        ("Localhost", None) => errors.push(at.required("must be set when seccomp type is Localhost")),
        ("Localhost", Some(local)) => errors.extend(paths::descending(&at, local)),
        (_, Some(local)) => {
            let shown = format!("{{\"Type\":{},\"LocalhostProfile\":{}}}", json!(kind), json!(local));
            let detail = "can only be set when seccomp type is Localhost";
            errors.push(at.invalid(profile.clone(), detail).shown_as(shown));
        }
        (_, None) => {}
    }
    errors
}

/// What is wrong with the annotations.
pub(super) fn annotations<'a>(path: &Path, pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<Error> {
    let ours = pairs.filter(|(key, _)| *key == POD || key.starts_with(CONTAINER_PREFIX));
    ours.flat_map(|(key, value)| annotation(&path.child(key), value)).collect()
}

fn annotation(path: &Path, value: &str) -> Vec<Error> {
    match value.strip_prefix(LOCALHOST_PREFIX) {
        Some(local) => paths::descending(path, local),
        None if matches!(value, "runtime/default" | "docker/default" | "unconfined") => Vec::new(),
        None => vec![path.invalid(value, "must be a valid seccomp profile")],
    }
}

/// Whether a field and the annotation for it say the same. An empty `container` stands for the Pod.
pub(super) fn matches(path: &Path, context: &Value, container: &str, annotations: Option<&Value>) -> Option<Error> {
    let profile = set(context, "seccompProfile")?;
    let key = if container.is_empty() { POD.to_owned() } else { format!("{CONTAINER_PREFIX}{container}") };
    let annotation = annotations?.get(&key)?.as_str()?;
    let path = path.child("seccompProfile");
    let same = match text(profile, "type") {
        "Unconfined" => annotation == "unconfined",
        "RuntimeDefault" => matches!(annotation, "runtime/default" | "docker/default"),
        "Localhost" => match annotation.strip_prefix(LOCALHOST_PREFIX) {
            Some(local) if local == text(profile, "localhostProfile") => true,
            Some(_) => {
                let detail = "seccomp profile in annotation and field must match";
                return Some(path.child("localhostProfile").forbidden(detail));
            }
            None => false,
        },
        _ => true,
    };
    (!same).then(|| path.child("type").forbidden(UNMATCHED))
}
