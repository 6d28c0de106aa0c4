//! From Services and EndpointSlices to what a proxy needs: for every service port its addresses and endpoints.
//!
//! Pure. The rules are Kubernetes': an endpoint takes part when it is ready; when none is, those that are still serving
//! while they terminate; ports are matched by name; only IPv4.

use crate::cluster::Snapshot;
use k8s_openapi::api::core::v1::{Service, ServicePort};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::Ipv4Addr;
use std::sync::Arc;

/// Services with this label belong to another proxy.
const OTHER_PROXY_LABEL: &str = "service.kubernetes.io/service-proxy-name";
/// Names the Service of an EndpointSlice.
const SERVICE_LABEL: &str = "kubernetes.io/service-name";
/// Further endpoints of one port are left out.
const ENDPOINTS_MAX: usize = 1000;
const AFFINITY_SECS_DEFAULT: i32 = 10800;

/// One port of one Service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Backend {
    /// `namespace/name/port`
    pub(super) key: String,
    /// `tcp`, `udp` or `sctp`
    pub(super) protocol: &'static str,
    pub(super) cluster_ip: Ipv4Addr,
    /// externalIPs and the load balancer's.
    pub(super) external_ips: BTreeSet<Ipv4Addr>,
    pub(super) port: u16,
    pub(super) node_port: Option<u16>,
    pub(super) endpoints: BTreeMap<(Ipv4Addr, u16), Locality>,
    /// internalTrafficPolicy
    pub(super) internal_local: bool,
    /// externalTrafficPolicy
    pub(super) external_local: bool,
    /// How long a client stays with its endpoint.
    pub(super) affinity_secs: Option<u32>,
}

/// Where an endpoint is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Locality {
    Local,
    Remote,
}

/// Every proxied port, sorted by key.
pub(super) fn collect(snapshot: &Snapshot, node: &str) -> Vec<Backend> {
    let mut slices: HashMap<(&str, &str), Vec<&EndpointSlice>> = HashMap::new();
    for slice in &snapshot.slices {
        let service = slice.metadata.labels.as_ref().and_then(|labels| labels.get(SERVICE_LABEL));
        if let (Some(namespace), Some(service)) = (&slice.metadata.namespace, service)
            && slice.address_type == "IPv4"
        {
            slices.entry((namespace, service)).or_default().push(slice);
        }
    }
    let mut backends: Vec<Backend> =
        snapshot.services.iter().flat_map(|service| of_service(service, &slices, node)).collect();
    backends.sort_by(|a, b| (&a.key, a.protocol).cmp(&(&b.key, b.protocol)));
    backends
}

fn of_service(service: &Arc<Service>, slices: &HashMap<(&str, &str), Vec<&EndpointSlice>>, node: &str) -> Vec<Backend> {
    let (Some(namespace), Some(name), Some(spec)) =
        (&service.metadata.namespace, &service.metadata.name, &service.spec)
    else {
        return Vec::new();
    };
    let foreign = service.metadata.labels.as_ref().is_some_and(|labels| labels.contains_key(OTHER_PROXY_LABEL));
    let ips = spec.cluster_ips.as_deref().unwrap_or_default().iter().chain(&spec.cluster_ip);
    let Some(cluster_ip) = ips.filter_map(|ip| ip.parse().ok()).next() else { return Vec::new() };
    if foreign || spec.type_.as_deref() == Some("ExternalName") {
        return Vec::new();
    }
    let ingress = service.status.iter().filter_map(|s| s.load_balancer.as_ref()?.ingress.as_ref()).flatten();
    let external = spec.external_ips.iter().flatten().chain(ingress.filter_map(|i| i.ip.as_ref()));
    let external_ips: BTreeSet<Ipv4Addr> = external.filter_map(|ip| ip.parse().ok()).collect();
    let client_ip = spec.session_affinity_config.as_ref().and_then(|c| c.client_ip.as_ref()?.timeout_seconds);
    let affinity = (spec.session_affinity.as_deref() == Some("ClientIP"))
        .then(|| client_ip.unwrap_or(AFFINITY_SECS_DEFAULT).clamp(1, 86400) as u32);
    let own = slices.get(&(namespace.as_str(), name.as_str())).map(Vec::as_slice).unwrap_or_default();
    let ports = spec.ports.iter().flatten().filter_map(|port| {
        Some(Backend {
            key: format!("{namespace}/{name}/{}", port.name.as_deref().unwrap_or_default()),
            protocol: protocol(port.protocol.as_deref())?,
            cluster_ip,
            external_ips: external_ips.clone(),
            port: number(port.port)?,
            node_port: port.node_port.and_then(number),
            endpoints: endpoints(port, own, node),
            internal_local: spec.internal_traffic_policy.as_deref() == Some("Local"),
            external_local: spec.external_traffic_policy.as_deref() == Some("Local"),
            affinity_secs: affinity,
        })
    });
    ports.collect()
}

fn endpoints(port: &ServicePort, slices: &[&EndpointSlice], node: &str) -> BTreeMap<(Ipv4Addr, u16), Locality> {
    let (mut ready, mut leaving) = (BTreeMap::new(), BTreeMap::new());
    for slice in slices {
        let target = slice.ports.iter().flatten().find(|p| {
            p.name.as_deref().unwrap_or_default() == port.name.as_deref().unwrap_or_default()
                && protocol(p.protocol.as_deref()) == protocol(port.protocol.as_deref())
        });
        let Some(target) = target.and_then(|p| p.port).and_then(number) else { continue };
        for endpoint in slice.endpoints.iter().flatten() {
            // The API promises that the addresses of one endpoint are interchangeable.
            let Some(ip) = endpoint.addresses.first().and_then(|ip| ip.parse().ok()) else { continue };
            let locality = if endpoint.node_name.as_deref() == Some(node) { Locality::Local } else { Locality::Remote };
            let conditions = endpoint.conditions.as_ref();
            let is_ready = conditions.and_then(|c| c.ready).unwrap_or(true);
            let serving = conditions.and_then(|c| c.serving).unwrap_or(is_ready);
            let terminating = conditions.and_then(|c| c.terminating).unwrap_or(false);
            let list = match (is_ready, serving && terminating) {
                (true, _) => &mut ready,
                (false, true) => &mut leaving,
                _ => continue,
            };
            if list.len() < ENDPOINTS_MAX {
                list.insert((ip, target), locality);
            }
        }
    }
    if ready.is_empty() { leaving } else { ready }
}

fn protocol(name: Option<&str>) -> Option<&'static str> {
    match name.unwrap_or("TCP") {
        "TCP" => Some("tcp"),
        "UDP" => Some("udp"),
        "SCTP" => Some("sctp"),
        _ => None,
    }
}

fn number(port: i32) -> Option<u16> {
    u16::try_from(port).ok().filter(|port| *port > 0)
}
