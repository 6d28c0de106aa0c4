//! Agents come, change and go.

use std::sync::Arc;

use crate::{
    AgentId, Availability, Closed, Event, Kernel, OfferId, Refusal, Resources, Step, TaskId, TaskState,
    limits::AGENTS_MAX,
};

impl Kernel {
    pub(super) fn add_agent(
        &mut self,
        name: Arc<str>,
        total: Resources,
        availability: Availability,
        out: &mut Step,
    ) -> Result<(), Refusal> {
        if self.state.agent_names.contains_key(&name) {
            return Err(Refusal::DuplicateAgent);
        }
        if self.state.agents.len() >= AGENTS_MAX {
            return Err(Refusal::TooMany("agents"));
        }
        self.state.total().checked_add(&total).ok_or(Refusal::TooLarge)?;
        let agent = AgentId(self.state.last.agent + 1);
        self.emit(out, Event::AgentAdded { agent, name, total, availability });
        Ok(())
    }

    pub(super) fn update_agent(
        &mut self,
        id: AgentId,
        total: Resources,
        availability: Availability,
        out: &mut Step,
    ) -> Result<(), Refusal> {
        let agent = self.state.agents.get(&id).ok_or(Refusal::UnknownAgent)?;
        if agent.total == total && agent.availability == availability {
            return Ok(());
        }
        let others = self.state.total().saturating_sub(&agent.total);
        others.checked_add(&total).ok_or(Refusal::TooLarge)?;
        let mut held = agent.allocated.clone();
        held.add(&agent.offered);
        if availability != Availability::Open || !total.contains(&held) {
            self.rescind_all(id, out);
        }
        self.emit(out, Event::AgentUpdated { agent: id, total, availability });
        Ok(())
    }

    pub(super) fn remove_agent(&mut self, id: AgentId, out: &mut Step) -> Result<(), Refusal> {
        let agent = self.state.agents.get(&id).ok_or(Refusal::UnknownAgent)?;
        let tasks: Vec<TaskId> = agent.tasks.iter().copied().collect();
        self.rescind_all(id, out);
        for task in tasks {
            self.end_task(task, TaskState::Lost, out);
        }
        self.emit(out, Event::AgentRemoved { agent: id });
        Ok(())
    }

    pub(super) fn rescind_all(&mut self, id: AgentId, out: &mut Step) {
        let offers: Vec<OfferId> =
            self.state.agents.get(&id).map(|a| a.offers.iter().copied().collect()).unwrap_or_default();
        for offer in offers {
            self.close_offer(offer, Closed::Rescinded, out);
        }
    }
}
