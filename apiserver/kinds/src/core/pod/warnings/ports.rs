//! Ports that several containers of a Pod declare.

use std::collections::HashMap;

use kubernel_meta::field::Path;
use serde_json::Value;

use crate::core::pod::validation::all_containers;
use crate::tree::{int, items, text};

/// More are not looked for: each pair of ports may give one, and an answer shows a few dozen.
const WARNINGS_MAX: usize = 1000;

/// The warnings about the ports of all containers.
pub(super) fn warnings(path: &Path, spec: &Value) -> Vec<String> {
    let mut numbers: HashMap<(i64, &str), Vec<(Path, &Value)>> = HashMap::new();
    let mut names: HashMap<&str, (Path, Path)> = HashMap::new();
    let mut warnings = Vec::new();
    for (container_at, container) in all_containers(path, spec) {
        let together = !container_at.as_str().contains("initContainers[") || super::is_sidecar(container);
        for (index, port) in items(container, "ports").iter().enumerate() {
            let at = container_at.child("ports").index(index);
            if !text(port, "hostIP").is_empty() && int(port, "hostPort") == 0 {
                warnings.push(format!("{at}: hostIP set without hostPort: {}", go_port(port)));
            }
            let others = numbers.entry((int(port, "containerPort"), text(port, "protocol"))).or_default();
            if warnings.len() < WARNINGS_MAX {
                warnings.extend(others.iter().filter_map(|(first, other)| overlap(&at, port, first, other)));
            }
            others.push((at.clone(), port));
            let name = text(port, "name");
            if name.is_empty() || !together {
                continue;
            }
            match names.get(name) {
                Some((holder, first)) if *holder != container_at => warnings.push(format!(
                    "{at}: duplicate port name {name:?} with {first}, services and probes that select ports by name \
                     will use {first}"
                )),
                Some(_) => {}
                None => drop(names.insert(name, (container_at.clone(), at))),
            }
        }
    }
    warnings
}

/// How a port gets into another's way that has its number and protocol.
fn overlap(at: &Path, port: &Value, first: &Path, other: &Value) -> Option<String> {
    let (ip, other_ip) = (text(port, "hostIP"), text(other, "hostIP"));
    let (host, other_host) = (int(port, "hostPort"), int(other, "hostPort"));
    let kind = if ip == other_ip && host == other_host {
        "duplicate"
    } else if host == 0 || other_host == 0 {
        "overlapping"
    } else if host == other_host && ip.is_empty() != other_ip.is_empty() {
        "dangerously ambiguous"
    } else {
        return None;
    };
    Some(format!("{at}: {kind} port definition with {first}"))
}

/// A port as Go's `%+v` prints it.
fn go_port(port: &Value) -> String {
    format!(
        "{{Name:{} HostPort:{} ContainerPort:{} Protocol:{} HostIP:{}}}",
        text(port, "name"),
        int(port, "hostPort"),
        int(port, "containerPort"),
        text(port, "protocol"),
        text(port, "hostIP")
    )
}
