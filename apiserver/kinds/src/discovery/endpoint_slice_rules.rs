//! Rules of EndpointSlices.

use std::net::IpAddr;

use kubernel_meta::field::{Error, Path};
use kubernel_meta::{Object, validation};
use serde_json::Value;

use crate::core::endpoints_rules::special_addresses;
use crate::tree::{items, repeated, set, text};
use crate::validate;

const ENDPOINTS_MAX: usize = 1000;
const ADDRESSES_MAX: usize = 100;
const PORTS_MAX: usize = 20_000;
const HINTS_MAX: usize = 8;
const MANAGED_BY: &str = "endpointslice.kubernetes.io/managed-by";
/// Who writes addresses in one way only.
const CONTROLLERS: [&str; 2] = ["endpointslice-controller.k8s.io", "endpointslicemirroring-controller.k8s.io"];
const TYPES: [&str; 3] = ["FQDN", "IPv4", "IPv6"];

/// `deprecatedTopology` came before zones and node names; nothing writes it any more.
pub(super) fn drop_topology(slice: &mut Object) {
    let endpoints = slice.map_mut().get_mut("endpoints").and_then(Value::as_array_mut);
    for endpoint in endpoints.into_iter().flatten().filter_map(Value::as_object_mut) {
        endpoint.remove("deprecatedTopology");
    }
}

/// What is wrong with a new slice.
pub(super) fn create(slice: &Object) -> Vec<Error> {
    let type_ = slice.str_at(&["addressType"]);
    let mut errors = Vec::new();
    match type_ {
        "" => errors.push(Path::root("addressType").required("")),
        type_ if !TYPES.contains(&type_) => errors.push(Path::root("addressType").not_supported(type_, &TYPES)),
        _ => {}
    }
    errors.extend(endpoints(slice.list_at(&["endpoints"]), type_));
    errors.extend(ports(slice.list_at(&["ports"])));
    errors
}

/// What is wrong with a change: the address type stays.
pub(super) fn update(new: &Object, old: &Object) -> Vec<Error> {
    let mut errors = create(new);
    let path = Path::root("addressType");
    errors.extend(validate::immutable(&path, new.at(&["addressType"]), old.at(&["addressType"])));
    errors
}

/// The warnings about addresses, save for those that a controller writes.
pub(super) fn address_warnings(slice: &Object) -> Vec<String> {
    let managed = |(key, value): (&str, &str)| key == MANAGED_BY && CONTROLLERS.contains(&value);
    if slice.labels().any(managed) {
        return Vec::new();
    }
    let path = Path::root("endpoints");
    let mut warnings = Vec::new();
    for (at, endpoint) in slice.list_at(&["endpoints"]).iter().enumerate() {
        let path = path.index(at).child("addresses");
        let addresses = items(endpoint, "addresses").iter().filter_map(Value::as_str).enumerate();
        warnings.extend(addresses.filter_map(|(at, address)| validate::ip_warning(&path.index(at), address)));
    }
    warnings
}

fn endpoints(endpoints: &[Value], type_: &str) -> Vec<Error> {
    let path = Path::root("endpoints");
    if endpoints.len() > ENDPOINTS_MAX {
        return vec![path.too_many(endpoints.len(), ENDPOINTS_MAX)];
    }
    let mut errors = Vec::new();
    for (at, endpoint) in endpoints.iter().enumerate() {
        let path = path.index(at);
        let (at, addresses) = (path.child("addresses"), items(endpoint, "addresses"));
        if addresses.is_empty() {
            errors.push(at.required("must contain at least 1 address"));
        } else if addresses.len() > ADDRESSES_MAX {
            errors.push(at.too_many(addresses.len(), ADDRESSES_MAX));
        }
        for (index, address) in addresses.iter().filter_map(Value::as_str).enumerate() {
            errors.extend(address_rules(&at, index, address, type_));
        }
        for field in ["nodeName", "hostname"] {
            let Some(name) = set(endpoint, field).and_then(Value::as_str) else { continue };
            let messages = match field {
                "nodeName" => validation::dns1123_subdomain(name),
                _ => validation::dns1123_label(name),
            };
            errors.extend(validate::texts(&path.child(field), name, messages));
        }
        if let Some(hints) = set(endpoint, "hints") {
            errors.extend(hint_errors(&path.child("hints"), hints));
        }
    }
    errors
}

