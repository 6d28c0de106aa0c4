//! Security contexts of Pods and containers.

use kubernel_meta::field::{Error, Path};
use kubernel_meta::validation as meta;
use serde_json::Value;

use super::{all_containers, apparmor, seccomp, windows};
use crate::go_form;
use crate::tree::{flag, items, repeated, set, text};

const DEFINITION: &str = "io.k8s.api.core.v1.SecurityContext";
const ID_MAX: i64 = i32::MAX as i64;
const SYSCTL_LENGTH_MAX: usize = 253;
const SYSCTL_PATTERN: &str = "^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$";

/// What is wrong with a container's security context.
pub(super) fn container(path: &Path, container: &Value, host_users: bool) -> Vec<Error> {
    let Some(context) = set(container, "securityContext") else { return Vec::new() };
    let mut errors = Vec::new();
    for field in ["runAsUser", "runAsGroup"] {
        errors.extend(id(&path.child(field), context.get(field)));
    }
    if let Some(mount) = context.get("procMount").and_then(Value::as_str) {
        let at = path.child("procMount");
        if !matches!(mount, "Default" | "Unmasked") {
            errors.push(at.not_supported(mount, &["Default", "Unmasked"]));
        }
        if host_users && mount == "Unmasked" {
            errors.push(at.invalid(mount, "`hostUsers` must be false to use `Unmasked`"));
        }
    }
    errors.extend(seccomp::profile(path, context));
    if context.get("allowPrivilegeEscalation") == Some(&Value::Bool(false)) {
        if flag(context, "privileged") {
            let detail = "cannot set `allowPrivilegeEscalation` to false and `privileged` to true";
            errors.push(path.invalid(context.clone(), detail).shown_as(go_form::compact(DEFINITION, context)));
        }
        let added = context.get("capabilities").map_or(&[][..], |capabilities| items(capabilities, "add"));
        for _ in added.iter().filter(|name| *name == "CAP_SYS_ADMIN") {
            let detail = "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN";
            errors.push(path.invalid(context.clone(), detail).shown_as(go_form::compact(DEFINITION, context)));
        }
    }
    errors.extend(windows::options(path, context));
    errors.extend(apparmor::profile(path, context));
    errors
}

/// What is wrong with a Pod's security context.
pub(super) fn pod(spec_path: &Path, spec: &Value) -> Vec<Error> {
    let Some(context) = set(spec, "securityContext") else { return Vec::new() };
    let path = spec_path.child("securityContext");
    let mut errors = Vec::new();
    for field in ["fsGroup", "runAsUser", "runAsGroup"] {
        errors.extend(id(&path.child(field), context.get(field)));
    }
    for (i, group) in items(context, "supplementalGroups").iter().enumerate() {
        errors.extend(id(&path.child("supplementalGroups").index(i), Some(group)));
    }
    if flag(spec, "shareProcessNamespace") && flag(spec, "hostPID") {
        let detail = "ShareProcessNamespace and HostPID cannot both be enabled";
        errors.push(path.child("shareProcessNamespace").invalid(true, detail));
    }
    errors.extend(sysctls(&path.child("sysctls"), items(context, "sysctls"), spec));
    errors.extend(choice(&path, context, "fsGroupChangePolicy", &["Always", "OnRootMismatch"]));
    errors.extend(seccomp::profile(&path, context));
    errors.extend(windows::options(&path, context));
    errors.extend(apparmor::profile(&path, context));
    errors.extend(choice(&path, context, "supplementalGroupsPolicy", &["Merge", "Strict"]));
    errors.extend(choice(&path, context, "seLinuxChangePolicy", &["MountOption", "Recursive"]));
    errors
}

fn choice(path: &Path, context: &Value, field: &str, allowed: &[&str]) -> Option<Error> {
    let value = context.get(field).and_then(Value::as_str)?;
    (!allowed.contains(&value)).then(|| path.child(field).not_supported(value, allowed))
}

/// What is wrong with a user's or group's number.
pub(super) fn id(path: &Path, value: Option<&Value>) -> Vec<Error> {
    let Some(id) = value.and_then(Value::as_i64) else { return Vec::new() };
    meta::in_range(id, 0, ID_MAX).into_iter().map(|text| path.invalid(id, text)).collect()
}

fn sysctls(path: &Path, sysctls: &[Value], spec: &Value) -> Vec<Error> {
    let mut errors = Vec::new();
    let twice = repeated(sysctls, |sysctl| text(sysctl, "name"));
    for (i, sysctl) in sysctls.iter().enumerate() {
        let (at, name) = (path.index(i).child("name"), text(sysctl, "name"));
        if name.is_empty() {
            errors.push(at.required(""));
        } else if !is_sysctl(name) {
            let detail = format!("must have at most {SYSCTL_LENGTH_MAX} characters and match regex {SYSCTL_PATTERN}");
            errors.push(at.invalid(name, detail));
        } else if twice[i] {
            errors.push(at.duplicate(name));
        }
        let dotted = name.replace('/', ".");
        if flag(spec, "hostNetwork") && dotted.starts_with("net.") {
            errors.push(at.invalid(name, "may not be specified when 'hostNetwork' is true"));
        } else if flag(spec, "hostIPC") && is_ipc(&dotted) {
            errors.push(at.invalid(name, "may not be specified when 'hostIPC' is true"));
        }
    }
    errors
}

fn is_ipc(name: &str) -> bool {
    name == "kernel.sem" || ["kernel.shm", "kernel.msg", "fs.mqueue."].iter().any(|prefix| name.starts_with(prefix))
}

fn is_sysctl(name: &str) -> bool {
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    let segment = |segment: &str| {
        edge(segment.chars().next())
            && edge(segment.chars().last())
            && segment.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_'))
    };
    name.len() <= SYSCTL_LENGTH_MAX && name.split(['.', '/']).all(segment)
}

/// A Pod with users of its own must not share other namespaces with the host, nor use block devices, whose owners
/// cannot be mapped.
pub(super) fn host_users(path: &Path, spec: &Value) -> Vec<Error> {
    if spec.get("hostUsers") != Some(&Value::Bool(false)) {
        return Vec::new();
    }
    let shared = [("hostNetwork", "hostNetwork"), ("hostPID", "HostPID"), ("hostIPC", "HostIPC")];
    let used = shared.into_iter().filter(|(field, _)| flag(spec, field)).map(|(_, name)| path.child(name));
    let with_devices = |(_, container): &(Path, &Value)| !items(container, "volumeDevices").is_empty();
    let devices = all_containers(path, spec).filter(with_devices).map(|(at, _)| at.child("volumeDevices"));
    used.chain(devices).map(|at| at.forbidden("when `hostUsers` is false")).collect()
}
