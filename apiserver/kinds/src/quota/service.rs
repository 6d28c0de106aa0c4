//! Services: how many, how many of them balance load, and how many node ports they take.

use kubernel_meta::Object;
use serde_json::Value;

use super::whole;
use crate::core::pod::amounts::Amounts;

/// The names that quotas use.
pub(super) const NAMES: [&str; 3] = ["services", "services.nodeports", "services.loadbalancers"];

/// Node ports are counted by intent: they may not be allocated yet.
pub(super) fn usage(service: &Object, usage: &mut Amounts) {
    let ports = service.list_at(&["spec", "ports"]);
    let kind = service.str_at(&["spec", "type"]);
    let allocates = service.at(&["spec", "allocateLoadBalancerNodePorts"]).and_then(Value::as_bool) != Some(false);
    let has_port = |port: &&Value| port.get("nodePort").and_then(Value::as_i64).unwrap_or(0) != 0;
    let node_ports = match kind {
        "NodePort" => ports.len(),
        "LoadBalancer" if allocates => ports.len(),
        "LoadBalancer" => ports.iter().filter(has_port).count(),
        _ => 0,
    };
    let node_ports = i64::try_from(node_ports).unwrap_or(i64::MAX);
    let counts = [1, node_ports, i64::from(kind == "LoadBalancer")];
    usage.extend(NAMES.into_iter().map(str::to_owned).zip(counts.into_iter().map(whole)));
}
