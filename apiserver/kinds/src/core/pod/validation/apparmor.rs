//! AppArmor profiles, in fields and in the annotations that came before them.

use kubernel_meta::field::{Error, Path};
use serde_json::Value;

use super::annotations::containers;
use crate::tree::{set, text};

/// The annotations' keys before the container's name.
pub(super) const PREFIX: &str = "container.apparmor.security.beta.kubernetes.io/";
const LOCALHOST_PREFIX: &str = "localhost/";
const TYPES: [&str; 3] = ["Localhost", "RuntimeDefault", "Unconfined"];
const PROFILE_BYTES_MAX: usize = 4095;

/// What is wrong with a profile field.
pub(super) fn profile(path: &Path, context: &Value) -> Vec<Error> {
    let Some(profile) = set(context, "appArmorProfile") else { return Vec::new() };
    let path = path.child("appArmorProfile");
    let local = profile.get("localhostProfile").and_then(Value::as_str);
    let at = path.child("localhostProfile");
    let mut errors = Vec::new();
    match (text(profile, "type"), local) {
        ("Localhost", None | Some("")) => errors.push(at.required("must be set when AppArmor type is Localhost")),
        ("Localhost", Some(local)) => {
            if local.trim() != local {
                errors.push(at.invalid(local, "must not be padded with whitespace"));
            }
            if local.len() > PROFILE_BYTES_MAX {
                errors.push(at.too_long(PROFILE_BYTES_MAX));
            }
        }
        ("RuntimeDefault" | "Unconfined", Some(local)) => {
            errors.push(at.invalid(local, "can only be set when AppArmor type is Localhost"));
        }
        ("RuntimeDefault" | "Unconfined", None) => {}
        ("", _) => errors.push(path.child("type").required("type is required when appArmorProfile is set")),
        (other, _) => errors.push(path.child("type").not_supported(other, &TYPES)),
    }
    errors
}

/// What is wrong with the annotations.
pub(super) fn annotations<'a>(
    path: &Path,
    spec: &Value,
    pairs: impl Iterator<Item = (&'a str, &'a str)>,
) -> Vec<Error> {
    let mut errors = Vec::new();
    for (key, value) in pairs {
        let Some(name) = key.strip_prefix(PREFIX) else { continue };
        if !containers(&Path::root("spec"), spec).any(|(_, container)| text(container, "name") == name) {
            errors.push(path.key(key).invalid(name, "container not found"));
        }
        let known = matches!(value, "" | "runtime/default" | "unconfined") || value.starts_with(LOCALHOST_PREFIX);
        if !known {
            errors.push(path.key(key).invalid(value, format!("invalid AppArmor profile name: {value:?}")));
        }
    }
    errors
}

/// Whether the profile that holds for a container and the annotation for it say the same.
pub(super) fn matches(
    path: &Path,
    pod_context: &Value,
    container: &Value,
    annotations: Option<&Value>,
) -> Option<Error> {
    let own = container.get("securityContext").and_then(|context| set(context, "appArmorProfile"));
    let profile = own.or_else(|| set(pod_context, "appArmorProfile"))?;
    let annotation = annotations?.get(format!("{PREFIX}{}", text(container, "name")))?.as_str()?;
    let path = path.child("securityContext").child("appArmorProfile");
    let same = match text(profile, "type") {
        "Unconfined" => annotation == "unconfined",
        "RuntimeDefault" => annotation == "runtime/default",
        "Localhost" => match annotation.strip_prefix(LOCALHOST_PREFIX) {
            Some(local) if local == text(profile, "localhostProfile") => true,
            Some(_) => {
                let detail = "apparmor profile in annotation and field must match";
                return Some(path.child("localhostProfile").forbidden(detail));
            }
            None => false,
        },
        _ => true,
    };
    (!same).then(|| path.child("type").forbidden("apparmor type in annotation and field must match"))
}
