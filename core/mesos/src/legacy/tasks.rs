//! `/tasks`: tasks in the older form, in pages.

use kubernel_mesos_proto::{
    Message,
    v1::{Task, TaskStatus},
};

use super::{
    amounts::{amounts, labels, number},
    json::Object,
    query::Query,
};
use crate::operator::{
    show::{self, Which},
    sight::Sight,
};

/// How many tasks a page has if nobody says it.
const PAGE: usize = 100;

/// The tasks that a query asks for: of a framework or of a name, so many from a place on, by the times of their first
/// statuses.
pub(super) fn page(sight: &Sight, query: &Query) -> String {
    let number = |name: &str| query.get(name).and_then(|value| value.parse::<i64>().ok());
    // Less than none are all: there is a client that says so.
    let limit = number("limit").map_or(PAGE, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
    let offset = number("offset").and_then(|offset| usize::try_from(offset).ok()).unwrap_or(0);
    let mut tasks = found(sight, query.get("framework_id"), query.get("task_id"));
    match query.get("order") {
        Some("asc") => tasks.sort_by(|left, right| first(left).total_cmp(&first(right))),
        _ => tasks.sort_by(|left, right| first(right).total_cmp(&first(left))),
    }
    let mut object = Object::new();
    object.list("tasks", tasks.iter().skip(offset).take(limit).map(task_json));
    object.finish()
}

fn found(sight: &Sight, framework: Option<&str>, task: Option<&str>) -> Vec<Task> {
    let wanted = |id: &String| framework.is_none_or(|framework| id == framework);
    let live = show::framework_ids(sight);
    let gone = show::completed_ids(sight);
    let mut all = Vec::new();
    for id in live.into_iter().chain(gone).filter(wanted) {
        if let Some(task) = task {
            all.extend(show::task_of(sight, &id, task));
        } else {
            all.extend(show::tasks_of(sight, &id, Which::Live));
        }
        let completed = show::tasks_of(sight, &id, Which::Completed);
        all.extend(completed.into_iter().filter(|found| task.is_none_or(|task| found.task_id.value == task)));
    }
    all
}

fn first(task: &Task) -> f64 {
    task.statuses.first().and_then(|status| status.timestamp).unwrap_or(0.0)
}

/// A task.
pub(super) fn task_json(task: &Task) -> String {
    let mut object = Object::new();
    object.field("id", task.task_id.value.clone());
    object.field("name", task.name.clone());
    object.field("framework_id", task.framework_id.value.clone());
    object.field("executor_id", task.executor_id.as_ref().map(|id| id.value.clone()).unwrap_or_default());
    object.field("slave_id", task.agent_id.value.clone());
    object.field("state", task.state.name());
    object.raw("resources", &amounts(&task.resources));
    let role = task.resources.iter().find_map(|resource| resource.allocation_info.as_ref()?.role.clone());
    if let Some(role) = role {
        object.field("role", role);
    }
    object.list("statuses", task.statuses.iter().map(status_json));
    if let Some(user) = &task.user {
        object.field("user", user.clone());
    }
    if let Some(of) = &task.labels {
        object.raw("labels", &labels(of));
    }
    if let Some(discovery) = &task.discovery {
        object.raw("discovery", &discovery.to_json());
    }
    if let Some(container) = &task.container {
        object.raw("container", &container.to_json());
    }
    if let Some(check) = &task.health_check {
        object.raw("health_check", &check.to_json());
    }
    if !task.limits.is_empty() {
        let mut limits = Object::new();
        task.limits.iter().for_each(|(name, limit)| match limit.value.is_finite() {
            true => limits.field(name, number(limit.value)),
            false => limits.field(name, "Infinity"),
        });
        object.raw("limits", &limits.finish());
    }
    object.finish()
}

fn status_json(status: &TaskStatus) -> String {
    let mut object = Object::new();
    object.field("state", status.state.name());
    object.field("timestamp", status.timestamp.unwrap_or(0.0));
    if let Some(of) = &status.labels {
        object.raw("labels", &labels(of));
    }
    if let Some(container) = &status.container_status {
        object.raw("container_status", &container.to_json());
    }
    if let Some(healthy) = status.healthy {
        object.field("healthy", healthy);
    }
    object.finish()
}
