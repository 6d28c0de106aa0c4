//! When machines will not be there.

use std::collections::{BTreeMap, BTreeSet};

use kubernel_mesos_proto::{
    Message,
    maintenance::Schedule,
    v1::{MachineID, MachineMode},
};

use super::{bad, may};
use crate::{
    OperatorDeed, Refused,
    auth::{Action, Asker},
    legacy::Desk,
    operator::show::{self, Machine},
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
                return Err(bad(&format!("Machine '{}' appears more than once in the schedule", machine.to_json())));
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
    check_mode(desk, &machines, MachineMode::Draining, "is not in DRAINING mode and cannot be brought down")?;
    may(desk, asker, Action::StartMaintenances, None)?;
    Ok(OperatorDeed::StartMaintenance(machines))
}

pub(crate) fn stop_maintenance(
    desk: &Desk,
    asker: Asker<'_>,
    machines: Vec<MachineID>,
) -> Result<OperatorDeed, Refused> {
    check_mode(desk, &machines, MachineMode::Down, "is not in DOWN mode and cannot be brought up")?;
    may(desk, asker, Action::StopMaintenances, None)?;
    Ok(OperatorDeed::StopMaintenance(machines))
}

/// Whether all machines are known and in a mode.
fn check_mode(desk: &Desk, machines: &[MachineID], needed: MachineMode, else_it: &str) -> Result<(), Refused> {
    if machines.is_empty() {
        return Err(bad("List of machines is empty"));
    }
    let known = show::machines(&desk.door);
    let mut by_name: BTreeMap<String, Vec<&Machine>> = BTreeMap::new();
    for machine in &known {
        for name in [&machine.id.hostname, &machine.id.ip].into_iter().flatten().chain([&machine.agent]) {
            by_name.entry(name.to_ascii_lowercase()).or_default().push(machine);
        }
    }
    let mut seen = BTreeSet::new();
    for machine in machines {
        check_machine(machine)?;
        if !seen.insert((&machine.hostname, &machine.ip)) {
            return Err(bad(&format!("Machine '{}' appears more than once in the list", machine.to_json())));
        }
        let name = named(&machine.hostname).or(named(&machine.ip)).unwrap_or_default().to_ascii_lowercase();
        let mut meant = by_name.get(&name).into_iter().flatten().filter(|own| is_same(own, machine));
        let shown = || machine.to_json();
        match meant.next().map(|own| own.mode) {
            None | Some(MachineMode::Up) => {
                return Err(bad(&format!("Machine '{}' is not part of a maintenance schedule", shown())));
            }
            Some(mode) if mode != needed => return Err(bad(&format!("Machine '{}' {else_it}", shown()))),
            Some(_) => {}
        }
    }
    Ok(())
}

fn check_machine(machine: &MachineID) -> Result<(), Refused> {
    if named(&machine.hostname).or(named(&machine.ip)).is_none() {
        return Err(bad("Both 'hostname' and 'ip' for a machine are empty"));
    }
    match named(&machine.ip) {
        Some(ip) if ip.parse::<std::net::IpAddr>().is_err() => Err(bad(&format!("Invalid 'ip' of a machine: {ip}"))),
        _ => Ok(()),
    }
}

/// Whether a machine is meant: by its name if one is given, and by its address if one is given.
fn is_same(own: &Machine, meant: &MachineID) -> bool {
    let agrees = |own: &[Option<&str>], meant: &Option<String>| {
        named(meant).is_none_or(|meant| own.iter().flatten().any(|own| own.eq_ignore_ascii_case(meant)))
    };
    agrees(&[own.id.hostname.as_deref(), Some(&own.agent)], &meant.hostname)
        && agrees(&[own.id.ip.as_deref()], &meant.ip)
}

fn named(name: &Option<String>) -> Option<&str> {
    name.as_deref().filter(|name| !name.is_empty())
}
