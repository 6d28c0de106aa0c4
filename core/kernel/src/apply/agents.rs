//! Agents come, change and go, and stand in the queue as long as something of them is free.

use std::sync::Arc;

use crate::{Agent, AgentId, Availability, Resources, State};

impl State {
    pub(super) fn add_agent(&mut self, id: AgentId, name: &Arc<str>, total: &Resources, availability: Availability) {
        self.last.agent = self.last.agent.max(id.0);
        self.agents.insert(id, Agent::new(name.clone(), total.clone(), availability));
        self.agent_names.insert(name.clone(), id);
        self.change_total(&Resources::default(), total);
        self.requeue(id, true);
    }

    pub(super) fn update_agent(&mut self, id: AgentId, total: &Resources, availability: Availability) {
        let Some(agent) = self.agents.get_mut(&id) else { return };
        let old = std::mem::replace(&mut agent.total, total.clone());
        let opened = agent.availability != availability;
        agent.availability = availability;
        if old != *total {
            self.change_total(&old, total);
        }
        self.requeue(id, opened || !old.contains(total));
    }

    pub(super) fn remove_agent(&mut self, id: AgentId) {
        let Some(agent) = self.agents.remove(&id) else { return };
        self.agent_names.remove(&agent.name);
        if let Some(place) = agent.place {
            self.queue.remove(place);
        }
        self.change_total(&agent.total, &Resources::default());
        for framework in self.frameworks.values_mut() {
            for subscription in framework.subscriptions.values_mut() {
                if subscription.filters.remove(&id).is_some() {
                    self.filters -= 1;
                }
            }
        }
    }

    fn change_total(&mut self, less: &Resources, more: &Resources) {
        let mut total = self.roles.total().saturating_sub(less);
        total.add(more);
        self.roles.set_total(total);
    }

    /// Puts an agent where it belongs in the queue: at the end when it has more free than before, nowhere when it has
    /// nothing to offer. Wakes those who found nothing for them.
    pub(super) fn requeue(&mut self, id: AgentId, grew: bool) {
        let Some(agent) = self.agents.get_mut(&id) else { return };
        let offerable = agent.availability == Availability::Open && !agent.free().is_zero();
        if offerable && agent.place.is_some() && !grew {
            return;
        }
        if let Some(place) = agent.place.take() {
            self.queue.remove(place);
        }
        if offerable {
            agent.place = Some(self.queue.push(id));
            for (framework, role) in std::mem::take(&mut self.sated) {
                self.change_subscription(framework, role, |sub| sub.sated = false);
            }
        }
    }
}
