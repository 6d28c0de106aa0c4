//! When containers are started again: the Pod's policy, a container's own, and its rules.

use kubernel_meta::field::{Error, Path};
use serde_json::Value;

use crate::tree::{items, set, text};

const RULES_MAX: usize = 20;
const EXIT_CODES_MAX: usize = 255;

/// What is wrong with the Pod's policy.
pub(super) fn policy(path: &Path, spec: &Value) -> Option<Error> {
    match text(spec, "restartPolicy") {
        "" => Some(path.required("")),
        "Always" | "OnFailure" | "Never" => None,
        other => Some(path.not_supported(other, &["Always", "OnFailure", "Never"])),
    }
}

/// What is wrong with a container's policy and rules.
pub(super) fn container(path: &Path, container: &Value) -> Vec<Error> {
    let mut errors = Vec::new();
    let policy = set(container, "restartPolicy");
    let own = text(container, "restartPolicy");
    if policy.is_some() && !matches!(own, "Always" | "Never" | "OnFailure") {
        errors.push(path.child("restartPolicy").not_supported(own, &["Always", "Never", "OnFailure"]));
    }
    let rules = items(container, "restartPolicyRules");
    if rules.is_empty() {
        return errors;
    }
    if policy.is_none() {
        let detail = "must specify restartPolicy when restart rules are used";
        errors.push(path.child("restartPolicy").required(detail));
    }
    let at = path.child("restartPolicyRules");
    if rules.len() > RULES_MAX {
        errors.push(at.too_many(rules.len(), RULES_MAX));
    }
    for (i, rule) in rules.iter().enumerate() {
        errors.extend(rule_errors(&at.index(i), rule));
    }
    errors
}

fn rule_errors(path: &Path, rule: &Value) -> Vec<Error> {
    let mut errors = Vec::new();
    let action = text(rule, "action");
    if !matches!(action, "Restart" | "RestartAllContainers") {
        errors.push(path.child("action").not_supported(action, &["Restart", "RestartAllContainers"]));
    }
    let at = path.child("exitCodes");
    let Some(codes) = set(rule, "exitCodes") else {
        errors.push(at.required("must be specified"));
        return errors;
    };
    let operator = text(codes, "operator");
    if !matches!(operator, "In" | "NotIn") {
        errors.push(at.child("operator").not_supported(operator, &["In", "NotIn"]));
    }
    let count = items(codes, "values").len();
    if count > EXIT_CODES_MAX {
        errors.push(at.child("values").too_many(count, EXIT_CODES_MAX));
    }
    errors
}
