//! What becomes of allocated fields when a Service is written: what a writer left out stays, what the new type has no
//! use for goes.

use kubernel_meta::Object;
use serde_json::{Value, json};

use super::needs;
use crate::tree::{int, text};

/// `clusterIPs` repeats `clusterIP` where only that is given.
pub(super) fn create(service: &mut Object) {
    let ip = service.str_at(&["spec", "clusterIP"]).to_owned();
    if !ip.is_empty() && service.list_at(&["spec", "clusterIPs"]).is_empty() {
        service.set(&["spec", "clusterIPs"], json!([ip]));
    }
}

/// Prepares a change of a Service.
pub(super) fn update(new: &mut Object, old: &Object) {
    normalize_cluster_ips(new, old);
    keep_allocated(new, old);
    drop_unneeded(new, old);
}

/// A writer who knows only `clusterIP` changes `clusterIPs` with it.
fn normalize_cluster_ips(new: &mut Object, old: &Object) {
    let ips = |service: &Object| service.list_at(&["spec", "clusterIPs"]).to_vec();
    let (before, after) = (old.str_at(&["spec", "clusterIP"]), new.str_at(&["spec", "clusterIP"]).to_owned());
    if before == after || ips(new) != ips(old) {
        return;
    }
    if after.is_empty() {
        new.remove(&["spec", "clusterIPs"]);
    } else {
        new.set(&["spec", "clusterIPs"], json!([after]));
    }
}

/// Takes over what was allocated and the writer left out.
fn keep_allocated(new: &mut Object, old: &Object) {
    let has_ip = |service: &Object| needs::has_cluster_ip(service.str_at(&["spec", "type"]));
    if has_ip(old) && has_ip(new) {
        if new.str_at(&["spec", "clusterIP"]).is_empty() {
            keep(new, old, "clusterIP");
        }
        let same = new.str_at(&["spec", "clusterIP"]) == old.str_at(&["spec", "clusterIP"]);
        if new.list_at(&["spec", "clusterIPs"]).is_empty() && same {
            keep(new, old, "clusterIPs");
        }
        for field in ["ipFamilyPolicy", "ipFamilies"] {
            if new.at(&["spec", field]).is_none_or(Value::is_null) {
                keep(new, old, field);
            }
        }
    }
    if needs::has_node_ports(old) && needs::has_node_ports(new) {
        keep_node_ports(new, old);
    }
    if needs::has_health_check_port(old) && needs::health_check_port(new) {
        keep(new, old, "healthCheckNodePort");
    }
}

fn keep(new: &mut Object, old: &Object, field: &str) {
    if let Some(value) = old.at(&["spec", field]) {
        new.set(&["spec", field], value.clone());
    }
}

/// Ports are the same where protocol and port are; a node port that the writer gave to another stays there.
fn keep_node_ports(new: &mut Object, old: &Object) {
    let mut used: Vec<i64> = new.list_at(&["spec", "ports"]).iter().map(|port| int(port, "nodePort")).collect();
    let Some(ports) = new.map_at_mut(&["spec"]).get_mut("ports").and_then(Value::as_array_mut) else { return };
    for port in ports.iter_mut().filter(|port| int(port, "nodePort") == 0) {
        let same = |other: &&Value| {
            int(other, "port") == int(port, "port") && text(other, "protocol") == text(port, "protocol")
        };
        let before = old.list_at(&["spec", "ports"]).iter().find(same).map_or(0, |port| int(port, "nodePort"));
        if before != 0 && !used.contains(&before) {
            used.push(before);
            port["nodePort"] = json!(before);
        }
    }
}

/// Drops what the old type had, the new one has no use for, and the writer did not touch.
fn drop_unneeded(new: &mut Object, old: &Object) {
    let type_of = |service: &Object| service.str_at(&["spec", "type"]).to_owned();
    let (old_type, new_type) = (type_of(old), type_of(new));
    let same = |new: &Object, field: &str| new.at(&["spec", field]) == old.at(&["spec", field]);
    if needs::has_cluster_ip(&old_type) && !needs::has_cluster_ip(&new_type) {
        if same(new, "clusterIP") && same(new, "clusterIPs") {
            drop_all(new, &["clusterIP", "clusterIPs"]);
        }
        for field in ["ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy"] {
            if same(new, field) {
                drop_all(new, &[field]);
            }
        }
    }
    if needs::has_node_ports(old) && !needs::has_node_ports(new) {
        let node_ports = |service: &Object| -> Vec<i64> {
            service.list_at(&["spec", "ports"]).iter().map(|port| int(port, "nodePort")).collect()
        };
        if node_ports(new) == node_ports(old) {
            let ports = new.map_at_mut(&["spec"]).get_mut("ports").and_then(Value::as_array_mut);
            for port in ports.into_iter().flatten().filter_map(Value::as_object_mut) {
                port.remove("nodePort");
            }
        }
    }
    if needs::has_health_check_port(old) && !needs::has_health_check_port(new) && same(new, "healthCheckNodePort") {
        drop_all(new, &["healthCheckNodePort"]);
    }
    if old_type == "LoadBalancer" && new_type != "LoadBalancer" {
        for field in ["allocateLoadBalancerNodePorts", "loadBalancerClass"] {
            if same(new, field) {
                drop_all(new, &[field]);
            }
        }
    }
    let accessible = |service: &Object| service.map_at(&["spec"]).is_some_and(needs::is_externally_accessible);
    if accessible(old) && !accessible(new) && same(new, "externalTrafficPolicy") {
        drop_all(new, &["externalTrafficPolicy"]);
    }
}

fn drop_all(service: &mut Object, fields: &[&str]) {
    for field in fields {
        service.remove(&["spec", field]);
    }
}
