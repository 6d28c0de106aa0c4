//! What may be written to a Pod's status.

use std::net::IpAddr;

use kubernel_meta::field::{Error, Path};
use kubernel_meta::{Object, validation as meta};
use serde_json::{Value, json};

use super::{dns, security};
use crate::tree::{items, set, text};
use crate::validate::texts;

const SYSTEM_CONDITIONS: [&str; 3] = ["PodScheduled", "Ready", "Initialized"];

/// What is wrong with a write to `status`.
pub(super) fn update(new: &Object, old: &Object) -> Vec<Error> {
    let null = &Value::Null;
    let path = Path::root("status");
    let (status, before) = (new.at(&["status"]).unwrap_or(null), old.at(&["status"]).unwrap_or(null));
    let mut errors = conditions(&path.child("conditions"), items(status, "conditions"));
    if new.str_at(&["spec", "nodeName"]) != old.str_at(&["spec", "nodeName"]) {
        errors.push(path.child("nodeName").forbidden("may not be changed directly"));
    }
    let nominated = text(status, "nominatedNodeName");
    if nominated != text(before, "nominatedNodeName") && !nominated.is_empty() {
        errors.extend(texts(&path.child("nominatedNodeName"), nominated, meta::dns1123_subdomain(nominated)));
    }
    let class = text(status, "qosClass");
    if class != text(before, "qosClass") {
        errors.push(path.child("qosClass").invalid(class, "field is immutable"));
    }
    errors.extend(transitions(&path, status, before, old));
    errors.extend(claim_statuses(&path.child("resourceClaimStatuses"), new, status));
    errors.extend(pod_ips(&path.child("podIPs"), status));
    errors.extend(host_ips(&path.child("hostIPs"), status));
    errors.extend(users(&path, status));
    errors
}

/// Upstream says `Type` here.
fn conditions(path: &Path, conditions: &[Value]) -> Vec<Error> {
    let named = conditions.iter().map(|condition| text(condition, "type")).enumerate();
    let own = named.filter(|(_, name)| !SYSTEM_CONDITIONS.contains(name));
    own.flat_map(|(i, name)| texts(&path.index(i).child("Type"), name, meta::label_key(name))).collect()
}

/// A container that ended for good does not come back.
fn transitions(path: &Path, new: &Value, old: &Value, pod: &Object) -> Vec<Error> {
    let policy = pod.str_at(&["spec", "restartPolicy"]);
    let sidecars: Vec<&str> = pod
        .list_at(&["spec", "initContainers"])
        .iter()
        .filter(|container| text(container, "restartPolicy") == "Always")
        .map(|container| text(container, "name"))
        .collect();
    let own_rules = |name: &str| {
        let all = ["containers", "initContainers"].into_iter().flat_map(|list| pod.list_at(&["spec", list]));
        all.filter(|container| text(container, "name") == name)
            .any(|container| set(container, "restartPolicy").is_some())
    };
    let mut errors = Vec::new();
    for list in ["containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"] {
        let policy = if list == "ephemeralContainerStatuses" { "Never" } else { policy };
        if policy == "Always" {
            continue;
        }
        for (i, before) in items(old, list).iter().enumerate() {
            let name = text(before, "name");
            let Some(ended) = before.pointer("/state/terminated").filter(|state| state.is_object()) else { continue };
            let failed = ended.get("exitCode").and_then(Value::as_i64).unwrap_or_default() != 0;
            let may_return = (failed && policy == "OnFailure") || sidecars.contains(&name) || own_rules(name);
            let returned = items(new, list).iter().any(|status| {
                text(status, "name") == name && status.pointer("/state/terminated").is_none_or(Value::is_null)
            });
            if !may_return && returned {
                let at = path.child(list).index(i).child("state");
                errors.push(at.forbidden("may not be transitioned to non-terminated state"));
            }
        }
    }
    errors
}

