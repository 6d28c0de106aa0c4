//! Regular and init containers, and what all containers have in common.

use std::collections::HashSet;

use kubernel_meta::field::{Error, Path};
use kubernel_meta::validation as meta;
use serde_json::Value;

use super::spec::Context;
use super::{Holder, env, mounts, probes, resources, restart, security};
use crate::tree::{flag, int, items, set, text};
use crate::validate::texts;

const PULL_POLICIES: [&str; 3] = ["Always", "IfNotPresent", "Never"];
const MESSAGE_POLICIES: [&str; 2] = ["File", "FallbackToLogsOnError"];
const RESIZE_RESOURCES: [&str; 2] = ["cpu", "memory"];
const RESIZE_POLICIES: [&str; 2] = ["NotRequired", "RestartContainer"];

/// What is wrong with `containers`.
pub(super) fn regular(path: &Path, context: &Context<'_>) -> Vec<Error> {
    let containers = items(context.spec, "containers");
    if containers.is_empty() {
        return vec![path.required("")];
    }
    let mut errors = Vec::new();
    let mut names = HashSet::new();
    for (i, container) in containers.iter().enumerate() {
        let at = path.index(i);
        errors.extend(common(&at, container, context));
        let name = text(container, "name");
        if !names.insert(name) {
            errors.push(at.child("name").duplicate(name));
        }
        errors.extend(probes::lifecycle(&at, container, context.grace_secs()));
        errors.extend(probes::probes(&at, container));
        errors.extend(restart::container(&at, container));
    }
    let mut seen = HashSet::new();
    for (i, container) in containers.iter().enumerate() {
        errors.extend(host_ports(&path.index(i).child("ports"), container, &mut seen));
    }
    errors
}

/// What is wrong with `initContainers`.
pub(super) fn init(path: &Path, context: &Context<'_>) -> Vec<Error> {
    let mut names: HashSet<&str> = items(context.spec, "containers").iter().map(|other| text(other, "name")).collect();
    let mut errors = Vec::new();
    for (i, container) in items(context.spec, "initContainers").iter().enumerate() {
        let at = path.index(i);
        errors.extend(common(&at, container, context));
        errors.extend(restart::init_container(&at, container));
        let name = text(container, "name");
        if names.contains(&name) {
            errors.push(at.child("name").duplicate(name));
        } else if !name.is_empty() {
            names.insert(name);
        }
        // Init containers run one by one: their ports may be the same. Upstream's paths begin anew for each.
        errors.extend(host_ports(&path.index(0).child("ports"), container, &mut HashSet::new()));
        if text(container, "restartPolicy") == "Always" {
            errors.extend(probes::lifecycle(&at, container, context.grace_secs()));
            errors.extend(probes::probes(&at, container));
        } else {
            for field in ["lifecycle", "livenessProbe", "readinessProbe", "startupProbe"] {
                if set(container, field).is_some() {
                    let detail = "may not be set for init containers without restartPolicy=Always";
                    errors.push(at.child(field).forbidden(detail));
                }
            }
        }
    }
    errors
}

/// What is wrong with a container of any kind.
pub(super) fn common(path: &Path, container: &Value, context: &Context<'_>) -> Vec<Error> {
    let mut errors = Vec::new();
    let name = text(container, "name");
    if name.is_empty() {
        errors.push(path.child("name").required(""));
    } else {
        errors.extend(texts(&path.child("name"), name, meta::dns1123_label(name)));
    }
    if text(container, "image").is_empty() {
        errors.push(path.child("image").required(""));
    }
    let policy = text(container, "terminationMessagePolicy");
    errors.extend(one_of(&path.child("terminationMessagePolicy"), policy, &MESSAGE_POLICIES));
    errors.extend(ports(&path.child("ports"), container));
    errors.extend(env::variables(&path.child("env"), container));
    errors.extend(env::sources(&path.child("envFrom"), container));
    errors.extend(mounts::mounts(&path.child("volumeMounts"), container, &context.volumes));
    errors.extend(mounts::devices(&path.child("volumeDevices"), container, &context.volumes));
    errors.extend(pull_policy(&path.child("imagePullPolicy"), text(container, "imagePullPolicy")));
    let amounts = container.get("resources").unwrap_or(&Value::Null);
    errors.extend(resources::container(&path.child("resources"), amounts, &context.claims));
    errors.extend(resize_policy(&path.child("resizePolicy"), container, context.spec));
    errors.extend(security::container(&path.child("securityContext"), container, context.host_users()));
    errors
}

