//! Rules of Endpoints, and of addresses that EndpointSlices share.

use std::collections::HashSet;
use std::net::IpAddr;

use kubernel_meta::field::{Error, Path};
use kubernel_meta::{Object, validation};
use serde_json::Value;

use crate::tree::{int, items, text};
use crate::validate;

/// What is wrong with Endpoints; addresses that they had before may stay as they are.
pub(super) fn check(endpoints: &Object, old: Option<&Object>) -> Vec<Error> {
    let path = Path::root("subsets");
    let subsets = |endpoints: &Object| endpoints.list_at(&["subsets"]).to_vec();
    let before = old.map(subsets).unwrap_or_default();
    let kept: HashSet<&str> = before.iter().flat_map(addresses).map(|(_, address)| text(address, "ip")).collect();
    let mut errors = Vec::new();
    for (at, subset) in endpoints.list_at(&["subsets"]).iter().enumerate() {
        errors.extend(subset_rules(&path.index(at), subset, &kept));
    }
    errors
}

/// The warnings about addresses, save for those that the controller writes.
pub(super) fn warnings(endpoints: &Object) -> Vec<String> {
    if endpoints.labels().any(|(key, _)| key == "endpoints.kubernetes.io/managed-by") {
        return Vec::new();
    }
    let path = Path::root("subsets");
    let subsets = endpoints.list_at(&["subsets"]).iter().enumerate();
    let all = subsets.flat_map(|(at, subset)| {
        let path = path.index(at);
        addresses(subset).map(move |((list, at), address)| (path.child(list).index(at).child("ip"), address))
    });
    all.filter_map(|(at, address)| validate::ip_warning(&at, text(address, "ip"))).collect()
}

/// The addresses of a subset with the list and the place of each.
fn addresses(subset: &Value) -> impl Iterator<Item = ((&'static str, usize), &Value)> {
    let of =
        |list: &'static str| items(subset, list).iter().enumerate().map(move |(at, address)| ((list, at), address));
    of("addresses").chain(of("notReadyAddresses"))
}

fn subset_rules(path: &Path, subset: &Value, kept: &HashSet<&str>) -> Vec<Error> {
    let mut errors = Vec::new();
    if items(subset, "addresses").is_empty() && items(subset, "notReadyAddresses").is_empty() {
        errors.push(path.required("must specify `addresses` or `notReadyAddresses`"));
    }
    for ((list, at), address) in addresses(subset) {
        errors.extend(address_rules(&path.child(list).index(at), address, kept));
    }
    let ports = items(subset, "ports");
    for (at, port) in ports.iter().enumerate() {
        errors.extend(port_rules(&path.child("ports").index(at), port, ports.len() > 1));
    }
    errors
}

fn address_rules(path: &Path, address: &Value, kept: &HashSet<&str>) -> Vec<Error> {
    let (at, ip, hostname) = (path.child("ip"), text(address, "ip"), text(address, "hostname"));
    let mut errors = Vec::new();
    if !kept.contains(ip) {
        errors.extend(validate::ip(&at, ip));
    }
    if !hostname.is_empty() {
        errors.extend(validate::texts(&path.child("hostname"), hostname, validation::dns1123_label(hostname)));
    }
    if let Some(node) = address.get("nodeName").and_then(Value::as_str) {
        errors.extend(validate::texts(&path.child("nodeName"), node, validation::dns1123_subdomain(node)));
    }
    errors.extend(special_addresses(&at, ip));
    errors
}

/// Addresses that no endpoint may have: they would let its owner reach into nodes.
pub(crate) fn special_addresses(path: &Path, ip: &str) -> Vec<Error> {
    let Ok(address) = ip.parse::<IpAddr>() else {
        return vec![path.invalid(ip, "must be a valid IP address")];
    };
    let link_local = |ip: IpAddr, multicast: bool| match ip {
        IpAddr::V4(v4) if multicast => v4.octets()[..3] == [224, 0, 0],
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) if multicast => v6.segments()[0] & 0xff0f == 0xff02,
        IpAddr::V6(v6) => v6.segments()[0] & 0xffc0 == 0xfe80,
    };
    let mut errors = Vec::new();
    if address.is_unspecified() {
        errors.push(path.invalid(ip, format!("may not be unspecified ({ip})")));
    }
    if address.is_loopback() {
        errors.push(path.invalid(ip, "may not be in the loopback range (127.0.0.0/8, ::1/128)"));
    }
    if link_local(address, false) {
        errors.push(path.invalid(ip, "may not be in the link-local range (169.254.0.0/16, fe80::/10)"));
    }
    if link_local(address, true) {
        errors.push(path.invalid(ip, "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)"));
    }
    errors
}

fn port_rules(path: &Path, port: &Value, named: bool) -> Vec<Error> {
    let (name, number, protocol) = (text(port, "name"), int(port, "port"), text(port, "protocol"));
    let mut errors = Vec::new();
    if name.is_empty() && named {
        errors.push(path.child("name").required(""));
    } else if !name.is_empty() {
        errors.extend(validate::texts(&path.child("name"), name, validation::dns1123_label(name)));
    }
    for message in validation::port_number(number) {
        errors.push(path.child("port").invalid(number, message));
    }
    errors.extend(validate::protocol(&path.child("protocol"), protocol));
    errors.extend(validate::qualified_name(&path.child("appProtocol"), port.get("appProtocol")));
    errors
}
