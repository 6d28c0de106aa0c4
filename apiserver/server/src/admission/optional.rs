//! Plug-ins that are off by default and need a few lines only: AlwaysPullImages, DenyServiceExternalIPs,
//! ExtendedResourceToleration, LimitPodHardAntiAffinityTopology.

use std::collections::BTreeSet;

use kubernel_meta::{ApiError, Object};
use serde_json::{Value, json};

use super::{Attributes, Operation};

/// The lists of containers that a Pod can have.
const CONTAINERS: [&str; 3] = ["initContainers", "containers", "ephemeralContainers"];
const HOSTNAME: &str = "kubernetes.io/hostname";

/// AlwaysPullImages: nobody uses an image that another one was allowed to pull.
pub(super) fn always_pull(request: &Attributes<'_>, pod: &mut Object) {
    let touches_images = matches!(request.subresource, "" | "ephemeralcontainers");
    if !request.is_of("", "pods") || !touches_images || request.operation == Operation::Connect {
        return;
    }
    let spec = pod.map_at_mut(&["spec"]);
    for list in CONTAINERS {
        for container in spec.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            container["imagePullPolicy"] = json!("Always");
        }
    }
    for volume in spec.get_mut("volumes").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(image) = volume.get_mut("image").and_then(Value::as_object_mut) {
            image.insert("pullPolicy".to_owned(), json!("Always"));
        }
    }
}

/// ExtendedResourceToleration: nodes with special devices may be tainted with their name; who asks for them tolerates it.
pub(super) fn tolerate_extended(request: &Attributes<'_>, pod: &mut Object) {
    if !request.is_main("", "pods") {
        return;
    }
    let lists = ["containers", "initContainers"].into_iter().flat_map(|list| pod.list_at(&["spec", list]));
    let names = lists.filter_map(|container| container.pointer("/resources/requests").and_then(Value::as_object));
    let is_extended = |name: &&String| name.contains('/') && !name.contains("kubernetes.io/");
    let names: BTreeSet<String> = names.flat_map(|requests| requests.keys()).filter(is_extended).cloned().collect();
    let mut tolerations = pod.list_at(&["spec", "tolerations"]).to_vec();
    let before = tolerations.len();
    for name in names {
        let toleration = json!({ "key": name, "operator": "Exists", "effect": "NoSchedule" });
        if !tolerations.contains(&toleration) {
            tolerations.push(toleration);
        }
    }
    if tolerations.len() > before {
        pod.set(&["spec", "tolerations"], tolerations);
    }
}

/// LimitPodHardAntiAffinityTopology: a Pod keeps others from its node at most, not from a whole zone.
pub(super) fn limit_anti_affinity(request: &Attributes<'_>, pod: &Object) -> Result<(), ApiError> {
    if !request.is_main("", "pods") {
        return Ok(());
    }
    let path = ["spec", "affinity", "podAntiAffinity", "requiredDuringSchedulingIgnoredDuringExecution"];
    let keys = pod.list_at(&path).iter().map(|term| term["topologyKey"].as_str().unwrap_or_default());
    match keys.into_iter().find(|key| *key != HOSTNAME) {
        None => Ok(()),
        Some(key) => Err(request.forbidden(format!(
            "affinity.PodAntiAffinity.RequiredDuringScheduling has TopologyKey {key} but only key {HOSTNAME} is allowed"
        ))),
    }
}

/// DenyServiceExternalIPs: nobody takes over another address; those that are there already may stay.
pub(super) fn deny_external_ips(
    request: &Attributes<'_>,
    service: &Object,
    old: Option<&Object>,
) -> Result<(), ApiError> {
    if !request.is_main("", "services") {
        return Ok(());
    }
    let before = old.map(|old| old.list_at(&["spec", "externalIPs"])).unwrap_or_default();
    if service.list_at(&["spec", "externalIPs"]).iter().all(|ip| before.contains(ip)) {
        return Ok(());
    }
    Err(request.forbidden("Use of external IPs is denied by admission control."))
}
