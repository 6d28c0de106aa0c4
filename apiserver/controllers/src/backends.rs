//! Which Pods stand behind a Service, and at which ports: pure, shared by Endpoints and EndpointSlices.

use std::sync::Arc;

use k8s_openapi::api::core::v1::{Service, ServicePort};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use crate::cache::Cache;
use crate::key::Key;
use crate::queue::Queue;
use crate::views::Pod;

/// The label on what belongs to a headless Service.
pub(crate) const HEADLESS: &str = "service.kubernetes.io/headless";

/// A port as a Pod serves it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Port {
    pub(crate) name: String,
    pub(crate) port: i32,
    pub(crate) protocol: String,
    pub(crate) app_protocol: Option<String>,
}

/// A Pod behind a Service.
pub(crate) struct Backend<'a> {
    pub(crate) pod: &'a Pod,
    pub(crate) ports: Vec<Port>,
}

/// The Service's Pods that have an address, those on their way out included. A Pod that does not name one of the
/// Service's ports serves only the others.
pub(crate) fn backends<'a>(service: &Service, pods: &'a [Arc<Pod>]) -> Vec<Backend<'a>> {
    let spec = service.spec.as_ref();
    let Some(selector) = spec.and_then(|spec| spec.selector.as_ref()).filter(|selector| !selector.is_empty()) else {
        return Vec::new();
    };
    let service_ports = spec.and_then(|spec| spec.ports.as_deref()).unwrap_or_default();
    let selected = |pod: &&Arc<Pod>| {
        let labels = pod.metadata.labels.as_ref();
        selector.iter().all(|(key, value)| labels.and_then(|labels| labels.get(key)) == Some(value))
    };
    let mut found: Vec<Backend<'_>> = pods
        .iter()
        .filter(selected)
        .filter(|pod| !pod.status.pod_ip.is_empty() && !pod.is_terminal())
        .map(|pod| {
            let mut ports: Vec<Port> = service_ports.iter().filter_map(|port| resolve(pod, port)).collect();
            ports.sort();
            Backend { pod, ports }
        })
        .filter(|backend| service_ports.is_empty() || !backend.ports.is_empty())
        .collect();
    found.sort_by(|a, b| a.pod.metadata.name.cmp(&b.pod.metadata.name));
    found
}

/// Whether the Service's Pods get traffic before they are ready.
pub(crate) fn publishes_unready(service: &Service) -> bool {
    service.spec.as_ref().and_then(|spec| spec.publish_not_ready_addresses) == Some(true)
}

/// Whether the Service has no address of its own.
pub(crate) fn is_headless(service: &Service) -> bool {
    service.spec.as_ref().and_then(|spec| spec.cluster_ip.as_deref()) == Some("None")
}

/// Whether the Service's endpoints are ours to write: it selects Pods.
pub(crate) fn is_managed(service: &Service) -> bool {
    let spec = service.spec.as_ref();
    spec.and_then(|spec| spec.selector.as_ref()).is_some()
        && spec.and_then(|spec| spec.type_.as_deref()) != Some("ExternalName")
}

/// The Pod's hostname where DNS knows it below this Service.
pub(crate) fn hostname(pod: &Pod, service: &Service) -> Option<String> {
    let named = !pod.spec.hostname.is_empty() && Some(&pod.spec.subdomain) == service.metadata.name.as_ref();
    named.then(|| pod.spec.hostname.clone())
}

/// Puts a Service on the queue whenever it or one of its Pods changes.
pub(crate) fn listen(queue: &Queue<Key>, services: &Arc<Cache<Service>>, pods: &Arc<Cache<Pod>>) {
    let on_service = queue.clone();
    services.listen(move |before, after| {
        if let Some(service) = after.or(before) {
            on_service.add(Key::of(&**service));
        }
    });
    let (queue, services) = (queue.clone(), services.clone());
    pods.listen(move |before, after| {
        if let (Some(before), Some(after)) = (before, after)
            && same_backend(before, after)
        {
            return;
        }
        let Some(namespace) = after.or(before).and_then(|pod| pod.metadata.namespace.as_deref()) else { return };
        for service in services.in_namespace(namespace) {
            let concerned = [before, after].into_iter().flatten().any(|pod| selects(&service, pod));
            if concerned {
                queue.add(Key::of(&*service));
            }
        }
    });
}

/// Nothing changed that an endpoint shows.
fn same_backend(a: &Pod, b: &Pod) -> bool {
    a.status.pod_ip == b.status.pod_ip
        && a.is_ready() == b.is_ready()
        && a.is_terminating() == b.is_terminating()
        && a.is_terminal() == b.is_terminal()
        && a.metadata.labels == b.metadata.labels
        && a.metadata.uid == b.metadata.uid
}

fn selects(service: &Service, pod: &Pod) -> bool {
    let selector = service.spec.as_ref().and_then(|spec| spec.selector.as_ref());
    let labels = pod.metadata.labels.as_ref();
    selector.is_some_and(|selector| {
        selector.iter().all(|(key, value)| labels.and_then(|labels| labels.get(key)) == Some(value))
    })
}

fn resolve(pod: &Pod, port: &ServicePort) -> Option<Port> {
    let protocol = port.protocol.clone().unwrap_or_else(|| "TCP".to_owned());
    let number = match &port.target_port {
        None => port.port,
        Some(IntOrString::Int(0)) => port.port,
        Some(IntOrString::Int(number)) => *number,
        Some(IntOrString::String(name)) => {
            let sidecars = pod.spec.init_containers.iter().filter(|container| container.restart_policy == "Always");
            let mut ports = pod.spec.containers.iter().chain(sidecars).flat_map(|container| &container.ports);
            ports.find(|candidate| candidate.name == *name && candidate.protocol == protocol)?.container_port
        }
    };
    let name = port.name.clone().unwrap_or_default();
    Some(Port { name, port: number, protocol, app_protocol: port.app_protocol.clone() })
}
