//! The checks of the level `restricted`: what good practice asks of every Pod.

use std::collections::BTreeSet;

use serde_json::Value;

use super::baseline;
use super::pod::{Pod, containers, name, plural, quoted, set};
use super::standard::Violation;

/// The volumes that reach nothing of the node.
const VOLUMES: [&str; 9] = [
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "image",
    "persistentVolumeClaim",
    "projected",
    "secret",
];

/// The volumes that upstream names when it refuses them.
const RESTRICTED_VOLUMES: [&str; 20] = [
    "hostPath",
    "gcePersistentDisk",
    "awsElasticBlockStore",
    "gitRepo",
    "nfs",
    "iscsi",
    "glusterfs",
    "rbd",
    "flexVolume",
    "cinder",
    "cephfs",
    "flocker",
    "fc",
    "azureFile",
    "vsphereVolume",
    "quobyte",
    "azureDisk",
    "portworxVolume",
    "scaleIO",
    "storageos",
];

pub(super) fn privilege_escalation(pod: &Pod<'_>) -> Option<Violation> {
    let field = "/securityContext/allowPrivilegeEscalation";
    let who = pod.containers_that(|container| set(container, field) != Some(&Value::Bool(false)));
    (!who.is_empty()).then(|| Violation {
        reason: "allowPrivilegeEscalation != false",
        detail: format!("{} must set securityContext.allowPrivilegeEscalation=false", containers(&who)),
    })
}

pub(super) fn privilege_escalation_on_linux(pod: &Pod<'_>) -> Option<Violation> {
    if pod.is_windows() { None } else { privilege_escalation(pod) }
}

pub(super) fn capabilities(pod: &Pod<'_>) -> Option<Violation> {
    let keeping = pod.containers_that(|container| {
        let drop = set(container, "/securityContext/capabilities/drop").and_then(Value::as_array);
        !drop.is_some_and(|drop| drop.iter().any(|capability| capability == "ALL"))
    });
    let (adding, added) = baseline::adding(pod, &["NET_BIND_SERVICE"]);
    let mut details = Vec::new();
    if !keeping.is_empty() {
        details.push(format!("{} must set securityContext.capabilities.drop=[\"ALL\"]", containers(&keeping)));
    }
    if !adding.is_empty() {
        details.push(baseline::must_not_add(&adding, &added));
    }
    (!details.is_empty()).then(|| Violation { reason: "unrestricted capabilities", detail: details.join("; ") })
}

pub(super) fn capabilities_on_linux(pod: &Pod<'_>) -> Option<Violation> {
    if pod.is_windows() { None } else { capabilities(pod) }
}

pub(super) fn volumes(pod: &Pod<'_>) -> Option<Violation> {
    let (mut names, mut types) = (Vec::new(), BTreeSet::new());
    let has = |volume: &Value, source: &&&str| !volume[**source].is_null();
    for volume in pod.volumes().iter().filter(|volume| !VOLUMES.iter().any(|source| has(volume, &source))) {
        names.push(name(volume));
        types.insert(RESTRICTED_VOLUMES.iter().find(|source| has(volume, source)).copied().unwrap_or("unknown"));
    }
    (!names.is_empty()).then(|| Violation {
        reason: "restricted volume types",
        detail: format!(
            "{} {} {} {} {}",
            plural("volume", "volumes", names.len()),
            quoted(&names),
            plural("uses", "use", names.len()),
            plural("restricted volume type", "restricted volume types", types.len()),
            quoted(&types)
        ),
    })
}

pub(super) fn run_as_non_root(pod: &Pod<'_>) -> Option<Violation> {
    const REASON: &str = "runAsNonRoot != true";
    let explicit = pod.setters("/runAsNonRoot", |value| value == &Value::Bool(false));
    if !explicit.is_empty() {
        let detail = format!("{} must not set securityContext.runAsNonRoot=false", explicit.words());
        return Some(Violation { reason: REASON, detail });
    }
    let who = unless_pod(pod, "/runAsNonRoot", |value| value == &Value::Bool(true));
    (!who.is_empty()).then(|| Violation {
        reason: REASON,
        detail: format!("pod or {} must set securityContext.runAsNonRoot=true", containers(&who)),
    })
}

pub(super) fn run_as_non_root_but_of_users(pod: &Pod<'_>) -> Option<Violation> {
    if pod.has_user_namespace() { None } else { run_as_non_root(pod) }
}

pub(super) fn run_as_user(pod: &Pod<'_>) -> Option<Violation> {
    let who = pod.setters("/runAsUser", |value| value.as_i64() == Some(0));
    (!who.is_empty())
        .then(|| Violation { reason: "runAsUser=0", detail: format!("{} must not set runAsUser=0", who.words()) })
}

pub(super) fn run_as_user_but_of_users(pod: &Pod<'_>) -> Option<Violation> {
    if pod.has_user_namespace() { None } else { run_as_user(pod) }
}

pub(super) fn seccomp(pod: &Pod<'_>) -> Option<Violation> {
    let explicit = baseline::seccomp(pod);
    if explicit.is_some() {
        return explicit;
    }
    let who = unless_pod(pod, "/seccompProfile", baseline::confines);
    (!who.is_empty()).then(|| Violation {
        reason: "seccompProfile",
        detail: format!(
            "pod or {} must set securityContext.seccompProfile.type to \"RuntimeDefault\" or \"Localhost\"",
            containers(&who)
        ),
    })
}

pub(super) fn seccomp_on_linux(pod: &Pod<'_>) -> Option<Violation> {
    if pod.is_windows() { None } else { seccomp(pod) }
}

/// The containers that leave a field of the security context unset while the Pod's does not make up for it.
fn unless_pod(pod: &Pod<'_>, field: &str, makes_up: impl Fn(&Value) -> bool) -> Vec<String> {
    let pointer = format!("/securityContext{field}");
    if pod.field(&pointer).is_some_and(makes_up) {
        return Vec::new();
    }
    pod.containers_that(|container| set(container, &pointer).is_none())
}
