//! Warnings about Pods and pod templates that are accepted all the same.

use std::collections::HashSet;

use kubernel_meta::Object;
use kubernel_meta::field::Path;
use serde_json::Value;

use super::amounts;
use crate::tree::{int, items, set, text};

/// Labels of nodes that have newer names: the old one, since when, the new one.
const OLD_NODE_LABELS: [(&str, &str, &str); 5] = [
    ("beta.kubernetes.io/arch", "v1.14", "kubernetes.io/arch"),
    ("beta.kubernetes.io/os", "v1.14", "kubernetes.io/os"),
    ("failure-domain.beta.kubernetes.io/region", "v1.17", "topology.kubernetes.io/region"),
    ("failure-domain.beta.kubernetes.io/zone", "v1.17", "topology.kubernetes.io/zone"),
    ("beta.kubernetes.io/instance-type", "v1.17", "node.kubernetes.io/instance-type"),
];

/// Volume sources that no longer work.
const OLD_VOLUMES: [(&str, &str); 9] = [
    ("photonPersistentDisk", "deprecated in v1.11, non-functional in v1.16+"),
    ("gitRepo", "deprecated in v1.11, and disabled by default in v1.33+"),
    ("scaleIO", "deprecated in v1.16, non-functional in v1.22+"),
    ("flocker", "deprecated in v1.22, non-functional in v1.25+"),
    ("storageos", "deprecated in v1.22, non-functional in v1.25+"),
    ("quobyte", "deprecated in v1.22, non-functional in v1.25+"),
    ("glusterfs", "deprecated in v1.25, non-functional in v1.26+"),
    ("cephfs", "deprecated in v1.28, non-functional in v1.31+"),
    ("rbd", "deprecated in v1.28, non-functional in v1.31+"),
];

/// The warnings about a new Pod, or about a changed one where its spec changed.
pub(super) fn of_pod(pod: &Object, old: Option<&Object>) -> Vec<String> {
    if old.is_some_and(|old| old.at(&["spec"]) == pod.at(&["spec"])) {
        return Vec::new();
    }
    let metadata = pod.at(&["metadata"]).unwrap_or(&Value::Null);
    of_spec(&Path::root("spec"), pod.at(&["spec"]).unwrap_or(&Value::Null), &Path::root("metadata"), metadata)
}

/// The warnings about the template at a path of an object, where it is new or changed.
pub fn of_template(path: &[&str], object: &Object, old: Option<&Object>) -> Vec<String> {
    if old.is_some_and(|old| old.at(path) == object.at(path)) {
        return Vec::new();
    }
    let Some(template) = object.at(path) else { return Vec::new() };
    let at = path.iter().fold(Path::root(""), |at, field| at.child(field));
    let spec = template.get("spec").unwrap_or(&Value::Null);
    let metadata = template.get("metadata").unwrap_or(&Value::Null);
    of_spec(&at.child("spec"), spec, &at.child("metadata"), metadata)
}

fn of_spec(path: &Path, spec: &Value, metadata_path: &Path, metadata: &Value) -> Vec<String> {
    let mut warnings = Vec::new();
    for (label, since, newer) in OLD_NODE_LABELS {
        if spec.get("nodeSelector").is_some_and(|selector| selector.get(label).is_some()) {
            let at = path.child("nodeSelector").key(label);
            warnings.push(format!("{at}: deprecated since {since}; use \"{newer}\" instead"));
        }
    }
    for (at, constraint) in items(spec, "topologySpreadConstraints").iter().enumerate() {
        if set(constraint, "labelSelector").is_none() {
            let at = path.child("topologySpreadConstraints").index(at).child("labelSelector");
            warnings.push(format!("{at}: a null labelSelector results in matching no pod"));
        }
    }
    for (at, volume) in items(spec, "volumes").iter().enumerate() {
        volume_warnings(&path.child("volumes").index(at), volume, &mut warnings);
    }
    for (at, secret) in items(spec, "imagePullSecrets").iter().enumerate() {
        if text(secret, "name").is_empty() {
            let at = path.child("imagePullSecrets").index(at).child("name");
            warnings.push(format!("{at}: invalid empty name \"\""));
        }
    }
    let mut ports = Ports::default();
    for list in ["initContainers", "containers"] {
        for (at, container) in items(spec, list).iter().enumerate() {
            let at = path.child(list).index(at);
            resource_warnings(&at.child("resources"), container.get("resources"), &mut warnings);
            env_warnings(&at.child("env"), container, &mut warnings);
            if list == "containers" {
                ports.check(&at.child("ports"), container, &mut warnings);
            }
        }
    }
    for key in metadata.get("annotations").and_then(Value::as_object).into_iter().flatten().map(|(key, _)| key) {
        if key.starts_with("container.apparmor.security.beta.kubernetes.io/") {
            let at = metadata_path.child("annotations").key(key);
            warnings.push(format!("{at}: deprecated since v1.30; use the \"appArmorProfile\" field instead"));
        }
    }
    if int(spec, "terminationGracePeriodSeconds") < 0 {
        let at = path.child("terminationGracePeriodSeconds");
        warnings.push(format!("{at}: must be >= 0; negative values are invalid and will be treated as 1"));
    }
    warnings
}

