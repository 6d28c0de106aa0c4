//! When machines will not be there.

use std::collections::BTreeSet;

use kubernel_mesos_proto::{Message, maintenance::Schedule, v1::MachineID};

use super::{bad, may};
use crate::{
    OperatorDeed, Refused,
    auth::{Action, Asker},
    legacy::Desk,
    operator::show,
};

pub(crate) fn schedule(desk: &Desk, asker: Asker<'_>, schedule: Schedule) -> Result<OperatorDeed, Refused> {
    let mut seen = BTreeSet::new();
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
    machine.to_json()
}
