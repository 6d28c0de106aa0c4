//! Rules of a Job's policies about failure and success.

use kubernel_meta::field::{Error, Path};
use serde_json::Value;

use super::indexes;
use super::job_rules::qualified;
use crate::go_form;
use crate::tree::{items, set, text};
use crate::validate;

const FAILURE_RULES_MAX: usize = 20;
const EXIT_CODES_MAX: usize = 255;
const CONDITIONS_MAX: usize = 20;
const SUCCESS_RULES_MAX: usize = 20;
const INDEXES_BYTES_MAX: usize = 64 * 1024;
const ACTIONS: [&str; 4] = ["Count", "FailIndex", "FailJob", "Ignore"];

/// What is wrong with `podFailurePolicy`.
pub(super) fn failure(path: &Path, policy: &Value, spec: &Value) -> Vec<Error> {
    let mut errors: Vec<Error> = too_many(&path.child("rules"), items(policy, "rules"), FAILURE_RULES_MAX).collect();
    for (at, rule) in items(policy, "rules").iter().enumerate() {
        errors.extend(failure_rule(&path.child("rules").index(at), rule, spec));
    }
    errors
}

fn too_many(path: &Path, list: &[Value], most: usize) -> impl Iterator<Item = Error> + use<> {
    (list.len() > most).then(|| path.too_many(list.len(), most)).into_iter()
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
    errors.extend(too_many(&path.child("onPodConditions"), conditions, CONDITIONS_MAX));
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
        let shown = codes.get("values").cloned().unwrap_or_default();
        errors.push(at.invalid(shown, "at least one value is required"));
    }
    errors.extend(too_many(&at, items(codes, "values"), EXIT_CODES_MAX));
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
    errors.extend(too_many(&path.child("rules"), rules, SUCCESS_RULES_MAX));
    let completions = spec.get("completions").and_then(Value::as_i64);
    for (at, rule) in rules.iter().enumerate() {
        errors.extend(success_rule(&path.child("rules").index(at), rule, completions.unwrap_or_default()));
    }
    errors
}

fn success_rule(path: &Path, rule: &Value, completions: i64) -> Vec<Error> {
    let (indexes, count) = (set(rule, "succeededIndexes"), set(rule, "succeededCount"));
    let mut errors = Vec::new();
    if indexes.is_none() && count.is_none() {
        errors.push(path.required("at least one of succeededCount or succeededIndexes must be specified"));
    }
    let mut total = None;
    if let Some(text) = indexes.and_then(Value::as_str) {
        let at = path.child("succeededIndexes");
        if text.len() > INDEXES_BYTES_MAX {
            errors.push(at.too_long(INDEXES_BYTES_MAX));
        }
        total = Some(0);
        match indexes::parse(text, completions) {
            Ok(intervals) => total = Some(intervals.iter().map(|(first, last)| last - first + 1).sum()),
            Err(message) => errors.push(at.invalid(text, format!("error parsing succeededIndexes: {message}"))),
        }
    }
    let at = path.child("succeededCount");
    errors.extend(validate::non_negative(&at, count));
    let Some(count) = count.and_then(Value::as_i64) else { return errors };
    let mut at_most = |most: i64, words: &str| {
        if count > most {
            errors.push(at.invalid(count, format!("must be less than or equal to {most} ({words})")));
        }
    };
    at_most(completions, "the number of specified completions");
    if let Some(total) = total {
        at_most(total, "the number of indexes in the specified succeededIndexes field");
    }
    errors
}
