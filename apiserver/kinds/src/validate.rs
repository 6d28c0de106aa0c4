//! Pieces of validation that many kinds share, each with upstream's paths and texts.

use kubernel_meta::field::{Error, Path};
use kubernel_meta::validation as meta;
use serde_json::Value;

/// What is wrong with the labels and annotations of an embedded metadata (a template's).
pub fn labels_and_annotations(path: &Path, metadata: &Value) -> Vec<Error> {
    let mut errors = meta::labels(pairs(metadata.get("labels")), &path.child("labels"));
    errors.extend(meta::annotations(pairs(metadata.get("annotations")), &path.child("annotations")));
    errors
}

/// `must be greater than or equal to 0` for a negative number; nothing where it is missing.
pub fn non_negative(path: &Path, value: Option<&Value>) -> Option<Error> {
    let number = value.and_then(Value::as_i64)?;
    (number < 0).then(|| path.invalid(number, "must be greater than or equal to 0"))
}

/// `field is immutable` where two values differ.
pub fn immutable(path: &Path, new: Option<&Value>, old: Option<&Value>) -> Option<Error> {
    let present = |value: Option<&Value>| value.filter(|value| !value.is_null()).cloned().unwrap_or_default();
    let (new, old) = (present(new), present(old));
    (new != old).then(|| path.invalid(new, "field is immutable"))
}

/// The texts about a value, as errors at its path.
pub fn texts(path: &Path, value: &str, texts: Vec<String>) -> impl Iterator<Item = Error> + use<> {
    texts.into_iter().map(|text| path.invalid(value, text)).collect::<Vec<_>>().into_iter()
}

/// A map of strings as pairs.
pub fn pairs(map: Option<&Value>) -> impl Iterator<Item = (&str, &str)> {
    let pairs = map.and_then(Value::as_object).into_iter().flatten();
    pairs.map(|(key, value)| (key.as_str(), value.as_str().unwrap_or_default()))
}

/// `TCP`, `UDP` or `SCTP`; required.
pub fn protocol(path: &Path, protocol: &str) -> Option<Error> {
    match protocol {
        "" => Some(path.required("")),
        "TCP" | "UDP" | "SCTP" => None,
        other => Some(path.not_supported(other, &["SCTP", "TCP", "UDP"])),
    }
}

/// What is wrong with an optional qualified name (`appProtocol`).
pub fn qualified_name(path: &Path, value: Option<&Value>) -> Vec<Error> {
    match value.and_then(Value::as_str) {
        Some(name) => texts(path, name, meta::label_key(name)).collect(),
        None => Vec::new(),
    }
}

/// What is wrong with a port that is given by number or by name.
pub fn port_or_name(path: &Path, value: Option<&Value>) -> Vec<Error> {
    match value {
        Some(Value::String(name)) => texts(path, name, meta::port_name(name)).collect(),
        Some(number) if number.is_i64() => {
            let number = number.as_i64().unwrap_or_default();
            meta::port_number(number).into_iter().map(|message| path.invalid(number, message)).collect()
        }
        _ => Vec::new(),
    }
}
