//! `/state`, `/state-summary` and maintenance in the older form.

use std::collections::{BTreeMap, BTreeSet};

use kubernel_mesos_proto::{
    Message,
    v1::{MasterInfo, Task, TaskState},
};

use super::{
    Desk, agents, frameworks,
    json::{Object, list, text},
};
use crate::{
    Door,
    auth::Leader,
    operator::{
        master,
        show::{self, Which},
        sight::Sight,
    },
};

/// The states that a summary counts, in Mesos' order.
const STATES: [TaskState; 14] = [
    TaskState::Staging,
    TaskState::Starting,
    TaskState::Running,
    TaskState::Killing,
    TaskState::Finished,
    TaskState::Killed,
    TaskState::Failed,
    TaskState::Lost,
    TaskState::Error,
    TaskState::Unreachable,
    TaskState::Gone,
    TaskState::GoneByOperator,
    TaskState::Dropped,
    TaskState::Unknown,
];

/// All there is.
pub(super) fn state(desk: &Desk, sight: &Sight) -> String {
    let door = &desk.door;
    let info = door.master_info();
    let all = show::agents(sight).agents;
    let active = all.iter().filter(|agent| agent.active).count();
    let unreachable = door.ledger().read(|state| state.absent().values().filter(|absent| !absent.gone).count());
    let mut object = Object::new();
    object.field("version", door.config().version.clone());
    object.field("build_date", "");
    object.field("build_time", 0.0);
    object.field("build_user", "kubernel");
    object.field("start_time", door.opened());
    object.field("elected_time", door.opened());
    object.field("id", info.id.clone());
    object.field("pid", master::pid(door));
    object.field("hostname", door.config().hostname.clone());
    let capabilities = info.capabilities.iter().filter_map(|capability| capability.r#type);
    object.raw("capabilities", &list(capabilities.map(|capability| text(capability.name()))));
    object.field("activated_slaves", active);
    object.field("deactivated_slaves", all.len() - active);
    object.field("unreachable_slaves", unreachable);
    if *desk.leader.borrow() == Leader::Me {
        object.field("leader", master::pid(door));
        object.raw("leader_info", &leader_json(&info));
    }
    if sight.sees_flags() {
        object.raw("flags", &flags(door));
    }
    object.list("slaves", all.iter().map(|agent| agents::agent_object(agent).finish()));
    object.list("recovered_slaves", []);
    frameworks::write(&mut object, sight, None);
    object.list("orphan_tasks", []);
    object.list("unregistered_frameworks", []);
    object.finish()
}

/// Machines and frameworks with how many tasks they have in which state.
pub(super) fn summary(sight: &Sight) -> String {
    let mut counts: BTreeMap<String, Counts> = BTreeMap::new();
    let mut shown = Vec::new();
    for id in show::framework_ids(sight) {
        let mut own = Counts::default();
        let tasks = [Which::Live, Which::Completed].map(|which| show::tasks_of(sight, &id, which));
        for task in tasks.iter().flatten() {
            own.add(task, &task.agent_id.value);
            counts.entry(task.agent_id.value.clone()).or_default().add(task, &id);
        }
        if let Some(framework) = show::framework(sight, &id) {
            let mut object = frameworks::summary(&framework);
            own.write(&mut object, "slave_ids");
            shown.push(object.finish());
        }
    }
    let mut object = Object::new();
    object.field("hostname", sight.config().hostname.clone());
    object.list(
        "slaves",
        show::agents(sight).agents.iter().map(|agent| {
            let id = agent.agent_info.id.as_ref().map(|id| id.value.as_str()).unwrap_or_default();
            let mut object = agents::agent_object(agent);
            counts.remove(id).unwrap_or_default().write(&mut object, "framework_ids");
            object.finish()
        }),
    );
    object.list("frameworks", shown);
    object.finish()
}

/// When machines will not be there.
pub(super) fn schedule(sight: &Sight) -> String {
    show::schedule(sight).to_json()
}

/// Who is asked to leave them.
pub(super) fn maintenance(sight: &Sight) -> String {
    show::maintenance_status(sight).to_json()
}

/// Flags by name.
pub(super) fn flags(door: &Door) -> String {
    let mut object = Object::new();
    master::flags(door).into_iter().for_each(|flag| object.field(&flag.name, flag.value.unwrap_or_default()));
    object.finish()
}

/// Tasks in each state, and with whom else they are.
#[derive(Default)]
struct Counts {
    states: [usize; STATES.len()],
    others: BTreeSet<String>,
}

impl Counts {
    fn add(&mut self, task: &Task, other: &str) {
        if let Some(at) = STATES.iter().position(|state| *state == task.state) {
            self.states[at] += 1;
        }
        if !self.others.contains(other) {
            self.others.insert(other.to_owned());
        }
    }

    fn write(self, object: &mut Object, others: &str) {
        for (state, count) in STATES.iter().zip(self.states) {
            object.field(state.name(), count);
        }
        object.list(others, self.others.iter().map(|other| text(other)));
    }
}

fn leader_json(info: &MasterInfo) -> String {
    let mut object = Object::new();
    object.field("id", info.id.clone());
    object.field("pid", info.pid.clone().unwrap_or_default());
    object.field("port", info.port);
    object.field("hostname", info.hostname.clone().unwrap_or_default());
    object.finish()
}
