//! Rules of claims, also of those in a StatefulSet's template.

use kubernel_meta::field::{Error, Path};
use kubernel_meta::{LabelSelector, Object, validation};
use serde_json::Value;

use super::pod::amounts;
use crate::go_form;
use crate::tree::{items, set, text};
use crate::validate;

const DEFINITION: &str = "io.k8s.api.core.v1.PersistentVolumeClaimSpec";

/// What is wrong with a new claim.
pub(super) fn create(claim: &Object) -> Vec<Error> {
    validate_spec(&Path::root("spec"), claim.at(&["spec"]).unwrap_or(&Value::Null))
}

/// What is wrong with a claim's spec.
pub fn validate_spec(path: &Path, spec: &Value) -> Vec<Error> {
    let mut errors = Vec::new();
    errors.extend(access_modes(
        &path.child("accessModes"),
        items(spec, "accessModes"),
        "at least 1 access mode is required",
    ));
    if let Some(selector) = set(spec, "selector") {
        errors.extend(LabelSelector::validate_value(selector, &path.child("selector")));
    }
    let at = path.child("resources").key("storage");
    match spec.pointer("/resources/requests/storage") {
        None => errors.push(at.required("")),
        Some(amount) if amounts::quantity(amount).is_some_and(|amount| amount.signum() <= 0) => {
            errors.push(at.invalid(amount.clone(), "must be greater than zero"));
        }
        Some(_) => {}
    }
    for field in ["storageClassName", "volumeAttributesClassName"] {
        let name = text(spec, field);
        if !name.is_empty() {
            errors.extend(validate::texts(&path.child(field), name, validation::dns1123_subdomain(name)));
        }
    }
    match text(spec, "volumeMode") {
        "" | "Block" | "Filesystem" => {}
        other => errors.push(path.child("volumeMode").not_supported(other, &["Block", "Filesystem"])),
    }
    errors
}

/// What is wrong with access modes of claims and volumes.
pub(super) fn access_modes(path: &Path, modes: &[Value], none: &str) -> Vec<Error> {
    const MODES: [&str; 4] = ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];
    let mut errors = Vec::new();
    if modes.is_empty() {
        errors.push(path.required(none));
    }
    let names: Vec<&str> = modes.iter().filter_map(Value::as_str).collect();
    for mode in names.iter().filter(|mode| !MODES.contains(mode)) {
        errors.push(path.not_supported(*mode, &MODES));
    }
    if names.len() > 1 && names.contains(&"ReadWriteOncePod") {
        errors.push(path.forbidden("may not use ReadWriteOncePod with other access modes"));
    }
    errors
}

/// What is wrong with a change: a bound claim may grow and change its attributes class, nothing else.
pub(super) fn update(new: &Object, old: &Object) -> Vec<Error> {
    let mut errors = create(new);
    let path = Path::root("spec");
    let bound = old.str_at(&["status", "phase"]) == "Bound";
    let fixed = |claim: &Object| {
        let mut spec = claim.map_at(&["spec"]).cloned().unwrap_or_default();
        if old.str_at(&["spec", "volumeName"]).is_empty() {
            spec.remove("volumeName");
        }
        if bound {
            spec.remove("volumeAttributesClassName");
            if let Some(requests) = spec.get_mut("resources").and_then(|r| r.get_mut("requests"))
                && let Some(requests) = requests.as_object_mut()
            {
                requests.remove("storage");
            }
        }
        spec
    };
    let (now, before) = (fixed(new), fixed(old));
    if now != before {
        let changes = go_form::changes(DEFINITION, &Value::Object(before), &Value::Object(now));
        errors.push(path.forbidden(format!(
            "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims\n\
             {changes}"
        )));
    }
    let amount = |claim: &Object, path: &[&str]| claim.at(path).and_then(amounts::quantity);
    let request = ["spec", "resources", "requests", "storage"];
    if let (true, Some(wanted), Some(before)) = (bound, amount(new, &request), amount(old, &request)) {
        let capacity = amount(old, &["status", "capacity", "storage"]);
        if wanted < before && capacity.is_none_or(|capacity| wanted < capacity) {
            let at = path.child("resources").child("requests").child("storage");
            errors.push(at.forbidden("field can not be less than status.capacity"));
        }
    }
    errors
}
