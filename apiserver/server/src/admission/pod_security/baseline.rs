//! The checks of the level `baseline`: what is known to lead out of a container.

use std::collections::BTreeSet;

use serde_json::Value;

use super::pod::{Pod, containers, name, note, plural, quoted, set};
use super::standard::Violation;

const APP_ARMOR_ANNOTATION: &str = "container.apparmor.security.beta.kubernetes.io/";
const SECCOMP_POD_ANNOTATION: &str = "seccomp.security.alpha.kubernetes.io/pod";
const SECCOMP_CONTAINER_ANNOTATION: &str = "container.seccomp.security.alpha.kubernetes.io/";

/// The capabilities that container runtimes give by default, but for `NET_RAW`.
const CAPABILITIES: [&str; 13] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

/// The sysctls that touch nobody but the Pod, the oldest first; each version knows a longer beginning of the list.
const SYSCTLS: [&str; 12] = [
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.ping_group_range",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_wmem",
];

/// The types of SELinux that confine a container; the last one since 1.31.
const SE_LINUX_TYPES: [&str; 5] = ["", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"];

pub(super) fn app_armor(pod: &Pod<'_>) -> Option<Violation> {
    let mut values = BTreeSet::new();
    let fields = pod.setters("/appArmorProfile/type", |profile| {
        !matches!(profile.as_str(), Some("RuntimeDefault" | "Localhost")) && note(&mut values, profile)
    });
    let is_allowed = |value: &str| matches!(value, "" | "runtime/default") || value.starts_with("localhost/");
    let annotations: Vec<String> = pod
        .annotations()
        .filter(|(key, value)| key.starts_with(APP_ARMOR_ANNOTATION) && !is_allowed(value))
        .map(|(key, value)| format!("{key}={value:?}"))
        .collect();
    let mut who: Vec<String> = Vec::new();
    if !fields.is_empty() {
        who.push(fields.words());
    }
    if !annotations.is_empty() {
        who.push(plural("annotation", "annotations", annotations.len()).to_owned());
    }
    let what: Vec<String> = values.into_iter().chain(annotations).collect();
    (!who.is_empty()).then(|| Violation {
        reason: plural("forbidden AppArmor profile", "forbidden AppArmor profiles", what.len()),
        detail: format!("{} must not set AppArmor profile type to {}", who.join(" and "), quoted(&what)),
    })
}

pub(super) fn capabilities(pod: &Pod<'_>) -> Option<Violation> {
    let (who, added) = adding(pod, &CAPABILITIES);
    (!who.is_empty()).then(|| Violation { reason: "non-default capabilities", detail: must_not_add(&who, &added) })
}

/// The containers that add other capabilities than these, and which.
pub(super) fn adding(pod: &Pod<'_>, allowed: &[&str]) -> (Vec<String>, BTreeSet<String>) {
    let mut added = BTreeSet::new();
    let who = pod.containers_that(|container| {
        let list = set(container, "/securityContext/capabilities/add").and_then(Value::as_array);
        let mut is_wrong = false;
        for capability in list.into_iter().flatten() {
            if !capability.as_str().is_some_and(|name| allowed.contains(&name)) {
                is_wrong = note(&mut added, capability);
            }
        }
        is_wrong
    });
    (who, added)
}

pub(super) fn must_not_add(who: &[String], added: &BTreeSet<String>) -> String {
    format!("{} must not include {} in securityContext.capabilities.add", containers(who), quoted(added))
}

pub(super) fn host_namespaces(pod: &Pod<'_>) -> Option<Violation> {
    let shared: Vec<String> = ["hostIPC", "hostNetwork", "hostPID"]
        .iter()
        .filter(|field| pod.field(&format!("/{field}")) == Some(&Value::Bool(true)))
        .map(|field| format!("{field}=true"))
        .collect();
    (!shared.is_empty()).then(|| Violation { reason: "host namespaces", detail: shared.join(", ") })
}

pub(super) fn host_path_volumes(pod: &Pod<'_>) -> Option<Violation> {
    let names: Vec<String> =
        pod.volumes().iter().filter(|volume| set(volume, "/hostPath").is_some()).map(name).collect();
    (!names.is_empty()).then(|| Violation {
        reason: "hostPath volumes",
        detail: format!("{} {}", plural("volume", "volumes", names.len()), quoted(&names)),
    })
}

pub(super) fn host_ports(pod: &Pod<'_>) -> Option<Violation> {
    let mut ports = BTreeSet::new();
    let who = pod.containers_that(|container| {
        let list = set(container, "/ports").and_then(Value::as_array);
        let used: Vec<i64> =
            list.into_iter().flatten().filter_map(|port| port["hostPort"].as_i64()).filter(|port| *port != 0).collect();
        ports.extend(used.iter().map(ToString::to_string));
        !used.is_empty()
    });
    (!who.is_empty()).then(|| Violation {
        reason: "hostPort",
        detail: format!(
            "{} {} {} {}",
            containers(&who),
            plural("uses", "use", who.len()),
            plural("hostPort", "hostPorts", ports.len()),
            ports.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
        ),
    })
}

pub(super) fn probe_hosts(pod: &Pod<'_>) -> Option<Violation> {
    let mut hosts = BTreeSet::new();
    let mut who = pod.containers_that(|container| {
        let mut is_wrong = false;
        for handler in ["livenessProbe", "readinessProbe", "startupProbe", "lifecycle/postStart", "lifecycle/preStop"] {
            for action in ["httpGet", "tcpSocket"] {
                let host = set(container, &format!("/{handler}/{action}/host"));
                if let Some(host) = host.filter(|host| host.as_str() != Some("")) {
                    is_wrong = note(&mut hosts, host);
                }
            }
        }
        is_wrong
    });
    who.sort();
    (!who.is_empty()).then(|| Violation {
        reason: "probe or lifecycle host",
        detail: format!(
            "{} {} {} {}",
            containers(&who),
            plural("uses", "use", who.len()),
            plural("probe or lifecycle host", "probe or lifecycle hosts", hosts.len()),
            quoted(&hosts)
        ),
    })
}

pub(super) fn privileged(pod: &Pod<'_>) -> Option<Violation> {
    let who =
        pod.containers_that(|container| set(container, "/securityContext/privileged") == Some(&Value::Bool(true)));
    (!who.is_empty()).then(|| Violation {
        reason: "privileged",
        detail: format!("{} must not set securityContext.privileged=true", containers(&who)),
    })
}

pub(super) fn proc_mount(pod: &Pod<'_>) -> Option<Violation> {
    let mut values = BTreeSet::new();
    let who = pod.containers_that(|container| {
        set(container, "/securityContext/procMount")
            .is_some_and(|mount| mount.as_str() != Some("Default") && note(&mut values, mount))
    });
    (!who.is_empty()).then(|| Violation {
        reason: "procMount",
        detail: format!("{} must not set securityContext.procMount to {}", containers(&who), quoted(&values)),
    })
}

pub(super) fn proc_mount_but_of_users(pod: &Pod<'_>) -> Option<Violation> {
    if pod.has_user_namespace() { None } else { proc_mount(pod) }
}

pub(super) fn se_linux_1_0(pod: &Pod<'_>) -> Option<Violation> {
    se_linux(pod, &SE_LINUX_TYPES[..4])
}

pub(super) fn se_linux_1_31(pod: &Pod<'_>) -> Option<Violation> {
    se_linux(pod, &SE_LINUX_TYPES)
}

fn se_linux(pod: &Pod<'_>, allowed: &[&str]) -> Option<Violation> {
    let mut types = BTreeSet::new();
    let (mut sets_user, mut sets_role) = (false, false);
    let who = pod.setters("/seLinuxOptions", |options| {
        let text = |field: &str| options[field].as_str().unwrap_or_default();
        let (user, role) = (!text("user").is_empty(), !text("role").is_empty());
        (sets_user, sets_role) = (sets_user || user, sets_role || role);
        let wrong_type = !allowed.contains(&text("type")) && note(&mut types, &options["type"]);
        wrong_type || user || role
    });
    let wrong_types =
        (!types.is_empty()).then(|| format!("{} {}", plural("type", "types", types.len()), quoted(&types)));
    let user = sets_user.then(|| "user may not be set".to_owned());
    let role = sets_role.then(|| "role may not be set".to_owned());
    let what: Vec<String> = wrong_types.into_iter().chain(user).chain(role).collect();
    (!who.is_empty()).then(|| Violation {
        reason: "seLinuxOptions",
        detail: format!("{} set forbidden securityContext.seLinuxOptions: {}", who.words(), what.join("; ")),
    })
}

pub(super) fn seccomp_annotations(pod: &Pod<'_>) -> Option<Violation> {
    let is_allowed =
        |value: &str| matches!(value, "runtime/default" | "docker/default") || value.starts_with("localhost/");
    let concerns = |key: &str| {
        let of_container = |word: &str| pod.containers.iter().any(|container| container["name"] == word);
        key == SECCOMP_POD_ANNOTATION || key.strip_prefix(SECCOMP_CONTAINER_ANNOTATION).is_some_and(of_container)
    };
    let mut wrong: Vec<String> = pod
        .annotations()
        .filter(|(key, value)| concerns(key) && !is_allowed(value))
        .map(|(key, value)| format!("{key}={value:?}"))
        .collect();
    wrong.sort();
    (!wrong.is_empty()).then(|| Violation {
        reason: "seccompProfile",
        detail: format!("forbidden {} {}", plural("annotation", "annotations", wrong.len()), wrong.join(", ")),
    })
}

pub(super) fn seccomp(pod: &Pod<'_>) -> Option<Violation> {
    let mut values = BTreeSet::new();
    let who = pod.setters("/seccompProfile", |profile| !confines(profile) && note(&mut values, &profile["type"]));
    (!who.is_empty()).then(|| Violation {
        reason: "seccompProfile",
        detail: format!("{} must not set securityContext.seccompProfile.type to {}", who.words(), quoted(&values)),
    })
}

/// Whether a seccomp profile is one.
pub(super) fn confines(profile: &Value) -> bool {
    matches!(profile["type"].as_str(), Some("RuntimeDefault" | "Localhost"))
}

pub(super) fn sysctls_1_0(pod: &Pod<'_>) -> Option<Violation> {
    sysctls(pod, &SYSCTLS[..5])
}

pub(super) fn sysctls_1_27(pod: &Pod<'_>) -> Option<Violation> {
    sysctls(pod, &SYSCTLS[..6])
}

pub(super) fn sysctls_1_29(pod: &Pod<'_>) -> Option<Violation> {
    sysctls(pod, &SYSCTLS[..10])
}

pub(super) fn sysctls_1_32(pod: &Pod<'_>) -> Option<Violation> {
    sysctls(pod, &SYSCTLS)
}

fn sysctls(pod: &Pod<'_>, allowed: &[&str]) -> Option<Violation> {
    let list = pod.field("/securityContext/sysctls").and_then(Value::as_array);
    let wrong: Vec<String> =
        list.into_iter().flatten().map(name).filter(|name| !allowed.contains(&name.as_str())).collect();
    (!wrong.is_empty()).then(|| Violation { reason: "forbidden sysctls", detail: wrong.join(", ") })
}

pub(super) fn host_process(pod: &Pod<'_>) -> Option<Violation> {
    let who = pod.setters("/windowsOptions/hostProcess", |value| value == &Value::Bool(true));
    (!who.is_empty()).then(|| Violation {
        reason: "hostProcess",
        detail: format!("{} must not set securityContext.windowsOptions.hostProcess=true", who.words()),
    })
}
