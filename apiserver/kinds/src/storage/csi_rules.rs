//! Rules of the objects with which CSI drivers, nodes and volumes find each other.

use kubernel_meta::field::{Error, Path};
use kubernel_meta::{LabelSelector, Object, validation as meta};
use serde_json::Value;

use crate::core::pod::amounts;
use crate::go_form;
use crate::tree::{items, repeated, set, text};
use crate::validate;

const TOKEN_SECS_MIN: i64 = 600;
const TOKEN_SECS_MAX: i64 = 1 << 32;
const UPDATE_PERIOD_SECS_MIN: i64 = 10;
const DRIVER_NAME_LENGTH_MAX: usize = 63;
const NODE_ID_LENGTH_MAX: usize = 256;
const ERROR_LENGTH_MAX: usize = 1024;
const METADATA_BYTES_MAX: usize = 256 << 10;

/// What is wrong with a CSIDriver.
pub(super) fn driver(driver: &Object) -> Vec<Error> {
    let (path, spec) = (Path::root("spec"), driver.at(&["spec"]).unwrap_or(&Value::Null));
    let mut errors = Vec::new();
    if let Some(policy) = set(spec, "fsGroupPolicy").and_then(Value::as_str)
        && !matches!(policy, "None" | "File" | "ReadWriteOnceWithFSType")
    {
        let known = ["File", "None", "ReadWriteOnceWithFSType"];
        errors.push(path.child("fsGroupPolicy").not_supported(policy, &known));
    }
    errors.extend(tokens(&path.child("tokenRequests"), items(spec, "tokenRequests")));
    for mode in items(spec, "volumeLifecycleModes").iter().filter_map(Value::as_str) {
        if !matches!(mode, "Persistent" | "Ephemeral") {
            errors.push(path.child("volumeLifecycleModes").not_supported(mode, &["Persistent", "Ephemeral"]));
        }
    }
    if let Some(secs) = spec.get("nodeAllocatableUpdatePeriodSeconds").and_then(Value::as_i64)
        && secs < UPDATE_PERIOD_SECS_MIN
    {
        let message = format!("must be greater than or equal to {UPDATE_PERIOD_SECS_MIN} seconds");
        errors.push(path.child("nodeAllocatableUpdatePeriodSeconds").invalid(secs, message));
    }
    errors
}

fn tokens(path: &Path, tokens: &[Value]) -> Vec<Error> {
    let mut errors = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let path = path.index(at);
        let audience = text(token, "audience");
        if tokens[..at].iter().any(|other| text(other, "audience") == audience) {
            errors.push(path.child("audience").duplicate(audience));
            continue;
        }
        let Some(secs) = token.get("expirationSeconds").and_then(Value::as_i64) else { continue };
        let at = path.child("expirationSeconds");
        if secs < TOKEN_SECS_MIN {
            errors.push(at.invalid(secs, "may not specify a duration less than 10 minutes"));
        }
        if secs > TOKEN_SECS_MAX {
            errors.push(at.invalid(secs, "may not specify a duration larger than 2^32 seconds"));
        }
    }
    errors
}

/// The name of a driver: a subdomain, whatever its case.
fn driver_name(path: &Path, name: &str) -> Vec<Error> {
    if name.is_empty() {
        return vec![path.required("")];
    }
    let mut errors = Vec::new();
    if name.len() > DRIVER_NAME_LENGTH_MAX {
        errors.push(path.too_long(DRIVER_NAME_LENGTH_MAX));
    }
    errors.extend(validate::texts(path, name, meta::dns1123_subdomain(&name.to_lowercase())));
    errors
}

/// What is wrong with a change of a driver.
pub(super) fn driver_update(new: &Object, old: &Object) -> Vec<Error> {
    let path = Path::root("spec");
    let mut errors = driver(new);
    // Upstream's own spelling of the first path.
    for (field, shown) in [("attachRequired", "attachedRequired"), ("volumeLifecycleModes", "volumeLifecycleModes")] {
        errors.extend(validate::immutable(&path.child(shown), new.at(&["spec", field]), old.at(&["spec", field])));
    }
    errors
}

/// What is wrong with a CSINode.
pub(super) fn node(node: &Object) -> Vec<Error> {
    let path = Path::root("spec").child("drivers");
    let drivers = node.list_at(&["spec", "drivers"]);
    let twice = repeated(drivers, |driver| text(driver, "name"));
    let mut errors = Vec::new();
    for (at, driver) in drivers.iter().enumerate() {
        let path = path.index(at);
        let (name, id) = (text(driver, "name"), text(driver, "nodeID"));
        errors.extend(driver_name(&path.child("name"), name));
        if id.is_empty() {
            errors.push(path.child("nodeID").required(""));
        }
        if id.len() > NODE_ID_LENGTH_MAX {
            let message = format!("must be {NODE_ID_LENGTH_MAX} characters or less");
            errors.push(path.child("nodeID").invalid(id, message));
        }
        let count = driver.pointer("/allocatable/count");
        errors.extend(validate::non_negative(&path.child("allocatable").child("count"), count));
        if twice[at] {
            errors.push(path.child("name").duplicate(name));
        }
        let keys: Vec<&str> = items(driver, "topologyKeys").iter().filter_map(Value::as_str).collect();
        for (index, key) in keys.iter().enumerate() {
            if key.is_empty() {
                errors.push(path.required(""));
            }
            if keys[..index].contains(key) {
                errors.push(path.duplicate(*key));
            }
            errors.extend(validate::texts(&path, key, meta::label_key(key)));
        }
    }
    errors
}

