//! Rules of a claim's status: who may use it, and which devices it was given.

use std::collections::BTreeSet;

use kubernel_meta::Object;
use kubernel_meta::field::{Error, Path};
use serde_json::{Value, json};

use super::claim_rules::{configuration, reference, references, request_names};
use super::rules::{ITEMS_MAX, binding_conditions, driver, each, immutable_as_go, label, pool, raw, unique};
use crate::core::pod::validation::node_selector;
use crate::tree::{items, set, text};
use crate::validate;

const CONSUMERS_MAX: usize = 256;
const CONDITIONS_MAX: usize = 8;
const DATA_BYTES_MAX: usize = 10 * 1024;
const INTERFACE_LENGTH_MAX: usize = 256;
const HARDWARE_LENGTH_MAX: usize = 128;
const ADDRESSES_MAX: usize = 16;

/// What is wrong with a change of a claim's status.
pub(super) fn claim_status(new: &Object, old: &Object) -> Vec<Error> {
    let path = Path::root("status");
    let status = new.at(&["status"]).unwrap_or(&Value::Null);
    let (allocation, before) = (set(status, "allocation"), old.at(&["status", "allocation"]).filter(|a| a.is_object()));
    let (reserved, at) = (items(status, "reservedFor"), path.child("reservedFor"));
    let consumer = |path: &Path, consumer: &Value| validate::required(path, consumer, &["resource", "name", "uid"]);
    let mut errors = unique(&at, reserved, CONSUMERS_MAX, consumer, |consumer| json!(text(consumer, "uid")));
    let results = allocation.and_then(|allocation| allocation.pointer("/devices/results")).and_then(Value::as_array);
    let results = results.map(Vec::as_slice).unwrap_or_default();
    let devices = items(status, "devices");
    for (at, device) in devices.iter().enumerate() {
        errors.extend(device_errors(&path.child("devices").index(at), device, results));
    }
    for (at, device) in devices.iter().enumerate() {
        if devices[..at].iter().any(|other| is_same(other, device)) {
            errors.push(path.child("devices").index(at).duplicate(Value::Null).shown_as(shown(device)));
        }
    }
    if !reserved.is_empty() {
        if allocation.is_none() {
            errors.push(at.forbidden("may not be specified when `allocated` is not set"));
        } else if new.deletion_timestamp().is_some() {
            let known = old.list_at(&["status", "reservedFor"]);
            if reserved.iter().any(|consumer| !known.contains(consumer)) {
                let detail =
                    "new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set";
                errors.push(at.forbidden(detail));
            }
        }
    }
    match (allocation, before) {
        (Some(_), Some(_)) => {
            let definition = "io.k8s.api.resource.v1.AllocationResult";
            errors.extend(immutable_as_go(definition, &["status", "allocation"], new, old));
        }
        (Some(allocation), None) => {
            let known = request_names(new.list_at(&["spec", "devices", "requests"]));
            errors.extend(allocated(&path.child("allocation"), allocation, &known));
        }
        (None, _) => {}
    }
    errors
}

/// Drops what drivers said of devices that the claim no longer has.
pub(super) fn drop_deallocated(new: &mut Object, old: &Object) {
    const RESULTS: [&str; 4] = ["status", "allocation", "devices", "results"];
    let kept = new.list_at(&RESULTS);
    let gone: Vec<&Value> =
        old.list_at(&RESULTS).iter().filter(|result| !kept.iter().any(|kept| is_same(kept, result))).collect();
    let devices = new.list_at(&["status", "devices"]);
    if gone.is_empty() || devices.is_empty() {
        return;
    }
    let left: Vec<Value> =
        devices.iter().filter(|device| !gone.iter().any(|gone| is_same(gone, device))).cloned().collect();
    if left.is_empty() {
        new.remove(&["status", "devices"]);
    } else {
        new.set(&["status", "devices"], left);
    }
}

