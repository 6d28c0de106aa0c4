//! Mesos' metrics, as many as the door and the kernel can count.

use std::collections::BTreeMap;

use kubernel_kernel::{Mode, State};
use kubernel_mesos_proto::v1::{Resource, TaskState};

use super::show::full;
use crate::{book::Book, door::now, legacy::Desk};

/// The resources of which there are totals, whether there are any or not.
const RESOURCES: [&str; 4] = ["cpus", "gpus", "mem", "disk"];

/// The states of tasks that are counted, with the last part of their names.
const STATES: [(TaskState, &str); 13] = [
    (TaskState::Staging, "staging"),
    (TaskState::Starting, "starting"),
    (TaskState::Running, "running"),
    (TaskState::Killing, "killing"),
    (TaskState::Unreachable, "unreachable"),
    (TaskState::Finished, "finished"),
    (TaskState::Failed, "failed"),
    (TaskState::Killed, "killed"),
    (TaskState::Error, "error"),
    (TaskState::Lost, "lost"),
    (TaskState::Dropped, "dropped"),
    (TaskState::Gone, "gone"),
    (TaskState::GoneByOperator, "gone_by_operator"),
];

/// All metrics, by name. Ended tasks are those that are still remembered.
pub(crate) fn all(desk: &Desk) -> BTreeMap<String, f64> {
    let door = &desk.door;
    let mut out = BTreeMap::new();
    let mut set = |name: &str, value: f64| out.extend([(name.to_owned(), value)]);
    set("master/elected", if desk.leads() { 1.0 } else { 0.0 });
    set("master/uptime_secs", (now() - door.opened()).max(0.0));
    set("master/operator_event_stream_subscribers", count(desk.watchers.len()));
    door.read(|book| {
        frameworks(book, &mut set);
        tasks(book, &mut set);
    });
    door.ledger().read(|state| {
        agents(state, &mut set);
        resources(state, &mut set);
        roles(state, &mut set);
    });
    out
}

fn frameworks(book: &Book, set: &mut impl FnMut(&str, f64)) {
    let connected = book.frameworks.values().filter(|framework| framework.record.connected).count();
    let away = book.frameworks.len() - connected;
    set("master/frameworks_connected", count(connected));
    set("master/frameworks_active", count(connected));
    set("master/frameworks_disconnected", count(away));
    set("master/frameworks_inactive", count(away));
    set("master/frameworks_completed", count(book.completed.len()));
}

fn tasks(book: &Book, set: &mut impl FnMut(&str, f64)) {
    let mut counts = [0_usize; STATES.len()];
    for framework in book.frameworks.values().chain(&book.completed) {
        for record in framework.tasks.values().chain(&framework.completed_tasks) {
            if let Some(at) = STATES.iter().position(|(state, _)| *state == record.state) {
                counts[at] += 1;
            }
        }
    }
    for ((_, name), found) in STATES.iter().zip(counts) {
        set(&format!("master/tasks_{name}"), count(found));
    }
}

fn agents(state: &State, set: &mut impl FnMut(&str, f64)) {
    let agents = state.agents();
    let connected = agents.values().filter(|agent| agent.connected).count();
    let active = agents.values().filter(|agent| agent.is_open()).count();
    let unreachable = state.absent().values().filter(|absent| !absent.gone).count();
    set("master/slaves_connected", count(connected));
    set("master/slaves_disconnected", count(agents.len() - connected));
    set("master/slaves_active", count(active));
    set("master/slaves_inactive", count(agents.len() - active));
    set("master/slaves_unreachable", count(unreachable));
    let offers = state.frameworks().values().filter(|framework| framework.mode == Mode::Offers);
    set("master/outstanding_offers", count(offers.map(|framework| framework.offers.len()).sum()));
}

fn resources(state: &State, set: &mut impl FnMut(&str, f64)) {
    let names = state.names();
    let total = sums(&full(&names.quantities(state.total()), names, None));
    let used = sums(&full(&names.quantities(&state.roles().used()), names, None));
    for name in RESOURCES {
        let total = total.get(name).copied().unwrap_or_default();
        let used = used.get(name).copied().unwrap_or_default();
        set(&format!("master/{name}_total"), total);
        set(&format!("master/{name}_used"), used);
        set(&format!("master/{name}_percent"), if total > 0.0 { used / total } else { 0.0 });
        set(&format!("allocator/mesos/resources/{name}/total"), total);
        set(&format!("allocator/mesos/resources/{name}/offered_or_allocated"), used);
    }
}

fn roles(state: &State, set: &mut impl FnMut(&str, f64)) {
    let names = state.names();
    for (id, role) in state.roles().iter() {
        let share = state.roles().dominant(id).map_or(0, |(_, millionths)| millionths);
        let path = &role.path;
        set(&format!("allocator/mesos/roles/{path}/shares/dominant"), part(share));
        let Some(quota) = &role.quota else { continue };
        let guaranteed = sums(&full(&quota.guarantee, names, None));
        let used = sums(&full(&names.quantities(&role.used), names, None));
        for (name, guarantee) in guaranteed {
            let at = format!("allocator/mesos/quota/roles/{path}/resources/{name}");
            set(&format!("{at}/guarantee"), guarantee);
            set(&format!("{at}/offered_or_allocated"), used.get(&name).copied().unwrap_or_default());
        }
    }
}

fn sums(resources: &[Resource]) -> BTreeMap<String, f64> {
    let mut sums: BTreeMap<String, f64> = BTreeMap::new();
    for resource in resources {
        if let Some(scalar) = &resource.scalar {
            *sums.entry(resource.name.clone()).or_default() += scalar.value;
        }
    }
    sums
}

#[expect(clippy::cast_precision_loss, reason = "counts of things in memory")]
fn count(of: usize) -> f64 {
    of as f64
}

#[expect(clippy::cast_precision_loss, reason = "a part of one")]
fn part(millionths: u64) -> f64 {
    millionths as f64 / 1e6
}
