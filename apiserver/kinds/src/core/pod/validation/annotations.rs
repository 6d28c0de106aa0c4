//! Annotations of Pods and templates that mean something to the server.

use kubernel_meta::Object;
use kubernel_meta::field::{Error, Path};
use serde_json::Value;

use super::{apparmor, seccomp};
use crate::tree::{items, text};
use crate::validate::pairs;

const MIRROR: &str = "kubernetes.io/config.mirror";
const DELETION_COST: &str = "controller.kubernetes.io/pod-deletion-cost";
const LISTS: [&str; 3] = ["initContainers", "containers", "ephemeralContainers"];

/// All containers with the paths to them, in the order in which upstream visits them.
pub(crate) fn containers<'a>(path: &Path, spec: &'a Value) -> impl Iterator<Item = (Path, &'a Value)> {
    let of_list = |list: &'static str| {
        let at = path.child(list);
        items(spec, list).iter().enumerate().map(move |(i, container)| (at.index(i), container))
    };
    LISTS.map(of_list).into_iter().flatten()
}

/// What is wrong with the annotations themselves.
pub(super) fn validate(path: &Path, spec: &Value, annotations: Option<&Value>) -> Vec<Error> {
    let mut errors = Vec::new();
    let of = |key: &str| annotations.and_then(|map| map.get(key)).and_then(Value::as_str);
    if let Some(value) = of(MIRROR)
        && text(spec, "nodeName").is_empty()
    {
        let detail = "must set spec.nodeName if mirror pod annotation is set";
        errors.push(path.key(MIRROR).invalid(value, detail));
    }
    if let Some(value) = of(DELETION_COST)
        && !is_cost(value)
    {
        errors.push(path.key(DELETION_COST).invalid(value, "must be a 32bit integer"));
    }
    errors.extend(seccomp::annotations(path, pairs(annotations)));
    errors.extend(apparmor::annotations(path, spec, pairs(annotations)));
    errors
}

/// What is wrong with changes of a Pod's annotations: those that made it what it is stay, and all are looked at anew.
pub(super) fn changes(new: &Object, old: &Object) -> Vec<Error> {
    let path = Path::root("metadata").child("annotations");
    let (now, before) = (new.at(&["metadata", "annotations"]), old.at(&["metadata", "annotations"]));
    let fixed = |key: &str| {
        let app_armor = key.starts_with(apparmor::PREFIX).then_some("AppArmor annotations");
        app_armor.or_else(|| (key == MIRROR).then_some("mirror pod annotation"))
    };
    let value = |map: Option<&'_ Value>, key: &str| map.and_then(|map| map.get(key)).cloned();
    let mut errors = Vec::new();
    for (key, _) in pairs(before).filter(|(key, _)| value(now, key) != value(before, key)) {
        let error = |what| path.key(key).forbidden(format!("may not remove or update {what}"));
        errors.extend(fixed(key).map(error));
    }
    for (key, _) in pairs(now).filter(|(key, _)| value(before, key).is_none()) {
        errors.extend(fixed(key).map(|what| path.key(key).forbidden(format!("may not add {what}"))));
    }
    errors.extend(validate(&path, new.at(&["spec"]).unwrap_or(&Value::Null), now));
    errors
}

/// A 32 bit integer without a sign of plus and without leading zeros.
fn is_cost(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = !text.starts_with('+') && (digits.len() == 1 || !digits.starts_with('0'));
    plain && text.parse::<i32>().is_ok()
}

/// Where fields and old annotations contradict each other.
pub(super) fn fields_match(path: &Path, spec: &Value, annotations: Option<&Value>) -> Vec<Error> {
    let null = &Value::Null;
    let pod_context = spec.get("securityContext").unwrap_or(null);
    let mut errors = Vec::new();
    errors.extend(seccomp::matches(&path.child("securityContext"), pod_context, "", annotations));
    for (at, container) in containers(path, spec) {
        let context = container.get("securityContext").unwrap_or(null);
        let at = at.child("securityContext");
        errors.extend(seccomp::matches(&at, context, text(container, "name"), annotations));
    }
    if spec.get("os").is_none_or(|os| text(os, "name") != "windows") {
        for (at, container) in containers(path, spec) {
            errors.extend(apparmor::matches(&at, pod_context, container, annotations));
        }
    }
    errors
}
