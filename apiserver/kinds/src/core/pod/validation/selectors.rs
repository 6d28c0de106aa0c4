//! Label selectors in affinity terms, spread constraints and claims.

use kubernel_meta::field::{Error, Path};
use kubernel_meta::validation as meta;
use serde_json::Value;

use crate::tree::{items, text};
use crate::validate::{pairs, texts};

/// What is wrong with an optional label selector.
pub(super) fn validate(path: &Path, selector: Option<&Value>) -> Vec<Error> {
    let Some(selector) = selector.filter(|selector| selector.is_object()) else { return Vec::new() };
    let mut errors = meta::labels(pairs(selector.get("matchLabels")), &path.child("matchLabels"));
    for (at, requirement) in items(selector, "matchExpressions").iter().enumerate() {
        errors.extend(requirement_errors(&path.child("matchExpressions").index(at), requirement));
    }
    errors
}

fn requirement_errors(path: &Path, requirement: &Value) -> Vec<Error> {
    let mut errors = Vec::new();
    let values = items(requirement, "values");
    match text(requirement, "operator") {
        "In" | "NotIn" if values.is_empty() => {
            errors.push(path.child("values").required("must be specified when `operator` is 'In' or 'NotIn'"));
        }
        "Exists" | "DoesNotExist" if !values.is_empty() => {
            let detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
            errors.push(path.child("values").forbidden(detail));
        }
        "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
        other => errors.push(path.child("operator").invalid(other, "not a valid selector operator")),
    }
    errors.extend(label_key(&path.child("key"), text(requirement, "key")));
    errors.extend(label_values(&path.child("values"), values));
    errors
}

/// What is wrong with a label key.
pub(super) fn label_key(path: &Path, key: &str) -> impl Iterator<Item = Error> + use<> {
    texts(path, key, meta::label_key(key))
}

/// What is wrong with label values in a list.
pub(super) fn label_values(path: &Path, values: &[Value]) -> Vec<Error> {
    let named = values.iter().enumerate().map(|(at, value)| (at, value.as_str().unwrap_or_default()));
    named.flat_map(|(at, value)| texts(&path.index(at), value, meta::label_value(value))).collect()
}
