//! Frameworks, their executors and their operations as messages.

use kubernel_kernel::State;
use kubernel_mesos_proto::{
    master::response,
    v1::{AgentID, ExecutorInfo, FrameworkID, Operation, OperationState, OperationStatus, TimeInfo, Uuid},
};

use super::{Sums, tasks::any};
use crate::{Config, book::Framework, offers, operator::sight::Sight};

/// The identifiers of all frameworks that are there.
pub(crate) fn framework_ids(sight: &Sight) -> Vec<String> {
    let shown = |framework: &&Framework| sight.sees_framework(&framework.record.info);
    sight.read(|book| book.frameworks.values().filter(shown).map(|framework| framework.record.id.clone()).collect())
}

/// The identifiers of frameworks that are gone and remembered.
pub(crate) fn completed_ids(sight: &Sight) -> Vec<String> {
    let shown = |framework: &&Framework| sight.sees_framework(&framework.record.info);
    sight.read(|book| book.completed.iter().filter(shown).map(|framework| framework.record.id.clone()).collect())
}

/// All frameworks.
pub(crate) fn frameworks(sight: &Sight) -> response::GetFrameworks {
    let shown = |ids: Vec<String>| ids.iter().filter_map(|id| framework(sight, id)).collect();
    response::GetFrameworks {
        frameworks: shown(framework_ids(sight)),
        completed_frameworks: shown(completed_ids(sight)),
        recovered_frameworks: Vec::new(),
    }
}

/// One framework, that may be gone.
pub(crate) fn framework(sight: &Sight, id: &str) -> Option<response::Framework> {
    sight.read(|book| {
        let found = any(book, id).filter(|found| sight.sees_framework(&found.record.info))?;
        Some(sight.ledger().read(|state| shown(state, found, sight.config())))
    })
}

fn shown(state: &State, of: &Framework, config: &Config) -> response::Framework {
    let record = &of.record;
    let names = state.names();
    let (mut used, mut offered) = (Sums::default(), Sums::default());
    let mut out = response::Framework {
        framework_info: (*record.info).clone(),
        active: record.connected,
        connected: record.connected,
        recovered: false,
        registered_time: Some(time(record.registered)),
        reregistered_time: record.reregistered.map(time),
        unregistered_time: record.unregistered.map(time),
        offer_constraints: record.offer_constraints.clone(),
        ..response::Framework::default()
    };
    out.framework_info.id = Some(FrameworkID { value: record.id.clone() });
    let Some(found) = state.frameworks().get(&of.kernel) else { return out };
    for (role, subscription) in &found.subscriptions {
        used.add(state.roles().get(*role).map_or("*", |role| &role.path), &subscription.used);
    }
    for (id, offer) in found.offers.iter().filter_map(|id| Some((*id, state.offers().get(id)?))) {
        let role = state.roles().get(offer.role).map_or("*", |role| &role.path);
        used.take(role, &offer.resources);
        offered.add(role, &offer.resources);
        out.offers.extend(offers::offer(state, id, offer, record, config));
    }
    out.inverse_offers =
        found.inverse_offers.iter().filter_map(|id| offers::inverse(state, *id, record, config)).collect();
    out.allocated_resources = used.write(names);
    out.offered_resources = offered.write(names);
    out
}

/// The executors that live.
pub(crate) fn executors(sight: &Sight) -> response::GetExecutors {
    let of = |id: &String| {
        sight.read(|book| {
            let found = book.framework(id);
            let all = found.iter().flat_map(|found| {
                let shown = |executor: &ExecutorInfo| sight.sees_executor(&found.record.info, executor);
                found.executors.iter().filter(move |(_, executor)| shown(executor))
            });
            all.map(|((agent, _), executor)| response::Executor {
                executor_info: ExecutorInfo {
                    framework_id: Some(FrameworkID { value: id.clone() }),
                    data: None,
                    ..(**executor).clone()
                },
                agent_id: AgentID { value: agent.clone() },
            })
            .collect::<Vec<_>>()
        })
    };
    response::GetExecutors {
        executors: framework_ids(sight).iter().flat_map(of).collect(),
        orphan_executors: Vec::new(),
    }
}

/// The operations that have an identifier and whose end was not acknowledged.
pub(crate) fn operations(sight: &Sight) -> response::GetOperations {
    let of = |id: &String| {
        sight.read(|book| {
            let found = book.framework(id);
            let all = found.iter().flat_map(|found| found.operations.values());
            all.map(|record| {
                let pending = || OperationStatus {
                    operation_id: record.info.id.clone(),
                    state: OperationState::Pending,
                    ..OperationStatus::default()
                };
                let latest_status = record.status.clone().unwrap_or_else(pending);
                Operation {
                    framework_id: Some(FrameworkID { value: id.clone() }),
                    agent_id: Some(AgentID { value: record.agent.clone() }),
                    info: record.info.clone(),
                    statuses: record.status.iter().cloned().collect(),
                    uuid: latest_status.uuid.clone().unwrap_or_else(|| Uuid { value: vec![0; 16] }),
                    latest_status,
                }
            })
            .collect::<Vec<_>>()
        })
    };
    response::GetOperations { operations: framework_ids(sight).iter().flat_map(of).collect() }
}

#[expect(clippy::cast_possible_truncation, reason = "seconds since 1970 fit")]
fn time(seconds: f64) -> TimeInfo {
    TimeInfo { nanoseconds: (seconds * 1e9) as i64 }
}
