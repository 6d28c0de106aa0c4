//! Rules of autoscalers, in their stored version.

use kubernel_meta::field::{Error, Path};
use kubernel_meta::{Object, validation as meta};
use serde_json::Value;

use super::metrics::source;
use crate::apps::workload;
use crate::core::pod::amounts;
use crate::core::resource_names;
use crate::tree::{int, items, set, text};
use crate::validate;

const PERIOD_SECS_MAX: i64 = 1800;
const WINDOW_SECS_MAX: i64 = 3600;
/// Where metrics of a type are described, in the order in which upstream looks for them.
const SOURCES: [(&str, &str); 5] = [
    ("Object", "object"),
    ("External", "external"),
    ("Pods", "pods"),
    ("Resource", "resource"),
    ("ContainerResource", "containerResource"),
];

/// What is wrong with an autoscaler.
pub(super) fn create(object: &Object) -> Vec<Error> {
    with_minimum(object, 1)
}

/// What is wrong with an autoscaler that takes the place of another: one that went down to zero replicas may still.
pub(super) fn update(new: &Object, old: &Object) -> Vec<Error> {
    with_minimum(new, if old.int_at(&["spec", "minReplicas"]) == Some(0) { 0 } else { 1 })
}

fn with_minimum(object: &Object, lowest: i64) -> Vec<Error> {
    let (path, spec) = (Path::root("spec"), object.at(&["spec"]).unwrap_or(&Value::Null));
    let mut errors = Vec::new();
    let (minimum, maximum) = (spec.get("minReplicas").and_then(Value::as_i64), int(spec, "maxReplicas"));
    if let Some(minimum) = minimum.filter(|minimum| *minimum < lowest) {
        errors.push(path.child("minReplicas").invalid(minimum, format!("must be greater than or equal to {lowest}")));
    }
    let at = path.child("maxReplicas");
    if maximum < 1 {
        errors.push(at.required("must be set and greater than 0"));
    }
    if minimum.is_some_and(|minimum| maximum < minimum) {
        errors.push(at.invalid(maximum, "must be greater than or equal to `minReplicas`"));
    }
    let target = spec.get("scaleTargetRef").unwrap_or(&Value::Null);
    errors.extend(reference(&path.child("scaleTargetRef"), target));
    for (at, metric) in items(spec, "metrics").iter().enumerate() {
        errors.extend(metric_errors(&path.child("metrics").index(at), metric));
    }
    let wakes = |metric: &Value| matches!(text(metric, "type"), "Object" | "External");
    if minimum == Some(0) && !items(spec, "metrics").iter().any(wakes) {
        let message = "must specify at least one Object or External metric to support scaling to zero replicas";
        errors.push(path.child("metrics").forbidden(message));
    }
    if let Some(behavior) = set(spec, "behavior") {
        for direction in ["scaleUp", "scaleDown"] {
            if let Some(rules) = set(behavior, direction) {
                errors.extend(behavior_errors(&path.child("behavior").child(direction), rules));
            }
        }
    }
    errors
}

/// What is wrong with an autoscaler's status.
pub(super) fn status(object: &Object) -> Vec<Error> {
    let status = object.at(&["status"]).unwrap_or(&Value::Null);
    workload::non_negatives(&Path::root("status"), status, &["currentReplicas", "desiredReplicas"])
}

fn reference(path: &Path, target: &Value) -> Vec<Error> {
    let mut errors = Vec::new();
    for field in ["kind", "name"] {
        let (at, value) = (path.child(field), text(target, field));
        if value.is_empty() {
            errors.push(at.required(""));
        } else {
            errors.extend(validate::texts(&at, value, meta::path_segment_name(value)));
        }
    }
    errors
}

fn metric_errors(path: &Path, metric: &Value) -> Vec<Error> {
    let type_ = text(metric, "type");
    let wanted = SOURCES.iter().find(|(name, _)| *name == type_).map(|(_, kind)| *kind);
    let unknown = || {
        let known = ["ContainerResource", "External", "Object", "Pods", "Resource"];
        wanted.is_none().then(|| path.child("type").not_supported(type_, &known))
    };
    let mut errors = Vec::new();
    if type_.is_empty() {
        errors.push(path.child("type").required("must specify a metric source type"));
    }
    errors.extend(unknown());
    let present: Vec<(&str, &Value)> =
        SOURCES.iter().filter_map(|(_, kind)| Some((*kind, source(metric, kind)?))).collect();
    if let Some((kind, source)) = present.first() {
        errors.extend(source_errors(&path.child(kind), kind, source));
    }
    match wanted {
        Some(kind) if source(metric, kind).is_none() => {
            errors.push(path.child(kind).required("must populate information for the given metric source"));
        }
        Some(_) => {}
        None => errors.extend(unknown()),
    }
    if present.len() > 1 {
        let others = present.iter().filter(|(kind, _)| Some(*kind) != wanted);
        errors.extend(others.map(|(kind, _)| path.child(kind).forbidden("must populate the given metric source only")));
    }
    errors
}

fn source_errors(path: &Path, kind: &str, source: &Value) -> Vec<Error> {
    let mut errors = Vec::new();
    match kind {
        "object" => {
            let described = source.get("describedObject").unwrap_or(&Value::Null);
            errors.extend(reference(&path.child("describedObject"), described));
            errors.extend(metric_name(path, source));
        }
        "pods" | "external" => errors.extend(metric_name(path, source)),
        _ => errors.extend(resource_name(path, kind, source)),
    }
    errors.extend(target_errors(&path.child("target"), source.get("target").unwrap_or(&Value::Null), kind));
    errors
}

