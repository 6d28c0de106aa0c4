//! Which slices a Service should have: endpoints stay in the slice they are in, so that one Pod's change rewrites one
//! slice. Pure.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointConditions, EndpointPort, EndpointSlice};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;

use super::{MANAGED_BY, SERVICE_NAME};
use crate::backends::{self, HEADLESS, Port};
use crate::views::Pod;

/// How many endpoints a slice holds.
const ENDPOINTS_MAX: usize = 100;

/// What to do about a Service's slices.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) create: Vec<EndpointSlice>,
    pub(super) update: Vec<EndpointSlice>,
    pub(super) delete: Vec<String>,
}

/// Endpoints by address type and ports: each such group has slices of its own.
type Groups = BTreeMap<(&'static str, Vec<Port>), Vec<Endpoint>>;

/// Compares the slices there are with the Pods. `zone` gives the zone of a node.
pub(super) fn slices(
    service: &Service,
    pods: &[Arc<Pod>],
    current: &[Arc<EndpointSlice>],
    zone: &dyn Fn(&str) -> Option<String>,
) -> Plan {
    let mut groups = group(service, pods, zone);
    if groups.is_empty() {
        // One empty slice tells consumers that the Service is known to have nothing behind it.
        let type_ = address_types(service).first().copied().unwrap_or("IPv4");
        groups.insert((type_, Vec::new()), Vec::new());
    }
    let mut plan = Plan::default();
    let mut left: Vec<&Arc<EndpointSlice>> = current.iter().collect();
    for ((type_, ports), endpoints) in groups {
        let ports: Vec<EndpointPort> = ports.into_iter().map(slice_port).collect();
        let mut same: Vec<&Arc<EndpointSlice>> = Vec::new();
        left.retain(|slice| {
            let matches = slice.address_type == type_ && slice.ports.as_deref().unwrap_or_default() == ports;
            if matches {
                same.push(slice);
            }
            !matches
        });
        fill(service, type_, &ports, endpoints, &same, &mut plan);
    }
    // What is left has no group any more; reuse none, so that nobody sees one slice change its meaning.
    plan.delete.extend(left.iter().filter_map(|slice| slice.metadata.name.clone()));
    plan
}

/// Puts a group's endpoints into its slices.
fn fill(
    service: &Service,
    type_: &'static str,
    ports: &[EndpointPort],
    endpoints: Vec<Endpoint>,
    current: &[&Arc<EndpointSlice>],
    plan: &mut Plan,
) {
    let mut wanted: BTreeMap<String, Endpoint> = BTreeMap::new();
    for endpoint in endpoints {
        wanted.insert(identity(&endpoint), endpoint);
    }
    let mut contents: Vec<Vec<Endpoint>> = current
        .iter()
        .map(|slice| slice.endpoints.iter().flatten().filter_map(|old| wanted.remove(&identity(old))).collect())
        .collect();
    let mut rest: Vec<Endpoint> = wanted.into_values().collect();
    for content in &mut contents {
        let room = ENDPOINTS_MAX.saturating_sub(content.len()).min(rest.len());
        content.extend(rest.drain(..room));
    }
    let empty_ones = contents.iter().filter(|content| content.is_empty()).count();
    let mut keep_empty = usize::from(empty_ones == contents.len() && rest.is_empty() && !contents.is_empty());
    for (slice, content) in current.iter().zip(contents) {
        if content.is_empty() && keep_empty == 0 {
            plan.delete.extend(slice.metadata.name.clone());
            continue;
        }
        keep_empty = keep_empty.saturating_sub(usize::from(content.is_empty()));
        let labels = labels(service);
        if slice.endpoints.as_deref().unwrap_or_default() != content || slice.metadata.labels.as_ref() != Some(&labels)
        {
            let mut changed = (***slice).clone();
            changed.endpoints = Some(content);
            changed.metadata.labels = Some(labels);
            plan.update.push(changed);
        }
    }
    if current.is_empty() && rest.is_empty() {
        plan.create.push(new_slice(service, type_, ports, Vec::new()));
    }
    for chunk in rest.chunks(ENDPOINTS_MAX) {
        plan.create.push(new_slice(service, type_, ports, chunk.to_vec()));
    }
}

fn group(service: &Service, pods: &[Arc<Pod>], zone: &dyn Fn(&str) -> Option<String>) -> Groups {
    let publish = backends::publishes_unready(service);
    let mut groups = Groups::new();
    for backend in backends::backends(service, pods) {
        let pod = backend.pod;
        let (ready, terminating) = (pod.is_ready(), pod.is_terminating());
        let node = (!pod.spec.node_name.is_empty()).then(|| pod.spec.node_name.clone());
        for type_ in address_types(service) {
            let ips = pod.status.pod_ips.iter().map(|ip| ip.ip.as_str());
            let mut ips = ips.chain([pod.status.pod_ip.as_str()]);
            let Some(ip) = ips.find(|ip| ip.contains(':') == (type_ == "IPv6")) else { continue };
            let endpoint = Endpoint {
                addresses: vec![ip.to_owned()],
                conditions: Some(EndpointConditions {
                    ready: Some(publish || (ready && !terminating)),
                    serving: Some(ready),
                    terminating: Some(terminating),
                }),
                hostname: backends::hostname(pod, service),
                zone: node.as_deref().and_then(zone),
                node_name: node.clone(),
                target_ref: Some(crate::endpoints::target(pod)),
                ..Endpoint::default()
            };
            groups.entry((type_, backend.ports.clone())).or_default().push(endpoint);
        }
    }
    groups
}

fn address_types(service: &Service) -> Vec<&'static str> {
    let families = service.spec.as_ref().and_then(|spec| spec.ip_families.as_deref()).unwrap_or_default();
    let mut types: Vec<&'static str> =
        families.iter().map(|family| if family == "IPv6" { "IPv6" } else { "IPv4" }).collect();
    if types.is_empty() {
        types.push("IPv4");
    }
    types
}

