//! Warnings about Services that are accepted all the same.

use kubernel_meta::Object;
use kubernel_meta::field::Path;
use serde_json::Value;

use crate::validate;

/// The annotation that asked for traffic that stays near, and the one that took its place.
const HINTS: &str = "service.kubernetes.io/topology-aware-hints";
const MODE: &str = "service.kubernetes.io/topology-mode";
const EXTERNAL: &str = "ExternalName";

/// The warnings about a Service.
pub(super) fn of(service: &Object, old: Option<&Object>) -> Vec<String> {
    let path = Path::root("spec");
    let mut warnings = Vec::new();
    let texts = |field: &str| -> Vec<String> {
        service.list_at(&["spec", field]).iter().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let changed = |field: &str| old.is_none_or(|old| old.at(&["spec", field]) != service.at(&["spec", field]));
    if service.annotations().any(|(key, _)| key == HINTS) {
        warnings.push(format!("annotation {HINTS} is deprecated, please use {MODE} instead"));
    }
    if !service.list_at(&["spec", "externalIPs"]).is_empty() && changed("externalIPs") {
        warnings.push("spec.externalIPs is deprecated and may no longer be implemented in some clusters".to_owned());
    }
    let (ip, balancer) = (service.str_at(&["spec", "clusterIP"]), service.str_at(&["spec", "loadBalancerIP"]));
    if !matches!(ip, "" | "None") {
        warnings.extend(ip_warnings(&path.child("clusterIPs"), &texts("clusterIPs")));
    }
    let type_ = service.str_at(&["spec", "type"]);
    if type_ == "ClusterIP" && ip == "None" {
        let ignored = [
            ("loadBalancerIP", !balancer.is_empty()),
            ("externalIPs", !texts("externalIPs").is_empty()),
            ("SessionAffinity", service.str_at(&["spec", "sessionAffinity"]) != "None"),
        ];
        let ignored = ignored.into_iter().filter(|(_, given)| *given);
        warnings.extend(ignored.map(|(field, _)| format!("spec.{field} is ignored for headless services")));
    }
    warnings.extend(ip_warnings(&path.child("externalIPs"), &texts("externalIPs")));
    warnings.extend(validate::ip_warning(&path.child("loadBalancerIP"), balancer));
    let ranges = path.child("loadBalancerSourceRanges");
    let networks = texts("loadBalancerSourceRanges");
    let networks = networks.iter().enumerate();
    warnings.extend(networks.filter_map(|(at, range)| validate::cidr_warning(&ranges.index(at), range.trim())));
    if type_ == EXTERNAL && !texts("externalIPs").is_empty() {
        warnings.push(format!("spec.externalIPs is ignored when spec.type is {EXTERNAL:?}"));
    }
    if type_ != EXTERNAL && !service.str_at(&["spec", "externalName"]).is_empty() {
        warnings.push(format!("spec.externalName is ignored when spec.type is not {EXTERNAL:?}"));
    }
    if service.str_at(&["spec", "trafficDistribution"]) == "PreferClose" {
        warnings.push("spec.trafficDistribution: \"PreferClose\" is deprecated; use \"PreferSameZone\"".to_owned());
    }
    warnings
}

fn ip_warnings(path: &Path, ips: &[String]) -> Vec<String> {
    ips.iter().enumerate().filter_map(|(at, ip)| validate::ip_warning(&path.index(at), ip)).collect()
}
