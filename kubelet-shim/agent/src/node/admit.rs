//! Whether this node can take a Pod. The scheduler has decided so already; this guards against two schedulers, Pods
//! bound by hand, and a node that changed.

use serde_json::Value;

use super::NodeContext;
use crate::Containerd;
use crate::pod::View;
use crate::work::sandbox::is_processes;
use crate::work::{bytes, milli};

/// The reason and message of a refusal.
pub(crate) type Refusal = (String, String);

/// Looks at a Pod beside those that run here.
pub(crate) fn admit(node: &NodeContext, pod: &Value, others: &[View]) -> Result<(), Refusal> {
    if node.config.containerd == Containerd::Absent && !is_processes(pod) {
        let message =
            "Pod was rejected: the node has no container runtime, it only takes pods with runtimeClassName process";
        return Err(("NoContainerRuntime".into(), message.into()));
    }
    let alive: Vec<&Value> = others.iter().filter(|view| !view.finished).map(|view| &*view.object).collect();
    if alive.len() >= node.config.pods_max as usize {
        return Err(lacking("pods", 1, alive.len() as i64, i64::from(node.config.pods_max)));
    }
    for (name, capacity) in [("cpu", node.facts.cpu_milli), ("memory", node.facts.memory_bytes)] {
        let wanted = request(pod, name);
        let used: i64 = alive.iter().map(|other| request(other, name)).sum();
        if wanted > 0 && used.saturating_add(wanted) > capacity {
            return Err(lacking(name, wanted, used, capacity));
        }
    }
    let taken: Vec<_> = alive.iter().flat_map(|other| host_ports(other)).collect();
    if host_ports(pod).iter().any(|port| taken.iter().any(|other| clash(port, other))) {
        let message =
            "Pod was rejected: Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports";
        return Err(("NodePorts".into(), message.into()));
    }
    Ok(())
}

fn lacking(resource: &str, wanted: i64, used: i64, capacity: i64) -> Refusal {
    let message = format!(
        "Pod was rejected: Node didn't have enough resource: {resource}, requested: {wanted}, used: {used}, capacity: {capacity}"
    );
    (format!("OutOf{resource}"), message)
}

/// What a Pod asks for: its containers together, or its hungriest init container if that is more.
fn request(pod: &Value, name: &str) -> i64 {
    let of = |container: &Value| {
        let requests = &container["resources"]["requests"][name];
        if name == "cpu" { milli(requests) } else { bytes(requests) }.unwrap_or(0)
    };
    let list = |field: &str| pod["spec"][field].as_array().into_iter().flatten();
    let (sidecars, inits): (Vec<_>, Vec<_>) =
        list("initContainers").partition(|container| container["restartPolicy"] == "Always");
    let beside: i64 = sidecars.into_iter().map(&of).sum();
    let together = list("containers").map(&of).sum::<i64>() + beside;
    let hungriest = inits.into_iter().map(&of).max().unwrap_or(0);
    together.max(hungriest)
}

/// Port, protocol and address of each port a Pod takes on the node.
fn host_ports(pod: &Value) -> Vec<(i64, String, String)> {
    let containers = ["containers", "initContainers"].into_iter().flat_map(|list| pod["spec"][list].as_array());
    let ports = containers.flatten().flat_map(|container| container["ports"].as_array()).flatten();
    let text =
        |value: &Value, default: &str| value.as_str().filter(|text| !text.is_empty()).unwrap_or(default).to_owned();
    ports
        .filter_map(|port| {
            let number = port["hostPort"].as_i64().filter(|port| *port > 0)?;
            Some((number, text(&port["protocol"], "TCP"), text(&port["hostIP"], "0.0.0.0")))
        })
        .collect()
}

fn clash(one: &(i64, String, String), other: &(i64, String, String)) -> bool {
    let any = |ip: &str| ip == "0.0.0.0" || ip == "::";
    one.0 == other.0 && one.1 == other.1 && (one.2 == other.2 || any(&one.2) || any(&other.2))
}
