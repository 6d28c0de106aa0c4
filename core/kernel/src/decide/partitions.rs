//! Agents that do not answer, are given up, and come back with what ran on them.

use std::{collections::BTreeSet, sync::Arc};

use super::{order, send};
use crate::{
    AgentId, Availability, Deed, Event, FrameworkId, Kernel, Message, Millis, Reason, Refusal, Resources, RoleId,
    Running, Status, Step, Task, TaskId, TaskSpec, TaskState, Traits,
    limits::{ABSENT_MAX, ATTRIBUTES_MAX, FRAMEWORK_ROLES_MAX},
};

impl Kernel {
    pub(super) fn disconnect_agent(&mut self, id: AgentId, out: &mut Step) -> Result<(), Refusal> {
        let agent = self.state.agents.get(&id).ok_or(Refusal::UnknownAgent)?;
        if agent.connected {
            self.rescind_all(id, out);
            self.emit(out, Event::AgentConnected { agent: id, connected: false });
        }
        Ok(())
    }

    pub(super) fn reconnect_agent(&mut self, id: AgentId, out: &mut Step) -> Result<(), Refusal> {
        let agent = self.state.agents.get(&id).ok_or(Refusal::UnknownAgent)?;
        let tasks = agent.tasks.clone();
        if !agent.connected || self.state.doubted.contains_key(&id) {
            self.emit(out, Event::AgentConnected { agent: id, connected: true });
            for task in tasks {
                if self.state.tasks.get(&task).is_some_and(|task| task.state == TaskState::Killing) {
                    self.order_kill(task, None, None, out);
                }
            }
        }
        Ok(())
    }

    pub(super) fn lose_agent(&mut self, now: Millis, id: AgentId, out: &mut Step) -> Result<(), Refusal> {
        self.disconnect_agent(id, out)?;
        if !self.state.doubted.contains_key(&id) {
            let due = match (self.state.removal_at, self.config.removal_ms_min) {
                (Millis(0), _) | (_, 0) => now,
                (last, pause) => now.max(last.after_ms(pause)),
            };
            self.emit(out, Event::AgentDoubted { agent: id, due });
        }
        Ok(())
    }

    pub(super) fn mark_gone(&mut self, now: Millis, name: &Arc<str>, out: &mut Step) -> Result<(), Refusal> {
        if let Some(id) = self.state.agent_id(name) {
            self.send_away(now, id, true, out);
            return Ok(());
        }
        let absent = self.state.absent.get(name).ok_or(Refusal::UnknownAgent)?;
        if absent.gone {
            return Ok(());
        }
        for framework in absent.tasks.values().map(|task| task.framework).collect::<BTreeSet<_>>() {
            order(out, absent.agent, framework, Deed::ShutdownFramework);
        }
        for task in absent.tasks.values() {
            let reason = Some(Reason::AgentRemovedByOperator);
            self.tell_task(task.framework, Status::of(&task.name, TaskState::GoneByOperator, reason), out);
        }
        self.emit(out, Event::AbsentGone { name: name.clone() });
        Ok(())
    }

    /// An agent is given up: what ran on it is unreachable, or gone for good.
    pub(super) fn send_away(&mut self, now: Millis, id: AgentId, gone: bool, out: &mut Step) {
        let Some(agent) = self.state.agents.get(&id) else { return };
        let tasks: Vec<Task> = agent.tasks.iter().filter_map(|task| self.state.tasks.get(task)).cloned().collect();
        let mut roles: BTreeSet<RoleId> = agent.executors.values().map(|executor| executor.role).collect();
        if gone {
            // It may answer still, or again, but what runs on it counts for nobody any more.
            let frameworks = agent.executors.keys().map(|(framework, _)| *framework);
            let frameworks: BTreeSet<_> = frameworks.chain(tasks.iter().map(|task| task.framework)).collect();
            frameworks.into_iter().for_each(|framework| order(out, id, framework, Deed::ShutdownFramework));
        }
        self.rescind_all(id, out);
        self.close_inverse_of(id, out);
        self.forget_ends_on(id, out);
        while self.state.absent.len() >= ABSENT_MAX {
            let Some((_, name)) = self.state.absent_order.first().cloned() else { break };
            self.emit(out, Event::AbsentForgotten { name });
        }
        self.emit(out, Event::AgentAway { agent: id, since: now, gone });
        let (state, reason) = match gone {
            true => (TaskState::GoneByOperator, Reason::AgentRemovedByOperator),
            false => (TaskState::Unreachable, Reason::AgentRemoved),
        };
        for task in tasks {
            roles.insert(task.role);
            self.tell_task(task.framework, Status::of(&task.name, state, Some(reason)).on(Some(id), None), out);
        }
        for role in roles {
            self.prune_role(role, out);
        }
        self.tell_lost(id, out);
    }

