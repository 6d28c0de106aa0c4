//! What a ReplicaSet should do about its Pods: pure.

use std::cmp::{Ordering, Reverse};
use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{ReplicaSet, ReplicaSetCondition, ReplicaSetStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::views::{DELETION_COST, Pod};

/// Pods that one run creates or deletes at most.
const BURST_MAX: usize = 500;

/// What to do about the number of Pods.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    /// How many to create.
    pub(super) create: usize,
    /// Which to delete: (name, uid).
    pub(super) delete: Vec<(String, String)>,
}

/// Compares the Pods that count with what is wanted. `related` are the Pods of all ReplicaSets of the same owner: where
/// more of them share a node, Pods there go first.
pub(super) fn replicas(set: &ReplicaSet, active: &[Arc<Pod>], related: &[Arc<Pod>]) -> Plan {
    let wanted = usize::try_from(wanted(set)).unwrap_or(0);
    if active.len() <= wanted {
        return Plan { create: (wanted - active.len()).min(BURST_MAX), delete: Vec::new() };
    }
    let mut on_node: HashMap<&str, usize> = HashMap::new();
    for pod in related.iter().filter(|pod| pod.is_active()) {
        *on_node.entry(&pod.spec.node_name).or_default() += 1;
    }
    let rank = |pod: &Pod| on_node.get(pod.spec.node_name.as_str()).copied().unwrap_or(0);
    let mut victims = active.to_vec();
    victims.sort_by(|a, b| goes_first(a, rank(a), b, rank(b)));
    victims.truncate((active.len() - wanted).min(BURST_MAX));
    let name_and_uid =
        |pod: &Arc<Pod>| (pod.metadata.name.clone().unwrap_or_default(), pod.metadata.uid.clone().unwrap_or_default());
    Plan { create: 0, delete: victims.iter().map(name_and_uid).collect() }
}

/// `spec.replicas`, 1 where unset.
pub(super) fn wanted(set: &ReplicaSet) -> i32 {
    set.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1)
}

/// The order in which Pods are given up (controller.ActivePodsWithRanks): those that cost least come first.
fn goes_first(a: &Pod, rank_a: usize, b: &Pod, rank_b: usize) -> Ordering {
    let phase = |pod: &Pod| match pod.status.phase.as_str() {
        "Pending" | "" => 0,
        "Unknown" => 1,
        _ => 2,
    };
    let cost = |pod: &Pod| -> i32 {
        let annotation = pod.metadata.annotations.as_ref().and_then(|annotations| annotations.get(DELETION_COST));
        annotation.and_then(|text| text.parse().ok()).unwrap_or(0)
    };
    let restarts = |pod: &Pod| pod.status.container_statuses.iter().map(|status| status.restart_count).max();
    let created = |pod: &Pod| pod.metadata.creation_timestamp.as_ref().map(|time| time.0);
    (!a.spec.node_name.is_empty())
        .cmp(&!b.spec.node_name.is_empty())
        .then_with(|| phase(a).cmp(&phase(b)))
        .then_with(|| a.is_ready().cmp(&b.is_ready()))
        .then_with(|| cost(a).cmp(&cost(b)))
        .then_with(|| Reverse(rank_a).cmp(&Reverse(rank_b)))
        .then_with(|| Reverse(a.ready_since()).cmp(&Reverse(b.ready_since())))
        .then_with(|| Reverse(restarts(a)).cmp(&Reverse(restarts(b))))
        .then_with(|| Reverse(created(a)).cmp(&Reverse(created(b))))
        .then_with(|| a.metadata.name.cmp(&b.metadata.name))
}

