//! Framework objects: what is remembered of a framework over a restart, and what people see of it. Pure.

use std::collections::BTreeMap;

use jiff::Timestamp;
use kubernel_kernel::{Agent, Config, FrameworkId, Obstacle, Resources, State};
use kubernel_ledger::amounts;
use kubernel_mesos::book::FrameworkRecord;
use kubernel_mesos_proto::{Message, v1::FrameworkInfo};
use kubernel_meta::mesos;
use serde_json::{Value, json};

use crate::names;
use crate::watched::FrameworkObject;

/// Agents that are looked at to say why a framework has no offer.
const AGENTS_MAX: usize = 1_000;
/// Agents that are named for each reason; of more, it is said how many.
const NAMED_MAX: usize = 3;

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
            "name": names::framework(&record.id), "finalizers": [mesos::TEARDOWN],
            "annotations": {mesos::FRAMEWORK: record.id, mesos::FRAMEWORK_INFO: info.to_json()},
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

/// Why a framework has no offers, by role: `eng: 3 agents (a, b, c): nothing is free …`.
fn obstacles(state: &State, config: &Config, id: FrameworkId) -> Vec<String> {
    let Some(found) = state.frameworks().get(&id).filter(|found| found.offers.is_empty()) else { return Vec::new() };
    if !found.connected {
        return vec![Obstacle::Disconnected.to_string()];
    }
    let mut out = Vec::new();
    for role in found.subscriptions.iter().filter(|(_, subscription)| subscription.joined).map(|(role, _)| *role) {
        let Some(path) = state.roles().get(role).map(|found| found.path.clone()) else { continue };
        let mut groups: Vec<(String, Vec<&str>)> = Vec::new();
        for (id_of_agent, agent) in state.agents().iter().take(AGENTS_MAX) {
            let why = match state.why_no_offer(config, id, role, *id_of_agent) {
                Obstacle::AgentClosed => closed(agent).to_owned(),
                other => other.to_string(),
            };
            match groups.iter_mut().find(|(known, _)| *known == why) {
                Some((_, agents)) => agents.push(&agent.name),
                None => groups.push((why, vec![&*agent.name])),
            }
        }
        if groups.is_empty() {
            out.push(format!("{path}: there is no agent"));
        }
        out.extend(groups.iter().map(|(why, agents)| format!("{path}: {}: {why}", shown(agents))));
    }
    out
}

/// Why an agent takes nothing new.
fn closed(agent: &Agent) -> &'static str {
    match (agent.connected, agent.drain) {
        (false, _) => "the agent does not answer",
        (true, Some(_)) => "the agent is being drained",
        (true, None) => "the agent is cordoned, tainted or not ready",
    }
}

/// How many agents, and the first of them by name.
fn shown(agents: &[&str]) -> String {
    let named = agents.iter().take(NAMED_MAX).copied().collect::<Vec<_>>().join(", ");
    let noun = if agents.len() == 1 { "agent" } else { "agents" };
    let more = if agents.len() > NAMED_MAX { ", …" } else { "" };
    format!("{} {noun} ({named}{more})", agents.len())
}

#[cfg(test)]
mod tests {
    use kubernel_kernel::{AgentId, Availability, Input, Kernel, Millis, Mode};

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
        assert_eq!(told(&kernel), r#"["a: 2 agents (m, n): the agent is cordoned, tainted or not ready"]"#);
        let (agent, grace_ms, mark_gone) = (AgentId(1), None, false);
        kernel.step(Millis(1), Input::DrainAgent { agent, grace_ms, mark_gone });
        assert_eq!(
            told(&kernel),
            r#"["a: 1 agent (m): the agent is being drained","a: 1 agent (n): the agent is cordoned, tainted or not ready"]"#
        );
        kernel.step(Millis(1), Input::Disconnect { framework: FrameworkId(1) });
        assert_eq!(told(&kernel), r#"["the framework does not listen"]"#);
    }
}
