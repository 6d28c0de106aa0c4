//! Rules of ResourceQuotas: names and amounts of resources, and scopes that fit them.

use kubernel_meta::Object;
use kubernel_meta::field::{Error, Path};
use serde_json::{Map, Value, json};

use super::pod::amounts;
use super::resource_names;
use crate::go_form;
use crate::tree::{items, text};

const SCOPES: [&str; 7] = [
    "Terminating",
    "NotTerminating",
    "BestEffort",
    "NotBestEffort",
    "PriorityClass",
    "CrossNamespacePodAffinity",
    "VolumeAttributesClass",
];
/// What scopes of running Pods count.
const OF_PODS: [&str; 7] = ["pods", "cpu", "memory", "limits.cpu", "limits.memory", "requests.cpu", "requests.memory"];
/// No object is in both scopes of a pair.
const CONFLICTS: [[&str; 2]; 2] = [["BestEffort", "NotBestEffort"], ["Terminating", "NotTerminating"]];

/// What is wrong with a new quota.
pub(super) fn create(object: &Object) -> Vec<Error> {
    let mut errors = spec(object);
    errors.extend(status(object));
    errors
}

fn spec(object: &Object) -> Vec<Error> {
    let path = Path::root("spec");
    let mut errors = amounts_rules(&path.child("hard"), object.at(&["spec", "hard"]));
    errors.extend(scopes(&path.child("scopes"), object));
    errors.extend(selector(&path.child("scopeSelector").child("matchExpressions"), object));
    errors
}

/// What is wrong with a change: scopes never change.
pub(super) fn update(new: &Object, old: &Object) -> Vec<Error> {
    let mut errors = spec(new);
    let scopes = |object: &Object| {
        let mut scopes: Vec<String> =
            object.list_at(&["spec", "scopes"]).iter().filter_map(Value::as_str).map(str::to_owned).collect();
        scopes.sort_unstable();
        scopes.dedup();
        scopes
    };
    if scopes(new) != scopes(old) {
        let path = Path::root("spec").child("scopes");
        errors.push(path.invalid(shown_scopes(new), "field is immutable"));
    }
    errors
}

/// What is wrong with the status.
pub(super) fn status(new: &Object) -> Vec<Error> {
    let path = Path::root("status");
    let lists = ["hard", "used"].into_iter();
    lists.flat_map(|list| amounts_rules(&path.child(list), new.at(&["status", list]))).collect()
}

fn amounts_rules(path: &Path, list: Option<&Value>) -> Vec<Error> {
    let mut errors = Vec::new();
    for (name, amount) in list.map(amounts::read).unwrap_or_default() {
        let at = path.key(&name);
        errors.extend(resource_names::of_quota(&at, &name));
        errors.extend(resource_names::amount(&at, &name, &amount));
    }
    errors
}

/// Go prints a list that is missing as `null`.
fn shown_scopes(object: &Object) -> Value {
    object.at(&["spec", "scopes"]).cloned().unwrap_or_default()
}

/// Whether what is in a scope can be counted by this resource.
fn fits(scope: &str, resource: &str) -> bool {
    match scope {
        "BestEffort" => resource == "pods",
        "VolumeAttributesClass" => matches!(resource, "persistentvolumeclaims" | "requests.storage"),
        scope if SCOPES.contains(&scope) => OF_PODS.contains(&resource),
        _ => true,
    }
}

/// The resources of `hard` that a scope does not fit.
fn unfit<'a>(object: &'a Object, scope: &'a str) -> impl Iterator<Item = &'a String> {
    let names = object.map_at(&["spec", "hard"]).into_iter().flat_map(Map::keys);
    names.filter(move |name| resource_names::is_of_quota(name) && !fits(scope, name))
}

fn scopes(path: &Path, object: &Object) -> Vec<Error> {
    let scopes: Vec<&str> = object.list_at(&["spec", "scopes"]).iter().filter_map(Value::as_str).collect();
    let mut errors = Vec::new();
    for scope in &scopes {
        if !SCOPES.contains(scope) {
            errors.push(path.invalid(shown_scopes(object), "unsupported scope"));
        }
        let wrong = unfit(object, scope);
        errors.extend(wrong.map(|_| path.invalid(shown_scopes(object), "unsupported scope applied to resource")));
    }
    errors.extend(conflicts(path, object, &scopes));
    errors
}

fn conflicts(path: &Path, object: &Object, scopes: &[&str]) -> Vec<Error> {
    let met = CONFLICTS.iter().filter(|pair| pair.iter().all(|scope| scopes.contains(scope)));
    met.map(|_| path.invalid(shown_scopes(object), "conflicting scopes")).collect()
}

/// What is wrong with `scopeSelector`; upstream's paths leave out which expression it is.
fn selector(path: &Path, object: &Object) -> Vec<Error> {
    const PODS_ONLY: &str = "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, \
                             ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, \
                             ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity";
    let Some(selector) = object.at(&["spec", "scopeSelector"]).filter(|selector| selector.is_object()) else {
        return Vec::new();
    };
    let expressions = items(selector, "matchExpressions");
    let mut errors = Vec::new();
    for expression in expressions {
        let (scope, operator) = (text(expression, "scopeName"), text(expression, "operator"));
        let values = items(expression, "values");
        if !SCOPES.contains(&scope) {
            errors.push(path.child("scopeName").invalid(scope, "unsupported scope"));
        }
        for _ in unfit(object, scope) {
            let shown = go_form::compact("io.k8s.api.core.v1.ScopeSelector", selector);
            errors.push(path.invalid(selector.clone(), "unsupported scope applied to resource").shown_as(shown));
        }
        let valueless = SCOPES.contains(&scope) && !matches!(scope, "PriorityClass" | "VolumeAttributesClass");
        if valueless && operator != "Exists" {
            errors.push(path.child("operator").invalid(operator, PODS_ONLY));
        }
        match operator {
            "In" | "NotIn" if values.is_empty() => {
                let detail = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector";
                errors.push(path.child("values").required(detail));
            }
            "Exists" | "DoesNotExist" if !values.is_empty() => {
                let detail = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector";
                errors.push(path.child("values").invalid(json!(values), detail));
            }
            "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
            other => errors.push(path.child("operator").invalid(other, "not a valid selector operator")),
        }
    }
    let scopes: Vec<&str> = expressions.iter().map(|expression| text(expression, "scopeName")).collect();
    errors.extend(conflicts(path, object, &scopes));
    errors
}
