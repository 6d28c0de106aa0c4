//! The status of a budget: pure.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use crate::views::Pod;

/// A Pod that was to be evicted and is still there after this long was not evicted (upstream's DeletionTimeout).
const EVICTION_TIMEOUT: SignedDuration = SignedDuration::from_secs(2 * 60);
const ALLOWED: &str = "DisruptionAllowed";

/// The status that the budget should have, `pods` being those it selects and `scale` how many there should be.
pub(super) fn status(
    budget: &PodDisruptionBudget,
    pods: &[Arc<Pod>],
    scale: i32,
    now: Timestamp,
) -> PodDisruptionBudgetStatus {
    let before = budget.status.clone().unwrap_or_default();
    let mut disrupted = before.disrupted_pods.unwrap_or_default();
    disrupted.retain(|name, since| {
        let waiting = pods.iter().any(|pod| pod.metadata.name.as_ref() == Some(name) && !pod.is_terminating());
        waiting && now.duration_since(since.0) < EVICTION_TIMEOUT
    });
    let healthy = |pod: &&Arc<Pod>| {
        let leaving = pod.metadata.name.as_ref().is_some_and(|name| disrupted.contains_key(name));
        pod.is_ready() && !pod.is_terminating() && !leaving
    };
    let current_healthy = count(pods.iter().filter(healthy).count());
    let spec = budget.spec.as_ref();
    let (expected_pods, desired_healthy) =
        match spec.map(|spec| (spec.min_available.as_ref(), spec.max_unavailable.as_ref())) {
            Some((_, Some(most))) => (scale, scale.saturating_sub(share(most, scale)).max(0)),
            Some((Some(IntOrString::Int(least)), None)) => (count(pods.len()), *least),
            Some((Some(least), None)) => (scale, share(least, scale)),
            _ => (count(pods.len()), 1),
        };
    let disruptions_allowed =
        if expected_pods > 0 { current_healthy.saturating_sub(desired_healthy).max(0) } else { 0 };
    let mut conditions = before.conditions.unwrap_or_default();
    let known = conditions.iter().find(|condition| condition.type_ == ALLOWED).cloned();
    let value = if disruptions_allowed > 0 { "True" } else { "False" };
    let turned = known.filter(|condition| condition.status == value).map(|condition| condition.last_transition_time);
    conditions.retain(|condition| condition.type_ != ALLOWED);
    conditions.push(Condition {
        type_: ALLOWED.to_owned(),
        status: value.to_owned(),
        reason: if disruptions_allowed > 0 { "SufficientPods" } else { "InsufficientPods" }.to_owned(),
        message: String::new(),
        observed_generation: budget.metadata.generation,
        last_transition_time: turned.unwrap_or(Time(now)),
    });
    PodDisruptionBudgetStatus {
        conditions: Some(conditions),
        current_healthy: Some(current_healthy),
        desired_healthy: Some(desired_healthy),
        disrupted_pods: (!disrupted.is_empty()).then_some(disrupted),
        disruptions_allowed: Some(disruptions_allowed),
        expected_pods: Some(expected_pods),
        observed_generation: budget.metadata.generation,
    }
}

fn count(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// A number, or that many percent of all, rounded up.
fn share(value: &IntOrString, all: i32) -> i32 {
    match value {
        IntOrString::Int(number) => *number,
        IntOrString::String(text) => {
            let percent: i64 = text.trim_end_matches('%').parse().unwrap_or(0);
            let part = (i64::from(all) * percent).div_euclid(100) + i64::from((i64::from(all) * percent) % 100 > 0);
            i32::try_from(part).unwrap_or(i32::MAX)
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// Of three Pods, of which `unready` are not ready: allowed, current, desired, expected.
    fn check(spec: Value, disrupted: Value, unready: usize, scale: i32, wanted: [i32; 4]) {
        let budget = json!({"metadata": {"name": "b", "generation": 2}, "spec": spec, "status": {
            "currentHealthy": 0, "desiredHealthy": 0, "disruptionsAllowed": 0, "expectedPods": 0,
            "disruptedPods": disrupted,
        }});
        let budget: PodDisruptionBudget = serde_json::from_value(budget).unwrap();
        let pods: Vec<Arc<Pod>> = (0..3)
            .map(|number| {
                let ready = if number < unready { "False" } else { "True" };
                let pod = json!({"metadata": {"name": format!("p{number}")},
                    "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": ready}]}});
                Arc::new(serde_json::from_value(pod).unwrap())
            })
            .collect();
        let now = "2026-01-01T00:01:00Z".parse().unwrap();
        let found = status(&budget, &pods, scale, now);
        let numbers = [found.disruptions_allowed, found.current_healthy, found.desired_healthy, found.expected_pods];
        assert_eq!(numbers, wanted.map(Some), "{budget:?}");
        assert_eq!(found.observed_generation, Some(2));
        // Steady: counting again changes nothing, however much later.
        let again = PodDisruptionBudget { status: Some(found.clone()), ..budget };
        assert_eq!(status(&again, &pods, scale, now + SignedDuration::from_secs(1)), found);
    }

    #[test]
    fn counts_what_may_be_disrupted() {
        check(json!({"minAvailable": 2}), json!({}), 0, 3, [1, 3, 2, 3]);
        check(json!({"minAvailable": 2}), json!({}), 2, 3, [0, 1, 2, 3]);
        check(json!({"minAvailable": "50%"}), json!({}), 0, 3, [1, 3, 2, 3]);
        check(json!({"maxUnavailable": 1}), json!({}), 0, 3, [1, 3, 2, 3]);
        check(json!({"maxUnavailable": 1}), json!({}), 0, 10, [0, 3, 9, 10]);
        check(json!({"maxUnavailable": "34%"}), json!({}), 0, 3, [2, 3, 1, 3]);
        check(json!({"maxUnavailable": 5}), json!({}), 0, 3, [3, 3, 0, 3]);
    }

    #[test]
    fn counts_the_disrupted_until_they_prove_to_stay() {
        check(json!({"minAvailable": 2}), json!({"p0": "2026-01-01T00:00:30Z"}), 0, 3, [0, 2, 2, 3]);
        check(json!({"minAvailable": 2}), json!({"p0": "2025-12-31T23:58:00Z"}), 0, 3, [1, 3, 2, 3]);
        check(json!({"minAvailable": 2}), json!({"gone": "2026-01-01T00:00:30Z"}), 0, 3, [1, 3, 2, 3]);
    }
}
