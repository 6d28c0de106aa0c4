//! What a Service needs to be given: a cluster IP, node ports, a port for health checks.

use kubernel_meta::Object;
use serde_json::{Map, Value};

use crate::tree::int;

/// Whether Services of this type have cluster IPs (all but `ExternalName`); `None` as the IP counts.
pub fn has_cluster_ip(type_: &str) -> bool {
    matches!(type_, "ClusterIP" | "NodePort" | "LoadBalancer")
}

/// Whether a Service is still to be given a cluster IP.
pub fn cluster_ip(service: &Object) -> bool {
    has_cluster_ip(service.str_at(&["spec", "type"])) && service.str_at(&["spec", "clusterIP"]).is_empty()
}

/// Whether the Service is headless: its cluster IP is `None`.
pub fn is_headless(service: &Object) -> bool {
    service.str_at(&["spec", "clusterIP"]) == "None"
}

/// Whether the Service's ports have node ports.
pub fn has_node_ports(service: &Object) -> bool {
    match service.str_at(&["spec", "type"]) {
        "NodePort" => true,
        "LoadBalancer" => service.at(&["spec", "allocateLoadBalancerNodePorts"]) != Some(&Value::Bool(false)),
        _ => false,
    }
}

/// The places in `spec.ports` that are still to be given a node port.
pub fn node_ports(service: &Object) -> Vec<usize> {
    if !has_node_ports(service) {
        return Vec::new();
    }
    let ports = service.list_at(&["spec", "ports"]).iter().enumerate();
    ports.filter(|(_, port)| int(port, "nodePort") == 0).map(|(at, _)| at).collect()
}

/// Whether the Service has a node port for the health checks of load balancers.
pub fn has_health_check_port(service: &Object) -> bool {
    service.str_at(&["spec", "type"]) == "LoadBalancer" && service.str_at(&["spec", "externalTrafficPolicy"]) == "Local"
}

/// Whether the Service is still to be given that port.
pub fn health_check_port(service: &Object) -> bool {
    has_health_check_port(service) && service.int_at(&["spec", "healthCheckNodePort"]).unwrap_or_default() == 0
}

/// Whether traffic from outside the cluster can reach a Service with this spec.
pub fn is_externally_accessible(spec: &Map<String, Value>) -> bool {
    match spec.get("type").and_then(Value::as_str) {
        Some("LoadBalancer" | "NodePort") => true,
        Some("ClusterIP") => spec.get("externalIPs").and_then(Value::as_array).is_some_and(|ips| !ips.is_empty()),
        _ => false,
    }
}
