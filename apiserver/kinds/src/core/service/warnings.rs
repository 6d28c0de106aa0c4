//! Warnings about Services that are accepted all the same.

use kubernel_meta::Object;
use kubernel_meta::field::Path;
use serde_json::Value;

use crate::validate;

/// The warnings about a Service.
pub(super) fn of(service: &Object, old: Option<&Object>) -> Vec<String> {
    let path = Path::root("spec");
    let mut warnings = Vec::new();
    let texts = |field: &str| -> Vec<String> {
        service.list_at(&["spec", field]).iter().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let changed = |field: &str| old.is_none_or(|old| old.at(&["spec", field]) != service.at(&["spec", field]));
    if !service.list_at(&["spec", "externalIPs"]).is_empty() && changed("externalIPs") {
        warnings.push("spec.externalIPs is deprecated and may no longer be implemented in some clusters".to_owned());
    }
    let (ip, balancer) = (service.str_at(&["spec", "clusterIP"]), service.str_at(&["spec", "loadBalancerIP"]));
    if !matches!(ip, "" | "None") {
        warnings.extend(ip_warnings(&path.child("clusterIPs"), &texts("clusterIPs")));
    }
    if ip == "None" {
        if !balancer.is_empty() {
            warnings.push("spec.loadBalancerIP is ignored when spec.clusterIP is set to \"None\"".to_owned());
        }
        if !texts("externalIPs").is_empty() {
            warnings.push("spec.externalIPs is ignored when spec.clusterIP is set to \"None\"".to_owned());
        }
        if service.str_at(&["spec", "sessionAffinity"]) == "ClientIP" {
            warnings.push("spec.SessionAffinity is ignored for headless services".to_owned());
        }
    }
    warnings.extend(ip_warnings(&path.child("externalIPs"), &texts("externalIPs")));
    warnings.extend(validate::ip_warning(&path.child("loadBalancerIP"), balancer));
    let ranges = path.child("loadBalancerSourceRanges");
    let networks = texts("loadBalancerSourceRanges");
    let networks = networks.iter().enumerate();
    warnings.extend(networks.filter_map(|(at, range)| validate::cidr_warning(&ranges.index(at), range.trim())));
    if service.str_at(&["spec", "trafficDistribution"]) == "PreferClose" {
        warnings.push("spec.trafficDistribution: \"PreferClose\" is deprecated; use \"PreferSameZone\"".to_owned());
    }
    warnings
}

fn ip_warnings(path: &Path, ips: &[String]) -> Vec<String> {
    ips.iter().enumerate().filter_map(|(at, ip)| validate::ip_warning(&path.index(at), ip)).collect()
}
