//! Framework objects: what is remembered of a framework over a restart, and what people see of it. Pure.

use std::collections::BTreeMap;

use jiff::Timestamp;
use kubernel_kernel::{Config, FrameworkId, Obstacle, Resources, State};
use kubernel_ledger::amounts;
use kubernel_mesos::book::FrameworkRecord;
use kubernel_mesos_proto::{Message, v1::FrameworkInfo};
use serde_json::{Value, json};

use crate::names;
use crate::watched::FrameworkObject;

/// Agents that are looked at to say why a framework has no offer.
const AGENTS_MAX: usize = 1_000;

/// The object of a framework, without its status.
pub(crate) fn object(record: &FrameworkRecord) -> Value {
    let info = &*record.info;
    let mut roles: Vec<&str> = info.roles.iter().map(String::as_str).collect();
    if roles.is_empty() {
        roles.push(info.role.as_deref().unwrap_or("*"));
    }
    let info_tree: Value = serde_json::from_str(&info.to_json()).unwrap_or_default();
    let capabilities: Vec<&Value> =
        info_tree["capabilities"].as_array().into_iter().flatten().map(|capability| &capability["type"]).collect();
    let labels: BTreeMap<&str, &str> = info
        .labels
        .iter()
        .flat_map(|labels| &labels.labels)
        .map(|label| (label.key.as_str(), label.value.as_deref().unwrap_or_default()))
        .collect();
    #[expect(clippy::cast_possible_truncation, reason = "times are small; what is not saturates")]
    let failover = info.failover_timeout.max(0.0) as i64;
    json!({
        "apiVersion": "kernel.kubernel.io/v1alpha1", "kind": "Framework",
        "metadata": {
            "name": names::framework(&record.id), "finalizers": [names::TEARDOWN],
            "annotations": {names::FRAMEWORK: record.id, names::FRAMEWORK_INFO: info.to_json()},
        },
        "spec": {
            "id": record.id, "name": info.name, "user": info.user, "roles": roles, "principal": info.principal,
            "failoverTimeoutSeconds": failover, "checkpoint": info.checkpoint, "hostname": info.hostname,
            "webuiUrl": info.webui_url, "capabilities": capabilities, "labels": labels,
        },
    })
}

/// How a framework's record stands, as far as the object tells.
pub(crate) fn status(record: &FrameworkRecord) -> Value {
    let time = |seconds: f64| {
        #[expect(clippy::cast_possible_truncation, reason = "seconds since 1970")]
        let stamp = Timestamp::from_second(seconds as i64).unwrap_or_default();
        kubernel_meta::time::format(stamp)
    };
    json!({
        "connected": record.connected, "active": record.connected, "registeredTime": time(record.registered),
        "reregisteredTime": record.reregistered.map(time), "disconnectedTime": record.unregistered.map(time),
        "suppressedRoles": record.suppressed_roles,
    })
}

/// The record of a framework from its object; `None` for one that takes no offers.
pub(crate) fn record(object: &FrameworkObject) -> Option<FrameworkRecord> {
    let annotations = &object.metadata.annotations;
    let info = FrameworkInfo::from_json(annotations.framework_info.as_bytes()).ok()?;
    let seconds = |time: &Option<String>| {
        let stamp: Timestamp = time.as_deref()?.parse().ok()?;
        Some(stamp.as_second() as f64)
    };
    Some(FrameworkRecord {
        id: annotations.framework.clone(),
        info: info.into(),
        suppressed_roles: object.status.suppressed_roles.clone(),
        offer_constraints: None,
        connected: false,
        registered: seconds(&object.status.registered_time).unwrap_or_default(),
        reregistered: seconds(&object.status.reregistered_time),
        unregistered: seconds(&object.status.disconnected_time),
    })
}