/// What is wrong with a change: a driver comes and goes as a whole.
pub(super) fn node_update(new: &Object, old: &Object) -> Vec<Error> {
    let path = Path::root("spec").child("drivers");
    let mut errors = node(new);
    for driver in new.list_at(&["spec", "drivers"]) {
        let named = |other: &&Value| text(other, "name") == text(driver, "name");
        let before = old.list_at(&["spec", "drivers"]).iter().find(named);
        let same = |before: &Value| {
            let part = |driver: &Value| (text(driver, "nodeID").to_owned(), items(driver, "topologyKeys").to_vec());
            part(before) == part(driver)
        };
        if before.is_some_and(|before| !same(before)) {
            let shown = go_form::compact("io.k8s.api.storage.v1.CSINodeDriver", driver);
            errors.push(path.invalid(driver.clone(), "field is immutable").shown_as(shown));
        }
    }
    errors
}

/// What is wrong with a CSIStorageCapacity.
pub(super) fn capacity(capacity: &Object) -> Vec<Error> {
    let class = capacity.str_at(&["storageClassName"]);
    let path = Path::root("storageClassName");
    let mut errors = Vec::new();
    if let Some(topology) = capacity.at(&["nodeTopology"]).filter(|topology| topology.is_object()) {
        errors.extend(LabelSelector::validate_value(topology, &Path::root("nodeTopology")));
    }
    errors.extend(validate::texts(&path, class, meta::dns1123_subdomain(class)));
    let amount = capacity.at(&["capacity"]);
    if amount.and_then(amounts::quantity).is_some_and(|amount| amount.signum() < 0) {
        let value = amount.cloned().unwrap_or_default();
        errors.push(Path::root("capacity").invalid(value, "must be greater than or equal to 0"));
    }
    errors
}

/// What is wrong with a change: where and of which class stays.
pub(super) fn capacity_update(new: &Object, old: &Object) -> Vec<Error> {
    let mut errors = capacity(new);
    let fixed = |field: &str| validate::immutable(&Path::root(field), new.at(&[field]), old.at(&[field]));
    errors.extend(fixed("nodeTopology").map(|error| match new.map_at(&["nodeTopology"]) {
        Some(topology) => error.shown_as(go_form::compact(go_form::LABEL_SELECTOR, &Value::Object(topology.clone()))),
        None => error,
    }));
    errors.extend(fixed("storageClassName"));
    errors
}

/// What is wrong with a new VolumeAttachment.
pub(super) fn attachment(attachment: &Object) -> Vec<Error> {
    let (path, mut errors) = (Path::root("spec"), any_attachment(attachment));
    errors.extend(driver_name(&path.child("attacher"), attachment.str_at(&["spec", "attacher"])));
    if let Some(volume) = attachment.at(&["spec", "source", "persistentVolumeName"]).and_then(Value::as_str) {
        let at = path.child("source").child("persistentVolumeName");
        errors.extend(validate::texts(&at, volume, meta::dns1123_subdomain(volume)));
    }
    errors
}

fn any_attachment(attachment: &Object) -> Vec<Error> {
    let (path, spec) = (Path::root("spec"), attachment.at(&["spec"]).unwrap_or(&Value::Null));
    let mut errors = Vec::new();
    if text(spec, "attacher").is_empty() {
        errors.push(path.child("attacher").required(""));
    }
    let source = spec.get("source").unwrap_or(&Value::Null);
    let (inline, volume) = (set(source, "inlineVolumeSpec"), set(source, "persistentVolumeName"));
    let (at, message) = (path.child("source"), "must specify exactly one of inlineVolumeSpec and persistentVolumeName");
    match (inline, volume) {
        (None, None) => errors.push(at.required(message)),
        (Some(_), Some(_)) => errors.push(at.forbidden(message)),
        (None, Some(volume)) if volume == "" => {
            errors.push(at.child("persistentVolumeName").required("must specify non empty persistentVolumeName"));
        }
        _ => {}
    }
    let node = text(spec, "nodeName");
    errors.extend(validate::texts(&path.child("nodeName"), node, meta::dns1123_subdomain(node)));
    errors.extend(attachment_status(attachment.at(&["status"]).unwrap_or(&Value::Null)));
    errors
}

fn attachment_status(status: &Value) -> Vec<Error> {
    let (path, mut errors) = (Path::root("status"), Vec::new());
    let size: usize =
        validate::pairs(status.get("attachmentMetadata")).map(|(key, value)| key.len() + value.len()).sum();
    if size > METADATA_BYTES_MAX {
        errors.push(path.child("attachmentMetadata").too_long(METADATA_BYTES_MAX));
    }
    for field in ["attachError", "detachError"] {
        let Some(error) = set(status, field) else { continue };
        if text(error, "message").len() > ERROR_LENGTH_MAX {
            // Upstream names the other limit.
            errors.push(path.child(field).child("message").too_long(METADATA_BYTES_MAX));
        }
        if let Some(code) = error.get("errorCode").and_then(Value::as_i64).filter(|code| *code < 0) {
            let message = format!("must be between 0 and {}, inclusive", i32::MAX);
            errors.push(path.child(field).child("errorCode").invalid(code, message));
        }
    }
    errors
}

/// What is wrong with a change: nothing of the spec may.
pub(super) fn attachment_update(new: &Object, old: &Object) -> Vec<Error> {
    let spec = new.at(&["spec"]).unwrap_or(&Value::Null);
    let shown = go_form::compact("io.k8s.api.storage.v1.VolumeAttachmentSpec", spec);
    let error = validate::immutable(&Path::root("spec"), new.at(&["spec"]), old.at(&["spec"]));
    let mut errors = any_attachment(new);
    errors.extend(error.map(|error| error.shown_as(shown)));
    errors
}
