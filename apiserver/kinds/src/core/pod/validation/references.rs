//! References to fields of the Pod and to resources of its containers (the downward API).

use kubernel_meta::field::{Error, Path};
use kubernel_meta::validation as meta;
use serde_json::Value;

use crate::core::pod::amounts;
use crate::tree::text;
use crate::validate::texts;

/// What environment variables may refer to.
pub(super) const ENV_FIELDS: [&str; 9] = [
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
];
/// What volumes may refer to.
pub(super) const VOLUME_FIELDS: [&str; 5] =
    ["metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid"];
/// What the conversion of labels knows besides.
const OTHER_FIELDS: [&str; 3] = ["spec.restartPolicy", "spec.schedulerName", "status.phase"];
const RESOURCES: [&str; 6] = [
    "limits.cpu",
    "limits.ephemeral-storage",
    "limits.memory",
    "requests.cpu",
    "requests.ephemeral-storage",
    "requests.memory",
];
const HUGE_PAGES: [&str; 2] = ["limits.hugepages-", "requests.hugepages-"];
const BYTE_DIVISORS: [&str; 13] = ["1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei"];

/// What is wrong with a `fieldRef`.
pub(super) fn field(path: &Path, reference: &Value, allowed: &[&str]) -> Vec<Error> {
    let (version, name) = (text(reference, "apiVersion"), text(reference, "fieldPath"));
    if version.is_empty() {
        return vec![path.child("apiVersion").required("")];
    }
    let at = path.child("fieldPath");
    if name.is_empty() {
        return vec![at.required("")];
    }
    let fail = |text: String| vec![at.invalid(name, format!("error converting fieldPath: {text}"))];
    if version != "v1" {
        return fail(format!("unsupported pod version: {version}"));
    }
    if let Some((field, key)) = subscript(name) {
        return match field {
            "metadata.annotations" => texts(path, &key.to_lowercase(), meta::label_key(&key.to_lowercase())).collect(),
            "metadata.labels" => texts(path, key, meta::label_key(key)).collect(),
            _ => fail(format!("field label does not support subscript: {name}")),
        };
    }
    let name = if name == "spec.host" { "spec.nodeName" } else { name };
    if allowed.contains(&name) {
        return Vec::new();
    }
    if ENV_FIELDS.contains(&name) || VOLUME_FIELDS.contains(&name) || OTHER_FIELDS.contains(&name) {
        return vec![at.not_supported(name, allowed)];
    }
    fail(format!("field label not supported: {name}"))
}

/// The parts of `metadata.labels['key']`.
fn subscript(name: &str) -> Option<(&str, &str)> {
    let (field, key) = name.strip_suffix("']")?.split_once("['")?;
    (!field.is_empty()).then_some((field, key))
}

/// What is wrong with a `resourceFieldRef`; in volumes it names its container.
pub(super) fn resource(path: &Path, reference: &Value, in_volume: bool) -> Vec<Error> {
    let mut errors = Vec::new();
    let name = text(reference, "resource");
    let huge = HUGE_PAGES.iter().any(|prefix| name.starts_with(prefix));
    if in_volume && text(reference, "containerName").is_empty() {
        errors.push(path.child("containerName").required(""));
    } else if name.is_empty() {
        errors.push(path.child("resource").required(""));
    } else if !RESOURCES.contains(&name) && !huge {
        errors.push(path.child("resource").not_supported(name, &RESOURCES));
    }
    let Some(divisor) = reference.get("divisor").and_then(amounts::quantity) else { return errors };
    if divisor.signum() == 0 {
        return errors;
    }
    let (allowed, words): (&[&str], _) = match name {
        "limits.cpu" | "requests.cpu" => (&["1m", "1"], "1m and 1 are supported with the cpu resource".to_owned()),
        "limits.memory" | "requests.memory" => (&BYTE_DIVISORS, byte_words("memory")),
        "limits.ephemeral-storage" | "requests.ephemeral-storage" => {
            (&BYTE_DIVISORS, byte_words("local ephemeral storage"))
        }
        _ if huge => (&BYTE_DIVISORS, byte_words("hugepages")),
        _ => return errors,
    };
    if !allowed.contains(&&*divisor.to_string()) {
        errors.push(path.child("divisor").invalid(name, format!("only divisor's values {words}")));
    }
    errors
}

fn byte_words(resource: &str) -> String {
    format!("{} are supported with the {resource} resource", BYTE_DIVISORS.join(", "))
}
