//! Rules of Nodes: taints, addresses, resources, and what of them may change.

use std::collections::BTreeSet;

use kubernel_meta::field::{Error, Path};
use kubernel_meta::{Object, validation};
use serde_json::Value;

use super::pod::amounts;
use crate::go_form;
use crate::tree::text;
use crate::validate;

/// What is wrong with a new Node.
pub(super) fn create(node: &Object) -> Vec<Error> {
    let mut errors = taints(node);
    let status = Path::root("status");
    for list in ["capacity", "allocatable"] {
        errors.extend(resources(&status.child(list), node.at(&["status", list])));
    }
    errors
}

/// What is wrong with a change of a Node, through `status` too.
pub(super) fn update(new: &Object, old: &Object) -> Vec<Error> {
    let status = Path::root("status");
    let mut errors = Vec::new();
    for list in ["capacity", "allocatable"] {
        errors.extend(resources(&status.child(list), new.at(&["status", list])));
    }
    errors.extend(addresses(&status.child("addresses"), new));
    let spec = Path::root("spec");
    let cidrs = |node: &Object| node.list_at(&["spec", "podCIDRs"]).to_vec();
    if !cidrs(old).is_empty() && cidrs(old) != cidrs(new) {
        let message = "node updates may not change podCIDR except from \"\" to valid";
        errors.push(spec.child("podCIDRs").forbidden(message));
    }
    let provider = old.str_at(&["spec", "providerID"]);
    if !provider.is_empty() && provider != new.str_at(&["spec", "providerID"]) {
        let message = "node updates may not change providerID except from \"\" to valid";
        errors.push(spec.child("providerID").forbidden(message));
    }
    if new.at(&["spec", "taints"]) != old.at(&["spec", "taints"]) {
        errors.extend(taints(new));
    }
    errors
}

fn taints(node: &Object) -> Vec<Error> {
    let path = Path::root("spec").child("taints");
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
            errors.push(at.duplicate(taint.clone()).shown_as(shown));
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
    let mut errors = Vec::new();
    for (at, address) in addresses.iter().enumerate() {
        if addresses[..at].contains(address) {
            let shown = go_form::compact("io.k8s.api.core.v1.NodeAddress", address);
            errors.push(path.index(at).duplicate(address.clone()).shown_as(shown));
        }
    }
    errors
}

fn resources(path: &Path, list: Option<&Value>) -> Vec<Error> {
    let mut errors = Vec::new();
    for (name, amount) in list.map(amounts::read).unwrap_or_default() {
        if amount.signum() < 0 {
            errors.push(path.child(&name).invalid(amount.to_string(), "must be greater than or equal to 0"));
        }
    }
    errors
}
