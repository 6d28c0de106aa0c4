//! Rules of autoscalers, in their stored version.

use kubernel_meta::Object;
use kubernel_meta::field::{Error, Path};
use serde_json::Value;

use super::metrics::source;
use crate::apps::workload;
use crate::core::pod::amounts;
use crate::tree::{int, items, set, text};
use crate::validate;

const PERIOD_SECS_MAX: i64 = 1800;
const WINDOW_SECS_MAX: i64 = 3600;
const SOURCES: [(&str, &str); 5] = [
    ("Object", "object"),
    ("Pods", "pods"),
    ("Resource", "resource"),
    ("ContainerResource", "containerResource"),
    ("External", "external"),
];

/// What is wrong with an autoscaler.
pub(super) fn create(object: &Object) -> Vec<Error> {
    let (path, spec) = (Path::root("spec"), object.at(&["spec"]).unwrap_or(&Value::Null));
    let mut errors = Vec::new();
    let (minimum, maximum) = (spec.get("minReplicas").and_then(Value::as_i64), int(spec, "maxReplicas"));
    if let Some(minimum) = minimum.filter(|minimum| *minimum < 1) {
        errors.push(path.child("minReplicas").invalid(minimum, "must be greater than or equal to 1"));
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
            errors.extend(validate::texts(&at, value, kubernel_meta::validation::path_segment_name(value)));
        }
    }
    errors
}

fn metric_errors(path: &Path, metric: &Value) -> Vec<Error> {
    let type_ = text(metric, "type");
    if type_.is_empty() {
        return vec![path.child("type").required("must specify a metric source type")];
    }
    let Some((_, kind)) = SOURCES.iter().find(|(name, _)| *name == type_) else {
        let known = ["ContainerResource", "External", "Object", "Pods", "Resource"];
        return vec![path.child("type").not_supported(type_, &known)];
    };
    let at = path.child(kind);
    let Some(source) = source(metric, kind) else {
        return vec![at.required("must populate information for the given metric source")];
    };
    let mut errors = Vec::new();
    match *kind {
        "object" => {
            errors
                .extend(reference(&at.child("describedObject"), source.get("describedObject").unwrap_or(&Value::Null)));
            errors.extend(metric_name(&at, source));
        }
        "pods" | "external" => errors.extend(metric_name(&at, source)),
        _ => {
            if text(source, "name").is_empty() {
                errors.push(at.child("name").required("must specify a resource name"));
            }
            if *kind == "containerResource" && text(source, "container").is_empty() {
                errors.push(at.child("container").required("must specify a container"));
            }
        }
    }
    errors.extend(target_errors(&at.child("target"), source.get("target").unwrap_or(&Value::Null), kind));
    errors
}

fn metric_name(path: &Path, source: &Value) -> Option<Error> {
    let name = source.get("metric").map_or("", |metric| text(metric, "name"));
    name.is_empty().then(|| path.child("metric").child("name").required("must specify a metric name"))
}

fn target_errors(path: &Path, target: &Value, kind: &str) -> Vec<Error> {
    let type_ = text(target, "type");
    let mut errors = Vec::new();
    if type_.is_empty() {
        errors.push(path.child("type").required("must specify a metric target type"));
    } else if !matches!(type_, "Utilization" | "Value" | "AverageValue") {
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
    if matches!(kind, "resource" | "containerResource") {
        match (utilization.is_some(), set(target, "averageValue").is_some()) {
            (true, true) => {
                let message = "may not set both a target raw value and a target utilization";
                errors.push(path.child("averageValue").forbidden(message));
            }
            (false, false) => {
                let message = "must set either a target raw value or a target utilization";
                errors.push(path.child("averageUtilization").required(message));
            }
            _ => {}
        }
    }
    errors
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
    match text(rules, "selectPolicy") {
        "" | "Max" | "Min" | "Disabled" => {}
        other => errors.push(path.child("selectPolicy").not_supported(other, &["Disabled", "Max", "Min"])),
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
