//! Rules of Services. What depends on the cluster's address ranges is the server's business.

use std::net::IpAddr;

use kubernel_meta::field::{Error, Path};
use kubernel_meta::{Object, validation as meta};
use serde_json::{Value, json};

use super::{addresses, needs};
use crate::go_form;
use crate::tree::{int, items, repeated, set, text};
use crate::validate;

const TYPES: [&str; 4] = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
const DISTRIBUTIONS: [&str; 3] = ["PreferClose", "PreferSameZone", "PreferSameNode"];
const AFFINITY_TIMEOUT_SECS_MAX: i64 = 86_400;

/// What is wrong with a new Service.
pub(super) fn create(service: &Object) -> Vec<Error> {
    service_errors(service, None)
}

/// Addresses that the old Service has may stay as they are.
fn service_errors(service: &Object, old: Option<&Object>) -> Vec<Error> {
    let (path, spec) = (Path::root("spec"), service.at(&["spec"]).unwrap_or(&Value::Null));
    let type_ = text(spec, "type");
    let mut errors: Vec<Error> = topology_annotations(service).into_iter().collect();
    if items(spec, "ports").is_empty() && !addresses::is_headless(spec) && type_ != "ExternalName" {
        errors.push(path.child("ports").required(""));
    }
    errors.extend(of_type(&path, spec, type_));
    errors.extend(ports(&path.child("ports"), spec));
    if let Some(selector) = spec.get("selector") {
        errors.extend(meta::labels(validate::pairs(Some(selector)), &path.child("selector")));
    }
    errors.extend(affinity(&path, spec));
    errors.extend(addresses::cluster_ips(&path, spec, old));
    errors.extend(addresses::external_ips(&path.child("externalIPs"), spec, old));
    match type_ {
        "" => errors.push(path.child("type").required("")),
        type_ if TYPES.contains(&type_) => {}
        other => errors.push(path.child("type").not_supported(other, &TYPES)),
    }
    errors.extend(node_ports(&path.child("ports"), items(spec, "ports"), type_));
    errors.extend(duplicate_ports(&path.child("ports"), items(spec, "ports")));
    errors.extend(addresses::source_ranges(&path, service, old));
    errors.extend(load_balancer_fields(&path, spec, type_));
    errors.extend(traffic_policies(&path, service, spec, type_));
    match spec.get("trafficDistribution").and_then(Value::as_str) {
        None => {}
        Some(value) if DISTRIBUTIONS.contains(&value) => {}
        Some(other) => errors.push(path.child("trafficDistribution").not_supported(other, &DISTRIBUTIONS)),
    }
    errors
}

/// An annotation and the one that it was before must not contradict each other.
fn topology_annotations(service: &Object) -> Option<Error> {
    const MODE: &str = "service.kubernetes.io/topology-mode";
    const HINTS: &str = "service.kubernetes.io/topology-aware-hints";
    let of = |key: &str| service.at(&["metadata", "annotations", key]).and_then(Value::as_str);
    let (mode, hints) = (of(MODE)?, of(HINTS)?);
    let detail = format!("must match annotations[{HINTS}] when both are specified");
    (mode != hints).then(|| Path::root("metadata").child("annotations").key(MODE).invalid(mode, detail))
}

fn of_type(path: &Path, spec: &Value, type_: &str) -> Vec<Error> {
    let mut errors = Vec::new();
    match type_ {
        "NodePort" | "LoadBalancer" if addresses::is_headless(spec) => {
            let at = path.child("clusterIPs").index(0);
            errors.push(at.invalid("None", format!("may not be set to 'None' for {type_} services")));
        }
        "ExternalName" => {
            for field in ["clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
                let given = match spec.get(field) {
                    None | Some(Value::Null) => false,
                    Some(Value::Array(list)) => !list.is_empty(),
                    Some(_) => true,
                };
                if given {
                    errors.push(path.child(field).forbidden("may not be set for ExternalName services"));
                }
            }
            let name = text(spec, "externalName");
            let (at, bare) = (path.child("externalName"), name.strip_suffix('.').unwrap_or(name));
            if bare.is_empty() {
                errors.push(at.required(""));
            } else {
                errors.extend(validate::texts(&at, bare, meta::dns1123_subdomain(bare)));
            }
        }
        _ => {}
    }
    errors
}

