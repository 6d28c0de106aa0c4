//! `/slaves`: agents in the older form.

use kubernel_mesos_proto::{
    Message,
    master::response::Agent,
    v1::{AgentInfo, Resource, TimeInfo},
};

use super::{
    amounts::{amounts, attributes, by_role, full, role},
    json::{Object, list, text},
};
use crate::operator::{show, sight::Sight};

/// All agents, or one.
pub(super) fn page(sight: &Sight, name: Option<&str>) -> String {
    let mut object = Object::new();
    object.list(
        "slaves",
        show::agents_named(sight, name).iter().map(|agent| {
            let mut object = agent_object(agent);
            let total = &agent.total_resources;
            let reserved = by_role(total).into_iter().map(|(role, resources)| (role, full(resources)));
            object.raw("reserved_resources_full", &roles(reserved));
            object.raw("unreserved_resources_full", &full(total.iter().filter(|resource| role(resource).is_none())));
            object.raw("used_resources_full", &full(&agent.allocated_resources));
            object.raw("offered_resources_full", &full(&agent.offered_resources));
            object.finish()
        }),
    );
    object.list("recovered_slaves", []);
    object.finish()
}

/// An agent that is being written: whoever knows more of it adds to it.
pub(super) fn agent_object(agent: &Agent) -> Object {
    let mut object = Object::new();
    info(&mut object, &agent.agent_info);
    object.field("pid", agent.pid.clone().unwrap_or_default());
    object.field("registered_time", seconds(agent.registered_time.as_ref()));
    if agent.reregistered_time.is_some() {
        object.field("reregistered_time", seconds(agent.reregistered_time.as_ref()));
    }
    let total = &agent.total_resources;
    object.raw("resources", &amounts(total));
    object.raw("used_resources", &amounts(&agent.allocated_resources));
    object.raw("offered_resources", &amounts(&agent.offered_resources));
    let reserved = by_role(total).into_iter().map(|(role, resources)| (role, amounts(resources)));
    object.raw("reserved_resources", &roles(reserved));
    object.raw("unreserved_resources", &amounts(total.iter().filter(|resource: &&Resource| role(resource).is_none())));
    object.field("active", agent.active);
    object.field("deactivated", agent.deactivated.unwrap_or_default());
    object.field("version", agent.version.clone());
    let capabilities = agent.capabilities.iter().filter_map(|capability| capability.r#type);
    object.raw("capabilities", &list(capabilities.map(|capability| text(capability.name()))));
    if let Some(drain) = &agent.drain_info {
        object.raw("drain_info", &drain.to_json());
    }
    object
}

/// A time in seconds since 1970.
#[expect(clippy::cast_precision_loss, reason = "Mesos' times are doubles")]
pub(super) fn seconds(time: Option<&TimeInfo>) -> f64 {
    time.map_or(0.0, |time| time.nanoseconds as f64 / 1e9)
}

fn info(object: &mut Object, info: &AgentInfo) {
    object.field("id", info.id.as_ref().map(|id| id.value.clone()).unwrap_or_default());
    object.field("hostname", info.hostname.clone());
    object.field("port", info.port);
    object.raw("attributes", &attributes(&info.attributes));
    if let Some(domain) = &info.domain {
        object.raw("domain", &domain.to_json());
    }
}

fn roles<'a>(all: impl Iterator<Item = (&'a str, String)>) -> String {
    let mut object = Object::new();
    all.for_each(|(role, json)| object.raw(role, &json));
    object.finish()
}
