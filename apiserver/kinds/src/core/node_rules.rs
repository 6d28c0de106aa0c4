//! Rules of Nodes: taints, addresses, resources, and what of them may change.

use std::collections::BTreeSet;

use ipnet::IpNet;
use kubernel_meta::field::{Error, Path, Reason};
use kubernel_meta::{Object, validation};

use super::pod::amounts;
use super::{node_config, resource_names};
use crate::go_form;
use crate::tree::{repeated, text};
use crate::validate;

/// What is wrong with a new Node.
pub(super) fn create(node: &Object) -> Vec<Error> {
    let mut errors = taints(node);
    errors.extend(resources(node));
    errors.extend(pod_cidrs(node));
    errors
}

/// What is wrong with a change of a Node, through `status` too.
pub(super) fn update(new: &Object, old: &Object) -> Vec<Error> {
    let mut errors = resources(new);
    errors.extend(addresses(&Path::root("status").child("addresses"), new));
    let spec = Path::root("spec");
    let (cidrs, before) = (new.list_at(&["spec", "podCIDRs"]), old.list_at(&["spec", "podCIDRs"]));
    let changed = match before.len() {
        0 => 0,
        count if count != cidrs.len() => 1,
        _ => before.iter().zip(cidrs).filter(|(before, now)| before != now).count(),
    };
    let message = "node updates may not change podCIDR except from \"\" to valid";
    errors.extend((0..changed).map(|_| spec.child("podCIDRs").forbidden(message)));
    let provider = old.str_at(&["spec", "providerID"]);
    if !provider.is_empty() && provider != new.str_at(&["spec", "providerID"]) {
        let message = "node updates may not change providerID except from \"\" to valid";
        errors.push(spec.child("providerID").forbidden(message));
    }
    errors.extend(node_config::errors(new));
    errors.extend(taints(new));
    if new.str_at(&["spec", "externalID"]) != old.str_at(&["spec", "externalID"]) {
        errors.push(spec.child("externalID").forbidden("may not be updated"));
    }
    errors
}

/// The warnings about a Node.
pub(super) fn warnings(node: &Object) -> Vec<String> {
    let mut warnings = Vec::new();
    if node.at(&["spec", "configSource"]).is_some_and(|source| !source.is_null()) {
        warnings.push("spec.configSource: the feature is removed".to_owned());
    }
    if !node.str_at(&["spec", "externalID"]).is_empty() {
        warnings.push("spec.externalID: this field is deprecated, and is unused by Kubernetes".to_owned());
    }
    let path = Path::root("spec").child("podCIDRs");
    let cidrs = node.list_at(&["spec", "podCIDRs"]).iter().enumerate();
    warnings.extend(cidrs.filter_map(|(at, cidr)| validate::cidr_warning(&path.index(at), cidr.as_str()?)));
    warnings
}

/// What is wrong with the networks of a Node's Pods: one of each family.
fn pod_cidrs(node: &Object) -> Vec<Error> {
    let path = Path::root("spec").child("podCIDRs");
    let cidrs = node.list_at(&["spec", "podCIDRs"]);
    let texts: Vec<&str> = cidrs.iter().map(|cidr| cidr.as_str().unwrap_or_default()).collect();
    let mut errors: Vec<Error> =
        texts.iter().enumerate().filter_map(|(at, cidr)| validate::cidr(&path.index(at), cidr)).collect();
    if texts.len() > 1 {
        let nets: Vec<IpNet> = texts.iter().filter_map(|cidr| cidr.parse().ok()).collect();
        if nets.len() == texts.len() && !validate::one_of_each_family(nets.iter().map(IpNet::addr)) {
            errors.push(path.invalid(cidrs.to_vec(), "may specify no more than one CIDR for each IP family"));
        }
        let again = (1..texts.len()).filter(|at| texts[..*at].contains(&texts[*at]));
        errors.extend(again.map(|at| path.index(at).duplicate(texts[at])));
    }
    errors
}

/// Upstream's paths begin at the metadata, where taints once were.
fn taints(node: &Object) -> Vec<Error> {
    let path = Path::root("metadata").child("taints");
    let mut errors = Vec::new();
    let mut seen = BTreeSet::new();
    for (at, taint) in node.list_at(&["spec", "taints"]).iter().enumerate() {
        let at = path.index(at);
        let (key, value, effect) = (text(taint, "key"), text(taint, "value"), text(taint, "effect"));
        errors.extend(validate::texts(&at.child("key"), key, validation::label_key(key)));
        let messages = validation::label_value(value);
        if !messages.is_empty() {
            errors.push(at.child("value").invalid(value, messages.join(";")));
        }
        errors.extend(taint_effect(&at.child("effect"), effect));
        if !seen.insert((key, effect)) {
            let shown = go_form::compact("io.k8s.api.core.v1.Taint", taint);
            let detail = "taints must be unique by key and effect pair";
            errors.push(at.error(Reason::Duplicate, taint.clone(), detail).shown_as(shown));
        }
    }
    errors
}

fn taint_effect(path: &Path, effect: &str) -> Option<Error> {
    match effect {
        "NoSchedule" | "PreferNoSchedule" | "NoExecute" => None,
        "" => Some(path.required("")),
        other => Some(path.not_supported(other, &["NoSchedule", "PreferNoSchedule", "NoExecute"])),
    }
}

fn addresses(path: &Path, node: &Object) -> Vec<Error> {
    let addresses = node.list_at(&["status", "addresses"]);
    let twice = repeated(addresses, |address| address);
    let mut errors = Vec::new();
    for (at, address) in addresses.iter().enumerate() {
        if twice[at] {
            let shown = go_form::compact("io.k8s.api.core.v1.NodeAddress", address);
            errors.push(path.index(at).duplicate(address.clone()).shown_as(shown));
        }
    }
    errors
}

fn resources(node: &Object) -> Vec<Error> {
    let status = Path::root("status");
    let mut errors = Vec::new();
    for list in ["capacity", "allocatable"] {
        for (name, amount) in node.at(&["status", list]).map(amounts::read).unwrap_or_default() {
            errors.extend(resource_names::amount(&status.child(list).child(&name), &name, &amount));
        }
    }
    errors
}
