//! Rules of NetworkPolicies.

use std::collections::HashSet;

use ipnet::IpNet;
use kubernel_meta::field::{Error, Path};
use kubernel_meta::{LabelSelector, Object, validation as meta};
use serde_json::Value;

use crate::tree::{items, set, text};
use crate::validate;

/// What is wrong with a new NetworkPolicy.
pub(super) fn create(policy: &Object) -> Vec<Error> {
    errors_of(policy, &HashSet::new())
}

/// What is wrong with a change; networks that were there before may stay as they are.
pub(super) fn update(policy: &Object, old: &Object) -> Vec<Error> {
    let kept: HashSet<&str> = networks(old).map(|(_, network)| network).collect();
    errors_of(policy, &kept)
}

/// What is to be said about networks that are valid and yet not written as they should be.
pub(super) fn warnings(policy: &Object) -> Vec<String> {
    networks(policy).filter_map(|(path, network)| validate::cidr_warning(&path, network)).collect()
}

/// Every network in a policy, and where it is.
fn networks(policy: &Object) -> impl Iterator<Item = (Path, &str)> {
    let rules = [("ingress", "from"), ("egress", "to")].into_iter().flat_map(|(list, peers)| {
        let rules = policy.list_at(&["spec", list]).iter().enumerate();
        rules.map(move |(at, rule)| (Path::root("spec").child(list).index(at).child(peers), items(rule, peers)))
    });
    let blocks = rules.flat_map(|(path, peers)| {
        let blocks = peers.iter().enumerate().filter_map(|(at, peer)| Some((at, set(peer, "ipBlock")?)));
        blocks.map(move |(at, block)| (path.index(at).child("ipBlock"), block))
    });
    blocks.flat_map(|(path, block)| {
        let excepts = items(block, "except").iter().filter_map(Value::as_str).enumerate();
        let at = path.child("except");
        let whole = (path.child("cidr"), text(block, "cidr"));
        std::iter::once(whole).chain(excepts.map(move |(index, except)| (at.index(index), except)))
    })
}

fn errors_of(policy: &Object, kept: &HashSet<&str>) -> Vec<Error> {
    let (path, spec) = (Path::root("spec"), policy.at(&["spec"]).unwrap_or(&Value::Null));
    let selector = spec.get("podSelector").unwrap_or(&Value::Null);
    let mut errors = LabelSelector::validate_value(selector, &path.child("podSelector"));
    for (list, peers) in [("ingress", "from"), ("egress", "to")] {
        for (at, rule) in items(spec, list).iter().enumerate() {
            let path = path.child(list).index(at);
            for (at, port) in items(rule, "ports").iter().enumerate() {
                errors.extend(port_errors(&path.child("ports").index(at), port));
            }
            for (at, peer) in items(rule, peers).iter().enumerate() {
                errors.extend(peer_errors(&path.child(peers).index(at), peer, kept));
            }
        }
    }
    let (at, types) = (path.child("policyTypes"), items(spec, "policyTypes"));
    if types.len() > 2 {
        errors.push(at.invalid(types.to_vec(), "may not specify more than two policyTypes"));
        return errors;
    }
    for (index, kind) in types.iter().filter_map(Value::as_str).enumerate() {
        if !matches!(kind, "Ingress" | "Egress") {
            errors.push(at.index(index).not_supported(kind, &["Egress", "Ingress"]));
        }
    }
    errors
}

fn port_errors(path: &Path, port: &Value) -> Vec<Error> {
    let mut errors = Vec::new();
    match set(port, "protocol").and_then(Value::as_str) {
        None | Some("TCP" | "UDP" | "SCTP") => {}
        Some(other) => errors.push(path.child("protocol").not_supported(other, &["TCP", "UDP", "SCTP"])),
    }
    let number = set(port, "port");
    let is_name = number.is_some_and(Value::is_string);
    if !is_name {
        errors.extend(validate::port_or_name(&path.child("port"), number));
    }
    if let Some(end) = port.get("endPort").and_then(Value::as_i64) {
        let at = path.child("endPort");
        match number {
            None => errors.push(at.invalid(end, "may not be specified when `port` is not specified")),
            Some(Value::String(_)) => {
                errors.push(at.invalid(end, "may not be specified when `port` is non-numeric"));
            }
            Some(start) => {
                // Upstream shows the first port here.
                if let Some(start) = start.as_i64().filter(|start| end < *start) {
                    errors.push(at.invalid(start, "must be greater than or equal to `port`"));
                }
                errors.extend(meta::port_number(end).into_iter().map(|message| at.invalid(end, message)));
            }
        }
    }
    if is_name {
        errors.extend(validate::port_or_name(&path.child("port"), number));
    }
    errors
}

fn peer_errors(path: &Path, peer: &Value, kept: &HashSet<&str>) -> Vec<Error> {
    let mut errors = Vec::new();
    let mut peers = 0;
    for field in ["podSelector", "namespaceSelector"] {
        if let Some(selector) = set(peer, field) {
            peers += 1;
            errors.extend(LabelSelector::validate_value(selector, &path.child(field)));
        }
    }
    let block = set(peer, "ipBlock");
    if let Some(block) = block {
        errors.extend(block_errors(&path.child("ipBlock"), block, kept));
    }
    match (peers, block) {
        (0, None) => errors.push(path.required("must specify a peer")),
        (1.., Some(_)) => errors.push(path.forbidden("may not specify both ipBlock and another peer")),
        _ => {}
    }
    errors
}

fn block_errors(path: &Path, block: &Value, kept: &HashSet<&str>) -> Vec<Error> {
    let (at, text) = (path.child("cidr"), text(block, "cidr"));
    if text.is_empty() {
        return vec![at.required("")];
    }
    let check = |at: &Path, text: &str| if kept.contains(text) { None } else { validate::cidr(at, text) };
    let mut errors: Vec<Error> = check(&at, text).into_iter().collect();
    let Some(whole) = loose(text) else { return errors };
    for (index, except) in items(block, "except").iter().filter_map(Value::as_str).enumerate() {
        let at = path.child("except").index(index);
        errors.extend(check(&at, except));
        let Some(part) = loose(except) else { continue };
        if !whole.contains(&part.addr()) || whole.prefix_len() >= part.prefix_len() {
            errors.push(at.invalid(except, "must be a strict subset of `cidr`"));
        }
    }
    errors
}

/// A network as upstream reads it where it does not validate: with zeros before numbers.
fn loose(text: &str) -> Option<IpNet> {
    let (address, length) = text.split_once('/')?;
    validate::loose_ip(address).and_then(|address| IpNet::new(address, length.parse().ok()?).ok())
}
