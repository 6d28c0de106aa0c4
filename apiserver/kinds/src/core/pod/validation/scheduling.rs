//! Tolerations, spread constraints, gates and preemption.

use std::collections::HashMap;

use kubernel_meta::field::{Error, Path};
use kubernel_meta::validation as meta;
use serde_json::Value;

use super::affinity;
use super::selectors::{self, label_key};
use crate::tree::{int, items, repeated, set, text};
use crate::validate::texts;

const SPREAD_ACTIONS: [&str; 2] = ["DoNotSchedule", "ScheduleAnyway"];
const NODE_POLICIES: [&str; 2] = ["Honor", "Ignore"];

/// What is wrong with tolerations.
pub(crate) fn tolerations(path: &Path, tolerations: &[Value]) -> Vec<Error> {
    tolerations.iter().enumerate().flat_map(|(i, toleration)| toleration_errors(&path.index(i), toleration)).collect()
}

fn toleration_errors(path: &Path, toleration: &Value) -> Vec<Error> {
    let mut errors = Vec::new();
    let (key, operator, effect) = (text(toleration, "key"), text(toleration, "operator"), text(toleration, "effect"));
    let value = text(toleration, "value");
    let at = path.child("operator");
    if !key.is_empty() {
        errors.extend(label_key(&path.child("key"), key));
    } else if operator != "Exists" {
        let detail = "operator must be Exists when `key` is empty, which means \"match all values and all keys\"";
        errors.push(at.invalid(operator, detail));
    }
    if set(toleration, "tolerationSeconds").is_some() && effect != "NoExecute" {
        let detail = "effect must be 'NoExecute' when `tolerationSeconds` is set";
        errors.push(path.child("effect").invalid(effect, detail));
    }
    match operator {
        "Equal" | "" => {
            let wrong = meta::label_value(value);
            if !wrong.is_empty() {
                errors.push(at.invalid(value, wrong.join(";")));
            }
        }
        "Exists" if !value.is_empty() => {
            errors.push(at.invalid(value, "value must be empty when `operator` is 'Exists'"));
        }
        "Exists" => {}
        // Upstream names the two operators of a feature that is off.
        "Lt" | "Gt" => errors.push(at.not_supported(operator, &["Equal", "Exists", "Lt", "Gt"])),
        other => errors.push(at.not_supported(other, &["Equal", "Exists"])),
    }
    if !matches!(effect, "" | "NoSchedule" | "PreferNoSchedule" | "NoExecute") {
        errors.push(path.child("effect").not_supported(effect, &["NoSchedule", "PreferNoSchedule", "NoExecute"]));
    }
    errors
}

/// What is wrong with topology spread constraints.
pub(super) fn spread(path: &Path, spec: &Value) -> Vec<Error> {
    let constraints = items(spec, "topologySpreadConstraints");
    let pair = |constraint| (text(constraint, "topologyKey"), text(constraint, "whenUnsatisfiable"));
    let mut later: HashMap<(&str, &str), usize> = HashMap::new();
    constraints.iter().for_each(|constraint| *later.entry(pair(constraint)).or_default() += 1);
    let mut errors = Vec::new();
    for (i, constraint) in constraints.iter().enumerate() {
        let at = path.index(i);
        let (key, action) = pair(constraint);
        if int(constraint, "maxSkew") <= 0 {
            errors.push(at.child("maxSkew").invalid(int(constraint, "maxSkew"), "must be greater than zero"));
        }
        if key.is_empty() {
            errors.push(at.child("topologyKey").required("can not be empty"));
        }
        if !SPREAD_ACTIONS.contains(&action) {
            errors.push(at.child("whenUnsatisfiable").not_supported(action, &SPREAD_ACTIONS));
        }
        let same = later.entry((key, action)).or_default();
        *same = same.saturating_sub(1);
        if *same > 0 {
            let both = at.child("{topologyKey, whenUnsatisfiable}");
            errors.push(both.duplicate(format!("{{{key}, {action}}}")));
        }
        errors.extend(min_domains(&at.child("minDomains"), constraint, action));
        for field in ["nodeAffinityPolicy", "nodeTaintsPolicy"] {
            let policy = text(constraint, field);
            if set(constraint, field).is_some() && !NODE_POLICIES.contains(&policy) {
                errors.push(at.child(field).not_supported(policy, &NODE_POLICIES));
            }
        }
        errors.extend(affinity::match_label_keys(&at, constraint));
        errors.extend(selectors::validate(&at.child("labelSelector"), constraint.get("labelSelector")));
    }
    errors
}

fn min_domains(path: &Path, constraint: &Value, action: &str) -> Vec<Error> {
    let Some(count) = constraint.get("minDomains").and_then(Value::as_i64) else { return Vec::new() };
    let mut errors = Vec::new();
    if count <= 0 {
        errors.push(path.invalid(count, "must be greater than zero"));
    }
    if action != "DoNotSchedule" {
        let detail = format!("can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {action}");
        errors.push(path.invalid(count, detail));
    }
    errors
}

/// What is wrong with readiness gates.
pub(super) fn readiness_gates(path: &Path, spec: &Value) -> Vec<Error> {
    let gates = items(spec, "readinessGates").iter().enumerate();
    gates.flat_map(|(i, gate)| label_key(&path.index(i).child("conditionType"), text(gate, "conditionType"))).collect()
}

/// What is wrong with scheduling gates.
pub(super) fn gates(path: &Path, spec: &Value) -> Vec<Error> {
    let gates = items(spec, "schedulingGates");
    let twice = repeated(gates, |gate| text(gate, "name"));
    let mut errors = Vec::new();
    for (i, gate) in gates.iter().enumerate() {
        let name = text(gate, "name");
        errors.extend(texts(&path.index(i), name, meta::label_key(name)));
        if twice[i] {
            errors.push(path.index(i).duplicate(name));
        }
    }
    errors
}

/// What is wrong with the preemption policy.
pub(super) fn preemption(path: &Path, spec: &Value) -> Option<Error> {
    match set(spec, "preemptionPolicy").and_then(Value::as_str)? {
        "PreemptLowerPriority" | "Never" => None,
        "" => Some(path.required("")),
        other => Some(path.not_supported(other, &["PreemptLowerPriority", "Never"])),
    }
}
