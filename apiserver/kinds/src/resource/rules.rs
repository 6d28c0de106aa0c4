//! Rules of device claims, classes and slices.

use std::collections::BTreeSet;

use kubernel_cel::device;
use kubernel_meta::field::{Error, Path};
use kubernel_meta::{Object, validation as meta};
use serde_json::{Value, json};

use crate::go_form;
use crate::tree::{int, items, set, text};
use crate::validate;

const ITEMS_MAX: usize = 32;
const DEVICES_MAX: usize = 128;
const EXPRESSION_BYTES_MAX: usize = 10 * 1024;
const ATTRIBUTE_TEXT_LENGTH_MAX: usize = 64;

/// What is wrong with the spec of a claim at this path.
pub(super) fn claim_spec(path: &Path, spec: &Value) -> Vec<Error> {
    let path = path.child("devices");
    let devices = spec.get("devices").unwrap_or(&Value::Null);
    let requests = items(devices, "requests");
    let mut errors = Vec::new();
    if requests.len() > ITEMS_MAX {
        errors.push(path.child("requests").too_many(requests.len(), ITEMS_MAX));
        return errors;
    }
    for (at, request) in requests.iter().enumerate() {
        errors.extend(request_errors(&path.child("requests").index(at), request));
        errors.extend(duplicate_name(&path.child("requests").index(at), &requests[..at], request));
    }
    let known = request_names(requests);
    for (at, constraint) in items(devices, "constraints").iter().enumerate() {
        let path = path.child("constraints").index(at);
        errors.extend(references(&path.child("requests"), items(constraint, "requests"), &known));
        match (set(constraint, "matchAttribute"), set(constraint, "distinctAttribute")) {
            (Some(name), None) => errors.extend(attribute(&path.child("matchAttribute"), name)),
            (None, Some(name)) => errors.extend(attribute(&path.child("distinctAttribute"), name)),
            _ => errors.push(path.required(
                "exactly one of \"matchAttribute\" or \"distinctAttribute\" is required, but multiple fields are set",
            )),
        }
    }
    for (at, config) in items(devices, "config").iter().enumerate() {
        let path = path.child("config").index(at);
        errors.extend(references(&path.child("requests"), items(config, "requests"), &known));
        errors.extend(configuration(&path, config));
    }
    errors
}

fn request_errors(path: &Path, request: &Value) -> Vec<Error> {
    let name = text(request, "name");
    let mut errors = label(&path.child("name"), name);
    let (exactly, available) = (set(request, "exactly"), items(request, "firstAvailable"));
    match (exactly, available.is_empty()) {
        (Some(_), false) => {
            let message = "exactly one of `exactly` or `firstAvailable` is required, but multiple fields are set";
            errors.push(path.invalid(Value::Null, message));
        }
        (None, true) => errors.push(path.required("exactly one of `exactly` or `firstAvailable` is required")),
        (Some(exactly), true) => errors.extend(device_request(&path.child("exactly"), exactly)),
        (None, false) => {
            for (at, sub) in available.iter().enumerate() {
                let path = path.child("firstAvailable").index(at);
                errors.extend(label(&path.child("name"), text(sub, "name")));
                errors.extend(device_request(&path, sub));
                errors.extend(duplicate_name(&path, &available[..at], sub));
            }
        }
    }
    errors
}

fn duplicate_name(path: &Path, earlier: &[Value], item: &Value) -> Option<Error> {
    let name = text(item, "name");
    earlier.iter().any(|other| text(other, "name") == name).then(|| path.duplicate(name))
}