/// What a framework has, and why it has no offers where it has none.
pub(crate) fn standing(state: &State, config: &Config, id: FrameworkId) -> Option<Value> {
    let found = state.frameworks().get(&id)?;
    let mut used = Resources::default();
    for subscription in found.subscriptions.values() {
        used.add(&state.names().quantities(&subscription.used));
    }
    let mut offered = Resources::default();
    for offer in found.offers.iter().filter_map(|id| state.offers().get(id)) {
        offered.add(&state.names().quantities(&offer.resources));
    }
    Some(json!({
        "offers": found.offers.len(), "tasks": found.tasks,
        "allocated": amounts::to_value(&used.saturating_sub(&offered), state.names()),
        "offered": amounts::to_value(&offered, state.names()),
        "obstacles": obstacles(state, config, id),
    }))
}

/// Why a framework has no offers, by role: `eng: 3 agents: nothing is free …`.
fn obstacles(state: &State, config: &Config, id: FrameworkId) -> Vec<String> {
    let Some(found) = state.frameworks().get(&id).filter(|found| found.connected && found.offers.is_empty()) else {
        return Vec::new();
    };
    let mut out = Vec::new();
    for role in found.subscriptions.iter().filter(|(_, subscription)| subscription.joined).map(|(role, _)| *role) {
        let Some(path) = state.roles().get(role).map(|found| found.path.clone()) else { continue };
        let mut counts: Vec<(Obstacle, usize)> = Vec::new();
        for agent in state.agents().keys().take(AGENTS_MAX) {
            let obstacle = state.why_no_offer(config, id, role, *agent);
            match counts.iter_mut().find(|(known, _)| *known == obstacle) {
                Some((_, count)) => *count += 1,
                None => counts.push((obstacle, 1)),
            }
        }
        if counts.is_empty() {
            out.push(format!("{path}: there is no agent"));
        }
        out.extend(counts.iter().map(|(obstacle, count)| format!("{path}: {count} agents: {obstacle}")));
    }
    out
}

#[cfg(test)]
mod tests {
    use kubernel_kernel::{Availability, Input, Kernel, Millis, Mode};

    use super::*;

    #[test]
    fn a_record_survives_its_object() {
        let info = br#"{"user":"u","name":"n","id":{"value":"x-0001"},"roles":["a"],"failover_timeout":60.0,
            "capabilities":[{"type":"MULTI_ROLE"}],"labels":{"labels":[{"key":"k","value":"v"}]}}"#;
        let info = FrameworkInfo::from_json(info).unwrap_or_default();
        let record = FrameworkRecord {
            id: "x-0001".to_owned(),
            info: info.into(),
            suppressed_roles: vec!["a".to_owned()],
            registered: 1_000_000.0,
            unregistered: Some(2_000_000.0),
            ..FrameworkRecord::default()
        };
        let mut value = object(&record);
        value["status"] = status(&record);
        assert_eq!(value["spec"]["capabilities"], json!(["MULTI_ROLE"]));
        let read: FrameworkObject = serde_json::from_value(value).unwrap_or_default();
        assert_eq!(super::record(&read), Some(record));
        assert_eq!(super::record(&FrameworkObject::default()), None);
    }

    #[test]
    fn obstacles_are_counted_by_role() {
        let mut kernel = Kernel::default();
        let roles = vec!["a".into()];
        let name = "f".into();
        kernel.step(Millis(1), Input::Subscribe { name, mode: Mode::Offers, roles, failover_ms: None });
        let told = |kernel: &Kernel| {
            let standing = standing(kernel.state(), &Config::default(), FrameworkId(1)).unwrap_or_default();
            standing["obstacles"].to_string()
        };
        assert_eq!(told(&kernel), r#"["a: there is no agent"]"#);
        for name in ["m", "n"] {
            let (name, total) = (name.into(), Resources::new(1_000, 1 << 30, 0, 1));
            kernel.step(Millis(1), Input::AddAgent { name, total, availability: Availability::Cordoned });
        }
        assert_eq!(told(&kernel), r#"["a: 2 agents: the agent takes nothing new"]"#);
    }
}
