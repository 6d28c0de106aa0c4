//! Rules of what asks for devices: claims, their templates, and classes.

use std::collections::BTreeSet;

use kubernel_cel::device;
use kubernel_meta::field::{Error, Path};
use kubernel_meta::{Object, validation as meta};
use serde_json::Value;

use super::rules::{self, ITEMS_MAX, driver, each, immutable_as_go, label, qualified_name, raw, unique};
use crate::tree::{int, items, set, text};
use crate::validate;

const ALTERNATIVES_MAX: usize = 8;
const EXPRESSION_BYTES_MAX: usize = 10 * 1024;
const PARAMETERS_BYTES_MAX: usize = 10 * 1024;

/// What is wrong with the spec of a claim at this path.
pub(super) fn claim_spec(path: &Path, spec: &Value) -> Vec<Error> {
    let path = path.child("devices");
    let devices = spec.get("devices").unwrap_or(&Value::Null);
    let requests = items(devices, "requests");
    let known = request_names(requests);
    let mut errors = unique(&path.child("requests"), requests, ITEMS_MAX, request_errors, name);
    errors.extend(each(&path.child("constraints"), items(devices, "constraints"), ITEMS_MAX, |path, constraint| {
        let mut errors = references(&path.child("requests"), items(constraint, "requests"), &known);
        match (set(constraint, "matchAttribute"), set(constraint, "distinctAttribute")) {
            (Some(name), _) => errors.extend(attribute(&path.child("matchAttribute"), name)),
            (None, Some(name)) => errors.extend(attribute(&path.child("distinctAttribute"), name)),
            (None, None) => errors.push(path.required(
                "exactly one of \"matchAttribute\" or \"distinctAttribute\" is required, but multiple fields are set",
            )),
        }
        errors
    }));
    errors.extend(each(&path.child("config"), items(devices, "config"), ITEMS_MAX, |path, config| {
        let mut errors = references(&path.child("requests"), items(config, "requests"), &known);
        errors.extend(configuration(path, config));
        errors
    }));
    errors
}

fn name(item: &Value) -> Value {
    item.get("name").cloned().unwrap_or_else(|| Value::from(""))
}

fn request_errors(path: &Path, request: &Value) -> Vec<Error> {
    let mut errors = label(&path.child("name"), text(request, "name"));
    let (exactly, available) = (set(request, "exactly"), items(request, "firstAvailable"));
    match (exactly, available.is_empty()) {
        (Some(_), false) => {
            let message = "exactly one of `exactly` or `firstAvailable` is required, but multiple fields are set";
            errors.push(path.invalid(Value::Null, message));
        }
        (None, true) => errors.push(path.required("exactly one of `exactly` or `firstAvailable` is required")),
        (Some(exactly), true) => errors.extend(device_request(&path.child("exactly"), exactly)),
        (None, false) => {
            let sub_errors = |path: &Path, sub: &Value| {
                let mut errors = label(&path.child("name"), text(sub, "name"));
                errors.extend(device_request(path, sub));
                errors
            };
            errors.extend(unique(&path.child("firstAvailable"), available, ALTERNATIVES_MAX, sub_errors, name));
        }
    }
    errors
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
    for (at, toleration) in items(request, "tolerations").iter().enumerate() {
        errors.extend(rules::toleration(&path.child("tolerations").index(at), toleration));
    }
    errors
}

fn selectors(path: &Path, selectors: &[Value]) -> Vec<Error> {
    each(path, selectors, ITEMS_MAX, |path, selector| {
        selector_error(&path.child("cel"), selector).into_iter().collect()
    })
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
pub(super) fn request_names(requests: &[Value]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for request in requests {
        let name = text(request, "name");
        names.insert(name.to_owned());
        names.extend(items(request, "firstAvailable").iter().map(|sub| format!("{name}/{}", text(sub, "name"))));
    }
    names
}

/// What is wrong with names of requests.
pub(super) fn references(path: &Path, names: &[Value], known: &BTreeSet<String>) -> Vec<Error> {
    let errors = |path: &Path, name: &Value| reference(path, name.as_str().unwrap_or_default(), known);
    unique(path, names, ITEMS_MAX, errors, Value::clone)
}

/// What is wrong with the name of a request, or of one of its alternatives.
pub(super) fn reference(path: &Path, name: &str, known: &BTreeSet<String>) -> Vec<Error> {
    let message =
        "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'";
    let mut errors = Vec::new();
    if name.split('/').count() <= 2 {
        errors.extend(name.split('/').flat_map(|part| label(path, part)));
    }
    if !known.contains(name) {
        errors.push(path.invalid(name, message));
    }
    errors
}

fn attribute(path: &Path, name: &Value) -> Vec<Error> {
    let name = name.as_str().unwrap_or_default();
    let mut errors = qualified_name(path, name);
    if !name.contains('/') {
        let message = "a fully qualified name must be a domain and a name separated by a slash";
        errors.push(path.invalid(name, message));
    }
    errors
}

/// What is wrong with what is handed to a driver.
pub(super) fn configuration(path: &Path, config: &Value) -> Vec<Error> {
    let path = path.child("opaque");
    let Some(opaque) = set(config, "opaque") else { return vec![path.required("")] };
    let mut errors = driver(&path.child("driver"), text(opaque, "driver"));
    errors.extend(raw(&path.child("parameters"), opaque.get("parameters"), PARAMETERS_BYTES_MAX));
    errors
}

/// What is wrong with a DeviceClass.
pub(super) fn class(class: &Object) -> Vec<Error> {
    let (path, spec) = (Path::root("spec"), class.at(&["spec"]).unwrap_or(&Value::Null));
    let mut errors = selectors(&path.child("selectors"), items(spec, "selectors"));
    errors.extend(each(&path.child("config"), items(spec, "config"), ITEMS_MAX, configuration));
    if let Some(name) = set(spec, "extendedResourceName").and_then(Value::as_str) {
        // It is counted by quotas as `requests.NAME`, which must be a name as well.
        let is_native = !name.contains('/') || name.contains("kubernetes.io/");
        let counted = format!("requests.{name}");
        if is_native || name.starts_with("requests.") || !meta::label_key(&counted).is_empty() {
            let message = "must be a valid extended resource name";
            errors.push(path.child("extendedResourceName").invalid(name, message));
        }
    }
    errors
}

/// What is wrong with a change of a claim: its spec never changes.
pub(super) fn claim_update(new: &Object, old: &Object) -> Vec<Error> {
    immutable_as_go("io.k8s.api.resource.v1.ResourceClaimSpec", &["spec"], new, old).into_iter().collect()
}

/// What is wrong with a change of a template: all of it stays.
pub(super) fn template_update(new: &Object, old: &Object) -> Vec<Error> {
    immutable_as_go("io.k8s.api.resource.v1.ResourceClaimTemplateSpec", &["spec"], new, old).into_iter().collect()
}

/// What is wrong with a template of claims.
pub(super) fn template(template: &Object) -> Vec<Error> {
    let path = Path::root("spec");
    let metadata = template.at(&["spec", "metadata"]).unwrap_or(&Value::Null);
    let mut errors = validate::labels_and_annotations(&path.child("metadata"), metadata);
    errors.extend(claim_spec(&path.child("spec"), template.at(&["spec", "spec"]).unwrap_or(&Value::Null)));
    errors
}