fn device_request(path: &Path, request: &Value) -> Vec<Error> {
    let class = text(request, "deviceClassName");
    let at = path.child("deviceClassName");
    let mut errors = Vec::new();
    if class.is_empty() {
        errors.push(at.required(""));
    } else {
        errors.extend(validate::texts(&at, class, meta::dns1123_subdomain(class)));
    }
    errors.extend(selectors(&path.child("selectors"), items(request, "selectors")));
    let count = int(request, "count");
    match text(request, "allocationMode") {
        "All" if count != 0 => {
            errors.push(path.child("count").invalid(count, "must not be specified when allocationMode is 'All'"));
        }
        "ExactCount" if count <= 0 => errors.push(path.child("count").invalid(count, "must be greater than zero")),
        "All" | "ExactCount" => {}
        other => errors.push(path.child("allocationMode").not_supported(other, &["All", "ExactCount"])),
    }
    errors
}

fn selectors(path: &Path, selectors: &[Value]) -> Vec<Error> {
    if selectors.len() > ITEMS_MAX {
        return vec![path.too_many(selectors.len(), ITEMS_MAX)];
    }
    let errors =
        selectors.iter().enumerate().map(|(at, selector)| selector_error(&path.index(at).child("cel"), selector));
    errors.flatten().collect()
}

/// What is wrong with the expression of a selector: it must compile, and not cost too much.
fn selector_error(path: &Path, selector: &Value) -> Option<Error> {
    let Some(cel) = set(selector, "cel") else { return Some(path.required("")) };
    let (path, expression) = (path.child("expression"), text(cel, "expression"));
    if expression.len() > EXPRESSION_BYTES_MAX {
        return Some(path.too_long(EXPRESSION_BYTES_MAX));
    }
    match device::compile(expression) {
        Err(error) => Some(path.invalid(expression, error)),
        Ok(checked) if device::cost(&checked).max > device::COST_MAX => {
            Some(path.forbidden("too complex, exceeds cost limit"))
        }
        Ok(_) => None,
    }
}

/// The names by which constraints and configurations refer to requests: `gpu` or `gpu/small`.
fn request_names(requests: &[Value]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for request in requests {
        let name = text(request, "name");
        names.insert(name.to_owned());
        names.extend(items(request, "firstAvailable").iter().map(|sub| format!("{name}/{}", text(sub, "name"))));
    }
    names
}

fn references(path: &Path, names: &[Value], known: &BTreeSet<String>) -> Vec<Error> {
    let message =
        "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'";
    let names = names.iter().filter_map(Value::as_str).enumerate();
    names.filter(|(_, name)| !known.contains(*name)).map(|(at, name)| path.index(at).invalid(name, message)).collect()
}

fn attribute(path: &Path, name: &Value) -> Option<Error> {
    let name = name.as_str().unwrap_or_default();
    let message = "a fully qualified name must be a domain and a name separated by a slash";
    (!name.contains('/')).then(|| path.invalid(name, message))
}

fn configuration(path: &Path, config: &Value) -> Vec<Error> {
    let path = path.child("opaque");
    let Some(opaque) = set(config, "opaque") else { return vec![path.required("")] };
    let mut errors = driver(&path.child("driver"), text(opaque, "driver"));
    if !opaque.get("parameters").is_some_and(Value::is_object) {
        errors.push(path.child("parameters").invalid("<value omitted>", "must be a valid JSON object"));
    }
    errors
}

fn driver(path: &Path, name: &str) -> Vec<Error> {
    if name.is_empty() {
        return vec![path.required("")];
    }
    validate::texts(path, name, meta::dns1123_subdomain(name)).collect()
}

fn label(path: &Path, name: &str) -> Vec<Error> {
    if name.is_empty() {
        return vec![path.required("")];
    }
    validate::texts(path, name, meta::dns1123_label(name)).collect()
}

/// What is wrong with a DeviceClass.
pub(super) fn class(class: &Object) -> Vec<Error> {
    let (path, spec) = (Path::root("spec"), class.at(&["spec"]).unwrap_or(&Value::Null));
    let mut errors = selectors(&path.child("selectors"), items(spec, "selectors"));
    for (at, config) in items(spec, "config").iter().enumerate() {
        errors.extend(configuration(&path.child("config").index(at), config));
    }
    if let Some(name) = set(spec, "extendedResourceName").and_then(Value::as_str) {
        let qualified = name.contains('/') && meta::label_key(name).is_empty() && !name.contains("kubernetes.io/");
        if !qualified {
            let message = "must be a valid extended resource name";
            errors.push(path.child("extendedResourceName").invalid(name, message));
        }
    }
    errors
}

