//! Rules of the objects with which CSI drivers, nodes and volumes find each other.

use kubernel_meta::field::{Error, Path};
use kubernel_meta::{Object, validation as meta};
use serde_json::Value;

use crate::core::pod::amounts;
use crate::go_form;
use crate::tree::{items, repeated, set, text};
use crate::validate;

const TOKEN_SECS_MIN: i64 = 600;
const TOKEN_SECS_MAX: i64 = 1 << 32;
const UPDATE_PERIOD_SECS_MIN: i64 = 10;

/// What is wrong with a CSIDriver.
pub(super) fn driver(driver: &Object) -> Vec<Error> {
    let (path, spec) = (Path::root("spec"), driver.at(&["spec"]).unwrap_or(&Value::Null));
    let mut errors = Vec::new();
    let tokens = items(spec, "tokenRequests");
    for (at, token) in tokens.iter().enumerate() {
        let path = path.child("tokenRequests").index(at);
        let audience = text(token, "audience");
        if tokens[..at].iter().any(|other| text(other, "audience") == audience) {
            errors.push(path.child("audience").duplicate(audience));
        }
        if let Some(secs) = token.get("expirationSeconds").and_then(Value::as_i64) {
            let at = path.child("expirationSeconds");
            if secs < TOKEN_SECS_MIN {
                errors.push(at.invalid(secs, "may not specify a duration less than 10 minutes"));
            }
            if secs > TOKEN_SECS_MAX {
                errors.push(at.invalid(secs, "may not specify a duration larger than 2^32 seconds"));
            }
        }
    }
    if let Some(secs) = spec.get("nodeAllocatableUpdatePeriodSeconds").and_then(Value::as_i64)
        && secs < UPDATE_PERIOD_SECS_MIN
    {
        let message = format!("must be greater than or equal to {UPDATE_PERIOD_SECS_MIN} seconds");
        errors.push(path.child("nodeAllocatableUpdatePeriodSeconds").invalid(secs, message));
    }
    let mode = text(spec, "fsGroupPolicy");
    if !matches!(mode, "" | "None" | "File" | "ReadWriteOnceWithFSType") {
        let known = ["ReadWriteOnceWithFSType", "File", "None"];
        errors.push(path.child("fsGroupPolicy").not_supported(mode, &known));
    }
    for (at, mode) in items(spec, "volumeLifecycleModes").iter().filter_map(Value::as_str).enumerate() {
        if !matches!(mode, "Persistent" | "Ephemeral") {
            let path = path.child("volumeLifecycleModes").index(at);
            errors.push(path.not_supported(mode, &["Ephemeral", "Persistent"]));
        }
    }
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
        let name = text(driver, "name");
        if name.is_empty() {
            errors.push(path.child("name").required(""));
        } else if twice[at] {
            errors.push(path.child("name").duplicate(name));
        }
        if text(driver, "nodeID").is_empty() {
            errors.push(path.child("nodeID").required(""));
        }
        let count = driver.pointer("/allocatable/count");
        errors.extend(validate::non_negative(&path.child("allocatable").child("count"), count));
        let keys: Vec<&str> = items(driver, "topologyKeys").iter().filter_map(Value::as_str).collect();
        for (index, key) in keys.iter().enumerate() {
            if keys[..index].contains(key) {
                errors.push(path.duplicate(*key));
            } else {
                if key.is_empty() {
                    errors.push(path.required(""));
                }
                errors.extend(validate::texts(&path, key, meta::label_key(key)));
            }
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
    let mut errors: Vec<Error> = validate::texts(&path, class, meta::dns1123_subdomain(class)).collect();
    for field in ["capacity", "maximumVolumeSize"] {
        let amount = capacity.at(&[field]);
        if amount.and_then(amounts::quantity).is_some_and(|amount| amount.signum() < 0) {
            let value = amount.cloned().unwrap_or_default();
            errors.push(Path::root(field).invalid(value, "must be greater than or equal to 0"));
        }
    }
    errors
}

/// What is wrong with a change: where and of which class stays.
pub(super) fn capacity_update(new: &Object, old: &Object) -> Vec<Error> {
    let mut errors = capacity(new);
    for field in ["nodeTopology", "storageClassName"] {
        errors.extend(validate::immutable(&Path::root(field), new.at(&[field]), old.at(&[field])));
    }
    errors
}

/// What is wrong with a VolumeAttachment.
pub(super) fn attachment(attachment: &Object) -> Vec<Error> {
    let (path, spec) = (Path::root("spec"), attachment.at(&["spec"]).unwrap_or(&Value::Null));
    let mut errors = Vec::new();
    if text(spec, "attacher").is_empty() {
        errors.push(path.child("attacher").required(""));
    }
    let source = spec.get("source").unwrap_or(&Value::Null);
    let (inline, volume) = (set(source, "inlineVolumeSpec"), set(source, "persistentVolumeName"));
    let message = "must specify exactly one of inlineVolumeSpec and persistentVolumeName";
    match (inline.is_some(), volume.is_some()) {
        (false, false) => errors.push(path.child("source").required(message)),
        (true, true) => errors.push(path.child("source").forbidden(message)),
        _ => {}
    }
    let node = text(spec, "nodeName");
    errors.extend(validate::texts(&path.child("nodeName"), node, meta::dns1123_subdomain(node)));
    errors
}

/// What is wrong with a change: nothing of the spec may.
pub(super) fn attachment_update(new: &Object, old: &Object) -> Vec<Error> {
    let spec = new.at(&["spec"]).unwrap_or(&Value::Null);
    let shown = go_form::compact("io.k8s.api.storage.v1.VolumeAttachmentSpec", spec);
    let error = validate::immutable(&Path::root("spec"), new.at(&["spec"]), old.at(&["spec"]));
    error.map(|error| error.shown_as(shown)).into_iter().chain(attachment(new)).collect()
}
