//! Reservations and persistent volumes of agents.

use kubernel_mesos_proto::v1::{self, Resource};

use super::{bad, may};
use crate::{
    Door, OperatorDeed, Refused,
    auth::{Action, Asker},
    legacy::Desk,
    resources::{check as check_resources, show as show_resource},
};

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
pub(super) enum Change {
    Grow(Box<Resource>),
    Shrink(f64),
}

pub(super) fn resize(
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
            checked(&agent, operation, std::slice::from_ref(&*addition))?;
            Ok(OperatorDeed::GrowVolume { agent, volume: Box::new(volume), addition })
        }
        Change::Shrink(subtract) if subtract > 0.0 && subtract.is_finite() => {
            Ok(OperatorDeed::ShrinkVolume { agent, volume: Box::new(volume), subtract })
        }
        Change::Shrink(_) => Err(invalid(&agent, operation, "The size to subtract must be greater than zero")),
    }
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

fn known(door: &Door, agent: String) -> Result<String, Refused> {
    match door.agent_id(&agent) {
        Some(_) => Ok(agent),
        None => Err(bad("No agent found with specified ID")),
    }
}

fn invalid(agent: &str, operation: &str, why: &str) -> Refused {
    bad(&format!("Invalid {operation} operation on agent {agent}: {why}"))
}
