//! The cluster as operators see it: the kernel's state and the book as messages of the operator API.
//!
//! Everything is looked up in pieces, so that nobody who acts has to wait for a reader of 10,000 agents or of a framework
//! with 100,000 tasks; what changes in between is seen as it is when its piece is looked at.

mod agents;
mod amounts;
mod frameworks;
mod maintenance;
mod roles;
mod tasks;

pub(crate) use agents::{agent_by_name, agents, agents_named};
pub(crate) use amounts::{Sums, full, quantities};
pub(crate) use frameworks::{completed_ids, executors, framework, framework_ids, frameworks, operations};
pub(crate) use maintenance::{Machine, machines, schedule, status as maintenance_status};
pub(crate) use roles::{RoleView, quota, roles, weights};
pub(crate) use tasks::{Which, sees_task, task_of, tasks, tasks_of};

use kubernel_mesos_proto::master::response::GetState;

use crate::operator::sight::Sight;

/// All there is.
pub(crate) fn state(sight: &Sight) -> GetState {
    GetState {
        get_tasks: Some(tasks(sight)),
        get_executors: Some(executors(sight)),
        get_frameworks: Some(frameworks(sight)),
        get_agents: Some(agents(sight)),
    }
}
