//! Rules of a Service's addresses: those that it has, those that it lets in, and what of them may change.

use std::net::IpAddr;

use kubernel_meta::Object;
use kubernel_meta::field::{Error, Path};
use serde_json::Value;

use crate::core::endpoints_rules::special_addresses;
use crate::tree::{items, set, text};
use crate::validate;

const POLICIES: [&str; 3] = ["PreferDualStack", "RequireDualStack", "SingleStack"];
const IMMUTABLE: &str = "may not change once set";

/// Whether the Service has no address of its own.
pub(super) fn is_headless(spec: &Value) -> bool {
    matches!(items(spec, "clusterIPs"), [Value::String(only)] if only == "None")
}

/// What the old Service has in a list of its spec.
fn kept<'a>(old: Option<&'a Object>, field: &'a str) -> &'a [Value] {
    old.map_or(&[], |old| old.list_at(&["spec", field]))
}

/// What is wrong with `clusterIP`, `clusterIPs`, `ipFamilies` and `ipFamilyPolicy`.
pub(super) fn cluster_ips(path: &Path, spec: &Value, old: Option<&Object>) -> Vec<Error> {
    if text(spec, "type") == "ExternalName" {
        return Vec::new();
    }
    let (ip, ips) = (text(spec, "clusterIP"), items(spec, "clusterIPs"));
    let at = path.child("clusterIPs");
    let mut errors = Vec::new();
    match (ip, ips.first().and_then(Value::as_str)) {
        ("", Some(_)) => errors.push(at.invalid(ips.to_vec(), "must be empty when `clusterIP` is not specified")),
        (ip, Some(first)) if ip != first => errors.push(at.invalid(ips.to_vec(), "first value must match `clusterIP`")),
        (ip, None) if !ip.is_empty() => errors.push(at.required("")),
        _ => {}
    }
    errors.extend(families(&path.child("ipFamilies"), items(spec, "ipFamilies")));
    if let Some(policy) = spec.get("ipFamilyPolicy").and_then(Value::as_str)
        && !POLICIES.contains(&policy)
    {
        errors.push(path.child("ipFamilyPolicy").not_supported(policy, &POLICIES));
    }
    let mut wrong = Vec::new();
    for (index, value) in ips.iter().enumerate() {
        let ip = value.as_str().unwrap_or_default();
        if index == 0 && ip == "None" {
            if ips.len() > 1 {
                wrong.push(at.invalid(ips.to_vec(), "'None' must be the first and only value"));
            }
        } else if !kept(old, "clusterIPs").contains(value) {
            wrong.extend(validate::ip(&at.index(index), ip));
        }
    }
    let all_valid = wrong.is_empty();
    errors.extend(wrong);
    if ips.len() > 2 {
        errors.push(at.invalid(ips.to_vec(), "may only hold up to 2 values"));
    }
    if all_valid {
        errors.extend(pairs(&at, spec, ips));
    }
    errors
}

fn families(path: &Path, families: &[Value]) -> Vec<Error> {
    let mut errors = Vec::new();
    for (index, family) in families.iter().enumerate() {
        let name = family.as_str().unwrap_or_default();
        if !matches!(name, "IPv4" | "IPv6") {
            errors.push(path.index(index).not_supported(name, &["IPv4", "IPv6"]));
        }
        if families[..index].contains(family) {
            errors.push(path.index(index).duplicate(name));
        }
    }
    errors
}

/// Addresses are one of each family, in the order of the families.
fn pairs(path: &Path, spec: &Value, ips: &[Value]) -> Vec<Error> {
    let parsed: Vec<Option<IpAddr>> = ips.iter().map(|ip| ip.as_str()?.parse().ok()).collect();
    let mut errors = Vec::new();
    let dual = parsed.iter().flatten().any(IpAddr::is_ipv4) && parsed.iter().flatten().any(IpAddr::is_ipv6);
    if ips.len() > 1 && !dual {
        errors.push(path.invalid(ips.to_vec(), "may specify no more than one IP for each IP family"));
    }
    if is_headless(spec) {
        return errors;
    }
    for (index, (ip, family)) in parsed.iter().zip(items(spec, "ipFamilies")).enumerate() {
        let family = family.as_str().unwrap_or_default();
        let fits = match (ip, family) {
            (Some(ip), "IPv4") => ip.is_ipv4(),
            (Some(ip), "IPv6") => ip.is_ipv6(),
            _ => true,
        };
        if !fits {
            let detail = format!("expected an {family} value as indicated by `ipFamilies[{index}]`");
            errors.push(path.index(index).invalid(ips[index].clone(), detail));
        }
    }
    errors
}

