//! Security contexts: what a Pod and its containers may do, as CRI says it.

use kubernel_runtime::cri;
use serde_json::Value;

/// Paths of /proc and /sys that tell or change too much, hidden unless `procMount` says otherwise.
const MASKED_PATHS: [&str; 11] = [
    "/proc/asound",
    "/proc/acpi",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/sys/firmware",
];
const READ_ONLY_PATHS: [&str; 5] = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/// Which namespaces a Pod shares with the node, and its containers with each other.
pub(crate) fn namespaces(pod: &Value) -> cri::NamespaceOption {
    use cri::NamespaceMode::{Container, Node, Pod};
    let spec = &pod["spec"];
    let on_node = |field: &str, other: cri::NamespaceMode| if spec[field] == true { Node } else { other };
    let pid = if spec["shareProcessNamespace"] == true { Pod } else { Container };
    cri::NamespaceOption {
        network: on_node("hostNetwork", Pod) as i32,
        pid: on_node("hostPID", pid) as i32,
        ipc: on_node("hostIPC", Pod) as i32,
        ..Default::default()
    }
}

/// A container's security context, with the Pod's where it says nothing itself.
pub(crate) fn of_container(pod: &Value, container: &Value) -> cri::LinuxContainerSecurityContext {
    let (outer, inner) = (&pod["spec"]["securityContext"], &container["securityContext"]);
    let pick = |field: &str| if inner[field].is_null() { &outer[field] } else { &inner[field] };
    let privileged = inner["privileged"] == true;
    let masked = !privileged && inner["procMount"] != "Unmasked";
    let own = |paths: &[&str]| paths.iter().filter(|_| masked).map(|path| (*path).to_owned()).collect();
    let capabilities = inner["capabilities"].is_object().then(|| cri::Capability {
        add_capabilities: texts(&inner["capabilities"]["add"]),
        drop_capabilities: texts(&inner["capabilities"]["drop"]),
        ..Default::default()
    });
    cri::LinuxContainerSecurityContext {
        capabilities,
        privileged,
        namespace_options: Some(namespaces(pod)),
        run_as_user: number(pick("runAsUser")),
        run_as_group: number(pick("runAsGroup")),
        readonly_rootfs: inner["readOnlyRootFilesystem"] == true,
        supplemental_groups: groups(pod),
        no_new_privs: inner["allowPrivilegeEscalation"] == false,
        masked_paths: own(&MASKED_PATHS),
        readonly_paths: own(&READ_ONLY_PATHS),
        seccomp: Some(seccomp(pick("seccompProfile"), privileged)),
        ..Default::default()
    }
}

/// The security context of the sandbox itself.
pub(crate) fn of_sandbox(pod: &Value) -> cri::LinuxSandboxSecurityContext {
    let outer = &pod["spec"]["securityContext"];
    let all = ["containers", "initContainers"].into_iter().flat_map(|list| pod["spec"][list].as_array());
    let privileged = all.flatten().any(|container| container["securityContext"]["privileged"] == true);
    cri::LinuxSandboxSecurityContext {
        namespace_options: Some(namespaces(pod)),
        run_as_user: number(&outer["runAsUser"]),
        run_as_group: number(&outer["runAsGroup"]).filter(|_| !outer["runAsUser"].is_null()),
        supplemental_groups: groups(pod),
        privileged,
        seccomp: Some(seccomp(&serde_json::json!({"type": "RuntimeDefault"}), privileged)),
        ..Default::default()
    }
}

/// Whether a container that must not run as root would. The text is for the status.
pub(crate) fn check_non_root(pod: &Value, container: &Value, image: Option<&cri::Image>) -> Result<(), String> {
    let (outer, inner) = (&pod["spec"]["securityContext"], &container["securityContext"]);
    let pick = |field: &str| if inner[field].is_null() { &outer[field] } else { &inner[field] };
    if pick("runAsNonRoot") != true {
        return Ok(());
    }
    let meta = &pod["metadata"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let whom = format!(
        "(pod: \"{}_{}({})\", container: {})",
        text(&meta["name"]),
        text(&meta["namespace"]),
        text(&meta["uid"]),
        text(&container["name"])
    );
    match pick("runAsUser").as_i64() {
        Some(0) => return Err(format!("container's runAsUser breaks non-root policy {whom}")),
        Some(_) => return Ok(()),
        None => {}
    }
    let Some(image) = image else { return Ok(()) };
    if image.uid.as_ref().is_some_and(|uid| uid.value != 0) {
        return Ok(());
    }
    if !image.username.is_empty() {
        let user = &image.username;
        return Err(format!(
            "container has runAsNonRoot and image has non-numeric user ({user}), cannot verify user is non-root {whom}"
        ));
    }
    Err(format!("container has runAsNonRoot and image will run as root {whom}"))
}

fn groups(pod: &Value) -> Vec<i64> {
    let outer = &pod["spec"]["securityContext"];
    let more = outer["supplementalGroups"].as_array().into_iter().flatten().filter_map(Value::as_i64);
    outer["fsGroup"].as_i64().into_iter().chain(more).collect()
}

fn seccomp(profile: &Value, privileged: bool) -> cri::SecurityProfile {
    use cri::security_profile::ProfileType;
    let kind = match profile["type"].as_str() {
        _ if privileged => ProfileType::Unconfined,
        Some("RuntimeDefault") => ProfileType::RuntimeDefault,
        Some("Localhost") => ProfileType::Localhost,
        _ => ProfileType::Unconfined,
    };
    let file = profile["localhostProfile"].as_str().filter(|_| kind == ProfileType::Localhost);
    let localhost_ref = file.map(|file| format!("/var/lib/kubelet/seccomp/{file}")).unwrap_or_default();
    cri::SecurityProfile { profile_type: kind as i32, localhost_ref }
}

fn number(value: &Value) -> Option<cri::Int64Value> {
    value.as_i64().map(|value| cri::Int64Value { value })
}

fn texts(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(|text| Some(text.as_str()?.to_owned())).collect()
}
