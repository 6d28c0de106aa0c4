//! What operators settle: who may, whether it makes sense, and that it is done. Both the operator API and the older
//! endpoints come here.

use axum::body::Body;
use http::{Response, StatusCode};
use kubernel_mesos_proto::{
    maintenance::Schedule,
    master::{Call, call::Type},
    quota::{QuotaConfig, QuotaRequest},
    v1::{self, MachineID, Resource, Scalar, ValueType, WeightInfo},
};
use tokio::sync::oneshot;

use super::show;
use crate::{
    Door, OperatorDeed, Refused, Work,
    auth::{Action, Asker},
    framework::check_role,
    http::refuse,
    legacy::Desk,
    resources::{check as check_resources, show as show_resource},
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
            .map(|asked| resize(desk, asker, asked.agent_id, asked.volume, Change::Grow(asked.addition))),
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

pub(crate) fn weights(desk: &Desk, asker: Asker<'_>, infos: Vec<WeightInfo>) -> Result<OperatorDeed, Refused> {
    let wrong = |why: String| bad(&format!("Failed to validate update weights request JSON: {why}"));
    let mut weights = Vec::with_capacity(infos.len());
    for WeightInfo { weight, role } in infos {
        let role = role.unwrap_or_default().trim().to_owned();
        check_role(&role).map_err(|why| wrong(format!("Invalid role '{role}': {why}")))?;
        if !(weight > 0.0 && weight.is_finite()) {
            return Err(wrong(format!("Invalid weight '{weight}': Weights must be positive")));
        }
        weights.push((role, weight));
    }
    for (role, _) in &weights {
        may(desk, asker, Action::UpdateWeights, Some(role))?;
    }
    Ok(OperatorDeed::SetWeights(weights))
}

fn quota(desk: &Desk, asker: Asker<'_>, configs: Vec<QuotaConfig>, force: bool) -> Result<OperatorDeed, Refused> {
    for config in &configs {
        check_quota(config).map_err(|why| bad(&format!("Invalid QuotaConfig: {why}")))?;
        may(desk, asker, Action::UpdateQuotas, Some(&config.role))?;
    }
    Ok(OperatorDeed::SetQuota { configs, force })
}

fn check_quota(config: &QuotaConfig) -> Result<(), String> {
    let role = &config.role;
    check_role(role).map_err(|why| format!("Invalid 'QuotaConfig.role': {why}"))?;
    if role == "*" {
        return Err("Invalid 'QuotaConfig.role': setting quota for the default '*' role is not supported".to_owned());
    }
    for (name, map) in [("guarantees", &config.guarantees), ("limits", &config.limits)] {
        if let Some((resource, value)) = map.iter().find(|(_, value)| !(value.value >= 0.0 && value.value.is_finite()))
        {
            return Err(format!("Invalid 'QuotaConfig.{name}': {resource}: {} is not a valid amount", value.value));
        }
    }
    let over = config
        .guarantees
        .iter()
        .find(|(name, guarantee)| config.limits.get(*name).is_some_and(|limit| guarantee.value > limit.value));
    match over {
        Some((name, _)) => {
            Err(format!("'QuotaConfig.guarantees' {name} is not contained within the 'QuotaConfig.limits'"))
        }
        None => Ok(()),
    }
}

/// The older form: what is guaranteed is the limit as well, and there must not be a quota yet.
pub(crate) fn set_quota(desk: &Desk, asker: Asker<'_>, asked: QuotaRequest) -> Result<OperatorDeed, Refused> {
    let wrong = |why: &str| bad(&format!("Failed to validate set quota request: {why}"));
    let role = asked.role.unwrap_or_default();
    check_role(&role).map_err(|why| wrong(&format!("QuotaInfo with invalid role: {why}")))?;
    if role == "*" {
        return Err(wrong("QuotaInfo must not specify the default '*' role"));
    }
    if asked.guarantee.is_empty() {
        return Err(wrong("QuotaInfo with empty 'guarantee'"));
    }
    let mut amounts = std::collections::BTreeMap::new();
    for resource in &asked.guarantee {
        let plain = resource.r#type == ValueType::Scalar
            && resource.reservation.is_none()
            && resource.reservations.is_empty()
            && resource.disk.is_none()
            && resource.revocable.is_none();
        check_resources(std::slice::from_ref(resource)).map_err(|why| wrong(&why))?;
        if !plain {
            return Err(wrong("QuotaInfo must only contain plain scalar resources"));
        }
        let amount = Scalar { value: resource.scalar.as_ref().map_or(0.0, |scalar| scalar.value) };
        if amounts.insert(resource.name.clone(), amount).is_some() {
            return Err(wrong(&format!("QuotaInfo contains duplicate resource name '{}'", resource.name)));
        }
    }
    if show::quota(&desk.door).configs.iter().any(|config| config.role == role) {
        return Err(wrong(&format!("Cannot set quota for role '{role}' which already has quota")));
    }
    may(desk, asker, Action::UpdateQuotas, Some(&role))?;
    let config = QuotaConfig { role, guarantees: amounts.clone(), limits: amounts };
    Ok(OperatorDeed::SetQuota { configs: vec![config], force: asked.force.unwrap_or_default() })
}

pub(crate) fn remove_quota(desk: &Desk, asker: Asker<'_>, role: String) -> Result<OperatorDeed, Refused> {
    let wrong = |why: String| bad(&format!("Failed to validate remove quota request: {why}"));
    check_role(&role).map_err(wrong)?;
    if !show::quota(&desk.door).configs.iter().any(|config| config.role == role) {
        return Err(bad(&format!("Failed to remove quota: Role '{role}' has no quota set")));
    }
    may(desk, asker, Action::UpdateQuotas, Some(&role))?;
    Ok(OperatorDeed::RemoveQuota { role })
}

pub(crate) fn reserve(
    desk: &Desk,
    asker: Asker<'_>,
    agent: String,
    source: Vec<Resource>,
    resources: Vec<Resource>,
) -> Result<OperatorDeed, Refused> {
    let agent = known(&desk.door, agent)?;
    checked(&agent, "RESERVE", &source)?;
    checked(&agent, "RESERVE", &resources)?;
    for resource in &resources {
        let Some(reservation) = last_reservation(resource).filter(|reservation| reservation.dynamic) else {
            let why = format!("Resource {} is not dynamically reserved", show_resource(resource));
            return Err(invalid(&agent, "RESERVE", &why));
        };
        own(&agent, "RESERVE", asker, reservation.principal)?;
        may(desk, asker, Action::ReserveResources, Some(reservation.role))?;
    }
    Ok(OperatorDeed::Reserve { agent, source, resources })
}

pub(crate) fn unreserve(
    desk: &Desk,
    asker: Asker<'_>,
    agent: String,
    resources: Vec<Resource>,
) -> Result<OperatorDeed, Refused> {
    let agent = known(&desk.door, agent)?;
    checked(&agent, "UNRESERVE", &resources)?;
    for resource in &resources {
        let Some(reservation) = last_reservation(resource).filter(|reservation| reservation.dynamic) else {
            let why = format!("Resource {} is not dynamically reserved", show_resource(resource));
            return Err(invalid(&agent, "UNRESERVE", &why));
        };
        if resource.disk.as_ref().is_some_and(|disk| disk.persistence.is_some()) {
            let why = "A dynamically reserved persistent volume cannot be unreserved directly. Please destroy the \
                       persistent volume first then unreserve the resource";
            return Err(invalid(&agent, "UNRESERVE", why));
        }
        may(desk, asker, Action::UnreserveResources, reservation.principal)?;
    }
    Ok(OperatorDeed::Unreserve { agent, resources })
}

pub(crate) fn create_volumes(
    desk: &Desk,
    asker: Asker<'_>,
    agent: String,
    volumes: Vec<Resource>,
) -> Result<OperatorDeed, Refused> {
    let agent = known(&desk.door, agent)?;
    checked(&agent, "CREATE", &volumes)?;
    for volume in &volumes {
        let persistence = persistent(&agent, "CREATE", volume)?;
        own(&agent, "CREATE", asker, persistence.principal.as_deref())?;
        may(desk, asker, Action::CreateVolumes, last_reservation(volume).map(|reservation| reservation.role))?;
    }
    Ok(OperatorDeed::CreateVolumes { agent, volumes })
}

pub(crate) fn destroy_volumes(
    desk: &Desk,
    asker: Asker<'_>,
    agent: String,
    volumes: Vec<Resource>,
) -> Result<OperatorDeed, Refused> {
    let agent = known(&desk.door, agent)?;
    checked(&agent, "DESTROY", &volumes)?;
    for volume in &volumes {
        let persistence = persistent(&agent, "DESTROY", volume)?;
        may(desk, asker, Action::DestroyVolumes, persistence.principal.as_deref())?;
    }
    Ok(OperatorDeed::DestroyVolumes { agent, volumes })
}

/// How a volume's size changes.
enum Change {
    Grow(Resource),
    Shrink(f64),
}

fn resize(
    desk: &Desk,
    asker: Asker<'_>,
    agent: Option<v1::AgentID>,
    volume: Resource,
    change: Change,
) -> Result<OperatorDeed, Refused> {
    let operation = if matches!(change, Change::Grow(_)) { "GROW_VOLUME" } else { "SHRINK_VOLUME" };
    let agent = agent.ok_or_else(|| bad("Expecting 'agent_id' to be present"))?;
    let agent = known(&desk.door, agent.value)?;
    checked(&agent, operation, std::slice::from_ref(&volume))?;
    persistent(&agent, operation, &volume)?;
    may(desk, asker, Action::ResizeVolumes, last_reservation(&volume).map(|reservation| reservation.role))?;
    match change {
        Change::Grow(addition) => {
            checked(&agent, operation, std::slice::from_ref(&addition))?;
            Ok(OperatorDeed::GrowVolume { agent, volume: Box::new(volume), addition: Box::new(addition) })
        }
        Change::Shrink(subtract) if subtract > 0.0 && subtract.is_finite() => {
            Ok(OperatorDeed::ShrinkVolume { agent, volume: Box::new(volume), subtract })
        }
        Change::Shrink(_) => Err(invalid(&agent, operation, "The size to subtract must be greater than zero")),
    }
}

pub(crate) fn schedule(desk: &Desk, asker: Asker<'_>, schedule: Schedule) -> Result<OperatorDeed, Refused> {
    let mut seen = std::collections::BTreeSet::new();
    for window in &schedule.windows {
        if window.machine_ids.is_empty() {
            return Err(bad("List of machines in the maintenance window is empty"));
        }
        if window.unavailability.duration.as_ref().is_some_and(|duration| duration.nanoseconds < 0) {
            return Err(bad("Unavailability 'duration' is negative"));
        }
        for machine in &window.machine_ids {
            check_machine(machine)?;
            if !seen.insert((machine.hostname.clone(), machine.ip.clone())) {
                return Err(bad(&format!("Machine '{}' appears more than once in the schedule", shown(machine))));
            }
        }
    }
    may(desk, asker, Action::UpdateMaintenanceSchedules, None)?;
    Ok(OperatorDeed::Schedule(schedule))
}

pub(crate) fn start_maintenance(
    desk: &Desk,
    asker: Asker<'_>,
    machines: Vec<MachineID>,
) -> Result<OperatorDeed, Refused> {
    check_machines(&machines)?;
    let known = show::machines(&desk.door);
    for machine in &machines {
        if !known.iter().any(|(own, scheduled)| *scheduled && is_same(own, machine)) {
            return Err(bad(&format!("Machine '{}' is not part of a maintenance schedule", shown(machine))));
        }
    }
    may(desk, asker, Action::StartMaintenances, None)?;
    Ok(OperatorDeed::StartMaintenance(machines))
}

pub(crate) fn stop_maintenance(
    desk: &Desk,
    asker: Asker<'_>,
    machines: Vec<MachineID>,
) -> Result<OperatorDeed, Refused> {
    check_machines(&machines)?;
    may(desk, asker, Action::StopMaintenances, None)?;
    Ok(OperatorDeed::StopMaintenance(machines))
}

fn check_machines(machines: &[MachineID]) -> Result<(), Refused> {
    if machines.is_empty() {
        return Err(bad("List of machines is empty"));
    }
    for (at, machine) in machines.iter().enumerate() {
        check_machine(machine)?;
        if machines[..at].contains(machine) {
            return Err(bad(&format!("Machine '{}' appears more than once in the list", shown(machine))));
        }
    }
    Ok(())
}

fn check_machine(machine: &MachineID) -> Result<(), Refused> {
    let named = |name: &Option<String>| name.as_ref().is_some_and(|name| !name.is_empty());
    if !named(&machine.hostname) && !named(&machine.ip) {
        return Err(bad("Both 'hostname' and 'ip' for a machine are empty"));
    }
    match machine.ip.as_deref().filter(|ip| !ip.is_empty()) {
        Some(ip) if ip.parse::<std::net::IpAddr>().is_err() => Err(bad(&format!("Invalid 'ip' of a machine: {ip}"))),
        _ => Ok(()),
    }
}

/// Whether a machine is meant: by its name if one is given, and by its address if one is given.
fn is_same(own: &MachineID, named: &MachineID) -> bool {
    let agrees = |own: &Option<String>, named: &Option<String>| {
        named
            .as_ref()
            .filter(|named| !named.is_empty())
            .is_none_or(|named| own.as_ref().is_some_and(|own| own.eq_ignore_ascii_case(named)))
    };
    agrees(&own.hostname, &named.hostname) && agrees(&own.ip, &named.ip)
}

fn shown(machine: &MachineID) -> String {
    use kubernel_mesos_proto::Message;
    machine.to_json()
}

/// The innermost reservation of a resource, whichever format it is in.
struct Reservation<'a> {
    dynamic: bool,
    role: &'a str,
    principal: Option<&'a str>,
}

