//! Requests and limits of containers.

use kubernel_meta::field::{Error, Path, Reason};
use kubernel_meta::{Quantity, validation as meta};
use serde_json::{Map, Value};

use crate::core::pod::amounts;
use crate::tree::{items, text};
use crate::validate::texts;

const CONTAINER: [&str; 3] = ["cpu", "memory", "ephemeral-storage"];
const STANDARD: [&str; 19] = [
    "cpu",
    "memory",
    "ephemeral-storage",
    "requests.cpu",
    "requests.memory",
    "requests.ephemeral-storage",
    "limits.cpu",
    "limits.memory",
    "limits.ephemeral-storage",
    "pods",
    "resourcequotas",
    "services",
    "replicationcontrollers",
    "secrets",
    "configmaps",
    "persistentvolumeclaims",
    "storage",
    "requests.storage",
    "services.nodeports",
];
const STANDARD_MORE: [&str; 1] = ["services.loadbalancers"];
const HUGE_PAGES: &str = "hugepages-";

/// How the names of resources are checked.
pub(super) type NameRule = fn(&Path, &str) -> Vec<Error>;

/// What is wrong with a container's `resources`. `claims` are the names of the Pod's resource claims.
pub(super) fn container(path: &Path, resources: &Value, claims: &[&str]) -> Vec<Error> {
    requirements(path, resources, claims, container_name)
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
        let overcommitted = is_native(name) && !name.starts_with(HUGE_PAGES);
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
    errors.extend(quantity(path, name, amount));
    errors
}

/// A quantity that is not negative, and whole where the resource comes in pieces.
fn quantity(path: &Path, name: &str, amount: &Quantity) -> Vec<Error> {
    let mut errors = Vec::new();
    if amount.signum() < 0 {
        errors.push(path.invalid(amount.to_string(), "must be greater than or equal to 0"));
    }
    if is_extended(name) && !amount.is_integer() {
        errors.push(path.invalid(amount.to_string(), "must be an integer"));
    }
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

fn container_name(path: &Path, name: &str) -> Vec<Error> {
    let mut errors = resource_name(path, name);
    if !name.contains('/') {
        if !CONTAINER.contains(&name) && !name.starts_with(HUGE_PAGES) {
            errors.push(path.invalid(name, "must be a standard resource for containers"));
        }
    } else if !is_native(name) && !is_extended(name) {
        errors.push(path.invalid(name, "doesn't follow extended resource name standard"));
    }
    errors
}

/// What is wrong with the name of any resource.
pub(super) fn resource_name(path: &Path, name: &str) -> Vec<Error> {
    let errors: Vec<Error> = texts(path, name, meta::label_key(name)).collect();
    let standard = || {
        STANDARD.contains(&name)
            || STANDARD_MORE.contains(&name)
            || name.starts_with(HUGE_PAGES)
            || name.starts_with("requests.hugepages-")
    };
    if errors.is_empty() && !name.contains('/') && !standard() {
        return vec![path.invalid(name, "must be a standard resource type or fully qualified")];
    }
    errors
}

fn is_native(name: &str) -> bool {
    !name.contains('/') || name.contains("kubernetes.io/")
}

fn is_extended(name: &str) -> bool {
    !is_native(name) && !name.starts_with("requests.") && meta::label_key(&format!("requests.{name}")).is_empty()
}

fn claim_names(path: &Path, resources: &Value, claims: &[&str]) -> Vec<Error> {
    let uses = items(resources, "claims");
    let key = |claim: &Value| match (text(claim, "name"), text(claim, "request")) {
        (name, "") => name.to_owned(),
        (name, request) => format!("{name}/{request}"),
    };
    let mut errors = Vec::new();
    for (i, claim) in uses.iter().enumerate() {
        let (at, name) = (path.index(i), text(claim, "name"));
        if name.is_empty() {
            errors.push(at.required(""));
            continue;
        }
        if uses[..i].iter().any(|other| key(other) == key(claim)) {
            errors.push(at.duplicate(key(claim)));
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

/// What is wrong with the overhead that a RuntimeClass adds.
pub(super) fn overhead(path: &Path, spec: &Value) -> Vec<Error> {
    let Some(overhead) = list(spec, "overhead") else { return Vec::new() };
    entries(Some(overhead)).flat_map(|(name, value)| amount(&path.key(name), name, &value, container_name)).collect()
}
