//! Rules of APIServices.

use kubernel_meta::field::{Error, Path};
use kubernel_meta::{Object, validation as meta};
use serde_json::Value;

use crate::tree::{int, set, text};
use crate::validate;

const GROUP_PRIORITY_MAX: i64 = 20_000;
const VERSION_PRIORITY_MAX: i64 = 1_000;

/// What is wrong with an APIService: its name is its version and group.
pub(super) fn create(service: &Object) -> Vec<Error> {
    let (path, spec) = (Path::root("spec"), service.at(&["spec"]).unwrap_or(&Value::Null));
    let (group, version) = (text(spec, "group"), text(spec, "version"));
    let mut errors = Vec::new();
    let name = format!("{version}.{group}");
    if service.name() != name {
        let message = format!("must be `spec.version+\".\"+spec.group`: {name:?}");
        errors.push(Path::root("metadata").child("name").invalid(service.name(), message));
    }
    if group.is_empty() {
        if version != "v1" {
            errors.push(path.child("group").required("only v1 may have an empty group and it better be legacy kube"));
        }
    } else {
        errors.extend(validate::texts(&path.child("group"), group, meta::dns1123_subdomain(group)));
    }
    errors.extend(validate::texts(&path.child("version"), version, meta::dns1035_label(version)));
    let priority = int(spec, "groupPriorityMinimum");
    if !(1..=GROUP_PRIORITY_MAX).contains(&priority) {
        let message = format!("must be positive and less than {GROUP_PRIORITY_MAX}");
        errors.push(path.child("groupPriorityMinimum").invalid(priority, message));
    }
    let priority = int(spec, "versionPriority");
    if !(1..=VERSION_PRIORITY_MAX).contains(&priority) {
        let message = format!("must be positive and less than {VERSION_PRIORITY_MAX}");
        errors.push(path.child("versionPriority").invalid(priority, message));
    }
    let Some(backend) = set(spec, "service") else { return errors };
    let at = path.child("service");
    for field in ["namespace", "name"] {
        if text(backend, field).is_empty() {
            errors.push(at.child(field).required(""));
        }
    }
    let port = int(backend, "port");
    if !meta::port_number(port).is_empty() {
        let message = "port is not valid: must be between 1 and 65535, inclusive";
        errors.push(at.child("port").invalid(port, message));
    }
    let bundle = !text(spec, "caBundle").is_empty();
    if bundle && spec.get("insecureSkipTLSVerify") == Some(&Value::Bool(true)) {
        errors.push(path.child("insecureSkipTLSVerify").invalid(true, "may not be true if caBundle is present"));
    }
    errors
}
