//! `/frameworks`: frameworks in the older form.

use kubernel_mesos_proto::{
    Message,
    master::response::{Executor, Framework},
    v1::{CommandInfo, FrameworkCapabilityType, Offer, TaskState},
};

use super::{
    agents::seconds,
    amounts::{amounts, labels},
    json::{Object, list, text},
    tasks::task_json,
};
use crate::{
    framework::can,
    operator::{
        show::{self, Which},
        sight::Sight,
    },
};

/// All frameworks, or one.
pub(super) fn page(sight: &Sight, id: Option<&str>) -> String {
    let mut object = Object::new();
    write(&mut object, sight, id);
    object.list("unregistered_frameworks", []);
    object.finish()
}

/// The frameworks that are there and those that were.
pub(super) fn write(object: &mut Object, sight: &Sight, id: Option<&str>) {
    let wanted = |own: &String| id.is_none_or(|id| own == id);
    let executors = show::executors(sight).executors;
    let shown = |ids: Vec<String>| {
        ids.into_iter().filter(wanted).filter_map(|id| framework_json(sight, &id, &executors)).collect::<Vec<_>>()
    };
    object.list("frameworks", shown(show::framework_ids(sight)));
    object.list("completed_frameworks", shown(show::completed_ids(sight)));
}

/// What a summary has of a framework.
pub(super) fn summary(of: &Framework) -> Object {
    let info = &of.framework_info;
    let mut object = Object::new();
    object.field("id", info.id.as_ref().map(|id| id.value.clone()).unwrap_or_default());
    object.field("name", info.name.clone());
    object.raw("used_resources", &amounts(&of.allocated_resources));
    object.raw("offered_resources", &amounts(&of.offered_resources));
    let capabilities = info.capabilities.iter().filter_map(|capability| capability.r#type);
    object.raw("capabilities", &list(capabilities.map(|capability| text(capability.name()))));
    object.field("hostname", info.hostname.clone().unwrap_or_default());
    object.field("webui_url", info.webui_url.clone().unwrap_or_default());
    object.field("active", of.active);
    object.field("connected", of.connected);
    object.field("recovered", of.recovered);
    object
}

fn framework_json(sight: &Sight, id: &str, executors: &[Executor]) -> Option<String> {
    let of = show::framework(sight, id)?;
    let info = &of.framework_info;
    let mut object = summary(&of);
    object.field("user", info.user.clone());
    object.field("failover_timeout", info.failover_timeout);
    object.field("checkpoint", info.checkpoint);
    object.field("registered_time", seconds(of.registered_time.as_ref()));
    object.field("unregistered_time", seconds(of.unregistered_time.as_ref()));
    if let Some(principal) = &info.principal {
        object.field("principal", principal.clone());
    }
    object.raw("resources", &amounts(of.allocated_resources.iter().chain(&of.offered_resources)));
    if of.reregistered_time.is_some() {
        object.field("reregistered_time", seconds(of.reregistered_time.as_ref()));
    }
    match can(info, FrameworkCapabilityType::MultiRole) {
        true => object.field("roles", info.roles.clone()),
        false => object.field("role", info.role.clone().unwrap_or_else(|| "*".to_owned())),
    }
    let live = show::tasks_of(sight, id, Which::Live);
    let (away, here): (Vec<_>, Vec<_>) = live.iter().partition(|task| task.state == TaskState::Unreachable);
    object.list("tasks", here.into_iter().map(task_json));
    object.list("unreachable_tasks", away.into_iter().map(task_json));
    object.list("completed_tasks", show::tasks_of(sight, id, Which::Completed).iter().map(task_json));
    object.list("offers", of.offers.iter().map(offer_json));
    let own = executors.iter().filter(|executor| executor.executor_info.framework_id == info.id);
    object.list("executors", own.map(executor_json));
    if let Some(of) = &info.labels {
        object.raw("labels", &labels(of));
    }
    if let Some(constraints) = &of.offer_constraints {
        object.raw("offer_constraints", &constraints.to_json());
    }
    Some(object.finish())
}

fn offer_json(offer: &Offer) -> String {
    let mut object = Object::new();
    object.field("id", offer.id.value.clone());
    object.field("framework_id", offer.framework_id.value.clone());
    if let Some(allocation) = &offer.allocation_info {
        object.raw("allocation_info", &allocation.to_json());
    }
    object.field("slave_id", offer.agent_id.value.clone());
    object.raw("resources", &amounts(&offer.resources));
    object.finish()
}

fn executor_json(executor: &Executor) -> String {
    let info = &executor.executor_info;
    let mut object = Object::new();
    object.field("executor_id", info.executor_id.value.clone());
    object.field("name", info.name.clone().unwrap_or_default());
    object.field("source", info.source.clone().unwrap_or_default());
    object.field("framework_id", info.framework_id.as_ref().map(|id| id.value.clone()).unwrap_or_default());
    if let Some(command) = &info.command {
        object.raw("command", &command_json(command));
    }
    object.raw("resources", &amounts(&info.resources));
    if let Some(of) = &info.labels {
        object.raw("labels", &labels(of));
    }
    if let Some(of) = info.r#type {
        object.field("type", of.name());
    }
    object.field("slave_id", executor.agent_id.value.clone());
    object.finish()
}

fn command_json(command: &CommandInfo) -> String {
    let mut object = Object::new();
    object.field("shell", command.shell);
    if let Some(value) = &command.value {
        object.field("value", value.clone());
    }
    object.field("argv", command.arguments.clone());
    if let Some(environment) = &command.environment {
        object.raw("environment", &environment.to_json());
    }
    object.list("uris", command.uris.iter().map(Message::to_json));
    object.finish()
}
