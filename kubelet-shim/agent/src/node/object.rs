//! The Node object: what is said once at registration and what is said again with every status.

use std::path::Path;

use jiff::Timestamp;
use kubernel_meta::processes;
use kubernel_runtime::cri;
use serde_json::{Value, json};

use super::machine::{self, Machine};
use crate::{Config, Containerd};

/// Images that the status lists at most, the largest first.
const IMAGES_MAX: usize = 50;
/// Below this share of free storage the node is under pressure.
/// Less than the kubelet's default of 10, as small clusters live on machines that do other things too.
const STORAGE_FREE_PERCENT_MIN: u64 = 5;
/// Below this much free memory the node is under pressure.
const MEMORY_FREE_BYTES_MIN: u64 = 100 << 20;

/// The object to register.
pub(crate) fn node(config: &Config) -> Value {
    let arch = machine::arch();
    let mut labels = json!({
        "kubernetes.io/hostname": config.node_name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": arch,
        "beta.kubernetes.io/os": "linux",
        "beta.kubernetes.io/arch": arch,
    });
    for (key, value) in &config.labels {
        labels[key] = value.as_str().into();
    }
    // Without the taint Pods with images would come here, be refused, and come again.
    let spec = match config.containerd {
        Containerd::Absent => json!({"taints": [{"key": processes::ONLY_TAINT, "effect": "NoSchedule"}]}),
        Containerd::Own | Containerd::Socket(_) => json!({}),
    };
    json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": config.node_name,
            "labels": labels,
            "annotations": {"volumes.kubernetes.io/controller-managed-attach-detach": "true"},
        },
        "spec": spec,
    })
}

/// The part of the status that only changes with the machine.
pub(crate) fn fixed_status(config: &Config, machine: &Machine, version: &cri::VersionResponse) -> Value {
    let capacity = json!({
        "cpu": machine.cpus.to_string(),
        "memory": format!("{}Ki", machine.memory_bytes / 1024),
        "ephemeral-storage": format!("{}Ki", machine.storage_bytes / 1024),
        "hugepages-1Gi": "0",
        "hugepages-2Mi": "0",
        "pods": config.pods_max.to_string(),
    });
    let mut allocatable = capacity.clone();
    // What pressure reserves cannot be given away.
    let free_memory = machine.memory_bytes.saturating_sub(MEMORY_FREE_BYTES_MIN);
    allocatable["memory"] = format!("{}Ki", free_memory / 1024).into();
    let free_storage = machine.storage_bytes / 100 * (100 - STORAGE_FREE_PERCENT_MIN);
    allocatable["ephemeral-storage"] = free_storage.to_string().into();
    json!({
        "addresses": [
            {"type": "InternalIP", "address": config.node_ip.to_string()},
            {"type": "Hostname", "address": config.node_name},
        ],
        "capacity": capacity,
        "allocatable": allocatable,
        "daemonEndpoints": {"kubeletEndpoint": {"Port": config.port}},
        "nodeInfo": {
            "architecture": machine::arch(),
            "bootID": machine.boot_id,
            "containerRuntimeVersion": format!("{}://{}", version.runtime_name, version.runtime_version),
            "kernelVersion": machine.kernel,
            "kubeProxyVersion": "",
            "kubeletVersion": config.version,
            "machineID": machine.machine_id,
            "operatingSystem": "linux",
            "osImage": machine.os_image,
            "systemUUID": machine.system_uuid,
        },
    })
}

/// One condition before its times are known: type, whether true, reason, message.
pub(crate) type Draft = (&'static str, bool, &'static str, String);

/// Whether the disk of this folder has no room for more Pods.
pub(crate) fn is_full(data_dir: &Path) -> bool {
    let (size, free) = machine::storage(data_dir);
    size > 0 && free / (size / 100).max(1) < STORAGE_FREE_PERCENT_MIN
}