fn ports(path: &Path, spec: &Value) -> Vec<Error> {
    let ports = items(spec, "ports");
    let twice = repeated(ports, |port| text(port, "name"));
    let mut errors = Vec::new();
    for (at, port) in ports.iter().enumerate() {
        let (path, name) = (path.index(at), text(port, "name"));
        if ports.len() > 1 && name.is_empty() {
            errors.push(path.child("name").required(""));
        } else if !name.is_empty() {
            errors.extend(validate::texts(&path.child("name"), name, meta::dns1123_label(name)));
            if twice[at] {
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
    let twice = repeated(ports, |port| (int(port, "port"), text(port, "protocol")));
    let mut errors = Vec::new();
    for (at, port) in ports.iter().enumerate() {
        if twice[at] {
            let key = json!({"protocol": text(port, "protocol"), "port": int(port, "port")});
            let shown = go_form::compact("io.k8s.api.core.v1.ServicePort", &key);
            errors.push(path.index(at).duplicate(key).shown_as(shown));
        }
    }
    errors
}

fn node_ports(path: &Path, ports: &[Value], type_: &str) -> Vec<Error> {
    let twice = repeated(ports, |port| (int(port, "nodePort"), text(port, "protocol")));
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
        if twice[at] {
            errors.push(at_port.duplicate(number));
        }
    }
    errors
}

fn affinity(path: &Path, spec: &Value) -> Vec<Error> {
    const DETAIL: &str = "when session affinity type is ClientIP";
    let at = path.child("sessionAffinity");
    let (config, config_at) = (set(spec, "sessionAffinityConfig"), path.child("sessionAffinityConfig"));
    match text(spec, "sessionAffinity") {
        "" => vec![at.required("")],
        "None" if config.is_some() => vec![config_at.forbidden("must not be set when session affinity is None")],
        "None" => Vec::new(),
        "ClientIP" => {
            let Some(config) = config else { return vec![config_at.required(DETAIL)] };
            let at = config_at.child("clientIP");
            let Some(client) = set(config, "clientIP") else { return vec![at.required(DETAIL)] };
            let at = at.child("timeoutSeconds");
            match client.get("timeoutSeconds").and_then(Value::as_i64) {
                None => vec![at.required(DETAIL)],
                Some(secs) if !(1..=AFFINITY_TIMEOUT_SECS_MAX).contains(&secs) => {
                    let detail = format!("must be greater than 0 and less than {AFFINITY_TIMEOUT_SECS_MAX}");
                    vec![at.invalid(secs, detail)]
                }
                Some(_) => Vec::new(),
            }
        }
        other => vec![at.not_supported(other, &["ClientIP", "None"])],
    }
}

fn load_balancer_fields(path: &Path, spec: &Value, type_: &str) -> Vec<Error> {
    const OTHERS: &str = "may only be used when `type` is 'LoadBalancer'";
    let mut errors = Vec::new();
    match (set(spec, "allocateLoadBalancerNodePorts").is_some(), type_ == "LoadBalancer") {
        (true, false) => errors.push(path.child("allocateLoadBalancerNodePorts").forbidden(OTHERS)),
        (false, true) => errors.push(Path::root("allocateLoadBalancerNodePorts").required("")),
        _ => {}
    }
    let at = path.child("loadBalancerClass");
    match spec.get("loadBalancerClass").and_then(Value::as_str) {
        Some(class) if type_ == "LoadBalancer" => {
            errors.extend(validate::texts(&at, class, meta::label_key(class)));
        }
        Some(_) => errors.push(at.forbidden(OTHERS)),
        None => {}
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
    let (health, health_at) = (int(spec, "healthCheckNodePort"), path.child("healthCheckNodePort"));
    if health != 0 && !needs::has_health_check_port(service) {
        let message = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'";
        errors.push(health_at.invalid(health, message));
    } else if health != 0 {
        errors.extend(meta::port_number(health).into_iter().map(|text| health_at.invalid(health, text)));
    }
    let at = path.child("internalTrafficPolicy");
    match spec.get("internalTrafficPolicy").and_then(Value::as_str) {
        Some("Cluster" | "Local") => {}
        None if needs::has_cluster_ip(type_) => errors.push(at.required("")),
        None => {}
        Some(other) => errors.push(at.not_supported(other, &["Cluster", "Local"])),
    }
    errors
}

/// What is wrong with a change of a Service.
pub(super) fn update(new: &Object, old: &Object) -> Vec<Error> {
    let path = Path::root("spec");
    let mut errors = addresses::changes(new, old);
    if [old, new].iter().all(|service| service.str_at(&["spec", "type"]) == "LoadBalancer") {
        let class = |service: &Object| service.at(&["spec", "loadBalancerClass"]).cloned().unwrap_or_default();
        if class(old) != class(new) {
            errors.push(path.child("loadBalancerClass").invalid(class(new), "may not change once set"));
        }
    }
    let health = |service: &Object| service.int_at(&["spec", "healthCheckNodePort"]).unwrap_or_default();
    if [old, new].into_iter().all(needs::has_health_check_port) && health(old) != health(new) {
        errors.push(path.child("healthCheckNodePort").forbidden("field is immutable"));
    }
    errors.extend(service_errors(new, Some(old)));
    errors
}

/// What is wrong with a load balancer's status.
pub(super) fn status(new: &Object, old: &Object) -> Vec<Error> {
    let path = Path::root("status").child("loadBalancer").child("ingress");
    let list = |service: &Object| service.list_at(&["status", "loadBalancer", "ingress"]).to_vec();
    let (entries, before) = (list(new), list(old));
    if new.str_at(&["spec", "type"]) != "LoadBalancer" && !entries.is_empty() {
        return vec![path.forbidden("may only be used when `spec.type` is 'LoadBalancer'")];
    }
    let mut errors = Vec::new();
    for (at, ingress) in entries.iter().enumerate() {
        let at = path.index(at);
        let (ip, hostname) = (text(ingress, "ip"), text(ingress, "hostname"));
        if !ip.is_empty() && !before.iter().any(|before| text(before, "ip") == ip) {
            errors.extend(validate::ip(&at.child("ip"), ip));
        }
        match (ingress.get("ipMode").and_then(Value::as_str), ip) {
            (None, "") | (Some("VIP" | "Proxy"), _) if !ip.is_empty() || set(ingress, "ipMode").is_none() => {}
            (None, _) => errors.push(at.child("ipMode").required("must be specified when `ip` is set")),
            (Some(_), "") => errors.push(at.child("ipMode").forbidden("may not be specified when `ip` is not set")),
            (Some(other), _) => errors.push(at.child("ipMode").not_supported(other, &["Proxy", "VIP"])),
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
