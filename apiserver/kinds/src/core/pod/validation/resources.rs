//! Requests and limits of containers.

use kubernel_meta::field::{Error, Path, Reason};
use kubernel_meta::{Quantity, validation as meta};
use serde_json::{Map, Value, json};

use crate::core::pod::amounts;
use crate::core::resource_names::{self, HUGE_PAGES};
use crate::tree::{items, text};
use crate::validate::texts;

/// How the names of resources are checked.
pub(super) type NameRule = fn(&Path, &str) -> Vec<Error>;

/// What is wrong with a container's `resources`. `claims` are the names of the Pod's resource claims.
pub(super) fn container(path: &Path, resources: &Value, claims: &[&str]) -> Vec<Error> {
    requirements(path, resources, claims, resource_names::of_container)
}

/// What is wrong with requests, limits and claims.
pub(super) fn requirements(path: &Path, resources: &Value, claims: &[&str], name_rule: NameRule) -> Vec<Error> {
    let (limits, requests) = (list(resources, "limits"), list(resources, "requests"));
    let (at_limits, at_requests) = (path.child("limits"), path.child("requests"));
    let mut errors = Vec::new();
    for (name, limit) in entries(limits) {
        errors.extend(amount(&at_limits.key(name), name, &limit, name_rule));
        errors.extend(huge_pages(&at_limits.key(name), name, &limit));
    }
    for (name, request) in entries(requests) {
        errors.extend(amount(&at_requests.key(name), name, &request, name_rule));
        let overcommitted = resource_names::is_overcommitted(name);
        match limits.and_then(|limits| limits.get(name)).and_then(amounts::quantity) {
            Some(limit) if !overcommitted && request != limit => {
                let detail = format!("must be equal to {name} limit of {limit}");
                errors.push(at_requests.invalid(request.to_string(), detail));
            }
            Some(limit) if request > limit => {
                let detail = format!("must be less than or equal to {name} limit of {limit}");
                errors.push(at_requests.invalid(request.to_string(), detail));
            }
            None if !overcommitted => {
                errors.push(at_limits.required("Limit must be set for non overcommitable resources"));
            }
            _ => {}
        }
        errors.extend(huge_pages(&at_requests.key(name), name, &request));
    }
    let named = |matches: fn(&str) -> bool| entries(limits).chain(entries(requests)).any(|(name, _)| matches(name));
    if named(|name| name.starts_with(HUGE_PAGES)) && !named(|name| matches!(name, "cpu" | "memory")) {
        errors.push(path.forbidden("HugePages require cpu or memory"));
    }
    errors.extend(claim_names(&path.child("claims"), resources, claims));
    errors
}

fn list<'a>(resources: &'a Value, key: &str) -> Option<&'a Map<String, Value>> {
    resources.get(key).and_then(Value::as_object)
}

fn entries(list: Option<&Map<String, Value>>) -> impl Iterator<Item = (&str, Quantity)> {
    list.into_iter().flatten().map(|(name, value)| (name.as_str(), amounts::quantity(value).unwrap_or_default()))
}

fn amount(path: &Path, name: &str, amount: &Quantity, name_rule: NameRule) -> Vec<Error> {
    let mut errors = name_rule(path, name);
    errors.extend(resource_names::amount(path, name, amount));
    errors
}

fn huge_pages(path: &Path, name: &str, amount: &Quantity) -> Option<Error> {
    let page = Quantity::parse(name.strip_prefix(HUGE_PAGES)?).ok();
    let divides = page.is_some_and(|page| {
        page.signum() > 0 && page.is_integer() && amount.is_integer() && amount.value() % page.value() == 0
    });
    let detail = || format!("{amount} is not positive integer multiple of {name}");
    (!divides).then(|| path.invalid(amount.to_string(), detail()))
}

/// A container refers to a claim as a whole once, or to each of its requests once.
fn claim_names(path: &Path, resources: &Value, claims: &[&str]) -> Vec<Error> {
    let mut taken: Vec<(&str, &str)> = Vec::new();
    let mut errors = Vec::new();
    for (i, claim) in items(resources, "claims").iter().enumerate() {
        let (at, name, request) = (path.index(i), text(claim, "name"), text(claim, "request"));
        if name.is_empty() {
            errors.push(at.required(""));
            continue;
        }
        if taken.contains(&(name, "")) {
            errors.push(at.duplicate(name));
        } else {
            if !request.is_empty() {
                errors.extend(texts(&at.child("request"), request, meta::dns1123_label(request)));
            }
            if taken.contains(&(name, request)) {
                errors.push(at.duplicate(format!("{name}/{request}")));
            } else if request.is_empty() {
                errors.extend(taken.iter().filter(|(other, _)| *other == name).map(|_| at.duplicate(name)));
            }
            taken.push((name, request));
        }
        if !claims.contains(&name) {
            let mut sorted = claims.to_vec();
            sorted.sort_unstable();
            let list =
                if sorted.is_empty() { " which is empty".to_owned() } else { format!(": {}", sorted.join(", ")) };
            let detail = format!("must be one of the names in pod.spec.resourceClaims{list}");
            errors.push(at.error(Reason::NotFound, name, detail));
        }
    }
    errors
}

/// What is wrong with the overhead that a RuntimeClass adds (the list of this name): it is checked, and its paths read,
/// as limits.
pub(crate) fn overhead(path: &Path, holder: &Value, name: &str) -> Vec<Error> {
    let Some(overhead) = list(holder, name) else { return Vec::new() };
    container(path, &json!({"limits": overhead}), &[])
}
