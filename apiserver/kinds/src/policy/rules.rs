//! Rules of PodDisruptionBudgets.

use kubernel_meta::field::{Error, Path};
use kubernel_meta::{LabelSelector, Object};
use serde_json::Value;

use crate::apps::{rollout, workload};
use crate::go_form;
use crate::tree::{items, set};
use crate::validate;

/// What is wrong with a budget.
pub(super) fn create(budget: &Object) -> Vec<Error> {
    let (path, spec) = (Path::root("spec"), budget.at(&["spec"]).unwrap_or(&Value::Null));
    let mut errors = Vec::new();
    let (minimum, maximum) = (set(spec, "minAvailable"), set(spec, "maxUnavailable"));
    if minimum.is_some() && maximum.is_some() {
        let detail = "minAvailable and maxUnavailable cannot be both set";
        errors.push(go_form::invalid(&path, "io.k8s.api.policy.v1.PodDisruptionBudgetSpec", spec, detail));
    }
    for (field, value) in [("minAvailable", minimum), ("maxUnavailable", maximum)] {
        let at = path.child(field);
        errors.extend(rollout::int_or_percent(&at, value));
        errors.extend(rollout::at_most_all(&at, value));
    }
    if let Some(selector) = set(spec, "selector") {
        errors.extend(LabelSelector::validate_value(selector, &path.child("selector")));
    }
    match set(spec, "unhealthyPodEvictionPolicy").and_then(Value::as_str) {
        None | Some("IfHealthyBudget" | "AlwaysAllow") => {}
        Some(other) => errors
            .push(path.child("unhealthyPodEvictionPolicy").not_supported(other, &["AlwaysAllow", "IfHealthyBudget"])),
    }
    errors
}

/// What is wrong with a budget's status.
pub(super) fn status(budget: &Object) -> Vec<Error> {
    let counts = ["disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods"];
    let status = budget.at(&["status"]).unwrap_or(&Value::Null);
    let path = Path::root("status");
    let mut errors = validate::conditions(&path.child("conditions"), items(status, "conditions"));
    errors.extend(workload::non_negatives(&path, status, &counts));
    errors
}
