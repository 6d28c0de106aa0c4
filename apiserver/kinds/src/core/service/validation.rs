//! Rules of Services. What depends on the cluster's address ranges is the server's business.

use std::net::IpAddr;

use ipnet::IpNet;
use kubernel_meta::field::{Error, Path};
use kubernel_meta::{Object, validation as meta};
use serde_json::Value;

use super::needs;
use crate::core::endpoints_rules::special_addresses;
use crate::tree::{int, items, set, text};
use crate::validate;

const TYPES: [&str; 4] = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
const AFFINITY_TIMEOUT_SECS_MAX: i64 = 86_400;

/// What is wrong with a new Service.
pub(super) fn create(service: &Object) -> Vec<Error> {
    let (path, spec) = (Path::root("spec"), service.at(&["spec"]).unwrap_or(&Value::Null));
    let (type_, headless) = (text(spec, "type"), needs::is_headless(service));
    let mut errors = Vec::new();
    if items(spec, "ports").is_empty() && !headless && type_ != "ExternalName" {
        errors.push(path.child("ports").required(""));
    }
    errors.extend(of_type(&path, spec, type_));
    errors.extend(ports(&path.child("ports"), spec));
    if let Some(selector) = spec.get("selector") {
        errors.extend(meta::labels(validate::pairs(Some(selector)), &path.child("selector")));
    }
    errors.extend(affinity(&path, spec));
    errors.extend(cluster_ips(&path, spec, type_));
    for (at, ip) in items(spec, "externalIPs").iter().enumerate() {
        let (at, ip) = (path.child("externalIPs").index(at), ip.as_str().unwrap_or_default());
        if ip.parse::<IpAddr>().is_err() {
            errors.push(at.invalid(ip, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"));
        } else {
            errors.extend(special_addresses(&at, ip));
        }
    }
    if !TYPES.contains(&type_) {
        errors.push(path.child("type").not_supported(type_, &TYPES));
    }
    errors.extend(duplicate_ports(&path.child("ports"), items(spec, "ports")));
    errors.extend(node_ports(&path.child("ports"), items(spec, "ports"), type_));
    errors.extend(source_ranges(&path, spec, type_));
    errors.extend(load_balancer_fields(&path, spec, type_));
    errors.extend(traffic_policies(&path, service, spec, type_));
    match text(spec, "trafficDistribution") {
        "" | "PreferClose" | "PreferSameZone" | "PreferSameNode" => {}
        other => errors.push(
            path.child("trafficDistribution")
                .not_supported(other, &["PreferClose", "PreferSameZone", "PreferSameNode"]),
        ),
    }
    errors
}

fn of_type(path: &Path, spec: &Value, type_: &str) -> Vec<Error> {
    let mut errors = Vec::new();
    match type_ {
        "LoadBalancer" => {
            for (at, port) in items(spec, "ports").iter().enumerate() {
                if int(port, "port") == 10_250 {
                    let at = path.child("ports").index(at);
                    errors.push(at.invalid(10_250, "may not expose port 10250 externally since it is used by kubelet"));
                }
            }
        }
        "ExternalName" => {
            let name = text(spec, "externalName");
            let at = path.child("externalName");
            if name.is_empty() {
                errors.push(at.required(""));
            } else {
                let bare = name.strip_suffix('.').unwrap_or(name);
                errors.extend(validate::texts(&at, name, meta::dns1123_subdomain(bare)));
            }
        }
        _ => {}
    }
    let first = items(spec, "clusterIPs").first().and_then(Value::as_str).unwrap_or_default();
    if matches!(type_, "NodePort" | "LoadBalancer") && first == "None" {
        let at = path.child("clusterIPs").index(0);
        errors.push(at.invalid("None", format!("may not be set to 'None' for {type_} services")));
    }
    errors
}

fn ports(path: &Path, spec: &Value) -> Vec<Error> {
    let ports = items(spec, "ports");
    let mut errors = Vec::new();
    for (at, port) in ports.iter().enumerate() {
        let (path, name) = (path.index(at), text(port, "name"));
        if ports.len() > 1 && name.is_empty() {
            errors.push(path.child("name").required(""));
        } else if !name.is_empty() {
            errors.extend(validate::texts(&path.child("name"), name, meta::dns1123_label(name)));
            if ports[..at].iter().any(|other| text(other, "name") == name) {
                errors.push(path.child("name").duplicate(name));
            }
        }
        let number = int(port, "port");
        errors.extend(meta::port_number(number).into_iter().map(|message| path.child("port").invalid(number, message)));
        errors.extend(validate::protocol(&path.child("protocol"), text(port, "protocol")));
        errors.extend(validate::port_or_name(&path.child("targetPort"), port.get("targetPort")));
        errors.extend(validate::qualified_name(&path.child("appProtocol"), port.get("appProtocol")));
    }
    errors
}

fn duplicate_ports(path: &Path, ports: &[Value]) -> Vec<Error> {
    let key = |port: &Value| (int(port, "port"), text(port, "protocol").to_owned());
    let mut errors = Vec::new();
    for (at, port) in ports.iter().enumerate() {
        if ports[..at].iter().any(|other| key(other) == key(port)) {
            let value = serde_json::json!({
                "Name": "", "Protocol": text(port, "protocol"), "AppProtocol": null, "Port": int(port, "port"),
                "TargetPort": 0, "NodePort": 0,
            });
            errors.push(path.index(at).duplicate(value));
        }
    }
    errors
}

fn node_ports(path: &Path, ports: &[Value], type_: &str) -> Vec<Error> {
    let mut errors = Vec::new();
    for (at, port) in ports.iter().enumerate() {
        let number = int(port, "nodePort");
        let at_port = path.index(at).child("nodePort");
        if number == 0 {
            continue;
        }
        if type_ == "ClusterIP" {
            errors.push(at_port.forbidden("may not be used when `type` is 'ClusterIP'"));
        }
        let key = |port: &Value| (int(port, "nodePort"), text(port, "protocol").to_owned());
        if ports[..at].iter().any(|other| key(other) == key(port)) {
            errors.push(at_port.duplicate(number));
        }
    }
    errors
}

fn affinity(path: &Path, spec: &Value) -> Vec<Error> {
    let at = path.child("sessionAffinity");
    let config = set(spec, "sessionAffinityConfig");
    match text(spec, "sessionAffinity") {
        "" => vec![at.required("")],
        "None" if config.is_some() => {
            vec![path.child("sessionAffinityConfig").forbidden("must not be set when session affinity is None")]
        }
        "None" => Vec::new(),
        "ClientIP" => {
            let at = path.child("sessionAffinityConfig").child("clientIP").child("timeoutSeconds");
            match config.and_then(|config| config.pointer("/clientIP/timeoutSeconds")).and_then(Value::as_i64) {
                None => vec![at.required("when session affinity type is ClientIP")],
                Some(secs) if !(1..=AFFINITY_TIMEOUT_SECS_MAX).contains(&secs) => {
                    vec![at.invalid(secs, "must be greater than 0 and less than 86400")]
                }
                Some(_) => Vec::new(),
            }
        }
        other => vec![at.not_supported(other, &["ClientIP", "None"])],
    }
}

fn cluster_ips(path: &Path, spec: &Value, type_: &str) -> Vec<Error> {
    let (ip, ips) = (text(spec, "clusterIP"), items(spec, "clusterIPs"));
    let at = path.child("clusterIPs");
    let mut errors = Vec::new();
    if !needs::has_cluster_ip(type_) {
        if !ip.is_empty() {
            errors.push(path.child("clusterIP").invalid(ip, format!("may not be set for {type_} services")));
        }
        if !ips.is_empty() {
            errors.push(at.invalid(ips.to_vec(), format!("may not be set for {type_} services")));
        }
        return errors;
    }
    match (ip, ips.first().and_then(Value::as_str)) {
        ("", Some(_)) => errors.push(at.invalid(ips.to_vec(), "must be empty when `clusterIP` is not specified")),
        (ip, Some(first)) if ip != first => errors.push(at.invalid(ips.to_vec(), "first value must match `clusterIP`")),
        (ip, None) if !ip.is_empty() => errors.push(at.required("")),
        _ => {}
    }
    for (index, value) in ips.iter().filter_map(Value::as_str).enumerate() {
        if value == "None" && index > 0 {
            errors.push(at.index(index).invalid(value, "must be the first and only value"));
        } else if value != "None" && value.parse::<IpAddr>().is_err() {
            let message = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
            errors.push(at.index(index).invalid(value, message));
        }
    }
    match text(spec, "ipFamilyPolicy") {
        "" | "PreferDualStack" | "RequireDualStack" | "SingleStack" => {}
        other => errors.push(
            path.child("ipFamilyPolicy").not_supported(other, &["PreferDualStack", "RequireDualStack", "SingleStack"]),
        ),
    }
    errors
}

fn source_ranges(path: &Path, spec: &Value, type_: &str) -> Vec<Error> {
    let ranges = items(spec, "loadBalancerSourceRanges");
    let at = path.child("LoadBalancerSourceRanges");
    if ranges.is_empty() {
        return Vec::new();
    }
    if type_ != "LoadBalancer" {
        return vec![at.forbidden("may only be used when `type` is 'LoadBalancer'")];
    }
    let bad = ranges
        .iter()
        .enumerate()
        .filter(|(_, range)| range.as_str().is_none_or(|range| range.trim().parse::<IpNet>().is_err()));
    let message = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";
    bad.map(|(index, range)| at.index(index).invalid(range.clone(), message)).collect()
}

fn load_balancer_fields(path: &Path, spec: &Value, type_: &str) -> Vec<Error> {
    let mut errors = Vec::new();
    if type_ == "LoadBalancer" {
        let class = text(spec, "loadBalancerClass");
        if set(spec, "loadBalancerClass").is_some() {
            errors.extend(validate::texts(&path.child("loadBalancerClass"), class, meta::label_key(class)));
        }
        if set(spec, "allocateLoadBalancerNodePorts").is_none() {
            errors.push(path.child("allocateLoadBalancerNodePorts").required(""));
        }
    } else {
        for field in ["loadBalancerClass", "allocateLoadBalancerNodePorts"] {
            if set(spec, field).is_some() {
                errors.push(path.child(field).forbidden("may only be used when `type` is 'LoadBalancer'"));
            }
        }
    }
    errors
}

fn traffic_policies(path: &Path, service: &Object, spec: &Value, type_: &str) -> Vec<Error> {
    let mut errors = Vec::new();
    let (external, at) = (text(spec, "externalTrafficPolicy"), path.child("externalTrafficPolicy"));
    let accessible = spec.as_object().is_some_and(needs::is_externally_accessible);
    match (accessible, external) {
        (false, "") | (true, "Cluster" | "Local") => {}
        (false, other) => errors.push(at.invalid(other, "may only be set for externally-accessible services")),
        (true, "") => errors.push(at.required("")),
        (true, other) => errors.push(at.not_supported(other, &["Cluster", "Local"])),
    }
    let health = int(spec, "healthCheckNodePort");
    if health != 0 && !needs::has_health_check_port(service) {
        let message = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'";
        errors.push(path.child("healthCheckNodePort").invalid(health, message));
    }
    let (internal, at) = (text(spec, "internalTrafficPolicy"), path.child("internalTrafficPolicy"));
    match internal {
        "Cluster" | "Local" => {}
        "" if needs::has_cluster_ip(type_) => errors.push(at.required("")),
        "" => {}
        other => errors.push(at.not_supported(other, &["Cluster", "Local"])),
    }
    errors
}

/// What is wrong with a change of a Service.
pub(super) fn update(new: &Object, old: &Object) -> Vec<Error> {
    let mut errors = Vec::new();
    let path = Path::root("spec");
    let keeps_ip = |service: &Object| needs::has_cluster_ip(service.str_at(&["spec", "type"]));
    if keeps_ip(old) && keeps_ip(new) {
        let ips = |service: &Object| service.list_at(&["spec", "clusterIPs"]).to_vec();
        let (before, after) = (ips(old), ips(new));
        let primary = before.first().and_then(Value::as_str).is_some_and(|ip| !ip.is_empty());
        if primary && before.first() != after.first() {
            errors.push(path.child("clusterIPs").index(0).invalid(after, "may not change once set"));
        }
    }
    if [old, new].iter().all(|service| service.str_at(&["spec", "type"]) == "LoadBalancer") {
        let class = |service: &Object| service.at(&["spec", "loadBalancerClass"]).cloned().unwrap_or_default();
        if class(old) != class(new) {
            errors.push(path.child("loadBalancerClass").invalid(class(new), "may not change once set"));
        }
    }
    errors.extend(create(new));
    errors
}

/// What is wrong with a load balancer's status.
pub(super) fn status(new: &Object) -> Vec<Error> {
    let path = Path::root("status").child("loadBalancer").child("ingress");
    let mut errors = Vec::new();
    for (at, ingress) in new.list_at(&["status", "loadBalancer", "ingress"]).iter().enumerate() {
        let at = path.index(at);
        let (ip, hostname) = (text(ingress, "ip"), text(ingress, "hostname"));
        if !ip.is_empty() && ip.parse::<IpAddr>().is_err() {
            let message = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
            errors.push(at.child("ip").invalid(ip, message));
        }
        if !hostname.is_empty() {
            errors.extend(validate::texts(&at.child("hostname"), hostname, meta::dns1123_subdomain(hostname)));
            if hostname.parse::<IpAddr>().is_ok() {
                errors.push(at.child("hostname").invalid(hostname, "must be a DNS name, not an IP address"));
            }
        }
    }
    errors
}
