//! Rules of the classes that volumes come in.

use std::collections::{BTreeMap, BTreeSet};

use kubernel_meta::field::{Error, Path};
use kubernel_meta::{Object, validation as meta};
use serde_json::Value;

use crate::core::node_labels;
use crate::tree::{items, text};
use crate::validate;

const PARAMETERS_MAX: usize = 512;
const PARAMETERS_BYTES_MAX: usize = 256 << 10;

/// What is wrong with a StorageClass.
pub(super) fn create(class: &Object) -> Vec<Error> {
    let mut errors = driver_name(&Path::root("provisioner"), class.str_at(&["provisioner"]));
    errors.extend(parameters(class));
    match class.str_at(&["reclaimPolicy"]) {
        "" | "Delete" | "Retain" => {}
        other => errors.push(Path::root("reclaimPolicy").not_supported(other, &["Delete", "Retain"])),
    }
    match class.at(&["volumeBindingMode"]).and_then(Value::as_str) {
        None => errors.push(Path::root("volumeBindingMode").required("")),
        Some("Immediate" | "WaitForFirstConsumer") => {}
        Some(other) => {
            let known = ["Immediate", "WaitForFirstConsumer"];
            errors.push(Path::root("volumeBindingMode").not_supported(other, &known));
        }
    }
    errors.extend(topologies(class.list_at(&["allowedTopologies"])));
    errors
}

/// The warnings about a StorageClass: topologies by old labels of nodes.
pub(super) fn warnings(class: &Object) -> Vec<String> {
    let path = Path::root("allowedTopologies");
    let mut warnings = Vec::new();
    for (at, term) in class.list_at(&["allowedTopologies"]).iter().enumerate() {
        let path = path.index(at).child("matchLabelExpressions");
        for (at, expression) in items(term, "matchLabelExpressions").iter().enumerate() {
            let warning = node_labels::warning(text(expression, "key"));
            warnings.extend(warning.map(|warning| format!("{}: {warning}", path.index(at).child("key"))));
        }
    }
    warnings
}

/// What is wrong with the parameters of a class: how many there are, and their size.
fn parameters(class: &Object) -> Vec<Error> {
    let path = Path::root("parameters");
    let Some(parameters) = class.map_at(&["parameters"]) else { return Vec::new() };
    if parameters.len() > PARAMETERS_MAX {
        return vec![path.too_long(PARAMETERS_MAX)];
    }
    let mut errors = Vec::new();
    if parameters.contains_key("") {
        errors.push(path.invalid("", "field can not be empty."));
    }
    let size: usize = parameters.iter().map(|(key, value)| key.len() + value.as_str().map_or(0, str::len)).sum();
    if size > PARAMETERS_BYTES_MAX {
        errors.push(path.too_long(PARAMETERS_BYTES_MAX));
    }
    errors
}

fn topologies(terms: &[Value]) -> Vec<Error> {
    let path = Path::root("allowedTopologies");
    // Upstream starts with as many terms that allow everything as there are terms.
    let mut earlier: Vec<BTreeMap<&str, BTreeSet<&str>>> = vec![BTreeMap::new(); terms.len()];
    let mut errors = Vec::new();
    for (at, term) in terms.iter().enumerate() {
        let path = path.index(at).child("matchLabelExpressions");
        let mut allowed: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (index, expression) in items(term, "matchLabelExpressions").iter().enumerate() {
            let path = path.index(index);
            let key = text(expression, "key");
            let values: Vec<&str> = items(expression, "values").iter().filter_map(Value::as_str).collect();
            if values.is_empty() {
                errors.push(path.child("values").required(""));
            }
            for (index, value) in values.iter().enumerate() {
                if values[..index].contains(value) {
                    errors.push(path.child("values").index(index).duplicate(*value));
                }
            }
            errors.extend(validate::texts(&path.child("key"), key, meta::label_key(key)));
            if allowed.insert(key, values.into_iter().collect()).is_some() {
                errors.push(path.child("key").duplicate(key));
            }
        }
        errors.extend(earlier.iter().filter(|earlier| **earlier == allowed).map(|_| path.duplicate("")));
        earlier.push(allowed);
    }
    errors
}

/// The name of a driver, compared without regard to case.
fn driver_name(path: &Path, name: &str) -> Vec<Error> {
    if name.is_empty() {
        return vec![path.required("")];
    }
    let lower = name.to_lowercase();
    validate::texts(path, &lower, meta::label_key(&lower)).collect()
}

/// What is wrong with a change: only topologies and expansion may change.
pub(super) fn update(new: &Object, old: &Object) -> Vec<Error> {
    let fixed = ["parameters", "provisioner", "reclaimPolicy", "volumeBindingMode"];
    let mut errors = create(new);
    let changed =
        fixed.iter().filter_map(|field| validate::immutable(&Path::root(field), new.at(&[*field]), old.at(&[*field])));
    errors.extend(changed);
    errors
}

/// What is wrong with a VolumeAttributesClass.
pub(super) fn attributes(class: &Object) -> Vec<Error> {
    let mut errors = driver_name(&Path::root("driverName"), class.str_at(&["driverName"]));
    errors.extend(parameters(class));
    if class.map_at(&["parameters"]).is_none_or(|parameters| parameters.is_empty()) {
        errors.push(Path::root("parameters").required("must contain at least one key/value pair"));
    }
    errors
}

/// What is wrong with a change: nothing of it may.
pub(super) fn attributes_update(new: &Object, old: &Object) -> Vec<Error> {
    let changed = ["driverName", "parameters"]
        .into_iter()
        .filter_map(|field| validate::immutable(&Path::root(field), new.at(&[field]), old.at(&[field])));
    changed.chain(attributes(new)).collect()
}
