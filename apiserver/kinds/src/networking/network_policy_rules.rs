//! Rules of NetworkPolicies.

use ipnet::IpNet;
use kubernel_meta::field::{Error, Path};
use kubernel_meta::{LabelSelector, Object};
use serde_json::Value;

use crate::tree::{items, set, text};
use crate::validate;

/// What is wrong with a NetworkPolicy.
pub(super) fn create(policy: &Object) -> Vec<Error> {
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
                errors.extend(peer_errors(&path.child(peers).index(at), peer));
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
    match text(port, "protocol") {
        "" | "TCP" | "UDP" | "SCTP" => {}
        other => errors.push(path.child("protocol").not_supported(other, &["TCP", "UDP", "SCTP"])),
    }
    let number = set(port, "port");
    errors.extend(validate::port_or_name(&path.child("port"), number));
    if let Some(end) = port.get("endPort").and_then(Value::as_i64) {
        let at = path.child("endPort");
        match number {
            None => errors.push(at.invalid(end, "may not be specified when `port` is not specified")),
            Some(Value::String(_)) => {
                errors.push(at.invalid(end, "may not be specified when `port` is non-numeric"));
            }
            Some(start) if start.as_i64().is_some_and(|start| end < start) => {
                errors.push(at.invalid(end, "must be greater than or equal to `port`"));
            }
            Some(_) => {}
        }
    }
    errors
}

fn peer_errors(path: &Path, peer: &Value) -> Vec<Error> {
    let mut errors = Vec::new();
    let mut peers = 0;
    for field in ["podSelector", "namespaceSelector"] {
        if let Some(selector) = set(peer, field) {
            peers += 1;
            errors.extend(LabelSelector::validate_value(selector, &path.child(field)));
        }
    }
    if let Some(block) = set(peer, "ipBlock") {
        if peers > 0 {
            errors.push(path.forbidden("may not specify both ipBlock and another peer"));
        }
        peers += 1;
        errors.extend(block_errors(&path.child("ipBlock"), block));
    }
    if peers == 0 {
        errors.push(path.required("must specify a peer"));
    }
    errors
}

fn block_errors(path: &Path, block: &Value) -> Vec<Error> {
    let (at, text) = (path.child("cidr"), text(block, "cidr"));
    if text.is_empty() {
        return vec![at.required("")];
    }
    if let Some(error) = validate::cidr(&at, text) {
        return vec![error];
    }
    let whole = text.parse::<IpNet>().ok();
    let mut errors = Vec::new();
    for (index, except) in items(block, "except").iter().filter_map(Value::as_str).enumerate() {
        let at = path.child("except").index(index);
        if let Some(error) = validate::cidr(&at, except) {
            errors.push(error);
            continue;
        }
        let part = except.parse::<IpNet>().ok();
        let inside = whole.zip(part).is_some_and(|(whole, part)| whole.contains(&part) && whole != part);
        if !inside {
            errors.push(at.invalid(except, "must be a strict subset of `cidr`"));
        }
    }
    errors
}
