//! Volume mounts and block devices of a container.

use std::collections::HashSet;

use kubernel_meta::field::{Error, Path};
use serde_json::Value;

use super::volumes;
use crate::core::volume_paths as paths;
use crate::tree::{flag, items, repeated, set, text};

const PROPAGATIONS: [&str; 3] = ["Bidirectional", "HostToContainer", "None"];
const RECURSIVE_READ_ONLY: [&str; 3] = ["Disabled", "Enabled", "IfPossible"];

/// What is wrong with `volumeMounts`. Some paths lack the index, as upstream's do.
pub(super) fn mounts(path: &Path, container: &Value, volumes: &volumes::Known<'_>) -> Vec<Error> {
    let devices = items(container, "volumeDevices");
    let mounts = items(container, "volumeMounts");
    let mut errors = Vec::new();
    let mut targets = HashSet::new();
    for (i, mount) in mounts.iter().enumerate() {
        let at = path.index(i);
        let (name, target) = (text(mount, "name"), text(mount, "mountPath"));
        if name.is_empty() {
            errors.push(at.child("name").required(""));
        }
        let source = volumes.get(name);
        if source.is_none() {
            errors.push(at.child("name").not_found(name));
        }
        if target.is_empty() {
            errors.push(at.child("mountPath").required(""));
        }
        if !targets.insert(target) {
            errors.push(at.child("mountPath").invalid(target, "must be unique"));
        }
        if devices.iter().any(|device| text(device, "name") == name) {
            errors.push(at.child("name").invalid(name, "must not already exist in volumeDevices"));
        }
        if devices.iter().any(|device| text(device, "devicePath") == target) {
            let detail = "must not already exist as a path in volumeDevices";
            errors.push(at.child("mountPath").invalid(target, detail));
        }
        let (sub_path, expression) = (text(mount, "subPath"), text(mount, "subPathExpr"));
        if !sub_path.is_empty() {
            errors.extend(paths::descending(&path.child("subPath"), sub_path));
        }
        if !expression.is_empty() {
            if !sub_path.is_empty() {
                let detail = "subPathExpr and subPath are mutually exclusive";
                errors.push(at.child("subPathExpr").invalid(expression, detail));
            }
            errors.extend(paths::descending(&path.child("subPathExpr"), expression));
        }
        errors.extend(propagation(&path.child("mountPropagation"), mount, container));
        errors.extend(recursive_read_only(&path.child("recursiveReadOnly"), mount));
    }
    errors
}

fn propagation(path: &Path, mount: &Value, container: &Value) -> Vec<Error> {
    let Some(mode) = mount.get("mountPropagation").and_then(Value::as_str) else { return Vec::new() };
    let mut errors = Vec::new();
    if !PROPAGATIONS.contains(&mode) {
        errors.push(path.not_supported(mode, &PROPAGATIONS));
    }
    let privileged = container.get("securityContext").is_some_and(|context| flag(context, "privileged"));
    if mode == "Bidirectional" && !privileged {
        let detail = "Bidirectional mount propagation is available only to privileged containers";
        errors.push(path.forbidden(detail));
    }
    errors
}

fn recursive_read_only(path: &Path, mount: &Value) -> Vec<Error> {
    let Some(mode) = mount.get("recursiveReadOnly").and_then(Value::as_str) else { return Vec::new() };
    let mut errors = Vec::new();
    match mode {
        "Disabled" => {}
        "Enabled" | "IfPossible" => {
            if !flag(mount, "readOnly") {
                errors.push(path.forbidden("may only be specified when readOnly is true"));
            }
            if !matches!(text(mount, "mountPropagation"), "" | "None") {
                let detail = "may only be specified when mountPropagation is None or not specified";
                errors.push(path.forbidden(detail));
            }
        }
        other => errors.push(path.not_supported(other, &RECURSIVE_READ_ONLY)),
    }
    errors
}

/// What is wrong with `volumeDevices`.
pub(super) fn devices(path: &Path, container: &Value, volumes: &volumes::Known<'_>) -> Vec<Error> {
    let mounts = items(container, "volumeMounts");
    let devices = items(container, "volumeDevices");
    let names_twice = repeated(devices, |device| text(device, "name"));
    let paths_twice = repeated(devices, |device| text(device, "devicePath"));
    let mut errors = Vec::new();
    for (i, device) in devices.iter().enumerate() {
        let (name, target) = (text(device, "name"), text(device, "devicePath"));
        let (at_name, at_path) = (path.index(i).child("name"), path.index(i).child("devicePath"));
        if name.is_empty() {
            errors.push(at_name.required(""));
        } else if names_twice[i] {
            errors.push(at_name.invalid(name, "must be unique"));
        }
        let claim =
            |source: &Value| set(source, "persistentVolumeClaim").is_some() || set(source, "ephemeral").is_some();
        match volumes.get(name) {
            Some(source) if !claim(source) => {
                let detail = "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode";
                errors.push(at_name.invalid(name, detail));
            }
            Some(_) => {}
            None => errors.push(at_name.not_found(name)),
        }
        if target.is_empty() {
            errors.push(at_path.required(""));
        }
        if paths_twice[i] {
            errors.push(at_path.invalid(target, "must be unique"));
        }
        if paths::no_backsteps(&at_path, target).is_some() {
            errors.push(at_path.invalid(target, "can not contain backsteps ('..')"));
        }
        if mounts.iter().any(|mount| text(mount, "name") == name) {
            errors.push(at_name.invalid(name, "must not already exist in volumeMounts"));
        }
        if mounts.iter().any(|mount| text(mount, "mountPath") == target) {
            errors.push(at_path.invalid(target, "must not already exist as a path in volumeMounts"));
        }
    }
    errors
}