fn metric_name(path: &Path, source: &Value) -> Vec<Error> {
    let at = path.child("metric").child("name");
    let name = source.get("metric").map_or("", |metric| text(metric, "name"));
    if name.is_empty() {
        return vec![at.required("must specify a metric name")];
    }
    validate::texts(&at, name, meta::path_segment_name(name)).collect()
}

fn resource_name(path: &Path, kind: &str, source: &Value) -> Vec<Error> {
    let (at, name) = (path.child("name"), text(source, "name"));
    let of_container = kind == "containerResource";
    let mut errors = Vec::new();
    if name.is_empty() {
        errors.push(at.required("must specify a resource name"));
    } else if of_container {
        errors.extend(resource_names::of_container(&at, name));
    }
    if of_container {
        errors.extend(container_name(path, source));
    }
    errors
}

fn container_name(path: &Path, source: &Value) -> Vec<Error> {
    let (at, name) = (path.child("container"), text(source, "container"));
    if name.is_empty() {
        return vec![at.required("must specify a container")];
    }
    validate::texts(&at, name, meta::dns1123_label(name)).collect()
}

fn target_errors(path: &Path, target: &Value, kind: &str) -> Vec<Error> {
    let type_ = text(target, "type");
    let mut errors = Vec::new();
    if type_.is_empty() {
        errors.push(path.child("type").required("must specify a metric target type"));
    }
    if !matches!(type_, "Utilization" | "Value" | "AverageValue") {
        errors.push(path.child("type").invalid(type_, "must be either Utilization, Value, or AverageValue"));
    }
    for field in ["value", "averageValue"] {
        let amount = set(target, field);
        if amount.and_then(amounts::quantity).is_some_and(|amount| amount.signum() != 1) {
            errors.push(path.child(field).invalid(amount.cloned().unwrap_or_default(), "must be positive"));
        }
    }
    let utilization = target.get("averageUtilization").and_then(Value::as_i64);
    if let Some(percent) = utilization.filter(|percent| *percent < 1) {
        errors.push(path.child("averageUtilization").invalid(percent, "must be greater than 0"));
    }
    errors.extend(choice(path, target, kind));
    errors
}

/// What is wrong with which of a target's fields are set.
fn choice(path: &Path, target: &Value, kind: &str) -> Option<Error> {
    let [value, average, utilization] =
        ["value", "averageValue", "averageUtilization"].map(|field| set(target, field).is_some());
    let average_value = path.child("averageValue");
    match kind {
        "object" => {
            (!value && !average).then(|| average_value.required("must set either a target value or averageValue"))
        }
        "pods" => (!average).then(|| average_value.required("must specify a positive target averageValue")),
        "external" if !value && !average => {
            Some(average_value.required("must set either a target value for metric or a per-pod target"))
        }
        "external" if value && average => {
            let message = "may not set both a target value for metric and a per-pod target";
            Some(path.child("value").forbidden(message))
        }
        "external" => None,
        _ if utilization && average => {
            Some(average_value.forbidden("may not set both a target raw value and a target utilization"))
        }
        _ if !utilization && !average => {
            let message = "must set either a target raw value or a target utilization";
            Some(path.child("averageUtilization").required(message))
        }
        _ => None,
    }
}

fn behavior_errors(path: &Path, rules: &Value) -> Vec<Error> {
    let mut errors = Vec::new();
    if let Some(secs) = rules.get("stabilizationWindowSeconds").and_then(Value::as_i64) {
        let at = path.child("stabilizationWindowSeconds");
        if secs < 0 {
            errors.push(at.invalid(secs, "must be greater than or equal to zero"));
        } else if secs > WINDOW_SECS_MAX {
            errors.push(at.invalid(secs, format!("must be less than or equal to {WINDOW_SECS_MAX}")));
        }
    }
    if let Some(policy) = set(rules, "selectPolicy").and_then(Value::as_str)
        && !matches!(policy, "Max" | "Min" | "Disabled")
    {
        errors.push(path.child("selectPolicy").not_supported(policy, &["Disabled", "Max", "Min"]));
    }
    let policies = items(rules, "policies");
    if policies.is_empty() {
        errors.push(path.child("policies").required("must specify at least one Policy"));
    }
    for (at, policy) in policies.iter().enumerate() {
        let path = path.child("policies").index(at);
        if !matches!(text(policy, "type"), "Pods" | "Percent") {
            errors.push(path.child("type").not_supported(text(policy, "type"), &["Percent", "Pods"]));
        }
        for field in ["value", "periodSeconds"] {
            if int(policy, field) <= 0 {
                errors.push(path.child(field).invalid(int(policy, field), "must be greater than zero"));
            }
        }
        if int(policy, "periodSeconds") > PERIOD_SECS_MAX {
            let message = format!("must be less than or equal to {PERIOD_SECS_MAX}");
            errors.push(path.child("periodSeconds").invalid(int(policy, "periodSeconds"), message));
        }
    }
    if let Some(tolerance) = set(rules, "tolerance")
        && amounts::quantity(tolerance).is_some_and(|tolerance| tolerance.signum() < 0)
    {
        errors.push(path.child("tolerance").invalid(tolerance.clone(), "must be greater than or equal to 0"));
    }
    errors
}
