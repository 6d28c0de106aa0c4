//! What a node's conditions mean: taints, silence, and which Pods have to leave. Pure.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::{NodeCondition, Taint, Toleration};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::views::{Node, Pod};

/// How long a node may be silent (kube-controller-manager's --node-monitor-grace-period).
pub(super) const GRACE_SECS: i64 = 50;
pub(super) const NOT_READY: &str = "node.kubernetes.io/not-ready";
pub(super) const UNREACHABLE: &str = "node.kubernetes.io/unreachable";
/// Taints that follow from conditions: (condition, its status, taint).
const BY_CONDITION: [(&str, &str, &str); 6] = [
    ("Ready", "False", NOT_READY),
    ("Ready", "Unknown", UNREACHABLE),
    ("MemoryPressure", "True", "node.kubernetes.io/memory-pressure"),
    ("DiskPressure", "True", "node.kubernetes.io/disk-pressure"),
    ("PIDPressure", "True", "node.kubernetes.io/pid-pressure"),
    ("NetworkUnavailable", "True", "node.kubernetes.io/network-unavailable"),
];
const UNSCHEDULABLE: &str = "node.kubernetes.io/unschedulable";

/// The taints the node should have; `None` where it has them.
pub(super) fn taints(node: &Node, now: Timestamp) -> Option<Vec<Taint>> {
    let holds = |type_: &str, status: &str| {
        let mut conditions = node.status.conditions.iter();
        conditions.any(|condition| condition.type_ == type_ && condition.status == status)
    };
    let known = node.status.conditions.iter().any(|condition| condition.type_ == "Ready");
    let mut wanted: Vec<(&str, &str)> = Vec::new();
    for (type_, status, key) in BY_CONDITION {
        if holds(type_, status) {
            wanted.push((key, "NoSchedule"));
            if type_ == "Ready" {
                wanted.push((key, "NoExecute"));
            }
        }
    }
    if !known {
        // A node that has not said anything yet.
        wanted.push((NOT_READY, "NoSchedule"));
    }
    if node.spec.unschedulable {
        wanted.push((UNSCHEDULABLE, "NoSchedule"));
    }
    let is_ours =
        |taint: &Taint| taint.key == UNSCHEDULABLE || BY_CONDITION.iter().any(|(_, _, key)| taint.key == *key);
    let is_wanted = |taint: &Taint| wanted.contains(&(taint.key.as_str(), taint.effect.as_str()));
    let mut next: Vec<Taint> =
        node.spec.taints.iter().filter(|taint| !is_ours(taint) || is_wanted(taint)).cloned().collect();
    for (key, effect) in &wanted {
        if !next.iter().any(|taint| taint.key == *key && taint.effect == *effect) {
            let time_added = (*effect == "NoExecute").then_some(Time(now));
            next.push(Taint { key: (*key).to_owned(), effect: (*effect).to_owned(), value: None, time_added });
        }
    }
    (next != node.spec.taints).then_some(next)
}

/// The conditions of a node that has been silent too long; `None` where it has not, or they already say so.
pub(super) fn silence(node: &Node, renewed: Option<Timestamp>, now: Timestamp) -> Option<Vec<NodeCondition>> {
    let heard = last_heard(node, renewed)?;
    let ready = node.status.conditions.iter().find(|condition| condition.type_ == "Ready");
    if now.duration_since(heard).as_secs() <= GRACE_SECS || ready.is_some_and(|ready| ready.status == "Unknown") {
        return None;
    }
    let types = ["Ready", "MemoryPressure", "DiskPressure", "PIDPressure"];
    let unknown = types.into_iter().map(|type_| {
        let current = node.status.conditions.iter().find(|condition| condition.type_ == type_);
        let (reason, message) = match current {
            Some(_) => ("NodeStatusUnknown", "Kubelet stopped posting node status."),
            None => ("NodeStatusNeverUpdated", "Kubelet never posted node status."),
        };
        NodeCondition {
            type_: type_.to_owned(),
            status: "Unknown".to_owned(),
            reason: Some(reason.to_owned()),
            message: Some(message.to_owned()),
            last_heartbeat_time: current.and_then(|c| c.last_heartbeat_time.clone()).or(node_created(node)),
            last_transition_time: Some(Time(now)),
        }
    });
    Some(unknown.collect())
}

/// The last sign of life: the Lease, else the Ready condition, else the node's creation.
pub(super) fn last_heard(node: &Node, renewed: Option<Timestamp>) -> Option<Timestamp> {
    let ready = node.status.conditions.iter().find(|condition| condition.type_ == "Ready");
    let heartbeat = ready.and_then(|ready| ready.last_heartbeat_time.as_ref()).map(|time| time.0);
    renewed.max(heartbeat).or_else(|| node_created(node).map(|time| time.0))
}

fn node_created(node: &Node) -> Option<Time> {
    node.metadata.creation_timestamp.clone()
}

