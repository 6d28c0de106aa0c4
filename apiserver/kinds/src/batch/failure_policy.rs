//! Rules of a Job's policies about failure and success.

use kubernel_meta::field::{Error, Path};
use serde_json::Value;

use super::job_rules::qualified;
use crate::go_form;
use crate::tree::{items, set, text};
use crate::validate;

const ACTIONS: [&str; 4] = ["Count", "FailIndex", "FailJob", "Ignore"];

/// What is wrong with `podFailurePolicy`.
pub(super) fn failure(path: &Path, policy: &Value, spec: &Value) -> Vec<Error> {
    let mut errors = Vec::new();
    for (at, rule) in items(policy, "rules").iter().enumerate() {
        errors.extend(failure_rule(&path.child("rules").index(at), rule, spec));
    }
    errors
}

fn failure_rule(path: &Path, rule: &Value, spec: &Value) -> Vec<Error> {
    let mut errors = Vec::new();
    match text(rule, "action") {
        "" => {
            errors.push(path.child("action").required("valid values: [\"Count\" \"FailIndex\" \"FailJob\" \"Ignore\"]"))
        }
        "FailIndex" if set(spec, "backoffLimitPerIndex").is_none() => {
            errors.push(path.child("action").invalid("FailIndex", "requires the backoffLimitPerIndex to be set"));
        }
        action if !ACTIONS.contains(&action) => errors.push(path.child("action").not_supported(action, &ACTIONS)),
        _ => {}
    }
    let (codes, conditions) = (set(rule, "onExitCodes"), items(rule, "onPodConditions"));
    if let Some(codes) = codes {
        errors.extend(exit_codes(&path.child("onExitCodes"), codes, spec));
    }
    for (at, condition) in conditions.iter().enumerate() {
        let path = path.child("onPodConditions").index(at);
        errors.extend(qualified(&path.child("type"), text(condition, "type")));
        match text(condition, "status") {
            "" => errors.push(path.child("status").required("valid values: [\"False\" \"True\" \"Unknown\"]")),
            "True" | "False" | "Unknown" => {}
            other => errors.push(path.child("status").not_supported(other, &["False", "True", "Unknown"])),
        }
    }
    match (codes.is_some(), conditions.is_empty()) {
        (true, false) => {
            let message = "specifying both OnExitCodes and OnPodConditions is not supported";
            errors.push(path.invalid("", message).shown_as(""));
        }
        (false, true) => {
            errors.push(path.invalid("", "specifying one of OnExitCodes and OnPodConditions is required").shown_as(""));
        }
        _ => {}
    }
    errors
}

fn exit_codes(path: &Path, codes: &Value, spec: &Value) -> Vec<Error> {
    let mut errors = Vec::new();
    let operator = text(codes, "operator");
    if operator.is_empty() {
        errors.push(path.child("operator").required("valid values: [\"In\" \"NotIn\"]"));
    } else if !matches!(operator, "In" | "NotIn") {
        errors.push(path.child("operator").not_supported(operator, &["In", "NotIn"]));
    }
    if let Some(name) = set(codes, "containerName").and_then(Value::as_str) {
        let pod = spec.pointer("/template/spec").unwrap_or(&Value::Null);
        let mut all = items(pod, "containers").iter().chain(items(pod, "initContainers"));
        if !all.any(|container| text(container, "name") == name) {
            let message = "must be one of the container or initContainer names in the pod template";
            errors.push(path.child("containerName").invalid(name, message));
        }
    }
    let at = path.child("values");
    let values: Vec<i64> = items(codes, "values").iter().filter_map(Value::as_i64).collect();
    if values.is_empty() {
        errors.push(at.invalid(Vec::<Value>::new(), "at least one value is required"));
    }
    for (index, value) in values.iter().enumerate() {
        if *value == 0 && operator == "In" {
            errors.push(at.index(index).invalid(0, "must not be 0 for the In operator"));
        }
        if values[..index].contains(value) {
            errors.push(at.index(index).duplicate(*value));
        }
    }
    if !values.is_sorted() {
        errors.push(at.invalid(values, "must be ordered"));
    }
    errors
}

/// What is wrong with `successPolicy`.
pub(super) fn success(path: &Path, policy: &Value, spec: &Value) -> Vec<Error> {
    let rules = items(policy, "rules");
    let mut errors = Vec::new();
    if text(spec, "completionMode") != "Indexed" {
        let shown = go_form::compact("io.k8s.api.batch.v1.SuccessPolicy", policy);
        errors.push(path.invalid(policy.clone(), "requires indexed completion mode").shown_as(shown));
        return errors;
    }
    if rules.is_empty() {
        let message = "at least one rules must be specified when the successPolicy is specified";
        errors.push(path.child("rules").required(message));
    }
    for (at, rule) in rules.iter().enumerate() {
        let path = path.child("rules").index(at);
        let (indexes, count) = (set(rule, "succeededIndexes"), set(rule, "succeededCount"));
        if indexes.is_none() && count.is_none() {
            errors.push(path.required("at least one of succeededCount or succeededIndexes must be specified"));
        }
        if let Some(indexes) = indexes.and_then(Value::as_str)
            && let Some(message) = indexes_error(indexes)
        {
            let message = format!("error parsing succeededIndexes: {message}");
            errors.push(path.child("succeededIndexes").invalid(indexes, message));
        }
        errors.extend(validate::non_negative(&path.child("succeededCount"), count));
    }
    errors
}

/// What is wrong with a text like `1-5,7`.
fn indexes_error(text: &str) -> Option<String> {
    let mut previous: Option<i64> = None;
    for interval in text.split(',') {
        for part in interval.split('-') {
            let Ok(index) = part.parse::<i64>() else {
                return Some(format!("cannot convert string to integer for index: {part:?}"));
            };
            if let Some(previous) = previous.filter(|previous| *previous >= index) {
                return Some(format!("non-increasing order, previous: {previous}, current: {index}"));
            }
            previous = Some(index);
        }
    }
    None
}
