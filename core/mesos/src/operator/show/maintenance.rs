//! When machines will not be there, as messages.

use std::collections::BTreeMap;

use kubernel_kernel::{Agent, AgentId, State};
use kubernel_mesos_proto::{
    allocator::{InverseOfferAnswer as Answer, InverseOfferStatus},
    maintenance::{ClusterStatus, DrainingMachine, Schedule, Window},
    v1::{FrameworkID, MachineID, MachineMode, TimeInfo},
};

use crate::{Door, book::Book, offers, operator::sight::Sight};

/// The schedule: a window for each time for which machines are scheduled.
pub(crate) fn schedule(sight: &Sight) -> Schedule {
    if !sight.sees_schedule() {
        return Schedule::default();
    }
    sight.ledger().read(|state| {
        let mut windows: BTreeMap<(i64, Option<i64>), Window> = BTreeMap::new();
        for agent in state.agents().values() {
            let Some(unavailability) = agent.unavailability else { continue };
            let window = windows.entry((unavailability.start_ns, unavailability.duration_ns)).or_insert_with(|| {
                Window { unavailability: offers::unavailability(unavailability), ..Window::default() }
            });
            window.machine_ids.push(machine(agent));
        }
        Schedule { windows: windows.into_values().collect() }
    })
}

/// Who is scheduled, who is down, and what frameworks said when they were asked to leave. When they said it nobody wrote
/// down.
pub(crate) fn status(sight: &Sight) -> ClusterStatus {
    if !sight.sees_maintenance() {
        return ClusterStatus::default();
    }
    sight.read(|book| {
        sight.ledger().read(|state| {
            let mut answers = answers(state, book);
            let mut status = ClusterStatus::default();
            for (id, agent) in state.agents() {
                match mode(agent) {
                    MachineMode::Up => {}
                    MachineMode::Draining => status
                        .draining_machines
                        .push(DrainingMachine { id: machine(agent), statuses: answers.remove(id).unwrap_or_default() }),
                    MachineMode::Down => status.down_machines.push(machine(agent)),
                }
            }
            status
        })
    })
}

/// The machine of an agent, and whether it is there.
pub(crate) struct Machine {
    /// The agent's own name: machines are known by it as well.
    pub(crate) agent: String,
    pub(crate) id: MachineID,
    pub(crate) mode: MachineMode,
}

/// The machine of each agent.
pub(crate) fn machines(door: &Door) -> Vec<Machine> {
    let of = |agent: &Agent| Machine { agent: agent.name.to_string(), id: machine(agent), mode: mode(agent) };
    door.ledger().read(|state| state.agents().values().map(of).collect())
}

/// A machine that is scheduled is draining, in Mesos' words; one that is emptied in its time is down.
fn mode(agent: &Agent) -> MachineMode {
    match (agent.unavailability, agent.drain) {
        (None, _) => MachineMode::Up,
        (Some(_), None) => MachineMode::Draining,
        (Some(_), Some(_)) => MachineMode::Down,
    }
}

fn answers(state: &State, book: &Book) -> BTreeMap<AgentId, Vec<InverseOfferStatus>> {
    let mut answers: BTreeMap<AgentId, Vec<InverseOfferStatus>> = BTreeMap::new();
    for inverse in state.inverse_offers().values() {
        let Some(framework) = book.id_of(inverse.framework) else { continue };
        answers.entry(inverse.agent).or_default().push(InverseOfferStatus {
            status: match inverse.answer {
                None => Answer::Unknown,
                Some(true) => Answer::Accept,
                Some(false) => Answer::Decline,
            },
            framework_id: FrameworkID { value: framework.to_string() },
            timestamp: TimeInfo::default(),
        });
    }
    answers
}

fn machine(agent: &Agent) -> MachineID {
    let hostname = agent.hostname().to_owned();
    let ip = hostname.parse::<std::net::IpAddr>().ok().map(|ip| ip.to_string());
    MachineID { hostname: Some(hostname), ip }
}