fn volume_warnings(path: &Path, volume: &Value, warnings: &mut Vec<String>) {
    for (source, message) in OLD_VOLUMES {
        if set(volume, source).is_some() {
            warnings.push(format!("{}: {message}", path.child(source)));
        }
    }
    for source in set(volume, "projected").map_or(&[][..], |projected| items(projected, "sources")) {
        if source.as_object().is_some_and(|source| source.values().all(Value::is_null)) {
            warnings.push(format!("volume {:?} (Projected) has no sources provided", text(volume, "name")));
        }
    }
}

/// Bytes come whole.
fn resource_warnings(path: &Path, resources: Option<&Value>, warnings: &mut Vec<String>) {
    for list in ["limits", "requests"] {
        let amounts = resources.and_then(|resources| resources.get(list)).map(amounts::read).unwrap_or_default();
        for (name, amount) in amounts {
            if matches!(name.as_str(), "memory" | "ephemeral-storage") && !amount.is_integer() {
                let at = path.child(list).key(&name);
                let shown = amount.to_string();
                warnings.push(format!("{at}: fractional byte value {shown:?} is invalid, must be an integer"));
            }
        }
    }
}

fn env_warnings(path: &Path, container: &Value, warnings: &mut Vec<String>) {
    let mut names = HashSet::new();
    for (at, variable) in items(container, "env").iter().enumerate() {
        let name = text(variable, "name");
        let refers = text(variable, "value").contains(&format!("$({name})"));
        if !names.insert(name) && !refers {
            let at = path.index(at);
            warnings
                .push(format!("{at}: hides previous definition of {name:?}, which may be dropped when using apply"));
        }
    }
}

/// The ports of the containers so far, with where they are.
#[derive(Default)]
struct Ports<'a> {
    seen: Vec<(&'a Value, Path)>,
}

impl<'a> Ports<'a> {
    fn check(&mut self, path: &Path, container: &'a Value, warnings: &mut Vec<String>) {
        for (index, port) in items(container, "ports").iter().enumerate() {
            let at = path.index(index);
            let same = |(other, _): &&(&Value, Path)| {
                let fields = ["containerPort", "hostPort"];
                fields.iter().all(|field| int(other, field) == int(port, field))
                    && text(other, "protocol") == text(port, "protocol")
                    && text(other, "hostIP") == text(port, "hostIP")
            };
            if let Some((_, first)) = self.seen.iter().find(same) {
                warnings.push(format!("{at}: duplicate port definition with {first}"));
            }
            let name = text(port, "name");
            let own = format!("{path}[");
            let named = |(other, at): &&(&Value, Path)| {
                !name.is_empty() && text(other, "name") == name && !at.as_str().starts_with(&own)
            };
            if let Some((_, first)) = self.seen.iter().find(named) {
                warnings.push(format!(
                    "{at}: duplicate port name {name:?} with {first}, services and probes that select ports by name \
                     will use {first}"
                ));
            }
            self.seen.push((port, at));
        }
    }
}