/// What is wrong with the zones and nodes that should use an endpoint.
fn hint_errors(path: &Path, hints: &Value) -> Vec<Error> {
    let mut errors = Vec::new();
    for field in ["forZones", "forNodes"] {
        let (path, places) = (path.child(field), items(hints, field));
        if places.len() > HINTS_MAX {
            errors.push(path.too_many(places.len(), HINTS_MAX));
            return errors;
        }
        for (at, place) in places.iter().enumerate() {
            let (path, name) = (path.index(at).child("name"), text(place, "name"));
            if places[..at].iter().any(|other| text(other, "name") == name) {
                errors.push(path.duplicate(name));
            }
            let messages = match field {
                "forZones" => validation::label_value(name),
                _ => validation::dns1123_subdomain(name),
            };
            errors.extend(validate::texts(&path, name, messages));
        }
    }
    errors
}

/// What is wrong with the name of a host: it has at least two parts.
fn host_name(path: &Path, name: &str) -> Vec<Error> {
    if name.is_empty() {
        return vec![path.required("")];
    }
    let name = name.strip_suffix('.').unwrap_or(name);
    let wrong = validation::dns1123_subdomain(name);
    if !wrong.is_empty() {
        return vec![path.invalid(name, wrong.join(","))];
    }
    let labels: Vec<&str> = name.split('.').collect();
    if labels.len() < 2 {
        return vec![path.invalid(name, "should be a domain with at least two segments separated by dots")];
    }
    let long = labels.into_iter().map(|label| (label, validation::dns1123_label(label)));
    long.filter(|(_, wrong)| !wrong.is_empty()).map(|(label, wrong)| path.invalid(label, wrong.join(","))).collect()
}

fn address_rules(path: &Path, index: usize, address: &str, type_: &str) -> Vec<Error> {
    let at = path.index(index);
    if type_ == "FQDN" {
        return host_name(&at, address);
    }
    match address.parse::<IpAddr>() {
        Err(_) if has_leading_zeros(address) => vec![at.invalid(address, "must not have leading 0s")],
        Err(_) => vec![at.invalid(address, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)")],
        Ok(ip) => {
            let mut errors = Vec::new();
            if type_ == "IPv4" && !ip.is_ipv4() {
                errors.push(path.invalid(address, "must be an IPv4 address"));
            }
            if type_ == "IPv6" && !ip.is_ipv6() {
                errors.push(path.invalid(address, "must be an IPv6 address"));
            }
            errors.extend(special_addresses(&at, address));
            errors
        }
    }
}

/// Whether the text is an IPv4 address but for zeros before its numbers.
fn has_leading_zeros(address: &str) -> bool {
    let trim = |part: &str| match part.trim_start_matches('0') {
        "" => "0".to_owned(),
        rest => rest.to_owned(),
    };
    let trimmed: Vec<String> = address.split('.').map(trim).collect();
    trimmed.join(".").parse::<IpAddr>().is_ok()
}

fn ports(ports: &[Value]) -> Vec<Error> {
    let path = Path::root("ports");
    if ports.len() > PORTS_MAX {
        return vec![path.too_many(ports.len(), PORTS_MAX)];
    }
    let twice = repeated(ports, |port| text(port, "name"));
    let mut errors = Vec::new();
    for (at, port) in ports.iter().enumerate() {
        let (path, name) = (path.index(at), text(port, "name"));
        if !name.is_empty() {
            errors.extend(validate::texts(&path.child("name"), name, validation::dns1123_label(name)));
        }
        if twice[at] {
            errors.push(path.child("name").duplicate(name));
        }
        errors.extend(validate::protocol(&path.child("protocol"), text(port, "protocol")));
        errors.extend(validate::qualified_name(&path.child("appProtocol"), port.get("appProtocol")));
    }
    errors
}
