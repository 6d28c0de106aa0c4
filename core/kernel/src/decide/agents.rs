//! Agents come, change, are emptied and go.

use std::{collections::BTreeSet, sync::Arc};

use super::{order, send};
use crate::{
    AgentId, Availability, Closed, Deed, Drain, Event, FrameworkId, Kernel, Message, Millis, Mode, OfferId, Reason,
    Refusal, Resources, Step, TaskId, TaskState, Traits, Unavailability,
    limits::{AGENTS_MAX, ATTRIBUTES_MAX},
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
        self.fits_in_sums(&Resources::default(), &total)?;
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
        self.fits_in_sums(&agent.total, &total)?;
        let mut held = agent.allocated.clone();
        held.add(&agent.offered);
        if availability != Availability::Open || !total.contains(&held) {
            self.rescind_all(id, out);
        }
        self.emit(out, Event::AgentUpdated { agent: id, total, availability });
        Ok(())
    }

    /// Whether the sums over all agents can hold it.
    fn fits_in_sums(&self, less: &Resources, more: &Resources) -> Result<(), Refusal> {
        let names = &self.state.names;
        let others = self.state.total().saturating_sub(&names.quantities(less));
        let mut sum = Resources::default();
        for (id, amount) in more.iter() {
            let one: Resources = [(id, amount)].into_iter().collect();
            sum = sum.checked_add(&names.quantities(&one)).ok_or(Refusal::TooLarge)?;
        }
        others.checked_add(&sum).map(drop).ok_or(Refusal::TooLarge)
    }

    /// What was offered of the agent as it was is taken back.
    pub(super) fn describe_agent(&mut self, id: AgentId, traits: Arc<Traits>, out: &mut Step) -> Result<(), Refusal> {
        let agent = self.state.agents.get(&id).ok_or(Refusal::UnknownAgent)?;
        if traits.attributes.len() > ATTRIBUTES_MAX {
            return Err(Refusal::TooMany("attributes of an agent"));
        }
        if agent.traits != traits {
            self.rescind_all(id, out);
            self.emit(out, Event::AgentDescribed { agent: id, traits });
        }
        Ok(())
    }

    pub(super) fn schedule_agent(
        &mut self,
        id: AgentId,
        unavailability: Option<Unavailability>,
        out: &mut Step,
    ) -> Result<(), Refusal> {
        let agent = self.state.agents.get(&id).ok_or(Refusal::UnknownAgent)?;
        if agent.unavailability == unavailability {
            return Ok(());
        }
        self.rescind_all(id, out);
        self.close_inverse_of(id, out);
        self.emit(out, Event::AgentScheduled { agent: id, unavailability });
        if unavailability.is_some() {
            self.ask_back(id, out);
        }
        Ok(())
    }

    pub(super) fn drain_agent(
        &mut self,
        now: Millis,
        id: AgentId,
        grace_ms: Option<u64>,
        mark_gone: bool,
        out: &mut Step,
    ) -> Result<(), Refusal> {
        let agent = self.state.agents.get(&id).ok_or(Refusal::UnknownAgent)?;
        let (total, tasks) = (agent.total.clone(), agent.tasks.clone());
        self.update_agent(id, total, Availability::Draining, out)?;
        let drain = Drain { grace_ms, mark_gone, done: false };
        self.emit(out, Event::AgentDrains { agent: id, drain: Some(drain) });
        for task in tasks {
            self.order_kill(task, grace_ms, Some(Reason::AgentDraining), out);
        }
        self.drained(now, id, out);
        Ok(())
    }

    pub(super) fn reactivate_agent(&mut self, id: AgentId, out: &mut Step) -> Result<(), Refusal> {
        let agent = self.state.agents.get(&id).ok_or(Refusal::UnknownAgent)?;
        let total = agent.total.clone();
        if agent.drain.is_some() {
            self.emit(out, Event::AgentDrains { agent: id, drain: None });
        }
        self.update_agent(id, total, Availability::Open, out)
    }

    /// Looks whether an agent that is being emptied is empty: nothing runs, and every end is known to whom it concerns.
    pub(super) fn drained(&mut self, now: Millis, id: AgentId, out: &mut Step) {
        let Some(agent) = self.state.agents.get(&id) else { return };
        let Some(drain) = agent.drain.filter(|drain| !drain.done && agent.tasks.is_empty()) else { return };
        let name = agent.name.clone();
        if self.state.untold.contains_key(&id) {
            return;
        }
        self.emit(out, Event::AgentDrains { agent: id, drain: Some(Drain { done: true, ..drain }) });
        if drain.mark_gone {
            // It is there: nothing can refuse it.
            drop(self.mark_gone(now, &name, out));
        }
    }

    pub(super) fn remove_agent(&mut self, id: AgentId, out: &mut Step) -> Result<(), Refusal> {
        let agent = self.state.agents.get(&id).ok_or(Refusal::UnknownAgent)?;
        let tasks: Vec<TaskId> = agent.tasks.iter().copied().collect();
        self.rescind_all(id, out);
        self.close_inverse_of(id, out);
        for task in tasks {
            self.end_task(task, TaskState::Lost, Reason::AgentRemoved, out);
        }
        self.end_executors_of(id, out);
        self.forget_ends_on(id, out);
        self.emit(out, Event::AgentRemoved { agent: id });
        self.tell_lost(id, out);
        Ok(())
    }

    /// Nobody says again what ended on an agent that is not there: nobody waits for its being known.
    pub(super) fn forget_ends_on(&mut self, id: AgentId, out: &mut Step) {
        if !self.state.untold.contains_key(&id) {
            return;
        }
        let of = |(framework, found): (&FrameworkId, &crate::Framework)| {
            let here = found.unacknowledged.iter().filter(|(_, end)| end.agent == id);
            here.map(|(name, _)| (*framework, name.clone())).collect::<Vec<_>>()
        };
        let ends: Vec<(FrameworkId, Arc<str>)> = self.state.frameworks.iter().flat_map(of).collect();
        for (framework, name) in ends {
            self.emit(out, Event::EndAcknowledged { framework, name });
        }
    }

    pub(super) fn end_executors_of(&mut self, id: AgentId, out: &mut Step) {
        let Some(agent) = self.state.agents.get(&id) else { return };
        let executors: Vec<(FrameworkId, Arc<str>)> = agent.executors.keys().cloned().collect();
        for (framework, name) in executors {
            self.end_executor(id, framework, name, out);
        }
    }

    pub(super) fn end_executor(&mut self, agent: AgentId, framework: FrameworkId, name: Arc<str>, out: &mut Step) {
        let found = self.state.agents.get(&agent).and_then(|agent| agent.executors.get(&(framework, name.clone())));
        let Some(role) = found.map(|executor| executor.role) else { return };
        self.emit(out, Event::ExecutorEnded { agent, framework, name });
        self.prune_role(role, out);
    }

    /// Tells who takes offers that an agent is not there any more.
    pub(super) fn tell_lost(&self, id: AgentId, out: &mut Step) {
        for (framework, found) in &self.state.frameworks {
            if found.connected && found.mode == Mode::Offers {
                send(out, *framework, Message::AgentLost(id));
            }
        }
    }

    /// Has an agent end all that a framework has on it.
    pub(super) fn order_shutdown(&self, framework: FrameworkId, agents: &BTreeSet<AgentId>, out: &mut Step) {
        for agent in agents {
            order(out, *agent, framework, Deed::ShutdownFramework);
        }
    }

    pub(super) fn rescind_all(&mut self, id: AgentId, out: &mut Step) {
        let offers: Vec<OfferId> =
            self.state.agents.get(&id).map(|a| a.offers.iter().copied().collect()).unwrap_or_default();
        for offer in offers {
            self.close_offer(offer, Closed::Rescinded, out);
        }
    }
}