/// What is wrong with a ResourceSlice.
pub(super) fn slice(slice: &Object) -> Vec<Error> {
    const PLACES: [&str; 4] = ["nodeName", "nodeSelector", "allNodes", "perDeviceNodeSelection"];
    let (path, spec) = (Path::root("spec"), slice.at(&["spec"]).unwrap_or(&Value::Null));
    let mut errors = driver(&path.child("driver"), text(spec, "driver"));
    let pool = spec.get("pool").unwrap_or(&Value::Null);
    let count = int(pool, "resourceSliceCount");
    if count <= 0 {
        errors.push(path.child("pool").child("resourceSliceCount").invalid(count, "must be greater than zero"));
    }
    let given = |place: &&&str| match spec.get(**place) {
        None | Some(Value::Null) => false,
        Some(Value::Bool(flag)) => *flag,
        Some(_) => true,
    };
    let places: Vec<String> = PLACES.iter().filter(given).map(|place| format!("`{place}`")).collect();
    let choice = "exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required";
    match places.len() {
        0 => errors.push(path.required(choice)),
        1 => {}
        _ => {
            let shown = format!("{{{}}}", places.join(", "));
            errors.push(path.invalid(shown, format!("{choice}, but multiple fields are set")));
        }
    }
    let devices = items(spec, "devices");
    if devices.len() > DEVICES_MAX {
        errors.push(path.child("devices").too_many(devices.len(), DEVICES_MAX));
        return errors;
    }
    for (at, device) in devices.iter().enumerate() {
        errors.extend(device_errors(&path.child("devices").index(at), device));
        errors.extend(duplicate_name(&path.child("devices").index(at), &devices[..at], device));
    }
    errors
}

fn device_errors(path: &Path, device: &Value) -> Vec<Error> {
    let mut errors = label(&path.child("name"), text(device, "name"));
    for (name, value) in device.get("attributes").and_then(Value::as_object).into_iter().flatten() {
        let path = path.child("attributes").key(name);
        let kinds = ["int", "bool", "string", "version"].into_iter().filter(|kind| set(value, kind).is_some());
        if kinds.count() != 1 {
            errors.push(path.invalid("", "exactly one value must be specified"));
        }
        for kind in ["string", "version"] {
            if text(value, kind).len() > ATTRIBUTE_TEXT_LENGTH_MAX {
                errors.push(path.child(kind).too_long(ATTRIBUTE_TEXT_LENGTH_MAX));
            }
        }
    }
    for (at, taint) in items(device, "taints").iter().enumerate() {
        let path = path.child("taints").index(at);
        let (key, effect) = (text(taint, "key"), text(taint, "effect"));
        errors.extend(validate::texts(&path.child("key"), key, meta::label_key(key)));
        match effect {
            "NoSchedule" | "NoExecute" | "None" => {}
            "" => errors.push(path.child("effect").required("")),
            other => {
                let known = ["NoExecute", "NoSchedule", "None"];
                errors.push(path.child("effect").not_supported(other, &known));
            }
        }
    }
    errors
}

/// What is wrong with a change of a slice: whose it is and where stays.
pub(super) fn slice_update(new: &Object, old: &Object) -> Vec<Error> {
    let path = Path::root("spec");
    let mut errors = slice(new);
    let fixed: [(&[&str], Path); 4] = [
        (&["spec", "nodeName"], path.child("nodeName")),
        (&["spec", "driver"], path.child("driver")),
        (&["spec", "pool", "name"], path.child("pool").child("name")),
        (&["spec", "allNodes"], path.child("allNodes")),
    ];
    for (field, path) in fixed {
        errors.extend(validate::immutable(&path, new.at(field), old.at(field)));
    }
    errors
}