fn one_of(path: &Path, value: &str, allowed: &[&str]) -> Option<Error> {
    match value {
        "" => Some(path.required("")),
        value if allowed.contains(&value) => None,
        other => Some(path.not_supported(other, allowed)),
    }
}

/// What is wrong with an image pull policy.
pub(super) fn pull_policy(path: &Path, policy: &str) -> Option<Error> {
    one_of(path, policy, &PULL_POLICIES)
}

fn ports(path: &Path, container: &Value) -> Vec<Error> {
    let mut errors = Vec::new();
    let mut names = HashSet::new();
    for (i, port) in items(container, "ports").iter().enumerate() {
        let at = path.index(i);
        let name = text(port, "name");
        if !name.is_empty() {
            let wrong = meta::port_name(name);
            if !wrong.is_empty() {
                errors.extend(texts(&at.child("name"), name, wrong));
            } else if !names.insert(name) {
                errors.push(at.child("name").duplicate(name));
            }
        }
        let number = |field: &str, number: i64| {
            let wrong = meta::port_number(number).into_iter();
            let at = at.child(field);
            wrong.map(move |text| at.invalid(number, text)).collect::<Vec<_>>()
        };
        match int(port, "containerPort") {
            0 => errors.push(at.child("containerPort").required("")),
            own => errors.extend(number("containerPort", own)),
        }
        match int(port, "hostPort") {
            0 => {}
            host => errors.extend(number("hostPort", host)),
        }
        errors.extend(crate::validate::protocol(&at.child("protocol"), text(port, "protocol")));
    }
    errors
}

fn host_ports(path: &Path, container: &Value, seen: &mut HashSet<String>) -> Vec<Error> {
    let mut errors = Vec::new();
    for (i, port) in items(container, "ports").iter().enumerate() {
        let host_port = int(port, "hostPort");
        if host_port == 0 {
            continue;
        }
        let key = format!("{}/{}/{host_port}", text(port, "protocol"), text(port, "hostIP"));
        if seen.contains(&key) {
            errors.push(path.index(i).child("hostPort").duplicate(key));
        } else {
            seen.insert(key);
        }
    }
    errors
}

/// In the host's network the ports are the host's; a template may leave that to the Pods made from it.
pub(super) fn host_network_ports(path: &Path, spec: &Value, holder: Holder) -> Vec<Error> {
    let mut errors = Vec::new();
    if !flag(spec, "hostNetwork") {
        return errors;
    }
    for (i, container) in items(spec, "containers").iter().enumerate() {
        for (j, port) in items(container, "ports").iter().enumerate() {
            let host = int(port, "hostPort");
            if (holder == Holder::Pod || host != 0) && host != int(port, "containerPort") {
                let at = path.child("containers").index(i).child("ports").index(j).child("hostPort");
                errors.push(at.invalid(host, "must match `containerPort` when `hostNetwork` is true"));
            }
        }
    }
    errors
}

fn resize_policy(path: &Path, container: &Value, spec: &Value) -> Vec<Error> {
    let policies = items(container, "resizePolicy");
    let mut errors = Vec::new();
    for (i, policy) in policies.iter().enumerate() {
        let (resource, restart) = (text(policy, "resourceName"), text(policy, "restartPolicy"));
        if policies[..i].iter().any(|other| text(other, "resourceName") == resource) {
            errors.push(path.index(i).duplicate(resource));
        }
        errors.extend(one_of(path, resource, &RESIZE_RESOURCES));
        errors.extend(one_of(path, restart, &RESIZE_POLICIES));
        if text(spec, "restartPolicy") == "Never" && restart != "NotRequired" {
            errors.push(path.invalid(restart, "must be 'NotRequired' when `restartPolicy` is 'Never'"));
        }
    }
    errors
}

/// A Pod's image, unlike a template's, has no blanks around it.
pub(super) fn padded_image(path: &Path, container: &Value) -> Option<Error> {
    let image = text(container, "image");
    let detail = "must not have leading or trailing whitespace";
    (image.trim() != image).then(|| path.child("image").invalid(image, detail))
}