/// An endpoint is the same one as long as it is the same Pod.
fn identity(endpoint: &Endpoint) -> String {
    let target = endpoint.target_ref.as_ref().and_then(|target| target.uid.clone());
    target.or_else(|| endpoint.addresses.first().cloned()).unwrap_or_default()
}

fn labels(service: &Service) -> BTreeMap<String, String> {
    let mut labels = service.metadata.labels.clone().unwrap_or_default();
    labels.insert(SERVICE_NAME.to_owned(), service.metadata.name.clone().unwrap_or_default());
    labels.insert(MANAGED_BY.0.to_owned(), MANAGED_BY.1.to_owned());
    if backends::is_headless(service) {
        labels.insert(HEADLESS.to_owned(), String::new());
    }
    labels
}

fn new_slice(service: &Service, type_: &str, ports: &[EndpointPort], endpoints: Vec<Endpoint>) -> EndpointSlice {
    let owner = service.controller_owner_ref(&()).map(|mut owner| {
        owner.block_owner_deletion = Some(true);
        owner
    });
    EndpointSlice {
        metadata: ObjectMeta {
            generate_name: service.metadata.name.as_ref().map(|name| format!("{name}-")),
            namespace: service.metadata.namespace.clone(),
            labels: Some(labels(service)),
            owner_references: owner.map(|owner| vec![owner]),
            ..ObjectMeta::default()
        },
        address_type: type_.to_owned(),
        endpoints: Some(endpoints),
        ports: Some(ports.to_vec()),
    }
}

fn slice_port(port: Port) -> EndpointPort {
    EndpointPort {
        app_protocol: port.app_protocol,
        name: Some(port.name),
        port: Some(port.port),
        protocol: Some(port.protocol),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn service() -> Service {
        let spec = json!({"selector": {"app": "web"}, "ports": [{"port": 80, "protocol": "TCP"}]});
        serde_json::from_value(json!({"metadata": {"name": "web", "uid": "s"}, "spec": spec})).unwrap()
    }

    fn pods(numbers: std::ops::Range<usize>) -> Vec<Arc<Pod>> {
        let pod = |n: usize| {
            let value = json!({
                "metadata": {"name": format!("p{n:03}"), "uid": format!("u{n:03}"), "labels": {"app": "web"}},
                "status": {"phase": "Running", "podIP": format!("10.0.{}.{}", n / 250, n % 250)},
            });
            Arc::new(serde_json::from_value::<Pod>(value).unwrap())
        };
        numbers.map(pod).collect()
    }

    fn named(mut slices: Vec<EndpointSlice>) -> Vec<Arc<EndpointSlice>> {
        for (n, slice) in slices.iter_mut().enumerate() {
            slice.metadata.name = Some(format!("web-{n}"));
        }
        slices.into_iter().map(Arc::new).collect()
    }

    fn check(pods: &[Arc<Pod>], current: &[Arc<EndpointSlice>], create: &[usize], update: &[usize], delete: usize) {
        let plan = slices(&service(), pods, current, &|_| None);
        let sizes = |slices: &[EndpointSlice]| -> Vec<usize> {
            slices.iter().map(|slice| slice.endpoints.as_ref().map_or(0, Vec::len)).collect()
        };
        assert_eq!(
            (sizes(&plan.create), sizes(&plan.update), plan.delete.len()),
            (create.to_vec(), update.to_vec(), delete)
        );
    }

    #[test]
    fn endpoints_keep_their_slices() {
        check(&[], &[], &[0], &[], 0);
        check(&pods(0..250), &[], &[100, 100, 50], &[], 0);
        let current = named(slices(&service(), &pods(0..250), &[], &|_| None).create);
        check(&pods(0..250), &current, &[], &[], 0);
        check(&pods(0..251), &current, &[], &[51], 0);
        check(&pods(1..250), &current, &[], &[99], 0);
        check(&pods(0..100), &current, &[], &[], 2);
        check(&[], &current, &[0], &[], 3);
    }
}