/// The conditions of a node whose runtime answered like this.
pub(crate) fn conditions(disk_full: bool, runtime: &Result<cri::StatusResponse, String>) -> Vec<Draft> {
    let meminfo = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let memory_low = machine::memory(&meminfo, "MemAvailable:") < MEMORY_FREE_BYTES_MIN;
    let memory: Draft = if memory_low {
        ("MemoryPressure", true, "KubeletHasInsufficientMemory", "kubelet has insufficient memory available".into())
    } else {
        ("MemoryPressure", false, "KubeletHasSufficientMemory", "kubelet has sufficient memory available".into())
    };
    let disk: Draft = if disk_full {
        ("DiskPressure", true, "KubeletHasDiskPressure", "kubelet has disk pressure".into())
    } else {
        ("DiskPressure", false, "KubeletHasNoDiskPressure", "kubelet has no disk pressure".into())
    };
    let pid: Draft = ("PIDPressure", false, "KubeletHasSufficientPID", "kubelet has sufficient PID available".into());
    let ready: Draft = match unready(runtime) {
        None => ("Ready", true, "KubeletReady", "kubelet is posting ready status".into()),
        Some(message) => ("Ready", false, "KubeletNotReady", message),
    };
    vec![memory, disk, pid, ready]
}

/// The reason of the Event that tells that a condition has turned this way.
pub(crate) fn event_reason((kind, status, ..): &Draft) -> &'static str {
    match (*kind, *status) {
        ("MemoryPressure", true) => "NodeHasInsufficientMemory",
        ("MemoryPressure", false) => "NodeHasSufficientMemory",
        ("DiskPressure", true) => "NodeHasDiskPressure",
        ("DiskPressure", false) => "NodeHasNoDiskPressure",
        ("PIDPressure", true) => "NodeHasInsufficientPID",
        ("PIDPressure", false) => "NodeHasSufficientPID",
        (_, true) => "NodeReady",
        (_, false) => "NodeNotReady",
    }
}

fn unready(runtime: &Result<cri::StatusResponse, String>) -> Option<String> {
    let status = match runtime {
        Ok(answer) => answer.status.as_ref(),
        Err(error) => return Some(format!("container runtime is down: {error}")),
    };
    let failed = status.into_iter().flat_map(|status| &status.conditions).filter(|condition| !condition.status);
    let texts: Vec<String> = failed
        .map(|c| match c.r#type.as_str() {
            "NetworkReady" => format!(
                "container runtime network not ready: NetworkReady=false reason:{} message:{}",
                c.reason, c.message
            ),
            other => format!("container runtime not ready: {other}=false reason:{} message:{}", c.reason, c.message),
        })
        .collect();
    (!texts.is_empty()).then(|| texts.join(", "))
}

/// Conditions with their times: the transition time moves only when the status does.
pub(crate) fn dated(drafts: Vec<Draft>, old: &Value, now: Timestamp) -> Value {
    let now = now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let entries = drafts.into_iter().map(|(kind, status, reason, message)| {
        let status = if status { "True" } else { "False" };
        let before = old.as_array().and_then(|list| list.iter().find(|entry| entry["type"] == kind));
        let same = before.filter(|before| before["status"] == status);
        let since = same.and_then(|before| before["lastTransitionTime"].as_str()).unwrap_or(&now);
        json!({
            "type": kind, "status": status, "reason": reason, "message": message,
            "lastHeartbeatTime": now, "lastTransitionTime": since,
        })
    });
    entries.collect()
}

/// The images of a node, as its status lists them.
pub(crate) fn images(mut images: Vec<cri::Image>) -> Value {
    images.sort_by_key(|image| std::cmp::Reverse(image.size));
    images.truncate(IMAGES_MAX);
    let entries = images.into_iter().map(|image| {
        let names: Vec<String> = image.repo_digests.into_iter().chain(image.repo_tags).collect();
        json!({"names": names, "sizeBytes": image.size})
    });
    entries.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_nodes_without_containers_are_tainted() {
        for (containerd, expected) in [
            (Containerd::Absent, json!({"taints": [{"key": processes::ONLY_TAINT, "effect": "NoSchedule"}]})),
            (Containerd::Own, json!({})),
        ] {
            let config = Config { containerd, ..Config::new("n", [127, 0, 0, 1].into(), "/tmp") };
            assert_eq!(node(&config)["spec"], expected);
        }
    }
}
