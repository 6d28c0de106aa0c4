//! Rules of the objects that back cluster IPs: IPAddresses and ServiceCIDRs.

use std::net::IpAddr;

use ipnet::IpNet;
use kubernel_meta::field::{Error, Path};
use kubernel_meta::{Object, validation as meta};
use serde_json::{Value, json};

use crate::go_form;
use crate::tree::{items, text};
use crate::validate;

/// What is wrong with an address as the name of an IPAddress: there is one way to write each.
pub(super) fn address_name(name: &str) -> Vec<String> {
    match name.parse::<IpAddr>() {
        Ok(ip) if ip.to_string() == name => Vec::new(),
        Ok(ip) => vec![format!("must be in canonical form (\"{ip}\")")],
        Err(_) => {
            let trim = |part: &str| {
                if part.trim_start_matches('0').is_empty() {
                    "0".to_owned()
                } else {
                    part.trim_start_matches('0').to_owned()
                }
            };
            let trimmed = name.split('.').map(trim).collect::<Vec<_>>().join(".");
            let message = match trimmed.parse::<IpAddr>() {
                Ok(_) => "must not have leading 0s",
                Err(_) => "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)",
            };
            vec![message.to_owned()]
        }
    }
}

/// What is wrong with an IPAddress: it belongs to something.
pub(super) fn address(object: &Object) -> Vec<Error> {
    let path = Path::root("spec").child("parentRef");
    let Some(parent) = object.at(&["spec", "parentRef"]).filter(|parent| parent.is_object()) else {
        return vec![path.required("")];
    };
    let check = |field: &str| {
        let (at, value) = (path.child(field), text(parent, field));
        match (field, value) {
            ("group" | "namespace", "") => Vec::new(),
            (_, "") => vec![at.required("")],
            ("group", group) => validate::texts(&at, group, meta::dns1123_subdomain(group)).collect(),
            _ => validate::texts(&at, value, meta::path_segment_name(value)).collect(),
        }
    };
    ["group", "resource", "name", "namespace"].into_iter().flat_map(check).collect()
}

/// What is wrong with a change: the parent stays.
pub(super) fn address_update(new: &Object, old: &Object) -> Option<Error> {
    let path = Path::root("spec").child("parentRef");
    let (parent, before) = (new.at(&["spec", "parentRef"]), old.at(&["spec", "parentRef"]));
    let error = validate::immutable(&path, parent, before)?;
    let shown = go_form::compact("io.k8s.api.networking.v1.ParentReference", parent.unwrap_or(&Value::Null));
    Some(error.shown_as(shown))
}

/// What is wrong with a ServiceCIDR: one block, or one of each family.
pub(super) fn cidrs(object: &Object) -> Vec<Error> {
    let path = Path::root("spec").child("cidrs");
    let spec = object.at(&["spec"]).unwrap_or(&Value::Null);
    let blocks = items(spec, "cidrs");
    match blocks.len() {
        0 => return vec![path.required("at least one CIDR required")],
        1 | 2 => {}
        _ => {
            let shown = json!({"CIDRs": blocks});
            return vec![path.invalid(shown, "may only hold up to 2 values")];
        }
    }
    let mut errors = Vec::new();
    for (at, block) in blocks.iter().filter_map(Value::as_str).enumerate() {
        errors.extend(validate::cidr(&path.index(at), block));
    }
    let families: Vec<bool> = blocks
        .iter()
        .filter_map(|block| block.as_str()?.parse::<IpNet>().ok())
        .map(|net| net.addr().is_ipv4())
        .collect();
    if families.len() == 2 && families[0] == families[1] {
        let message = "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64";
        errors.push(path.invalid(blocks.to_vec(), message));
    }
    errors
}

/// What is wrong with a change: blocks stay; a second one may come.
pub(super) fn cidrs_update(new: &Object, old: &Object) -> Vec<Error> {
    let path = Path::root("spec").child("cidrs");
    let (after, before) = (new.list_at(&["spec", "cidrs"]), old.list_at(&["spec", "cidrs"]));
    let is_grown = before.len() == 1 && after.len() == 2;
    if after.len() != before.len() && !is_grown {
        return vec![path.invalid(after.to_vec(), "field is immutable")];
    }
    let pairs = before.iter().zip(after).enumerate().filter(|(_, (before, after))| before != after);
    let mut errors: Vec<Error> =
        pairs.map(|(at, (_, block))| path.index(at).invalid(block.clone(), "field is immutable")).collect();
    if is_grown {
        errors.extend(cidrs(new));
    }
    errors
}
