//! Rules of claims, also of those in templates.

use kubernel_meta::field::{Error, Path};
use kubernel_meta::{LabelSelector, Object, Quantity, validation as meta};
use serde_json::{Map, Value};

use super::pod::amounts;
use super::resource_names;
use crate::go_form;
use crate::tree::{items, set, text};
use crate::validate;

const DEFINITION: &str = "io.k8s.api.core.v1.PersistentVolumeClaimSpec";
/// The annotation that preceded `storageClassName`.
const CLASS_ANNOTATION: &str = "volume.beta.kubernetes.io/storage-class";
const RESIZE_STATUSES: [&str; 5] = [
    "ControllerResizeInProgress",
    "ControllerResizeInfeasible",
    "NodeResizePending",
    "NodeResizeInProgress",
    "NodeResizeInfeasible",
];

/// What is wrong with a new claim.
pub(super) fn create(claim: &Object) -> Vec<Error> {
    validate_spec(&Path::root("spec"), claim.at(&["spec"]).unwrap_or(&Value::Null))
}

/// What is wrong with a claim's spec.
pub fn validate_spec(path: &Path, spec: &Value) -> Vec<Error> {
    spec_errors(path, spec, true)
}

fn spec_errors(path: &Path, spec: &Value, check_groups: bool) -> Vec<Error> {
    let mut errors = Vec::new();
    let modes = items(spec, "accessModes");
    if modes.is_empty() {
        errors.push(path.child("accessModes").required("at least 1 access mode is required"));
    }
    if let Some(selector) = set(spec, "selector") {
        errors.extend(LabelSelector::validate_value(selector, &path.child("selector")));
    }
    if !modes.is_empty() {
        errors.extend(access_modes(&path.child("accessModes"), modes, ""));
    }
    let at = path.child("resources").key("storage");
    match spec.pointer("/resources/requests/storage").and_then(amounts::quantity) {
        None => errors.push(at.required("")),
        Some(amount) if amount.signum() <= 0 => {
            errors.push(at.invalid(amount.to_string(), "must be greater than zero"));
        }
        Some(_) => {}
    }
    errors.extend(class(path, spec, "storageClassName"));
    match spec.get("volumeMode").and_then(Value::as_str) {
        None | Some("Block" | "Filesystem") => {}
        Some(other) => errors.push(path.child("volumeMode").not_supported(other, &["Block", "Filesystem"])),
    }
    errors.extend(data_sources(path, spec, check_groups));
    errors.extend(class(path, spec, "volumeAttributesClassName"));
    errors
}

fn class(path: &Path, spec: &Value, field: &str) -> Vec<Error> {
    let name = text(spec, field);
    if name.is_empty() {
        return Vec::new();
    }
    validate::texts(&path.child(field), name, meta::dns1123_subdomain(name)).collect()
}

/// What is wrong with where the content comes from, and whether both fields say the same.
fn data_sources(path: &Path, spec: &Value, check_groups: bool) -> Vec<Error> {
    let (source, reference) = (set(spec, "dataSource"), set(spec, "dataSourceRef"));
    let mut errors = Vec::new();
    for (field, source) in [("dataSource", source), ("dataSourceRef", reference)] {
        if let Some(source) = source {
            errors.extend(data_source(&path.child(field), source, check_groups));
        }
    }
    if let (Some(source), Some(reference)) = (source, reference) {
        let same = ["apiGroup", "kind", "name"].iter().all(|part| set(source, part) == set(reference, part));
        let detail = match text(reference, "namespace") {
            "" if same => return errors,
            "" => "must match dataSourceRef",
            _ => "may not be specified when dataSourceRef.namespace is specified",
        };
        // The value that upstream prints is the path itself, which has no fields to show.
        errors.push(path.invalid(Map::new(), detail));
    }
    errors
}

