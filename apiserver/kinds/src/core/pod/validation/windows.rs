//! What only Windows Pods may or must not set, and the operating system a Pod names.

use kubernel_meta::field::{Error, Path};
use kubernel_meta::validation as meta;
use serde_json::Value;

use super::annotations::containers;
use crate::tree::{flag, set, text};
use crate::validate::texts;

const SPEC_BYTES_MAX: usize = 64 * 1024;
const DOMAIN_LENGTH_MAX: usize = 256;
const USER_LENGTH_MAX: usize = 104;
const NOT_FOR_WINDOWS: &str = "cannot be set for a windows pod";
const POD_FIELDS: [&str; 11] = [
    "appArmorProfile",
    "seLinuxOptions",
    "seccompProfile",
    "fsGroup",
    "fsGroupChangePolicy",
    "sysctls",
    "runAsUser",
    "runAsGroup",
    "supplementalGroups",
    "supplementalGroupsPolicy",
    "seLinuxChangePolicy",
];
const CONTAINER_FIELDS: [&str; 10] = [
    "appArmorProfile",
    "seLinuxOptions",
    "seccompProfile",
    "capabilities",
    "readOnlyRootFilesystem",
    "privileged",
    "allowPrivilegeEscalation",
    "procMount",
    "runAsUser",
    "runAsGroup",
];

/// What is wrong with `windowsOptions`.
pub(super) fn options(path: &Path, context: &Value) -> Vec<Error> {
    let Some(options) = set(context, "windowsOptions") else { return Vec::new() };
    let path = path.child("windowsOptions");
    let mut errors = Vec::new();
    if let Some(name) = options.get("gmsaCredentialSpecName").and_then(Value::as_str) {
        errors.extend(texts(&path.child("gmsaCredentialSpecName"), name, meta::dns1123_subdomain(name)));
    }
    if let Some(spec) = options.get("gmsaCredentialSpec").and_then(Value::as_str) {
        let at = path.child("gmsaCredentialSpec");
        if spec.is_empty() {
            errors.push(at.invalid(spec, "gmsaCredentialSpec cannot be an empty string"));
        } else if spec.len() > SPEC_BYTES_MAX {
            errors.push(at.invalid(spec, "gmsaCredentialSpec size must be under 64 KiB"));
        }
    }
    if let Some(name) = options.get("runAsUserName").and_then(Value::as_str) {
        let at = path.child("runAsUserName");
        errors.extend(user_name(name).into_iter().map(|detail| at.invalid(name, detail)));
    }
    errors
}

fn user_name(name: &str) -> Vec<String> {
    let one = |text: &str| vec![text.to_owned()];
    if name.is_empty() {
        return one("runAsUserName cannot be an empty string");
    }
    if name.chars().any(char::is_control) {
        return one("runAsUserName cannot contain control characters");
    }
    let parts: Vec<&str> = name.split('\\').collect();
    let (domain, user) = match parts.as_slice() {
        [user] => (None, *user),
        [domain, user] => (Some(*domain), *user),
        _ => return one("runAsUserName cannot contain more than one backslash"),
    };
    let mut errors = Vec::new();
    if let Some(domain) = domain {
        if domain.len() >= DOMAIN_LENGTH_MAX {
            errors.push(format!("runAsUserName's Domain length must be under {DOMAIN_LENGTH_MAX} characters"));
        }
        if !is_net_bios(domain) && !is_dns(domain) {
            errors.push("runAsUserName's Domain doesn't match the NetBios nor the DNS format".to_owned());
        }
    }
    if user.is_empty() {
        errors.push("runAsUserName's User cannot be empty".to_owned());
    } else if user.len() > USER_LENGTH_MAX {
        errors.push(format!("runAsUserName's User length must not be longer than {USER_LENGTH_MAX} characters"));
    }
    if user.contains(['"', '/', '\\', ':', ';', '|', '=', ',', '+', '*', '?', '<', '>', '@', '[', ']']) {
        errors.push("runAsUserName's User cannot contain the following characters: \"/\\:;|=,+*?<>@[]".to_owned());
    }
    if !user.is_empty() && user.chars().all(|c| matches!(c, '.' | ' ')) {
        errors.push("runAsUserName's User cannot contain only periods or spaces".to_owned());
    }
    errors
}