/// What is wrong with `externalIPs`.
pub(super) fn external_ips(path: &Path, spec: &Value, old: Option<&Object>) -> Vec<Error> {
    let mut errors = Vec::new();
    for (index, value) in items(spec, "externalIPs").iter().enumerate() {
        let (at, ip) = (path.index(index), value.as_str().unwrap_or_default());
        let wrong = if kept(old, "externalIPs").contains(value) { None } else { validate::ip(&at, ip) };
        match wrong {
            Some(error) => errors.push(error),
            None => errors.extend(special_addresses(&at, ip)),
        }
    }
    errors
}

/// What is wrong with the networks that a load balancer lets in, in the field or in the annotation before it.
pub(super) fn source_ranges(path: &Path, service: &Object, old: Option<&Object>) -> Vec<Error> {
    const ANNOTATION: &str = "service.beta.kubernetes.io/load-balancer-source-ranges";
    let balanced = service.str_at(&["spec", "type"]) == "LoadBalancer";
    let mut errors = Vec::new();
    let ranges = service.list_at(&["spec", "loadBalancerSourceRanges"]);
    let annotation = service.at(&["metadata", "annotations", ANNOTATION]).and_then(Value::as_str);
    let at = match (ranges, annotation) {
        ([], None) => return errors,
        ([], Some(_)) => Path::root("metadata").child("annotations").key(ANNOTATION),
        _ => path.child("LoadBalancerSourceRanges"),
    };
    if !balanced {
        errors.push(at.forbidden("may only be used when `type` is 'LoadBalancer'"));
    }
    // Spaces around networks have been let pass since the annotation's days.
    for (index, range) in ranges.iter().enumerate() {
        if !kept(old, "loadBalancerSourceRanges").contains(range) {
            errors.extend(validate::cidr(&at.index(index), range.as_str().unwrap_or_default().trim()));
        }
    }
    if let Some(annotation) = annotation.filter(|text| ranges.is_empty() && !text.trim().is_empty()) {
        errors.extend(annotation.trim().split(',').filter_map(|range| validate::cidr(&at, range.trim())));
    }
    errors
}

/// What is wrong with a change: the second address may come and go, the first stays.
pub(super) fn changes(new: &Object, old: &Object) -> Vec<Error> {
    let spec = |service: &Object| service.at(&["spec"]).cloned().unwrap_or_default();
    let (now, before) = (spec(new), spec(old));
    if [&now, &before].iter().any(|spec| text(spec, "type") == "ExternalName") {
        return Vec::new();
    }
    let mut errors = Vec::new();
    let (is, was) = (is_headless(&now), is_headless(&before));
    if !(is && was) {
        errors.extend(list_change(&now, &before, "clusterIPs", "clusterIP"));
    }
    if !is && !was {
        errors.extend(list_change(&now, &before, "ipFamilies", "ipFamily"));
    }
    errors
}

fn list_change(now: &Value, before: &Value, field: &str, one: &str) -> Vec<Error> {
    let (new, old) = (items(now, field), items(before, field));
    let (path, ips) = (Path::root("spec").child(field), items(now, "clusterIPs"));
    let changed = |index: usize, shown: &[Value]| path.index(index).invalid(shown.to_vec(), IMMUTABLE);
    let mut errors = Vec::new();
    if old.len() == new.len() {
        let differ = (0..new.len()).filter(|at| new[*at] != old[*at]);
        // Families are reported at the first place, whichever differs.
        errors.extend(differ.map(|at| changed(if field == "clusterIPs" { at } else { 0 }, new)));
        return errors;
    }
    if old.len() > new.len() && ips.is_empty() {
        let detail = format!("primary {one} can not be unset");
        errors.push(path.index(0).invalid(new.to_vec(), detail));
    }
    if let (Some(first), Some(first_before)) = (new.first(), old.first())
        && first != first_before
    {
        errors.push(changed(0, ips));
    }
    if old.len() > new.len() && new.len() == 1 && text(now, "ipFamilyPolicy") != "SingleStack" {
        let policy = set(now, "ipFamilyPolicy").cloned().unwrap_or_default();
        let detail = format!("must be set to 'SingleStack' when releasing the secondary {one}");
        errors.push(Path::root("spec").child("ipFamilyPolicy").invalid(policy, detail));
    }
    errors
}
