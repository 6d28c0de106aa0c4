//! When containers are started again: the Pod's policy, a container's own, and its rules.

use kubernel_meta::field::{Error, Path};
use serde_json::Value;

use crate::tree::{items, set, text};

const RULES_MAX: usize = 20;
const EXIT_CODES_MAX: usize = 255;
const POLICY_FOR_RULES: &str = "must specify restartPolicy when restart rules are used";

/// What is wrong with the Pod's policy.
pub(super) fn policy(path: &Path, spec: &Value) -> Option<Error> {
    match text(spec, "restartPolicy") {
        "" => Some(path.required("")),
        "Always" | "OnFailure" | "Never" => None,
        other => Some(path.not_supported(other, &["Always", "OnFailure", "Never"])),
    }
}

/// What is wrong with an init container's policy and rules: rules are looked at only where there is a policy.
pub(super) fn init_container(path: &Path, container: &Value) -> Vec<Error> {
    if set(container, "restartPolicy").is_some() {
        return self::container(path, container);
    }
    let error = || path.child("restartPolicy").required(POLICY_FOR_RULES);
    (!items(container, "restartPolicyRules").is_empty()).then(error).into_iter().collect()
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
        errors.push(path.child("restartPolicy").required(POLICY_FOR_RULES));
    }
    let at = path.child("restartPolicyRules");
    if rules.len() > RULES_MAX {
        errors.push(at.too_long(RULES_MAX));
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
    if items(codes, "values").len() > EXIT_CODES_MAX {
        errors.push(at.child("values").too_long(EXIT_CODES_MAX));
    }
    errors
}

/// Whether one container's exit may restart all of them.
pub(super) fn restarts_all(spec: &Value) -> bool {
    let mut containers = ["initContainers", "containers"].into_iter().flat_map(|list| items(spec, list));
    containers.any(|container| {
        items(container, "restartPolicyRules").iter().any(|rule| text(rule, "action") == "RestartAllContainers")
    })
}

/// Whether a container that ended like this is started again: by its rules, its own policy, or the Pod's.
pub(super) fn returns(spec: &Value, container: &Value, exit_code: i64) -> bool {
    let by_rule = items(container, "restartPolicyRules").iter().find(|rule| {
        let codes = rule.get("exitCodes").unwrap_or(&Value::Null);
        let named = items(codes, "values").iter().any(|code| code.as_i64() == Some(exit_code));
        match text(codes, "operator") {
            "In" => named,
            "NotIn" => !named,
            _ => false,
        }
    });
    if by_rule.is_some_and(|rule| text(rule, "action") == "Restart") {
        return true;
    }
    let own = text(container, "restartPolicy");
    match if own.is_empty() { text(spec, "restartPolicy") } else { own } {
        "OnFailure" => exit_code != 0,
        "Never" => false,
        _ => true,
    }
}