fn is_net_bios(domain: &str) -> bool {
    let bad = ['\\', '/', ':', '*', '?', '"', '<', '>', '|'];
    (1..=15).contains(&domain.len()) && !domain.starts_with('.') && !domain.contains(bad)
}

fn is_dns(domain: &str) -> bool {
    domain.split('.').all(|label| {
        !label.is_empty() && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') && !label.starts_with('-')
    })
}

/// What is wrong with `os` and, by it, with the rest.
pub(super) fn os(path: &Path, spec: &Value) -> Vec<Error> {
    let Some(os) = set(spec, "os") else { return Vec::new() };
    match text(os, "name") {
        "linux" => linux(path, spec),
        "windows" => windows(path, spec),
        "" => vec![path.child("os").child("name").required("")],
        other => vec![path.child("os").not_supported(other, &["linux", "windows"])],
    }
}

fn linux(path: &Path, spec: &Value) -> Vec<Error> {
    let has = |context: Option<&Value>| context.is_some_and(|context| set(context, "windowsOptions").is_some());
    let of_pod = has(spec.get("securityContext")).then(|| path.clone());
    let of_containers =
        containers(path, spec).filter(|(_, container)| has(container.get("securityContext"))).map(|(at, _)| at);
    of_pod
        .into_iter()
        .chain(of_containers)
        .map(|at| {
            let at = at.child("securityContext").child("windowsOptions");
            at.forbidden("windows options cannot be set for a linux pod")
        })
        .collect()
}

fn windows(path: &Path, spec: &Value) -> Vec<Error> {
    let mut errors = Vec::new();
    for field in ["hostUsers", "shareProcessNamespace"] {
        if set(spec, field).is_some() {
            errors.push(path.child(field).forbidden(NOT_FOR_WINDOWS));
        }
    }
    for field in ["hostPID", "hostIPC"] {
        if flag(spec, field) {
            errors.push(path.child(field).forbidden(NOT_FOR_WINDOWS));
        }
    }
    let mut fields = |at: &Path, context: Option<&Value>, names: &[&str]| {
        for field in names {
            if context.is_some_and(|context| set(context, field).is_some()) {
                errors.push(at.child("securityContext").child(field).forbidden(NOT_FOR_WINDOWS));
            }
        }
    };
    fields(path, spec.get("securityContext"), &POD_FIELDS);
    for (at, container) in containers(path, spec) {
        fields(&at, container.get("securityContext"), &CONTAINER_FIELDS);
    }
    errors
}

/// Host process containers: all of a Pod or none, and in the host's network.
pub(super) fn host_process(path: &Path, spec: &Value) -> Vec<Error> {
    let of = |holder: &Value| holder.pointer("/securityContext/windowsOptions/hostProcess").and_then(Value::as_bool);
    let of_pod = of(spec);
    let mut errors = Vec::new();
    let (mut count, mut all) = (0, 0);
    for (at, container) in containers(path, spec) {
        all += 1;
        let own = of(container);
        if let (Some(own), Some(of_pod)) = (own, of_pod)
            && own != of_pod
        {
            let detail = format!("pod hostProcess value must be identical if both are specified, was {of_pod}");
            let at = at.child("securityContext").child("windowsOptions").child("hostProcess");
            errors.push(at.invalid(own, detail));
        }
        count += usize::from(own.or(of_pod).unwrap_or(false));
    }
    if count > 0 {
        if count != all {
            let detail =
                "If pod contains any hostProcess containers then all containers must be HostProcess containers";
            errors.push(path.invalid("", detail));
        }
        if !flag(spec, "hostNetwork") {
            let detail = "hostNetwork must be true if pod contains any hostProcess containers";
            errors.push(path.child("hostNetwork").invalid(false, detail));
        }
    }
    errors
}
