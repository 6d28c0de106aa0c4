//! Tasks as messages.

use std::{ops::Bound, sync::Arc};

use kubernel_mesos_proto::{
    master::response,
    v1::{AgentID, AllocationInfo, FrameworkID, Task, TaskState},
};

use super::{completed_ids, framework_ids};
use crate::{
    book::{Book, Framework, TaskRecord},
    operator::sight::Sight,
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
pub(crate) fn tasks(sight: &Sight) -> response::GetTasks {
    let mut all = response::GetTasks::default();
    for id in framework_ids(sight) {
        let live = tasks_of(sight, &id, Which::Live);
        let (away, here): (Vec<Task>, Vec<Task>) =
            live.into_iter().partition(|task| task.state == TaskState::Unreachable);
        all.tasks.extend(here);
        all.unreachable_tasks.extend(away);
        all.completed_tasks.extend(tasks_of(sight, &id, Which::Completed));
    }
    for id in completed_ids(sight) {
        all.completed_tasks.extend(tasks_of(sight, &id, Which::Completed));
    }
    all
}

/// The tasks of a framework, that may be gone.
pub(crate) fn tasks_of(sight: &Sight, framework: &str, which: Which) -> Vec<Task> {
    if which == Which::Completed {
        return sight.read(|book| {
            let found = any(book, framework).filter(|found| sight.sees_framework(&found.record.info));
            let tasks = |found: &Framework| -> Vec<Task> {
                found.completed_tasks.iter().filter_map(|record| shown(sight, found, record)).collect()
            };
            found.map(tasks).unwrap_or_default()
        });
    }
    let mut all = Vec::new();
    let mut from: Bound<Arc<str>> = Bound::Unbounded;
    loop {
        let last = sight.read(|book| {
            let found = book.framework(framework).filter(|found| sight.sees_framework(&found.record.info))?;
            let mut last = None;
            for (name, record) in found.tasks.range((from.clone(), Bound::Unbounded)).take(AT_ONCE_MAX) {
                all.extend(shown(sight, found, record));
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
pub(crate) fn task_of(sight: &Sight, framework: &str, name: &str) -> Option<Task> {
    sight.read(|book| {
        let found = book.framework(framework).filter(|found| sight.sees_framework(&found.record.info))?;
        found.tasks.get(name).and_then(|record| shown(sight, found, record))
    })
}

/// Whether news of a task are for whom this is: those of one that is forgotten are its framework's user's.
pub(crate) fn sees_task(sight: &Sight, framework: &str, name: &str) -> bool {
    sight.read(|book| {
        let found = any(book, framework);
        found.filter(|found| sight.sees_framework(&found.record.info)).is_some_and(|found| {
            let record = found.tasks.get(name);
            let record =
                record.or_else(|| found.completed_tasks.iter().find(|record| record.info.task_id.value == name));
            sight.sees_task(record.map_or(found.record.info.user.as_str(), |record| user(found, record)))
        })
    })
}

/// A task, for whoever may see it.
fn shown(sight: &Sight, framework: &Framework, record: &TaskRecord) -> Option<Task> {
    sight.sees_task(user(framework, record)).then(|| task(framework, record))
}

/// Whose a task is.
fn user<'a>(framework: &'a Framework, record: &'a TaskRecord) -> &'a str {
    let command = record.info.command.as_deref().or_else(|| record.executor.as_ref()?.command.as_deref());
    command.and_then(|command| command.user.as_deref()).unwrap_or(&framework.record.info.user)
}

/// A task as it is written down.
fn task(framework: &Framework, record: &TaskRecord) -> Task {
    let info = &record.info;
    let mut resources = info.resources.clone();
    for resource in &mut resources {
        resource.allocation_info = Some(AllocationInfo { role: Some(record.role.clone()) });
    }
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
        user: Some(user(framework, record).to_owned()),
        limits: info.limits.clone(),
    }
}

/// A framework that is there, or was.
pub(super) fn any<'a>(book: &'a Book, id: &str) -> Option<&'a Framework> {
    book.framework(id).or_else(|| book.completed.iter().find(|framework| framework.record.id == id))
}
