//! Rules of ResourceQuotas: names and amounts of resources, and scopes that fit them.

use kubernel_meta::field::{Error, Path};
use kubernel_meta::{Object, validation};
use serde_json::Value;

use super::pod::amounts;
use crate::validate;

/// Resources that every scope may count.
const POD_RESOURCES: [&str; 9] = [
    "pods",
    "cpu",
    "memory",
    "requests.cpu",
    "requests.memory",
    "limits.cpu",
    "limits.memory",
    "requests.ephemeral-storage",
    "limits.ephemeral-storage",
];

/// What is wrong with a new quota.
pub(super) fn create(object: &Object) -> Vec<Error> {
    let path = Path::root("spec");
    let mut errors = amounts_rules(&path.child("hard"), object.at(&["spec", "hard"]));
    errors.extend(scopes(&path, object));
    errors
}

/// What is wrong with a change: scopes never change.
pub(super) fn update(new: &Object, old: &Object) -> Vec<Error> {
    let mut errors = create(new);
    let path = Path::root("spec").child("scopes");
    errors.extend(validate::immutable(&path, new.at(&["spec", "scopes"]), old.at(&["spec", "scopes"])));
    errors
}

/// What is wrong with a change of the status.
pub(super) fn status(new: &Object) -> Vec<Error> {
    let path = Path::root("status");
    let lists = ["hard", "used"].into_iter();
    lists.flat_map(|list| amounts_rules(&path.child(list), new.at(&["status", list]))).collect()
}

fn amounts_rules(path: &Path, list: Option<&Value>) -> Vec<Error> {
    let mut errors = Vec::new();
    for (name, amount) in list.map(amounts::read).unwrap_or_default() {
        let at = path.key(&name);
        errors.extend(validate::texts(&at, &name, validation::label_key(&name)));
        if amount.signum() < 0 {
            errors.push(at.invalid(amount.to_string(), "must be greater than or equal to 0"));
        }
    }
    errors
}

fn scopes(path: &Path, object: &Object) -> Vec<Error> {
    let scopes = object.list_at(&["spec", "scopes"]);
    if scopes.is_empty() {
        return Vec::new();
    }
    let at = path.child("scopes");
    let shown = || Value::Array(scopes.to_vec());
    let mut errors = Vec::new();
    for scope in scopes.iter().filter_map(Value::as_str) {
        let known = matches!(
            scope,
            "Terminating"
                | "NotTerminating"
                | "BestEffort"
                | "NotBestEffort"
                | "PriorityClass"
                | "CrossNamespacePodAffinity"
        );
        if !known {
            errors.push(at.invalid(shown(), "unsupported scope"));
        }
        let fits = |name: &str| match scope {
            "BestEffort" => name == "pods",
            _ => POD_RESOURCES.contains(&name),
        };
        for name in object.map_at(&["spec", "hard"]).into_iter().flatten().map(|(name, _)| name) {
            if known && !fits(name) {
                errors.push(at.invalid(shown(), "unsupported scope applied to resource"));
            }
        }
    }
    for (one, other) in [("BestEffort", "NotBestEffort"), ("Terminating", "NotTerminating")] {
        if [one, other].iter().all(|scope| scopes.iter().any(|s| s == scope)) {
            errors.push(at.invalid(shown(), "conflicting scopes"));
        }
    }
    errors
}
