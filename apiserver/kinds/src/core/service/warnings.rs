//! Warnings about Services that are accepted all the same.

use kubernel_meta::Object;

/// The warnings about a Service.
pub(super) fn of(service: &Object, old: Option<&Object>) -> Vec<String> {
    let mut warnings = Vec::new();
    let changed = |field: &str| old.is_none_or(|old| old.at(&["spec", field]) != service.at(&["spec", field]));
    if !service.list_at(&["spec", "externalIPs"]).is_empty() && changed("externalIPs") {
        warnings.push("spec.externalIPs is deprecated and may no longer be implemented in some clusters".to_owned());
    }
    if service.str_at(&["spec", "trafficDistribution"]) == "PreferClose" {
        warnings.push("spec.trafficDistribution: \"PreferClose\" is deprecated; use \"PreferSameZone\"".to_owned());
    }
    let headless = service.str_at(&["spec", "clusterIP"]) == "None";
    if headless && !service.str_at(&["spec", "loadBalancerIP"]).is_empty() {
        warnings.push("spec.loadBalancerIP is ignored when spec.clusterIP is set to \"None\"".to_owned());
    }
    if headless && !service.list_at(&["spec", "externalIPs"]).is_empty() {
        warnings.push("spec.externalIPs is ignored when spec.clusterIP is set to \"None\"".to_owned());
    }
    if headless && service.str_at(&["spec", "sessionAffinity"]) == "ClientIP" {
        warnings.push("spec.SessionAffinity is ignored for headless services".to_owned());
    }
    warnings
}