/// When the Pod has to leave a node with these taints; `None`: it may stay.
pub(super) fn leaves_at(pod: &Pod, taints: &[Taint], now: Timestamp) -> Option<Timestamp> {
    let mut earliest: Option<Timestamp> = None;
    for taint in taints.iter().filter(|taint| taint.effect == "NoExecute") {
        let tolerations: Vec<&Toleration> =
            pod.spec.tolerations.iter().filter(|toleration| tolerates(toleration, taint)).collect();
        if tolerations.is_empty() {
            return Some(now);
        }
        let since = taint.time_added.as_ref().map_or(now, |time| time.0);
        if let Some(secs) = tolerations.iter().filter_map(|toleration| toleration.toleration_seconds).min() {
            let at = since.checked_add(SignedDuration::from_secs(secs.max(0))).unwrap_or(Timestamp::MAX);
            earliest = Some(earliest.map_or(at, |other| other.min(at)));
        }
    }
    earliest
}

fn tolerates(toleration: &Toleration, taint: &Taint) -> bool {
    let effect = toleration.effect.as_deref().unwrap_or_default();
    let key = toleration.key.as_deref().unwrap_or_default();
    let exists = toleration.operator.as_deref() == Some("Exists");
    (effect.is_empty() || effect == taint.effect)
        && (if key.is_empty() { exists } else { key == taint.key })
        && (exists || toleration.value.as_deref().unwrap_or_default() == taint.value.as_deref().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const NOW: &str = "2026-01-01T00:10:00Z";

    fn node(spec: Value, conditions: Value) -> Node {
        serde_json::from_value(json!({"metadata": {"name": "n"}, "spec": spec, "status": {"conditions": conditions}}))
            .unwrap()
    }

    fn check_taints(spec: Value, ready: &str, wanted: &[&str]) {
        let node = node(spec, json!([{"type": "Ready", "status": ready}]));
        let next = taints(&node, NOW.parse().unwrap()).unwrap_or_else(|| node.spec.taints.clone());
        let texts: Vec<String> = next.iter().map(|taint| format!("{}:{}", taint.key, taint.effect)).collect();
        assert_eq!(texts, wanted, "{node:?}");
    }

    #[test]
    fn taints_follow_conditions_and_leave_those_of_others() {
        let own =
            json!({"taints": [{"key": "mine", "effect": "NoExecute"}, {"key": NOT_READY, "effect": "NoSchedule"}]});
        check_taints(json!({}), "True", &[]);
        check_taints(own.clone(), "True", &["mine:NoExecute"]);
        check_taints(
            own,
            "False",
            &["mine:NoExecute", "node.kubernetes.io/not-ready:NoSchedule", "node.kubernetes.io/not-ready:NoExecute"],
        );
        check_taints(
            json!({"unschedulable": true}),
            "Unknown",
            &[
                "node.kubernetes.io/unreachable:NoSchedule",
                "node.kubernetes.io/unreachable:NoExecute",
                "node.kubernetes.io/unschedulable:NoSchedule",
            ],
        );
    }

    #[test]
    fn silent_nodes_become_unknown() {
        let heartbeat = |at: &str| json!([{"type": "Ready", "status": "True", "lastHeartbeatTime": at}]);
        let cases = [
            ("2026-01-01T00:09:30Z", None, false),
            ("2026-01-01T00:09:00Z", None, true),
            ("2026-01-01T00:00:00Z", Some("2026-01-01T00:09:59Z"), false),
        ];
        for (at, renewed, wanted) in cases {
            let renewed = renewed.map(|text| text.parse().unwrap());
            let silent = silence(&node(json!({}), heartbeat(at)), renewed, NOW.parse().unwrap());
            assert_eq!(silent.is_some(), wanted, "{at} {renewed:?}");
        }
    }

    #[test]
    fn pods_leave_when_their_toleration_ends() {
        let taint = json!([{"key": UNREACHABLE, "effect": "NoExecute", "timeAdded": "2026-01-01T00:09:00Z"}]);
        let taints: Vec<Taint> = serde_json::from_value(taint).unwrap();
        let cases = [
            (json!([]), Some(NOW)),
            (json!([{"operator": "Exists"}]), None),
            (
                json!([{"key": UNREACHABLE, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}]),
                Some("2026-01-01T00:14:00Z"),
            ),
            (json!([{"key": "other", "operator": "Exists"}]), Some(NOW)),
        ];
        for (tolerations, wanted) in cases {
            let pod: Pod =
                serde_json::from_value(json!({"metadata": {}, "spec": {"tolerations": tolerations}})).unwrap();
            let at = leaves_at(&pod, &taints, NOW.parse().unwrap());
            assert_eq!(at.map(|at| at.to_string()), wanted.map(str::to_owned), "{pod:?}");
        }
    }
}
