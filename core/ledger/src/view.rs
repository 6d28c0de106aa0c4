//! The ledger as Kubernetes objects that are never stored: Offers and Agents of `kernel.kubernel.io/v1alpha1`.

use kubernel_kernel::{Agent, Attribute, Availability, Offer, Resources, State};
use kubernel_meta::Object;
use serde_json::{Value, json};

use crate::{Ledger, amounts};

const API_VERSION: &str = "kernel.kubernel.io/v1alpha1";

impl Ledger {
    /// The objects of a live resource, sorted by name; none for a name that is not `offers` or `agents`.
    pub fn list(&self, plural: &str) -> Vec<Object> {
        let values: Vec<Value> = match plural {
            "agents" => {
                let mut agents: Vec<Value> =
                    self.read(|state| state.agents().values().map(|agent| agent_value(state, agent)).collect());
                for agent in &mut agents {
                    if let Some(since) = agent["metadata"]["name"].as_str().and_then(|name| self.since(name)) {
                        agent["metadata"]["creationTimestamp"] = json!(since);
                        agent["status"]["registeredTime"] = json!(since);
                    }
                }
                agents
            }
            "offers" => self.read(|state| {
                let offers = state.offers().iter();
                offers.map(|(id, offer)| offer_value(state, &id.to_string(), offer)).collect()
            }),
            _ => Vec::new(),
        };
        let mut objects: Vec<Object> = values.into_iter().filter_map(|value| Object::from_value(value).ok()).collect();
        objects.sort_by(|left, right| left.name().cmp(right.name()));
        objects
    }
}

fn agent_value(state: &State, agent: &Agent) -> Value {
    let names = state.names();
    let list = |resources: &Resources| amounts::to_value(&names.quantities(resources), names);
    json!({
        "apiVersion": API_VERSION, "kind": "Agent",
        "metadata": {"name": *agent.name, "uid": uid("agents", &agent.name)},
        "spec": {
            "deactivated": agent.availability == Availability::Cordoned,
            "draining": agent.availability == Availability::Draining,
        },
        "status": {
            "node": *agent.name, "hostname": agent.hostname(), "connected": agent.connected, "tasks": agent.tasks.len(),
            "capacity": list(&agent.total), "free": list(&agent.free()),
            "offered": list(&agent.offered), "allocated": list(&agent.allocated),
            "reserved": list(&names.quantities(&names.set_aside(&agent.total))),
            "attributes": attributes(agent),
        },
    })
}

fn offer_value(state: &State, name: &str, offer: &Offer) -> Value {
    let agent = state.agents().get(&offer.agent).map_or("", |agent| &*agent.name);
    let framework = state.frameworks().get(&offer.framework).map_or("", |framework| &*framework.name);
    let role = state.roles().get(offer.role).map_or("", |role| &*role.path);
    json!({
        "apiVersion": API_VERSION, "kind": "Offer",
        "metadata": {"name": name, "uid": uid("offers", name)},
        "spec": {
            "agent": agent, "framework": framework, "role": role,
            "resources": amounts::to_value(&state.names().quantities(&offer.resources), state.names()),
        },
    })
}

fn attributes(agent: &Agent) -> Value {
    let text = |attribute: &Attribute| match attribute {
        Attribute::Text(text) => text.to_string(),
        Attribute::Scalar(milli) => format!("{}", *milli as f64 / 1_000.0),
        Attribute::Ranges(ranges) => format!("{:?}", ranges.intervals()),
        Attribute::Set(items) => items.join(","),
    };
    agent.traits.attributes.iter().map(|(name, value)| (name.to_string(), Value::String(text(value)))).collect()
}

/// A name that no two live objects share, the same every time.
fn uid(plural: &str, name: &str) -> String {
    format!("{plural}.{name}")
}
