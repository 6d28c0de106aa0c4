//! What an event changes. Total: an event about something that is not there changes nothing.
//!
//! Nothing is decided here; that is `decide/`. Next: `agents.rs`, `frameworks.rs`, `offers.rs`.

mod agents;
mod frameworks;
mod offers;

use crate::{Event, Offer, State, TaskState};

impl State {
    /// Makes an event part of the state. The only thing that changes a state.
    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::ResourceNamed { name, .. } => drop(self.names.intern(name)),
            Event::AgentAdded { agent, name, total, availability } => {
                self.add_agent(*agent, name, total, *availability);
            }
            Event::AgentUpdated { agent, total, availability } => self.update_agent(*agent, total, *availability),
            Event::AgentRemoved { agent } => self.remove_agent(*agent),
            Event::RoleAdded { role, path, parent, weight_milli } => {
                self.last.role = self.last.role.max(role.0);
                self.roles.insert(*role, path, *parent, *weight_milli);
            }
            Event::RoleWeighted { role, weight_milli, kept } => self.roles.set_weight(*role, *weight_milli, *kept),
            Event::RoleRemoved { role } => self.roles.remove(*role),
            Event::FrameworkAdded { framework, name, mode, failover_ms } => {
                self.add_framework(*framework, name, *mode, *failover_ms);
            }
            Event::FrameworkConnected { framework } => self.set_connected(*framework, true, None),
            Event::FrameworkDisconnected { framework, remove_at } => {
                self.set_connected(*framework, false, *remove_at);
            }
            Event::FrameworkRemoved { framework } => self.remove_framework(*framework),
            Event::RoleJoined { framework, role } => self.join_role(*framework, *role),
            Event::RoleLeft { framework, role } => self.leave_role(*framework, *role),
            Event::Demanded { framework, role, slots } => {
                self.change_subscription(*framework, *role, |sub| sub.slots = *slots);
            }
            Event::Offered { offer, framework, role, agent, resources, expires_at, seen } => {
                let (framework, role, agent, expires_at) = (*framework, *role, *agent, *expires_at);
                let resources = resources.clone();
                self.open_offer(*offer, Offer { framework, role, agent, resources, expires_at }, *seen);
            }
            Event::OfferClosed { offer, .. } => self.close_offer(*offer),
            Event::Accepted { offers, tasks } => self.accept(offers, tasks),
            Event::Claimed { offer, framework, role, agent, task } => {
                let born = task.born(*offer, *framework, *role, *agent, TaskState::Staging);
                self.start(task.task, born, true);
            }
            Event::Adopted { offer, framework, role, agent, task, state } => {
                let born = task.born(*offer, *framework, *role, *agent, *state);
                self.start(task.task, born, false);
            }
            Event::TaskUpdated { task, state } => {
                if let Some(task) = self.tasks.get_mut(task) {
                    task.state = *state;
                }
            }
            Event::TaskEnded { task, .. } => self.end(*task),
            Event::Filtered { framework, role, agent, resources, until } => {
                self.filter(*framework, *role, *agent, resources, *until);
            }
            Event::FiltersEnded { framework, role, now } => self.end_filters(*framework, *role, *now),
            Event::Revived { framework, role } => self.revive(*framework, *role),
            Event::Suppressed { framework, role } => {
                self.change_subscription(*framework, *role, |sub| sub.suppressed = true);
            }
            Event::Sated { framework, role, seen } => {
                self.sated.insert((*framework, *role));
                self.change_subscription(*framework, *role, |sub| {
                    sub.seen = *seen;
                    sub.sated = true;
                });
            }
            Event::Ranked => self.rank_all(),
        }
    }
}
