//! Agents as messages.

use std::ops::Bound;

use kubernel_kernel::{Agent, AgentId, Availability, Lacks, State};
use kubernel_ledger::Ledger;
use kubernel_mesos_proto::{
    master::response,
    v1::{
        self, AgentCapability, AgentCapabilityType as Capability, AgentID, AgentInfo, DrainConfig, DrainInfo,
        DrainState, DurationInfo, TimeInfo,
    },
};

use super::{Sums, full};
use crate::{offers, operator::sight::Sight};

/// How many agents are looked at in one go.
const AT_ONCE_MAX: usize = 256;

/// All agents that are there.
pub(crate) fn agents(sight: &Sight) -> response::GetAgents {
    response::GetAgents { agents: agents_named(sight, None), recovered_agents: Vec::new() }
}

/// All agents that are there, or the one of a name.
pub(crate) fn agents_named(sight: &Sight, name: Option<&str>) -> Vec<response::Agent> {
    if let Some(name) = name {
        return agent_by_name(sight, name).into_iter().collect();
    }
    let mut all = Vec::new();
    let mut from: Bound<AgentId> = Bound::Unbounded;
    loop {
        let last = sight.ledger().read(|state| {
            let mut last = None;
            for (id, found) in state.agents().range((from, Bound::Unbounded)).take(AT_ONCE_MAX) {
                all.push(agent(state, found, &sight.config().version));
                last = Some(*id);
            }
            last
        });
        match last {
            Some(last) => from = Bound::Excluded(last),
            None => break,
        }
    }
    for agent in &mut all {
        complete(agent, sight);
    }
    all
}

/// One agent.
pub(crate) fn agent_by_name(sight: &Sight, name: &str) -> Option<response::Agent> {
    let mut found = sight.ledger().read(|state| {
        let found = state.agents().get(&state.agent_id(name)?)?;
        Some(agent(state, found, &sight.config().version))
    })?;
    complete(&mut found, sight);
    Some(found)
}

fn agent(state: &State, of: &Agent, version: &str) -> response::Agent {
    let names = state.names();
    let url = offers::url(of);
    let host = url.address.ip.or(url.address.hostname).unwrap_or_default();
    response::Agent {
        agent_info: AgentInfo {
            hostname: of.hostname().to_owned(),
            port: url.address.port,
            resources: full(&of.total, names, None),
            attributes: offers::attributes(of),
            id: Some(AgentID { value: of.name.to_string() }),
            domain: of.traits.domain.as_ref().map(offers::domain),
        },
        active: of.is_open() && of.drain.is_none(),
        deactivated: Some(of.availability != Availability::Open || of.drain.is_some()),
        version: version.to_owned(),
        pid: Some(format!("slave(1)@{host}:{}", url.address.port)),
        total_resources: full(&of.total, names, None),
        allocated_resources: allocated(state, of).write(names),
        offered_resources: offered(state, of).write(names),
        capabilities: capabilities(of.traits.lacks),
        drain_info: of.drain.map(|drain| DrainInfo {
            state: if drain.done { DrainState::Drained } else { DrainState::Draining },
            config: DrainConfig {
                max_grace_period: drain.grace_ms.map(|ms| DurationInfo { nanoseconds: nanos(ms) }),
                mark_gone: drain.mark_gone,
            },
        }),
        ..response::Agent::default()
    }
}

fn allocated(state: &State, agent: &Agent) -> Sums {
    let mut sums = Sums::default();
    let path = |role| state.roles().get(role).map_or("*", |role| &*role.path);
    for task in agent.tasks.iter().filter_map(|id| state.tasks().get(id)) {
        sums.add(path(task.role), &task.resources);
    }
    for executor in agent.executors.values() {
        sums.add(path(executor.role), &executor.spec.resources);
    }
    sums
}

fn offered(state: &State, agent: &Agent) -> Sums {
    let mut sums = Sums::default();
    for offer in agent.offers.iter().filter_map(|id| state.offers().get(id)) {
        sums.add(state.roles().get(offer.role).map_or("*", |role| &role.path), &offer.resources);
    }
    sums
}

fn capabilities(lacks: Lacks) -> Vec<AgentCapability> {
    let all = [
        (Capability::MultiRole, !lacks.multi_role),
        (Capability::HierarchicalRole, !lacks.hierarchical_role),
        (Capability::ReservationRefinement, !lacks.reservation_refinement),
        (Capability::ResizeVolume, !lacks.resize_volume),
        (Capability::AgentDraining, true),
        (Capability::TaskResourceLimits, true),
    ];
    let known = all.into_iter().filter(|(_, can)| *can);
    known.map(|(capability, _)| AgentCapability { r#type: Some(capability) }).collect()
}

/// Adds when the agent's machine came, and leaves out what nobody here may see.
fn complete(agent: &mut response::Agent, sight: &Sight) {
    dated(agent, sight.ledger());
    for resources in [
        &mut agent.total_resources,
        &mut agent.allocated_resources,
        &mut agent.offered_resources,
        &mut agent.agent_info.resources,
    ] {
        resources.retain(|resource| sight.sees_resource(resource));
    }
}

/// When the agent's machine came, which the kernel does not know.
fn dated(agent: &mut response::Agent, ledger: &Ledger) {
    let name = agent.agent_info.id.as_ref().map(|id: &v1::AgentID| id.value.as_str()).unwrap_or_default();
    let since = ledger.since(name).and_then(|text| text.parse::<jiff::Timestamp>().ok());
    agent.registered_time =
        since.map(|since| TimeInfo { nanoseconds: i64::try_from(since.as_nanosecond()).unwrap_or(i64::MAX) });
}

fn nanos(ms: u64) -> i64 {
    i64::try_from(ms).unwrap_or(i64::MAX).saturating_mul(1_000_000)
}
