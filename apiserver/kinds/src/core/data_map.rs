//! Rules that ConfigMaps and Secrets share: keys, size, immutability.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use kubernel_meta::field::{Error, Path};
use kubernel_meta::{Object, validation};
use serde_json::Value;

use crate::validate;

/// The most bytes that the values of one object may have together.
const SIZE_MAX: usize = 1024 * 1024;

/// What is wrong with the keys of a map; a key that the `other` map has as well is a duplicate.
pub(super) fn keys(object: &Object, field: &str, other: Option<&str>) -> Vec<Error> {
    let mut errors = Vec::new();
    for key in object.map_at(&[field]).into_iter().flatten().map(|(key, _)| key) {
        let at = Path::root(field).key(key);
        errors.extend(validate::texts(&at, key, validation::config_map_key(key)));
        if let Some(other) = other.filter(|other| *other == "binaryData" && object.at(&[other, key]).is_some()) {
            errors.push(at.invalid(key.as_str(), format!("duplicate of key present in {other}")));
        }
    }
    errors
}

/// Too much data: texts count as they are, `encoded` ones as what they stand for. Where several fields share the limit
/// the whole object is too large.
pub(super) fn size(object: &Object, fields: &[&str], encoded: &[&str]) -> Option<Error> {
    let bytes = |field: &str| -> usize {
        let texts = object.map_at(&[field]).into_iter().flatten().filter_map(|(_, value)| value.as_str());
        if encoded.contains(&field) { texts.map(decoded_length).sum() } else { texts.map(str::len).sum() }
    };
    let total: usize = fields.iter().map(|field| bytes(field)).sum();
    let path = if fields.len() == 1 { Path::root(fields[0]) } else { Path::whole() };
    (total > SIZE_MAX).then(|| path.too_long(SIZE_MAX))
}

/// As many bytes as base64 stands for.
fn decoded_length(text: &str) -> usize {
    let padding = text.bytes().rev().take_while(|byte| *byte == b'=').count();
    (text.len() / 4 * 3).saturating_sub(padding)
}

/// What an immutable object forbids: becoming mutable again, and other data.
pub(super) fn immutable(new: &Object, old: &Object, fields: &[&str]) -> Vec<Error> {
    const MESSAGE: &str = "field is immutable when `immutable` is set";
    let is_immutable = |object: &Object| object.at(&["immutable"]).and_then(Value::as_bool) == Some(true);
    if !is_immutable(old) {
        return Vec::new();
    }
    let mut errors = Vec::new();
    if !is_immutable(new) {
        errors.push(Path::root("immutable").forbidden(MESSAGE));
    }
    for field in fields {
        let empty = serde_json::Map::new();
        if new.map_at(&[field]).unwrap_or(&empty) != old.map_at(&[field]).unwrap_or(&empty) {
            errors.push(Path::root(field).forbidden(MESSAGE));
        }
    }
    errors
}

/// The decoded bytes of a key of `data`.
pub(super) fn bytes(object: &Object, key: &str) -> Vec<u8> {
    BASE64_STANDARD.decode(object.str_at(&["data", key])).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn size_counts_what_texts_stand_for() {
        let told = |field: &str, text: String, fields: &[&str]| {
            let mut object = Object::default();
            object.set(&[field, "key"], text);
            size(&object, fields, &["binaryData"]).map(|error| error.to_string())
        };
        let too_long = |path: &str| Some(format!("{path}: Too long: may not be more than 1048576 bytes"));
        let (one, both) = (&["data"][..], &["data", "binaryData"][..]);
        let cases = [
            ("data", SIZE_MAX, one, None),
            ("data", SIZE_MAX + 1, one, too_long("data")),
            ("data", SIZE_MAX + 1, both, too_long("[]")),
            ("binaryData", SIZE_MAX / 3 * 4, both, None),
            ("binaryData", SIZE_MAX / 3 * 4 + 4, both, too_long("[]")),
        ];
        for (field, length, fields, wanted) in cases {
            assert_eq!(told(field, "A".repeat(length), fields), wanted, "{field} {length}");
        }
    }
}
