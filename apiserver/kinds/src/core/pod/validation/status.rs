//! What may be written to a Pod's status.

use std::collections::HashSet;
use std::net::IpAddr;

use kubernel_meta::field::{Error, Path, Reason};
use kubernel_meta::{Object, validation as meta};
use serde_json::{Value, json};

use super::{annotations, claim_status, container_status};
use crate::tree::{int, items, text};
use crate::validate::{self, texts};

const SYSTEM_CONDITIONS: [&str; 3] = ["PodScheduled", "Ready", "Initialized"];
const NOT_NEGATIVE: &str = "must be a non-negative integer";

/// What is wrong with a write to `status`.
pub(super) fn update(new: &Object, old: &Object) -> Vec<Error> {
    let null = &Value::Null;
    let path = Path::root("status");
    let (status, before) = (new.at(&["status"]).unwrap_or(null), old.at(&["status"]).unwrap_or(null));
    let spec = new.at(&["spec"]).unwrap_or(null);
    let mut errors = annotations::changes(new, old);
    errors.extend(conditions(&path.child("conditions"), items(status, "conditions")));
    if new.str_at(&["spec", "nodeName"]) != old.str_at(&["spec", "nodeName"]) {
        errors.push(path.child("nodeName").forbidden("may not be changed directly"));
    }
    errors.extend(nominated(&path.child("nominatedNodeName"), status, before, old.str_at(&["spec", "nodeName"])));
    if int(status, "observedGeneration") < 0 {
        errors.push(path.child("observedGeneration").invalid(int(status, "observedGeneration"), NOT_NEGATIVE));
    }
    let class = text(status, "qosClass");
    if class != text(before, "qosClass") {
        errors.push(path.child("qosClass").invalid(class, "field is immutable"));
    }
    errors.extend(container_status::transitions(&path, status, before, old.at(&["spec"]).unwrap_or(null)));
    errors.extend(claim_status::claims(&path.child("resourceClaimStatuses"), spec, status));
    errors.extend(claim_status::extended(&path.child("extendedResourceClaimStatus"), spec, status));
    errors.extend(pod_ips(&path.child("podIPs"), status, before));
    errors.extend(host_ips(&path.child("hostIPs"), status, before));
    errors.extend(container_status::users(&path, spec, status));
    errors.extend(container_status::allocated(&path, spec, status));
    errors
}

/// Upstream says `Type` here.
fn conditions(path: &Path, conditions: &[Value]) -> Vec<Error> {
    let mut errors = Vec::new();
    for (i, condition) in conditions.iter().enumerate() {
        let (at, name) = (path.index(i), text(condition, "type"));
        let generation = int(condition, "observedGeneration");
        if generation < 0 {
            errors.push(at.child("observedGeneration").invalid(generation, NOT_NEGATIVE));
        }
        if !SYSTEM_CONDITIONS.contains(&name) {
            errors.extend(texts(&at.child("Type"), name, meta::label_key(name)));
        }
    }
    errors
}

/// A node is nominated as long as the Pod is on none.
fn nominated(path: &Path, status: &Value, before: &Value, bound_to: &str) -> Vec<Error> {
    let name = text(status, "nominatedNodeName");
    if name.is_empty() || name == text(before, "nominatedNodeName") {
        return Vec::new();
    }
    let mut errors: Vec<Error> = texts(path, name, meta::dns1123_subdomain(name)).collect();
    if !bound_to.is_empty() {
        errors.push(path.forbidden("may not be set on pods that are already bound to a node"));
    }
    errors
}

fn pod_ips(path: &Path, status: &Value, before: &Value) -> Vec<Error> {
    let ips = addresses(status, "podIPs");
    let mut errors = new_addresses(path, &ips, before, "podIPs");
    errors.extend(families(path, &ips));
    errors
}

fn host_ips(path: &Path, status: &Value, before: &Value) -> Vec<Error> {
    let ips = addresses(status, "hostIPs");
    let mut errors = Vec::new();
    let Some(first) = ips.first() else { return errors };
    if *first != text(status, "hostIP") {
        errors.push(path.index(0).child("ip").invalid(*first, "must be equal to `hostIP`"));
    }
    errors.extend(new_addresses(path, &ips, before, "hostIPs"));
    errors.extend(families(path, &ips));
    errors
}

fn addresses<'a>(status: &'a Value, list: &str) -> Vec<&'a str> {
    items(status, list).iter().map(|entry| text(entry, "ip")).collect()
}

/// What is wrong with the addresses that were not there before.
fn new_addresses(path: &Path, ips: &[&str], before: &Value, list: &str) -> Vec<Error> {
    let kept: HashSet<&str> = addresses(before, list).into_iter().collect();
    let new = ips.iter().enumerate().filter(|(_, ip)| !kept.contains(*ip));
    new.filter_map(|(i, ip)| validate::ip(&path.index(i), ip)).collect()
}

/// One address of each family at most.
fn families(path: &Path, ips: &[&str]) -> Option<Error> {
    if ips.len() < 2 {
        return None;
    }
    let mut parsed = Vec::with_capacity(ips.len());
    for ip in ips {
        let Some(address) = validate::loose_ip(ip) else {
            let detail = format!("failed to check for dual stack with error:invalid IP: {ip}");
            return Some(path.error(Reason::Internal, Value::Null, detail));
        };
        parsed.push(address);
    }
    let both = parsed.iter().any(IpAddr::is_ipv4) && parsed.iter().any(IpAddr::is_ipv6);
    let shown: Vec<Value> = ips.iter().map(|ip| json!({"IP": ip})).collect();
    (!both || ips.len() > 2).then(|| path.invalid(shown, "may specify no more than one IP for each IP family"))
}
