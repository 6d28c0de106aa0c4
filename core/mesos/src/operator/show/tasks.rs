//! Tasks as messages.

use std::{ops::Bound, sync::Arc};

use kubernel_mesos_proto::{
    master::response,
    v1::{AgentID, AllocationInfo, FrameworkID, Task, TaskState},
};

use super::{completed_ids, framework_ids};
use crate::{
    Door,
    book::{Book, Framework, TaskRecord},
};

/// How many tasks are looked at in one go.
const AT_ONCE_MAX: usize = 1_000;

/// Which tasks of a framework.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    /// Those that have not ended, or whose end was not acknowledged.
    Live,
    /// Those that have ended.
    Completed,
}

/// All tasks.
pub(crate) fn tasks(door: &Door) -> response::GetTasks {
    let mut all = response::GetTasks::default();
    for id in framework_ids(door) {
        let live = tasks_of(door, &id, Which::Live);
        let (away, here): (Vec<Task>, Vec<Task>) =
            live.into_iter().partition(|task| task.state == TaskState::Unreachable);
        all.tasks.extend(here);
        all.unreachable_tasks.extend(away);
        all.completed_tasks.extend(tasks_of(door, &id, Which::Completed));
    }
    for id in completed_ids(door) {
        all.completed_tasks.extend(tasks_of(door, &id, Which::Completed));
    }
    all
}

/// The tasks of a framework, that may be gone.
pub(crate) fn tasks_of(door: &Door, framework: &str, which: Which) -> Vec<Task> {
    if which == Which::Completed {
        return door.read(|book| {
            let found = any(book, framework);
            found.iter().flat_map(|found| found.completed_tasks.iter().map(|record| task(found, record))).collect()
        });
    }
    let mut all = Vec::new();
    let mut from: Bound<Arc<str>> = Bound::Unbounded;
    loop {
        let last = door.read(|book| {
            let found = book.framework(framework)?;
            let mut last = None;
            for (name, record) in found.tasks.range((from.clone(), Bound::Unbounded)).take(AT_ONCE_MAX) {
                all.push(task(found, record));
                last = Some(name.clone());
            }
            last
        });
        match last {
            Some(last) => from = Bound::Excluded(last),
            None => return all,
        }
    }
}

/// One task that has not ended.
pub(crate) fn task_of(door: &Door, framework: &str, name: &str) -> Option<Task> {
    door.read(|book| {
        let found = book.framework(framework)?;
        found.tasks.get(name).map(|record| task(found, record))
    })
}

/// A task as it is written down.
fn task(framework: &Framework, record: &TaskRecord) -> Task {
    let info = &record.info;
    let mut resources = info.resources.clone();
    for resource in &mut resources {
        resource.allocation_info = Some(AllocationInfo { role: Some(record.role.clone()) });
    }
    let command = info.command.as_deref().or_else(|| record.executor.as_ref()?.command.as_deref());
    let user = command.and_then(|command| command.user.clone()).unwrap_or_else(|| framework.record.info.user.clone());
    let told = record.updates.front();
    Task {
        name: info.name.clone(),
        task_id: info.task_id.clone(),
        framework_id: FrameworkID { value: record.framework.clone() },
        executor_id: record.executor.as_ref().map(|executor| executor.executor_id.clone()),
        agent_id: AgentID { value: record.agent.clone() },
        state: record.state,
        resources,
        statuses: record.statuses.clone(),
        status_update_state: told.map(|status| status.state),
        status_update_uuid: told.and_then(|status| status.uuid.clone()),
        labels: info.labels.clone(),
        discovery: info.discovery.clone(),
        container: info.container.clone(),
        health_check: info.health_check.clone(),
        kill_policy: info.kill_policy.clone(),
        user: Some(user),
        limits: info.limits.clone(),
    }
}

/// A framework that is there, or was.
pub(super) fn any<'a>(book: &'a Book, id: &str) -> Option<&'a Framework> {
    book.framework(id).or_else(|| book.completed.iter().find(|framework| framework.record.id == id))
}