fn last_reservation(resource: &Resource) -> Option<Reservation<'_>> {
    if let Some(last) = resource.reservations.last() {
        return Some(Reservation {
            dynamic: last.r#type == Some(v1::ReservationType::Dynamic),
            role: last.role.as_deref().unwrap_or("*"),
            principal: last.principal.as_deref(),
        });
    }
    let role = resource.role.as_deref().filter(|role| *role != "*")?;
    let info = resource.reservation.as_ref();
    Some(Reservation { dynamic: info.is_some(), role, principal: info.and_then(|info| info.principal.as_deref()) })
}

fn persistent<'a>(agent: &str, operation: &str, volume: &'a Resource) -> Result<&'a v1::Persistence, Refused> {
    volume
        .disk
        .as_ref()
        .and_then(|disk| disk.persistence.as_ref())
        .ok_or_else(|| invalid(agent, operation, &format!("'{}' is not a persistent volume", show_resource(volume))))
}

/// Who is known may write its own name alone on what it makes; who is not may write none.
fn own(agent: &str, operation: &str, asker: Asker<'_>, written: Option<&str>) -> Result<(), Refused> {
    match (asker, written) {
        (Some(asker), Some(written)) if asker != written => {
            let why = format!(
                "The principal '{written}' in the resource does not match the authenticated principal '{asker}'"
            );
            Err(invalid(agent, operation, &why))
        }
        (Some(asker), None) => {
            let why = format!("The authenticated principal '{asker}' is not set in the resource");
            Err(invalid(agent, operation, &why))
        }
        _ => Ok(()),
    }
}

fn checked(agent: &str, operation: &str, resources: &[Resource]) -> Result<(), Refused> {
    check_resources(resources).map_err(|why| invalid(agent, operation, &why))
}

fn on_agent(desk: &Desk, asker: Asker<'_>, action: Action, agent: String) -> Result<String, Refused> {
    may(desk, asker, action, None)?;
    match desk.door.agent_id(&agent) {
        Some(_) => Ok(agent),
        None => Err(bad("Unknown agent")),
    }
}

fn known(door: &Door, agent: String) -> Result<String, Refused> {
    match door.agent_id(&agent) {
        Some(_) => Ok(agent),
        None => Err(bad("No agent found with specified ID")),
    }
}

fn may(desk: &Desk, asker: Asker<'_>, action: Action, object: Option<&str>) -> Result<(), Refused> {
    match desk.acls.may(asker, action, object) {
        true => Ok(()),
        false => Err(Refused { status: 403, message: String::new() }),
    }
}

fn invalid(agent: &str, operation: &str, why: &str) -> Refused {
    bad(&format!("Invalid {operation} operation on agent {agent}: {why}"))
}

fn bad(message: &str) -> Refused {
    Refused { status: 400, message: message.to_owned() }
}
