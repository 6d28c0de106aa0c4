//! Defaults of Services, save for what the server allocates.

use kubernel_meta::Object;
use serde_json::{Value, json};

use super::needs;
use crate::tree::{default_text, default_to, maps_in};

const AFFINITY_TIMEOUT_SECS: i64 = 10_800;

/// Fills in the defaults of a Service.
pub(super) fn service(object: &mut Object) {
    let spec = object.map_at_mut(&["spec"]);
    default_text(spec, "sessionAffinity", "None");
    match spec.get("sessionAffinity").and_then(Value::as_str) {
        Some("None") => drop(spec.remove("sessionAffinityConfig")),
        Some("ClientIP") => {
            let timeout =
                spec.get("sessionAffinityConfig").and_then(|config| config.pointer("/clientIP/timeoutSeconds"));
            if timeout.is_none_or(Value::is_null) {
                let config = json!({"clientIP": {"timeoutSeconds": AFFINITY_TIMEOUT_SECS}});
                spec.insert("sessionAffinityConfig".to_owned(), config);
            }
        }
        _ => {}
    }
    default_text(spec, "type", "ClusterIP");
    for port in maps_in(spec, "ports") {
        default_text(port, "protocol", "TCP");
        let unset = match port.get("targetPort") {
            None | Some(Value::Null) => true,
            Some(Value::String(name)) => name.is_empty(),
            Some(number) => number.as_i64() == Some(0),
        };
        if unset {
            let number = port.get("port").cloned().unwrap_or(json!(0));
            port.insert("targetPort".to_owned(), number);
        }
    }
    let type_ = spec.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
    if needs::is_externally_accessible(spec) {
        default_text(spec, "externalTrafficPolicy", "Cluster");
    }
    if needs::has_cluster_ip(&type_) {
        default_to(spec, "internalTrafficPolicy", "Cluster");
    }
    if type_ == "LoadBalancer" {
        default_to(spec, "allocateLoadBalancerNodePorts", true);
        for ingress in maps_in(object.map_at_mut(&["status", "loadBalancer"]), "ingress") {
            if ingress.get("ip").and_then(Value::as_str).is_some_and(|ip| !ip.is_empty()) {
                default_to(ingress, "ipMode", "VIP");
            }
        }
    }
}