/// What is wrong with what a claim is given.
fn allocated(path: &Path, allocation: &Value, known: &BTreeSet<String>) -> Vec<Error> {
    let at = path.child("devices");
    let devices = allocation.get("devices").unwrap_or(&Value::Null);
    let mut errors = each(&at.child("results"), items(devices, "results"), ITEMS_MAX, |path, result| {
        let mut errors = reference(&path.child("request"), text(result, "request"), known);
        errors.extend(identity(path, result));
        errors.extend(binding_conditions(path, result));
        errors.extend(share(path, result));
        errors
    });
    // The claim's own configurations and its class's.
    errors.extend(each(&at.child("config"), items(devices, "config"), 2 * ITEMS_MAX, |path, config| {
        let mut errors = match text(config, "source") {
            "" => vec![path.child("source").required("")],
            "FromClaim" | "FromClass" => Vec::new(),
            other => vec![path.child("source").not_supported(other, &["FromClaim", "FromClass"])],
        };
        errors.extend(references(&path.child("requests"), items(config, "requests"), known));
        errors.extend(configuration(path, config));
        errors
    }));
    if let Some(selector) = set(allocation, "nodeSelector") {
        errors.extend(node_selector(&path.child("nodeSelector"), selector));
    }
    errors
}

fn identity(path: &Path, device: &Value) -> Vec<Error> {
    let mut errors = driver(&path.child("driver"), text(device, "driver"));
    errors.extend(pool(&path.child("pool"), text(device, "pool")));
    errors.extend(label(&path.child("device"), text(device, "device")));
    errors
}

/// What is wrong with the id of a share of a device.
fn share(path: &Path, device: &Value) -> Option<Error> {
    let id = set(device, "shareID")?.as_str().unwrap_or_default();
    let path = path.child("shareID");
    let dashes = [8, 13, 18, 23];
    let is_form = id.bytes().enumerate().all(|(at, byte)| match dashes.contains(&at) {
        true => byte == b'-',
        false => byte.is_ascii_hexdigit(),
    });
    match id.len() {
        36 if is_form && id.bytes().any(|byte| byte.is_ascii_uppercase()) => {
            let detail = "uid must be in RFC 4122 normalized form, `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx` with \
                lowercase hexadecimal characters";
            Some(path.invalid(id, detail))
        }
        36 if is_form => None,
        36 => Some(path.invalid(id, "error validating uid: invalid UUID format")),
        length => Some(path.invalid(id, format!("error validating uid: invalid UUID length: {length}"))),
    }
}

fn is_same(one: &Value, other: &Value) -> bool {
    ["driver", "pool", "device", "shareID"].iter().all(|field| text(one, field) == text(other, field))
}

/// How upstream shows which device is meant.
fn shown(device: &Value) -> String {
    let of = |field: &str| json!(text(device, field)).to_string();
    let [driver, pool, name, share] = ["driver", "pool", "device", "shareID"].map(of);
    format!("{{\"Driver\":{driver},\"Pool\":{pool},\"Device\":{name},\"ShareID\":{share}}}")
}

/// What is wrong with what a driver says of a device.
fn device_errors(path: &Path, device: &Value, results: &[Value]) -> Vec<Error> {
    let mut errors = identity(path, device);
    errors.extend(share(path, device));
    if !results.iter().any(|result| is_same(result, device)) {
        let error = path.invalid(device.clone(), "must be an allocated device in the claim");
        errors.push(error.shown_as(shown(device)));
    }
    let (conditions, at) = (items(device, "conditions"), path.child("conditions"));
    if conditions.len() > CONDITIONS_MAX {
        errors.push(at.too_many(conditions.len(), CONDITIONS_MAX));
    }
    errors.extend(validate::conditions(&at, conditions));
    if let Some(data) = set(device, "data") {
        errors.extend(raw(&path.child("data"), Some(data), DATA_BYTES_MAX));
    }
    if let Some(network) = set(device, "networkData") {
        let path = path.child("networkData");
        for (field, length_max) in [("interfaceName", INTERFACE_LENGTH_MAX), ("hardwareAddress", HARDWARE_LENGTH_MAX)] {
            if text(network, field).len() > length_max {
                errors.push(path.child(field).too_long(length_max));
            }
        }
        let address = |path: &Path, ip: &Value| address(path, ip.as_str().unwrap_or_default()).into_iter().collect();
        errors.extend(unique(&path.child("ips"), items(network, "ips"), ADDRESSES_MAX, address, Value::clone));
    }
    errors
}

fn address(path: &Path, text: &str) -> Option<Error> {
    match text.parse::<ipnet::IpNet>() {
        Err(_) => {
            let message = "must be a valid address in CIDR form, (e.g. 10.9.8.7/24 or 2001:db8::1/64)";
            Some(path.invalid(text, message))
        }
        Ok(net) if net.to_string() != text => {
            Some(path.invalid(text, format!("must be in canonical form (\"{net}\")")))
        }
        Ok(_) => None,
    }
}
