//! What operators settle: who may, whether it makes sense, and that it is done. Both the operator API and the older
//! endpoints come here. `quotas.rs`, `resources.rs` and `machines.rs` know what makes sense.

mod machines;
mod quotas;
mod resources;

use axum::body::Body;
use http::{Response, StatusCode};
use kubernel_mesos_proto::master::{Call, call::Type};
use tokio::sync::oneshot;

pub(crate) use machines::{schedule, start_maintenance, stop_maintenance};
use quotas::quota;
pub(crate) use quotas::{remove_quota, set_quota, weights};
use resources::{Change, resize};
pub(crate) use resources::{create_volumes, destroy_volumes, reserve, unreserve};

use crate::{
    OperatorDeed, Refused, Work,
    auth::{Action, Asker},
    http::refuse,
    legacy::Desk,
};

/// Calls that are answered before what they settle has come to the agents.
pub(crate) fn is_accepted(of: Type) -> bool {
    use Type::{CreateVolumes, DestroyVolumes, GrowVolume, ReserveResources, ShrinkVolume, UnreserveResources};
    matches!(of, ReserveResources | UnreserveResources | CreateVolumes | DestroyVolumes | GrowVolume | ShrinkVolume)
}

/// The deed that a call asks for, if it may be done.
///
/// # Errors
///
/// Why it may not.
pub(crate) fn of_call(desk: &Desk, asker: Asker<'_>, of: Type, call: Call) -> Result<OperatorDeed, Refused> {
    let deed = match of {
        Type::UpdateWeights => call.update_weights.map(|asked| weights(desk, asker, asked.weight_infos)),
        Type::UpdateQuota => {
            call.update_quota.map(|asked| quota(desk, asker, asked.quota_configs, asked.force.unwrap_or_default()))
        }
        Type::SetQuota => call.set_quota.map(|asked| set_quota(desk, asker, asked.quota_request)),
        Type::RemoveQuota => call.remove_quota.map(|asked| remove_quota(desk, asker, asked.role)),
        Type::ReserveResources => call
            .reserve_resources
            .map(|asked| reserve(desk, asker, asked.agent_id.value, asked.source, asked.resources)),
        Type::UnreserveResources => {
            call.unreserve_resources.map(|asked| unreserve(desk, asker, asked.agent_id.value, asked.resources))
        }
        Type::CreateVolumes => {
            call.create_volumes.map(|asked| create_volumes(desk, asker, asked.agent_id.value, asked.volumes))
        }
        Type::DestroyVolumes => {
            call.destroy_volumes.map(|asked| destroy_volumes(desk, asker, asked.agent_id.value, asked.volumes))
        }
        Type::GrowVolume => call
            .grow_volume
            .map(|asked| resize(desk, asker, asked.agent_id, asked.volume, Change::Grow(Box::new(asked.addition)))),
        Type::ShrinkVolume => call
            .shrink_volume
            .map(|asked| resize(desk, asker, asked.agent_id, asked.volume, Change::Shrink(asked.subtract.value))),
        Type::UpdateMaintenanceSchedule => {
            call.update_maintenance_schedule.map(|asked| schedule(desk, asker, asked.schedule))
        }
        Type::StartMaintenance => call.start_maintenance.map(|asked| start_maintenance(desk, asker, asked.machines)),
        Type::StopMaintenance => call.stop_maintenance.map(|asked| stop_maintenance(desk, asker, asked.machines)),
        Type::DrainAgent => call.drain_agent.map(|asked| {
            let agent = on_agent(desk, asker, Action::DrainAgent, asked.agent_id.value)?;
            let grace_ms_max = asked.max_grace_period.map(|grace| u64::try_from(grace.as_nanos() / 1_000_000));
            let grace_ms_max = grace_ms_max.transpose().map_err(|_| bad("Invalid 'max_grace_period': negative"))?;
            Ok(OperatorDeed::Drain { agent, grace_ms_max, mark_gone: asked.mark_gone })
        }),
        Type::DeactivateAgent => call.deactivate_agent.map(|asked| {
            let agent = on_agent(desk, asker, Action::DeactivateAgent, asked.agent_id.value)?;
            Ok(OperatorDeed::Deactivate { agent })
        }),
        Type::ReactivateAgent => call.reactivate_agent.map(|asked| {
            let agent = on_agent(desk, asker, Action::ReactivateAgent, asked.agent_id.value)?;
            Ok(OperatorDeed::Reactivate { agent })
        }),
        Type::MarkAgentGone => call.mark_agent_gone.map(|asked| {
            may(desk, asker, Action::MarkAgentsGone, None)?;
            let agent = asked.agent_id.value;
            let away = desk.door.ledger().read(|state| state.absent().contains_key(agent.as_str()));
            if !away && desk.door.agent_id(&agent).is_none() {
                return Err(Refused { status: 404, message: "Agent not found".to_owned() });
            }
            Ok(OperatorDeed::MarkGone { agent })
        }),
        _ => None,
    };
    deed.unwrap_or_else(|| Err(Refused { status: 501, message: String::new() }))
}

/// Has something settled, and waits until it is.
///
/// # Errors
///
/// Why it was not.
pub(crate) async fn settle(desk: &Desk, what: OperatorDeed) -> Result<(), Refused> {
    let (done, answered) = oneshot::channel();
    desk.door.lock().work.push_back(Work::Operator { what, done });
    answered.await.unwrap_or_else(|_| Err(Refused { status: 503, message: "Master is shutting down".to_owned() }))
}

/// A refusal as an answer.
pub(crate) fn refusal(refused: &Refused) -> Response<Body> {
    refuse(StatusCode::from_u16(refused.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), &refused.message)
}

/// Ends a framework.
///
/// # Errors
///
/// If there is none, or the caller may not.
pub(crate) fn teardown(desk: &Desk, asker: Asker<'_>, id: &str) -> Result<(), Refused> {
    let none = || bad("No framework found with specified ID");
    let principal = desk.door.read(|book| book.framework(id).map(|found| found.record.info.principal.clone()));
    may(desk, asker, Action::TeardownFrameworks, principal.ok_or_else(none)?.as_deref())?;
    if desk.door.teardown(id) { Ok(()) } else { Err(none()) }
}

fn on_agent(desk: &Desk, asker: Asker<'_>, action: Action, agent: String) -> Result<String, Refused> {
    may(desk, asker, action, None)?;
    match desk.door.agent_id(&agent) {
        Some(_) => Ok(agent),
        None => Err(bad("Unknown agent")),
    }
}

fn may(desk: &Desk, asker: Asker<'_>, action: Action, object: Option<&str>) -> Result<(), Refused> {
    match desk.acls.may(asker, action, object) {
        true => Ok(()),
        false => Err(Refused { status: 403, message: String::new() }),
    }
}

fn bad(message: &str) -> Refused {
    Refused { status: 400, message: message.to_owned() }
}
