//! What an event changes. Total: an event about something that is not there changes nothing.
//!
//! Nothing is decided here; that is `decide/`. Next: `agents.rs`, `absent.rs`, `frameworks.rs`, `offers.rs`, `tasks.rs`.

mod absent;
mod agents;
mod frameworks;
mod offers;
mod tasks;

use crate::{Event, Filter, Offer, Resources, State, TaskState, Unacknowledged};

impl State {
    /// Makes an event part of the state. The only thing that changes a state.
    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::ResourceNamed { kind, .. } => self.names.add(kind.clone()),
            Event::ItemNamed { name, .. } => self.names.add_item(name),
            Event::SorterChosen { sorter } => self.roles.set_sorter(*sorter),
            Event::AgentAdded { agent, name, total, availability } => {
                self.add_agent(*agent, name, total, *availability);
            }
            Event::AgentUpdated { agent, total, availability } => self.update_agent(*agent, total, *availability),
            Event::AgentDescribed { agent, traits } => self.describe_agent(*agent, traits),
            Event::AgentConnected { agent, connected } => self.connect_agent(*agent, *connected),
            Event::AgentDoubted { agent, due } => self.doubt(*agent, Some(*due)),
            Event::AgentScheduled { agent, unavailability } => {
                if let Some(agent) = self.agents.get_mut(agent) {
                    agent.unavailability = *unavailability;
                }
            }
            Event::AgentDrains { agent, drain } => {
                if let Some(agent) = self.agents.get_mut(agent) {
                    agent.drain = *drain;
                }
            }
            Event::Converted { agent, conversion } => {
                self.convert(*agent, conversion);
                self.requeue(*agent, true);
            }
            Event::AgentAway { agent, since, gone } => self.send_away(*agent, *since, *gone),
            Event::AbsentGone { name } => {
                if let Some(absent) = self.absent.get_mut(name) {
                    absent.gone = true;
                }
            }
            Event::AbsentForgotten { name } => self.forget_absent(name),
            Event::AgentRemoved { agent } => self.remove_agent(*agent),
            Event::RoleAdded { role, path, parent, weight_milli } => {
                self.last.role = self.last.role.max(role.0);
                self.roles.insert(*role, path, *parent, *weight_milli);
            }
            Event::RoleWeighted { role, weight_milli, kept } => self.roles.set_weight(*role, *weight_milli, *kept),
            Event::RoleQuota { role, quota } => {
                self.roles.set_quota(*role, quota.clone());
                self.wake_all();
            }
            Event::RoleRemoved { role } => self.roles.remove(*role),
            Event::FrameworkAdded { framework, name, mode, failover_ms } => {
                self.add_framework(*framework, name, *mode, *failover_ms);
            }
            Event::FrameworkConfigured { framework, settings, failover_ms } => {
                self.configure(*framework, settings, *failover_ms);
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
            Event::Requested { framework, role, wish } => {
                self.change_subscription(*framework, *role, |sub| {
                    sub.wish = wish.clone();
                    sub.granted = Resources::default();
                    sub.seen = 0;
                    sub.sated = false;
                });
                self.sated.remove(&(*framework, *role));
            }
            Event::Offered { offer, framework, role, agent, resources, since, expires_at, seen } => {
                let (framework, role, agent) = (*framework, *role, *agent);
                let (resources, since, expires_at) = (resources.clone(), *since, *expires_at);
                self.open_offer(*offer, Offer { framework, role, agent, resources, since, expires_at }, *seen);
            }
            Event::OfferClosed { offer, .. } => self.close_offer(*offer),
            Event::Accepted { offers, conversions, tasks } => self.accept(offers, conversions, tasks),
            Event::Claimed { offer, framework, role, agent, task } => {
                let born = task.born(*offer, *framework, *role, *agent, TaskState::Staging);
                self.start(task.task, born, true);
            }
            Event::Adopted { offer, framework, role, agent, task, state } => {
                let born = task.born(*offer, *framework, *role, *agent, *state);
                self.open_account(*framework, *role);
                self.start(task.task, born, false);
                self.drop_unused(*framework, *role);
            }
            Event::TaskUpdated { task, state } => {
                if let Some(task) = self.tasks.get_mut(task) {
                    task.state = *state;
                }
            }
            Event::InverseOffered { offer, inverse } => self.open_inverse(*offer, *inverse),
            Event::InverseClosed { offer } => self.close_inverse(*offer),
            Event::TaskNoticed { task, until } => self.notice(*task, Some(*until)),
            Event::TaskEnded { task, .. } => self.end(*task),
            Event::EndTold { framework, task, name, agent, state, uuid } => {
                let (task, agent, state, uuid) = (*task, *agent, *state, *uuid);
                self.tell_end(*framework, name, Unacknowledged { task, agent, state, uuid });
            }
            Event::EndAcknowledged { framework, name } => self.acknowledge_end(*framework, name),
            Event::ExecutorEnded { agent, framework, name } => self.end_executor(*agent, *framework, name),
            Event::Filtered { framework, role, agent, resources, until, kept_until } => {
                let (until, kept_until) = (*until, *kept_until);
                self.filter(*framework, *role, *agent, Filter { resources: resources.clone(), until, kept_until });
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