/// What is wrong with a change of a claim: its spec never changes.
pub(super) fn claim_update(new: &Object, old: &Object) -> Vec<Error> {
    let mut errors = claim_spec(&Path::root("spec"), new.at(&["spec"]).unwrap_or(&Value::Null));
    errors.extend(immutable_as_go("io.k8s.api.resource.v1.ResourceClaimSpec", &["spec"], new, old));
    errors
}

/// `field is immutable`, with the value in upstream's internal form.
fn immutable_as_go(definition: &str, path: &[&str], new: &Object, old: &Object) -> Option<Error> {
    let at = path.iter().fold(Path::root(""), |at, field| at.child(field));
    let error = validate::immutable(&at, new.at(path), old.at(path))?;
    let shown = go_form::compact(definition, new.at(path).unwrap_or(&Value::Null));
    Some(error.shown_as(shown))
}

/// What is wrong with a change of a template: all of it stays.
pub(super) fn template_update(new: &Object, old: &Object) -> Vec<Error> {
    let mut errors = template(new);
    errors.extend(immutable_as_go("io.k8s.api.resource.v1.ResourceClaimTemplateSpec", &["spec"], new, old));
    errors
}

/// What is wrong with a change of a claim's status.
pub(super) fn claim_status(new: &Object, old: &Object) -> Vec<Error> {
    let path = Path::root("status");
    let status = new.at(&["status"]).unwrap_or(&Value::Null);
    let (allocation, before) = (set(status, "allocation"), old.at(&["status", "allocation"]).filter(|a| a.is_object()));
    let mut errors = Vec::new();
    if allocation.is_none() && !items(status, "reservedFor").is_empty() {
        errors.push(path.child("reservedFor").forbidden("may not be specified when `allocated` is not set"));
    }
    if before.is_some() && allocation.is_some() {
        let definition = "io.k8s.api.resource.v1.AllocationResult";
        errors.extend(immutable_as_go(definition, &["status", "allocation"], new, old));
    }
    let results = allocation.and_then(|allocation| allocation.pointer("/devices/results")).and_then(Value::as_array);
    for (at, device) in items(status, "devices").iter().enumerate() {
        let path = path.child("devices").index(at);
        let same = |result: &Value| ["driver", "pool", "device"].iter().all(|f| text(result, f) == text(device, f));
        if !results.is_some_and(|results| results.iter().any(same)) {
            let shown = format!(
                "{{\"Driver\":{},\"Pool\":{},\"Device\":{},\"ShareID\":\"\"}}",
                json!(text(device, "driver")),
                json!(text(device, "pool")),
                json!(text(device, "device")),
            );
            let error = path.invalid(device.clone(), "must be an allocated device in the claim");
            errors.push(error.shown_as(shown));
        }
        let ips = device.pointer("/networkData/ips").and_then(Value::as_array);
        for (at, ip) in ips.into_iter().flatten().filter_map(Value::as_str).enumerate() {
            if ip.parse::<ipnet::IpNet>().is_err() {
                let message = "must be a valid address in CIDR form, (e.g. 10.9.8.7/24 or 2001:db8::1/64)";
                errors.push(path.child("networkData").child("ips").index(at).invalid(ip, message));
            }
        }
    }
    errors
}

/// What is wrong with a template of claims.
pub(super) fn template(template: &Object) -> Vec<Error> {
    let path = Path::root("spec");
    let metadata = template.at(&["spec", "metadata"]).unwrap_or(&Value::Null);
    let mut errors = validate::labels_and_annotations(&path.child("metadata"), metadata);
    errors.extend(claim_spec(&path.child("spec"), template.at(&["spec", "spec"]).unwrap_or(&Value::Null)));
    errors
}