fn claim_statuses(path: &Path, pod: &Object, status: &Value) -> Vec<Error> {
    let claims = pod.list_at(&["spec", "resourceClaims"]);
    let statuses = items(status, "resourceClaimStatuses");
    let mut errors = Vec::new();
    for (i, status) in statuses.iter().enumerate() {
        let (at, name) = (path.index(i).child("name"), text(status, "name"));
        if !claims.iter().any(|claim| text(claim, "name") == name) {
            errors.push(at.invalid(name, "must match the name of an entry in `spec.resourceClaims`"));
        }
        if statuses[..i].iter().any(|other| text(other, "name") == name) {
            errors.push(at.duplicate(name));
        }
        if let Some(claim) = status.get("resourceClaimName").and_then(Value::as_str) {
            errors.extend(texts(&at, claim, meta::dns1123_subdomain(claim)));
        }
    }
    errors
}

fn pod_ips(path: &Path, status: &Value) -> Vec<Error> {
    let ips = addresses(status, "podIPs");
    let mut errors: Vec<Error> = ips.iter().enumerate().filter_map(|(i, ip)| dns::ip(&path.index(i), ip)).collect();
    if ips.len() > 1 {
        errors.extend(families(path, &ips));
        errors.extend(duplicates(path, &ips));
    }
    errors
}

fn host_ips(path: &Path, status: &Value) -> Vec<Error> {
    let ips = addresses(status, "hostIPs");
    let mut errors = Vec::new();
    let Some(first) = ips.first() else { return errors };
    if *first != text(status, "hostIP") {
        errors.push(path.index(0).child("ip").invalid(*first, "must be equal to `hostIP`"));
    }
    errors.extend(ips.iter().enumerate().filter_map(|(i, ip)| dns::ip(&path.index(i), ip)));
    if ips.len() > 1 {
        errors.extend(duplicates(path, &ips));
        errors.extend(families(path, &ips));
    }
    errors
}

fn addresses<'a>(status: &'a Value, list: &str) -> Vec<&'a str> {
    items(status, list).iter().map(|entry| text(entry, "ip")).collect()
}

fn families(path: &Path, ips: &[&str]) -> Vec<Error> {
    let mut parsed = Vec::new();
    for ip in ips {
        match ip.parse::<IpAddr>() {
            Ok(ip) => parsed.push(ip),
            Err(_) => {
                let detail = format!("failed to check for dual stack with error:invalid IP: {ip}");
                return vec![path.error(kubernel_meta::field::Reason::Internal, Value::Null, detail)];
            }
        }
    }
    let both = parsed.iter().any(IpAddr::is_ipv4) && parsed.iter().any(IpAddr::is_ipv6);
    let shown: Vec<Value> = ips.iter().map(|ip| json!({"IP": ip})).collect();
    let error = || path.invalid(shown, "may specify no more than one IP for each IP family");
    (!both || ips.len() > 2).then(error).into_iter().collect()
}

fn duplicates(path: &Path, ips: &[&str]) -> Vec<Error> {
    let again = ips.iter().enumerate().filter(|(i, ip)| ips[..*i].contains(ip));
    again.map(|(i, ip)| path.index(i).duplicate(json!({"IP": ip}))).collect()
}

fn users(path: &Path, status: &Value) -> Vec<Error> {
    let mut errors = Vec::new();
    for list in ["containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"] {
        for (i, status) in items(status, list).iter().enumerate() {
            let Some(user) = status.pointer("/user/linux").filter(|user| user.is_object()) else { continue };
            let at = path.child(list).index(i).child("linux");
            for field in ["uid", "gid"] {
                errors.extend(security::id(&at.child(field), user.get(field)));
            }
            for (j, group) in items(user, "supplementalGroups").iter().enumerate() {
                errors.extend(security::id(&at.child("supplementalGroups").index(j), Some(group)));
            }
        }
    }
    errors
}
