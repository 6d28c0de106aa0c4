//! Rules of Endpoints, and of addresses that EndpointSlices share.

use std::net::IpAddr;

use kubernel_meta::field::{Error, Path};
use kubernel_meta::{Object, validation};
use serde_json::Value;

use crate::tree::{int, items, text};
use crate::validate;

/// What is wrong with Endpoints.
pub(super) fn create(endpoints: &Object) -> Vec<Error> {
    let path = Path::root("subsets");
    let mut errors = Vec::new();
    for (at, subset) in endpoints.list_at(&["subsets"]).iter().enumerate() {
        errors.extend(subset_rules(&path.index(at), subset));
    }
    errors
}

fn subset_rules(path: &Path, subset: &Value) -> Vec<Error> {
    let mut errors = Vec::new();
    if items(subset, "addresses").is_empty() && items(subset, "notReadyAddresses").is_empty() {
        errors.push(path.required("must specify `addresses` or `notReadyAddresses`"));
    }
    for list in ["addresses", "notReadyAddresses"] {
        for (at, address) in items(subset, list).iter().enumerate() {
            errors.extend(address_rules(&path.child(list).index(at), address));
        }
    }
    let ports = items(subset, "ports");
    for (at, port) in ports.iter().enumerate() {
        errors.extend(port_rules(&path.child("ports").index(at), port, ports.len() > 1));
    }
    errors
}

fn address_rules(path: &Path, address: &Value) -> Vec<Error> {
    let (at, ip, hostname) = (path.child("ip"), text(address, "ip"), text(address, "hostname"));
    let mut errors = Vec::new();
    if ip.parse::<IpAddr>().is_err() {
        errors.push(at.invalid(ip, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"));
    }
    if !hostname.is_empty() {
        errors.extend(validate::texts(&path.child("hostname"), hostname, validation::dns1123_label(hostname)));
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