    /// An agent comes, or comes back: what it says that it runs is what runs on it.
    pub(super) fn register_agent(
        &mut self,
        name: Arc<str>,
        total: Resources,
        traits: Arc<Traits>,
        running: Vec<Running>,
        out: &mut Step,
    ) -> Result<(), Refusal> {
        let absent = self.state.absent.get(&name).cloned();
        if absent.as_ref().is_some_and(|absent| absent.gone) {
            return Err(Refusal::AgentGone);
        }
        if traits.attributes.len() > ATTRIBUTES_MAX {
            return Err(Refusal::TooMany("attributes of an agent"));
        }
        let known = self.state.agent_id(&name);
        match known {
            Some(id) => {
                let availability = self.state.agents.get(&id).map(|agent| agent.availability).unwrap_or_default();
                self.update_agent(id, total, availability, out)?;
                if self.state.agents.get(&id).is_some_and(|agent| !agent.connected)
                    || self.state.doubted.contains_key(&id)
                {
                    self.emit(out, Event::AgentConnected { agent: id, connected: true });
                }
            }
            None => self.add_agent(name.clone(), total, Availability::Open, out)?,
        }
        let Some(id) = self.state.agent_id(&name) else { return Err(Refusal::UnknownAgent) };
        self.describe_agent(id, traits, out)?;
        let here: BTreeSet<TaskId> = running.into_iter().filter_map(|task| self.take_back(id, task, out)).collect();
        for task in self.state.agents.get(&id).map(|agent| agent.tasks.clone()).unwrap_or_default() {
            if !here.contains(&task) {
                self.end_task(task, TaskState::Dropped, Reason::Reconciliation, out);
            }
        }
        for task in absent.into_iter().flat_map(|absent| absent.tasks.into_values()) {
            let came = self.state.task_id(task.framework, &task.name).is_some();
            if !came {
                let status = Status::of(&task.name, TaskState::Gone, Some(Reason::Reconciliation));
                self.tell_task(task.framework, status.on(Some(id), None), out);
            }
        }
        Ok(())
    }

    /// Writes down a task that an agent says it runs; `None` when it is to end it.
    fn take_back(&mut self, agent: AgentId, running: Running, out: &mut Step) -> Option<TaskId> {
        let Running { framework, role, task, state } = running;
        let name = task.name.clone();
        if !self.state.frameworks.contains_key(&framework) {
            order(out, agent, framework, Deed::ShutdownFramework);
            return None;
        }
        if let Some(known) = self.state.task_id(framework, &name) {
            let same = self.state.tasks.get(&known).is_some_and(|task| task.agent == agent);
            let killing = self.state.tasks.get(&known).is_some_and(|task| task.state == TaskState::Killing);
            match (same, state.is_terminal(), killing) {
                (false, _, _) => order(out, agent, framework, Deed::Kill { name, grace_ms: None, reason: None }),
                (true, false, true) => self.order_kill(known, None, None, out),
                (true, false, false) => self.emit(out, Event::TaskUpdated { task: known, state }),
                // The agent says so again until it is acknowledged.
                (true, true, _) => {}
            }
            return same.then_some(known);
        }
        if state.is_terminal() {
            return None;
        }
        let Ok(id) = self.take_in(framework, &role, agent, task, state, out) else {
            order(out, agent, framework, Deed::Kill { name, grace_ms: None, reason: None });
            return None;
        };
        let status = Status::of(&name, state, Some(Reason::AgentReregistered)).on(Some(agent), Some(id));
        self.tell_task(framework, status, out);
        Some(id)
    }

    /// What runs in a role that its framework has left counts there, and brings the framework no offers.
    fn take_in(
        &mut self,
        framework: FrameworkId,
        path: &Arc<str>,
        agent: AgentId,
        task: TaskSpec,
        state: TaskState,
        out: &mut Step,
    ) -> Result<TaskId, Refusal> {
        let role = self.ensure_role(path, out)?;
        let accounts = self.state.frameworks.get(&framework).map(|found| &found.subscriptions);
        let room = accounts.is_some_and(|held| held.contains_key(&role) || held.len() < FRAMEWORK_ROLES_MAX);
        let adopted = match room {
            true => self.adopt(framework, role, agent, task, state, out),
            false => Err(Refusal::TooMany("roles of a framework")),
        };
        self.prune_role(role, out);
        adopted
    }

    /// Asks everybody who has something on an agent to leave it.
    pub(super) fn ask_back(&mut self, agent: AgentId, out: &mut Step) {
        let Some(found) = self.state.agents.get(&agent) else { return };
        let tasks = found.tasks.iter().filter_map(|task| self.state.tasks.get(task)).map(|task| task.framework);
        let frameworks: BTreeSet<FrameworkId> = tasks.chain(found.executors.keys().map(|(id, _)| *id)).collect();
        for framework in frameworks {
            let offer = self.next_offer();
            let inverse = crate::InverseOffer { framework, agent, answer: None, again_at: None };
            self.emit(out, Event::InverseOffered { offer, inverse });
            send(out, framework, Message::InverseOffers(vec![offer]));
        }
    }
}