fn data_source(path: &Path, source: &Value, check_groups: bool) -> Vec<Error> {
    let mut errors = validate::required(path, source, &["name", "kind"]);
    let (group, kind, namespace) = (text(source, "apiGroup"), text(source, "kind"), text(source, "namespace"));
    if group.is_empty() && kind != "PersistentVolumeClaim" {
        let detail = "must be 'PersistentVolumeClaim' when referencing the default apiGroup";
        errors.push(path.invalid(kind, detail));
    }
    if !group.is_empty() && check_groups {
        errors.extend(validate::texts(&path.child("apiGroup"), group, meta::dns1123_subdomain(group)));
    }
    if !namespace.is_empty() {
        errors.extend(validate::texts(&path.child("namespace"), namespace, meta::dns1123_label(namespace)));
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
    let others = names.iter().any(|mode| MODES.contains(mode) && *mode != "ReadWriteOncePod");
    if others && names.contains(&"ReadWriteOncePod") {
        errors.push(path.forbidden("may not use ReadWriteOncePod with other access modes"));
    }
    errors
}

/// What is wrong with a change: a bound claim may grow and change its attributes class, nothing else.
pub(super) fn update(new: &Object, old: &Object) -> Vec<Error> {
    let grouped = |field: &str| old.at(&["spec", field, "apiGroup"]).is_some_and(|group| !group.is_null());
    let check_groups = !(grouped("dataSource") || grouped("dataSourceRef"));
    let path = Path::root("spec");
    let mut errors = spec_errors(&path, new.at(&["spec"]).unwrap_or(&Value::Null), check_groups);
    let spec = |claim: &Object| claim.map_at(&["spec"]).cloned().unwrap_or_default();
    let (mut now, mut before) = (spec(new), spec(old));
    if old.str_at(&["spec", "volumeName"]).is_empty() {
        match now.get("volumeName") {
            Some(name) => before.insert("volumeName".to_owned(), name.clone()),
            None => before.remove("volumeName"),
        };
    }
    errors.extend(class_change(new, old, &mut now));
    if new.str_at(&["status", "phase"]) == "Bound" {
        keep_storage(&mut now, &before);
        keep(&mut now, &before, "volumeAttributesClassName");
    }
    if now != before {
        let changes = go_form::changes(DEFINITION, &Value::Object(before), &Value::Object(now));
        errors.push(path.forbidden(format!(
            "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims\n\
             {changes}"
        )));
    }
    let amount = |claim: &Object, path: &[&str]| claim.at(path).and_then(amounts::quantity).unwrap_or_default();
    let request = ["spec", "resources", "requests", "storage"];
    let wanted: Quantity = amount(new, &request);
    if wanted < amount(old, &request) && wanted <= amount(old, &["status", "capacity", "storage"]) {
        let at = path.child("resources").child("requests").child("storage");
        errors.push(at.forbidden("field can not be less than status.capacity"));
    }
    let mode = ["spec", "volumeMode"];
    errors.extend(validate::immutable(&Path::root("volumeMode"), new.at(&mode), old.at(&mode)));
    errors.extend(attributes_class_removed(new, old));
    errors
}

/// A claim that is bound keeps what it asked for, where only the amount is compared.
fn keep_storage(now: &mut Map<String, Value>, before: &Map<String, Value>) {
    let storage = before.get("resources").and_then(|resources| resources.pointer("/requests/storage")).cloned();
    let requests = now.get_mut("resources").and_then(|resources| resources.get_mut("requests"));
    if let (Some(storage), Some(requests)) = (storage, requests.and_then(Value::as_object_mut)) {
        requests.insert("storage".to_owned(), storage);
    }
}

fn keep(now: &mut Map<String, Value>, before: &Map<String, Value>, field: &str) {
    match before.get(field) {
        Some(value) => now.insert(field.to_owned(), value.clone()),
        None => now.remove(field),
    };
}

/// The storage class may be filled in where the claim had none, or had it in the annotation only; in all other cases
/// the annotation does not change.
fn class_change(new: &Object, old: &Object, now: &mut Map<String, Value>) -> Option<Error> {
    let annotation = |claim: &Object| {
        claim.at(&["metadata", "annotations", CLASS_ANNOTATION]).and_then(Value::as_str).map(str::to_owned)
    };
    let field = |claim: &Object| claim.at(&["spec", "storageClassName"]).and_then(Value::as_str).map(str::to_owned);
    let (was, is) = (annotation(old), annotation(new));
    let filled_in = field(old).is_none() && field(new).is_some();
    if filled_in && was.is_some() && field(new) == was && (is.is_none() || is == was) {
        now.remove("storageClassName");
        return None;
    }
    if filled_in && (was.is_none() || was == field(new)) {
        now.remove("storageClassName");
    }
    let (was, is) = (was.unwrap_or_default(), is.unwrap_or_default());
    let at = Path::root("metadata").child("annotations").child(CLASS_ANNOTATION);
    (was != is).then(|| at.invalid(is, "field is immutable"))
}

/// A volume that has got its attributes does not lose them.
fn attributes_class_removed(new: &Object, old: &Object) -> Option<Error> {
    old.at(&["status", "currentVolumeAttributesClassName"]).filter(|name| !name.is_null())?;
    let name =
        |claim: &Object| claim.at(&["spec", "volumeAttributesClassName"]).and_then(Value::as_str).map(str::to_owned);
    if name(new) == name(old) {
        return None;
    }
    let what = match name(new).as_deref() {
        None => "nil",
        Some("") => "empty string",
        Some(_) => return None,
    };
    let detail = format!("update to {what} is forbidden when status.currentVolumeAttributesClassName is not nil");
    Some(Path::root("spec").child("volumeAttributesClassName").forbidden(detail))
}

/// What is wrong with a change of the status.
pub(super) fn status(new: &Object) -> Vec<Error> {
    let path = Path::root("status");
    let mut errors = Vec::new();
    for (name, amount) in new.at(&["status", "capacity"]).map(amounts::read).unwrap_or_default() {
        errors.extend(valid_amount(&path.child("capacity").key(&name), &amount));
    }
    let at = path.child("allocatedResourceStatuses");
    for (name, state) in validate::pairs(new.at(&["status", "allocatedResourceStatuses"])) {
        errors.extend(resource_key(&at, name));
        if !RESIZE_STATUSES.contains(&state) {
            let mut known = RESIZE_STATUSES;
            known.sort_unstable();
            errors.push(at.not_supported(name, &known));
        }
    }
    let at = path.child("allocatedResources");
    for (name, amount) in new.at(&["status", "allocatedResources"]).map(amounts::read).unwrap_or_default() {
        let wrong = resource_key(&at, &name);
        if wrong.is_empty() {
            errors.extend(valid_amount(&at.key(&name), &amount));
        }
        errors.extend(wrong);
    }
    errors
}

fn valid_amount(path: &Path, amount: &Quantity) -> Option<Error> {
    (amount.value() < 0).then(|| path.invalid(amount.value(), "must be a valid resource quantity"))
}

/// Of Kubernetes' own resources a claim has storage alone.
fn resource_key(path: &Path, name: &str) -> Vec<Error> {
    let errors: Vec<Error> = validate::texts(path, name, meta::label_key(name)).collect();
    if errors.is_empty() && resource_names::is_native(name) && name != "storage" {
        return vec![path.not_supported(name, &["storage"])];
    }
    errors
}
