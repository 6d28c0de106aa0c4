//! The sandbox of a Pod.

use std::collections::HashMap;
use std::path::PathBuf;

use kubernel_meta::processes;
use kubernel_podlife::Qos;
use kubernel_runtime::{cri, labels, process};
use serde_json::Value;

use super::{hosts, pod_cgroup, resources, security};
use crate::pod::PodContext;

/// The sandbox as CRI describes it. Containers need the same description again.
pub(crate) fn config(context: &PodContext, pod: &Value, qos: Qos, attempt: u32) -> cri::PodSandboxConfig {
    let config = &context.node.config;
    let meta = &pod["metadata"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let host_network = pod["spec"]["hostNetwork"] == true;
    let hostname = match hosts::fqdn(pod, &config.cluster_domain) {
        // A Pod on the node's network keeps the node's name; the runtime refuses another.
        _ if host_network => String::new(),
        Some(full) => full,
        None => hosts::hostname(pod),
    };
    let mut all = strings(&meta["labels"]);
    all.extend(own_labels(pod));
    let sysctls = pod["spec"]["securityContext"]["sysctls"].as_array().into_iter().flatten();
    cri::PodSandboxConfig {
        metadata: Some(cri::PodSandboxMetadata {
            name: text(&meta["name"]),
            uid: text(&meta["uid"]),
            namespace: text(&meta["namespace"]),
            attempt,
        }),
        hostname,
        log_directory: log_dir(context, pod).to_string_lossy().into_owned(),
        dns_config: Some(hosts::dns(pod, config)),
        port_mappings: if host_network { Vec::new() } else { port_mappings(pod) },
        labels: all,
        annotations: strings(&meta["annotations"])
            .into_iter()
            .chain([(labels::NODE_NAME.to_owned(), config.node_name.clone())])
            .collect(),
        linux: Some(cri::LinuxPodSandboxConfig {
            cgroup_parent: pod_cgroup(&config.cgroup_root, qos, &context.uid),
            security_context: Some(security::of_sandbox(pod)),
            sysctls: sysctls.map(|entry| (text(&entry["name"]), text(&entry["value"]))).collect(),
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// The labels that name the Pod.
pub(crate) fn own_labels(pod: &Value) -> [(String, String); 3] {
    let text = |field: &str| pod["metadata"][field].as_str().unwrap_or_default().to_owned();
    [
        (labels::POD_NAME.to_owned(), text("name")),
        (labels::POD_NAMESPACE.to_owned(), text("namespace")),
        (labels::POD_UID.to_owned(), text("uid")),
    ]
}

/// The folder of a Pod's logs.
pub(crate) fn log_dir(context: &PodContext, pod: &Value) -> PathBuf {
    let text = |field: &str| pod["metadata"][field].as_str().unwrap_or_default();
    let name = format!("{}_{}_{}", text("namespace"), text("name"), context.uid);
    context.node.config.log_dir.join(name)
}

/// Makes the sandbox; the answer is its id and addresses, or a text for the event.
pub(crate) async fn run(
    context: &PodContext,
    pod: &Value,
    qos: Qos,
    attempt: u32,
) -> Result<(String, Vec<String>), String> {
    let dir = log_dir(context, pod);
    if !context.node.hollow {
        std::fs::create_dir_all(&dir).map_err(|error| format!("{}: {error}", dir.display()))?;
    }
    let _turn = context.node.turns.acquire().await;
    let runtime = &context.node.runtime;
    let id = runtime.run_sandbox(config(context, pod, qos, attempt), handler(pod)).await;
    let id = id.map_err(|error| error.to_string())?;
    if !context.node.hollow {
        let cgroup = pod_cgroup(&context.node.config.cgroup_root, qos, &context.uid);
        context.node.cgroups.limit(&cgroup, &resources::of_pod(pod, qos));
    }
    let ips = addresses(context, pod, &id).await?;
    Ok((id, ips))
}

/// Who runs a Pod's containers: the runtime's default, or the node itself.
fn handler(pod: &Value) -> String {
    if is_processes(pod) { process::HANDLER.to_owned() } else { String::new() }
}

/// Whether a Pod's containers are processes of the node, without images.
pub(crate) fn is_processes(pod: &Value) -> bool {
    pod["spec"]["runtimeClassName"] == processes::RUNTIME_CLASS
}

/// The addresses of a sandbox: its own, or the node's when it lives on the node's network.
pub(crate) async fn addresses(context: &PodContext, pod: &Value, id: &str) -> Result<Vec<String>, String> {
    if pod["spec"]["hostNetwork"] == true {
        return Ok(vec![context.node.config.node_ip.to_string()]);
    }
    let status = context.node.runtime.sandbox_status(id).await.map_err(|error| error.to_string())?;
    Ok(ips(&status))
}

/// The addresses in a sandbox's status.
pub(crate) fn ips(status: &cri::PodSandboxStatus) -> Vec<String> {
    let network = status.network.iter();
    let all = network.flat_map(|n| std::iter::once(&n.ip).chain(n.additional_ips.iter().map(|more| &more.ip)));
    all.filter(|ip| !ip.is_empty()).cloned().collect()
}

fn port_mappings(pod: &Value) -> Vec<cri::PortMapping> {
    let containers = ["containers", "initContainers"].into_iter().flat_map(|list| pod["spec"][list].as_array());
    let ports = containers.flatten().flat_map(|container| container["ports"].as_array()).flatten();
    let number = |value: &Value| value.as_i64().and_then(|value| i32::try_from(value).ok()).unwrap_or(0);
    ports
        .filter(|port| number(&port["hostPort"]) > 0)
        .map(|port| cri::PortMapping {
            protocol: match port["protocol"].as_str() {
                Some("UDP") => cri::Protocol::Udp,
                Some("SCTP") => cri::Protocol::Sctp,
                _ => cri::Protocol::Tcp,
            } as i32,
            container_port: number(&port["containerPort"]),
            host_port: number(&port["hostPort"]),
            host_ip: port["hostIP"].as_str().unwrap_or_default().to_owned(),
        })
        .collect()
}

fn strings(map: &Value) -> HashMap<String, String> {
    let entries = map.as_object().into_iter().flatten();
    entries.map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned())).collect()
}