/// The status that follows from the Pods; `failure` is why Pods could not be created or deleted: (reason, message).
pub(super) fn status(
    set: &ReplicaSet,
    owned: &[Arc<Pod>],
    failure: Option<(&str, String)>,
    now: Timestamp,
) -> ReplicaSetStatus {
    let spec = set.spec.clone().unwrap_or_default();
    let min_ready_secs = spec.min_ready_seconds.unwrap_or(0);
    let template_labels =
        spec.template.as_ref().and_then(|t| t.metadata.as_ref()).and_then(|m| m.labels.clone()).unwrap_or_default();
    let active: Vec<&Arc<Pod>> = owned.iter().filter(|pod| pod.is_active()).collect();
    let count =
        |test: &dyn Fn(&Pod) -> bool| i32::try_from(active.iter().filter(|p| test(p)).count()).unwrap_or(i32::MAX);
    let fully_labeled = count(&|pod| {
        let labels = pod.metadata.labels.as_ref();
        template_labels.iter().all(|(key, value)| labels.and_then(|labels| labels.get(key)) == Some(value))
    });
    let terminating = owned.iter().filter(|pod| pod.is_terminating() && !pod.is_terminal()).count();
    let some = |n: i32| (n > 0).then_some(n);
    let mut conditions: Vec<ReplicaSetCondition> =
        set.status.as_ref().and_then(|s| s.conditions.clone()).unwrap_or_default();
    match failure {
        None => conditions.retain(|condition| condition.type_ != "ReplicaFailure"),
        Some((reason, message)) => {
            let same = |c: &&ReplicaSetCondition| c.type_ == "ReplicaFailure" && c.reason.as_deref() == Some(reason);
            if conditions.iter().find(same).is_none() {
                conditions.retain(|condition| condition.type_ != "ReplicaFailure");
                conditions.push(ReplicaSetCondition {
                    type_: "ReplicaFailure".to_owned(),
                    status: "True".to_owned(),
                    reason: Some(reason.to_owned()),
                    message: Some(message),
                    last_transition_time: Some(Time(now)),
                });
            }
        }
    }
    ReplicaSetStatus {
        replicas: count(&|_| true),
        fully_labeled_replicas: some(fully_labeled),
        ready_replicas: some(count(&Pod::is_ready)),
        available_replicas: some(count(&|pod| pod.is_available(min_ready_secs, now))),
        terminating_replicas: Some(i32::try_from(terminating).unwrap_or(i32::MAX)),
        observed_generation: set.metadata.generation,
        conditions: (!conditions.is_empty()).then_some(conditions),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn pod(name: &str, status: Value) -> Arc<Pod> {
        let mut value = json!({"metadata": {"name": name, "uid": name}, "spec": {"nodeName": "n"}, "status": {}});
        for (key, entry) in status.as_object().unwrap() {
            value[key] = entry.clone();
        }
        value["metadata"]["name"] = json!(name);
        value["metadata"]["uid"] = json!(name);
        Arc::new(serde_json::from_value(value).unwrap())
    }

    fn ready(since: &str) -> Value {
        json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": since}]})
    }

    fn check(replicas: i32, pods: &[Arc<Pod>], create: usize, delete: &[&str]) {
        let set =
            serde_json::from_value(json!({"metadata": {}, "spec": {"replicas": replicas, "selector": {}}})).unwrap();
        let plan = super::replicas(&set, pods, pods);
        let deleted: Vec<&str> = plan.delete.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!((plan.create, deleted.as_slice()), (create, delete), "{replicas} of {}", pods.len());
    }

    #[test]
    fn the_cheapest_pods_go_first() {
        let running = json!({"phase": "Running"});
        let old = pod("old", json!({"status": ready("2024-01-01T00:00:00Z")}));
        let new = pod("new", json!({"status": ready("2024-01-02T00:00:00Z")}));
        let pending = pod("pending", json!({"status": {"phase": "Pending"}}));
        let unplaced = pod("unplaced", json!({"spec": {}, "status": {"phase": "Pending"}}));
        let unready = pod("unready", json!({"status": running}));
        let cheap = pod(
            "cheap",
            json!({"metadata": {"annotations": {DELETION_COST: "-5"}}, "status": ready("2023-01-01T00:00:00Z")}),
        );
        let all = [old.clone(), cheap, unready, new.clone(), pending, unplaced];
        check(8, &all, 2, &[]);
        check(6, &all, 0, &[]);
        check(0, &all, 0, &["unplaced", "pending", "unready", "cheap", "new", "old"]);
        check(1, &[old, new], 0, &["new"]);
        check(1000, &[], BURST_MAX, &[]);
    }
}
