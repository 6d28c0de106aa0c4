//! Agents come, change and go, and stand in the queue as long as something of them is free.

use std::sync::Arc;

use crate::{Agent, AgentId, Availability, Conversion, Millis, Resources, State, Traits, timer::Timer};

impl State {
    pub(super) fn add_agent(&mut self, id: AgentId, name: &Arc<str>, total: &Resources, availability: Availability) {
        self.last.agent = self.last.agent.max(id.0);
        self.agents.insert(id, Agent::new(name.clone(), total.clone(), availability));
        self.agent_names.insert(name.clone(), id);
        self.forget_absent(name);
        self.change_total(&Resources::default(), total);
        self.requeue(id, true);
    }

    pub(super) fn update_agent(&mut self, id: AgentId, total: &Resources, availability: Availability) {
        let Some(agent) = self.agents.get_mut(&id) else { return };
        let old = agent.set_total(total.clone());
        let opened = agent.availability != availability;
        agent.availability = availability;
        if old != *total {
            self.change_total(&old, total);
        }
        self.requeue(id, opened || !old.contains(total));
    }

    /// Filters were made for the agent as it was.
    pub(super) fn describe_agent(&mut self, id: AgentId, traits: &Arc<Traits>) {
        let Some(agent) = self.agents.get_mut(&id) else { return };
        agent.traits = traits.clone();
        self.drop_filters(id);
        self.requeue(id, true);
    }

    pub(super) fn connect_agent(&mut self, id: AgentId, connected: bool) {
        let Some(agent) = self.agents.get_mut(&id) else { return };
        agent.connected = connected;
        if connected {
            self.doubt(id, None);
        }
        self.requeue(id, connected);
    }

    pub(super) fn doubt(&mut self, id: AgentId, due: Option<Millis>) {
        if let Some(old) = self.doubted.remove(&id) {
            self.timers.clear(old, Timer::Removal(id));
        }
        if let Some(due) = due {
            self.doubted.insert(id, due);
            self.timers.set(due, Timer::Removal(id));
            self.removal_at = self.removal_at.max(due);
        }
    }

    pub(super) fn convert(&mut self, id: AgentId, conversion: &Conversion) {
        let Some(agent) = self.agents.get_mut(&id) else { return };
        let mut total = agent.total.saturating_sub(&conversion.from);
        total.add(&conversion.to);
        agent.set_total(total);
        self.roles.reserved.change(&self.names, &conversion.from, false);
        self.roles.reserved.change(&self.names, &conversion.to, true);
        self.roles.outdate();
    }

    pub(super) fn remove_agent(&mut self, id: AgentId) {
        self.doubt(id, None);
        let Some(agent) = self.agents.remove(&id) else { return };
        self.agent_names.remove(&agent.name);
        if let Some(place) = agent.place {
            self.queue.remove(place);
        }
        self.change_total(&agent.total, &Resources::default());
        self.drop_filters(id);
    }

    fn drop_filters(&mut self, id: AgentId) {
        for framework in self.frameworks.values_mut() {
            for subscription in framework.subscriptions.values_mut() {
                if subscription.filters.remove(&id).is_some() {
                    self.filters -= 1;
                }
            }
        }
    }

    fn change_total(&mut self, less: &Resources, more: &Resources) {
        let mut total = self.roles.total().saturating_sub(&self.names.quantities(less));
        total.add(&self.names.quantities(more));
        self.roles.reserved.change(&self.names, less, false);
        self.roles.reserved.change(&self.names, more, true);
        self.roles.set_total(total);
    }

    /// Puts an agent where it belongs in the queue: at the end when it has more free than before, nowhere when it has
    /// nothing to offer. Wakes those who found nothing for them.
    pub(super) fn requeue(&mut self, id: AgentId, grew: bool) {
        let Some(agent) = self.agents.get_mut(&id) else { return };
        let offerable = agent.is_open() && agent.has_free();
        if offerable && agent.place.is_some() && !grew {
            return;
        }
        if let Some(place) = agent.place.take() {
            self.queue.remove(place);
        }
        if offerable {
            agent.place = Some(self.queue.push(id));
            self.wake_all();
        }
    }
}
