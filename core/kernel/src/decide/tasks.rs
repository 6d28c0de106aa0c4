//! Tasks come to other states and end; frameworks are told, and say that they know.

use std::sync::Arc;

use super::{order, send};
use crate::{
    AgentId, Deed, Event, FrameworkId, Kernel, Message, Millis, Mode, Reason, Refusal, Status, Step, TaskId, TaskState,
    Unacknowledged, Update, limits::UNACKNOWLEDGED_MAX,
};

impl Kernel {
    pub(super) fn update_task(
        &mut self,
        now: Millis,
        id: TaskId,
        state: TaskState,
        out: &mut Step,
    ) -> Result<(), Refusal> {
        let agent = self.state.tasks.get(&id).ok_or(Refusal::UnknownTask)?.agent;
        self.change_task(id, state, out);
        self.drained(now, agent, out);
        Ok(())
    }

    /// A task that is to be killed stays so until it has ended.
    fn change_task(&mut self, id: TaskId, state: TaskState, out: &mut Step) {
        let Some(task) = self.state.tasks.get(&id) else { return };
        let role = task.role;
        if state.is_terminal() {
            self.emit(out, Event::TaskEnded { task: id, state });
            self.prune_role(role, out);
        } else if task.state != state && task.state != TaskState::Killing {
            self.emit(out, Event::TaskUpdated { task: id, state });
        }
    }

    /// What an agent says goes to the framework, also of tasks of which nothing is known (any more): it is the
    /// framework that has to acknowledge it, or the agent says it for ever.
    pub(super) fn report(
        &mut self,
        now: Millis,
        agent: AgentId,
        framework: FrameworkId,
        name: &Arc<str>,
        update: Update,
        out: &mut Step,
    ) -> Result<(), Refusal> {
        let found = self.state.frameworks.get(&framework).ok_or(Refusal::UnknownFramework)?;
        let waits = found.mode == Mode::Offers;
        let Update { state, source, reason, message, uuid } = update;
        let known = self.state.task_id(framework, name);
        let here = known.filter(|id| self.state.tasks.get(id).is_some_and(|task| task.agent == agent));
        if known.is_some() && here.is_none() {
            return Err(Refusal::UnknownTask);
        }
        if let Some(task) = here {
            self.change_task(task, state, out);
        }
        let told = here.or_else(|| self.unacknowledged(framework, name).map(|end| end.task));
        if let (true, true, Some(task), Some(uuid)) = (waits, state.is_terminal(), told, uuid) {
            self.remember_end(framework, Unacknowledged { task, agent, state, uuid }, name, out);
        }
        let status =
            Status { name: name.clone(), task: told, state, source, reason, message, agent: Some(agent), uuid };
        self.tell_task(framework, status, out);
        self.drained(now, agent, out);
        Ok(())
    }

    fn remember_end(&mut self, framework: FrameworkId, end: Unacknowledged, name: &Arc<str>, out: &mut Step) {
        let Unacknowledged { task, agent, state, uuid } = end;
        let known = self.state.frameworks.get(&framework).map(|found| &found.unacknowledged);
        if let Some(known) = known.filter(|known| known.len() >= UNACKNOWLEDGED_MAX && !known.contains_key(name)) {
            let oldest = known.iter().min_by_key(|(_, end)| end.task).map(|(name, _)| name.clone());
            if let Some(name) = oldest {
                self.emit(out, Event::EndAcknowledged { framework, name });
            }
        }
        self.emit(out, Event::EndTold { framework, task, name: name.clone(), agent, state, uuid });
    }

    fn unacknowledged(&self, framework: FrameworkId, name: &Arc<str>) -> Option<&Unacknowledged> {
        self.state.frameworks.get(&framework)?.unacknowledged.get(name)
    }

    /// The agent is told in any case, if it is there: it knows better than the kernel whether it waits.
    pub(super) fn acknowledge(
        &mut self,
        now: Millis,
        framework: FrameworkId,
        agent: AgentId,
        name: &Arc<str>,
        uuid: u128,
        out: &mut Step,
    ) -> Result<(), Refusal> {
        self.connected(framework, Mode::Offers)?;
        if self.unacknowledged(framework, name).is_some_and(|end| end.uuid == uuid) {
            self.emit(out, Event::EndAcknowledged { framework, name: name.clone() });
        }
        if self.state.agents.contains_key(&agent) {
            order(out, agent, framework, Deed::Acknowledge { name: name.clone(), uuid });
            self.drained(now, agent, out);
        }
        Ok(())
    }

    pub(super) fn kill(
        &mut self,
        framework: FrameworkId,
        name: &Arc<str>,
        agent: Option<AgentId>,
        grace_ms: Option<u64>,
        out: &mut Step,
    ) -> Result<(), Refusal> {
        if !self.state.frameworks.get(&framework).ok_or(Refusal::UnknownFramework)?.connected {
            return Err(Refusal::WrongMode);
        }
        let Some(id) = self.state.task_id(framework, name) else {
            let agent = agent.and_then(|agent| self.state.agents.get(&agent)).map(|agent| agent.name.clone());
            return self.reconcile(framework, &[(name.clone(), agent)], out);
        };
        let there = self.state.tasks.get(&id).map(|task| task.agent);
        if agent.is_some() && agent != there {
            return Err(Refusal::UnknownTask);
        }
        self.order_kill(id, grace_ms, None, out);
        Ok(())
    }

    /// Has a task's agent end it. If the agent does not answer now it is told when it does.
    pub(super) fn order_kill(&mut self, id: TaskId, grace_ms: Option<u64>, reason: Option<Reason>, out: &mut Step) {
        let Some(task) = self.state.tasks.get(&id) else { return };
        let (agent, framework, name) = (task.agent, task.framework, task.name.clone());
        if task.state != TaskState::Killing {
            self.emit(out, Event::TaskUpdated { task: id, state: TaskState::Killing });
        }
        if self.state.agents.get(&agent).is_some_and(|agent| agent.connected) {
            order(out, agent, framework, Deed::Kill { name, grace_ms, reason });
        }
    }

    pub(super) fn shutdown(
        &self,
        framework: FrameworkId,
        agent: AgentId,
        executor: Arc<str>,
        out: &mut Step,
    ) -> Result<(), Refusal> {
        self.connected(framework, Mode::Offers)?;
        if !self.state.agents.contains_key(&agent) {
            return Err(Refusal::UnknownAgent);
        }
        order(out, agent, framework, Deed::ShutdownExecutor(executor));
        Ok(())
    }

    /// Its tasks end by what the agent says of each.
    pub(super) fn executor_exited(
        &mut self,
        framework: FrameworkId,
        agent: AgentId,
        executor: &Arc<str>,
        status: i32,
        out: &mut Step,
    ) -> Result<(), Refusal> {
        let found = self.state.agents.get(&agent).ok_or(Refusal::UnknownAgent)?;
        if !found.executors.contains_key(&(framework, executor.clone())) {
            return Err(Refusal::UnknownTask);
        }
        self.end_executor(agent, framework, executor.clone(), out);
        send(out, framework, Message::ExecutorLost { agent, executor: executor.clone(), status });
        Ok(())
    }

    /// Ends a task that its framework did not end itself, and tells it.
    pub(super) fn end_task(&mut self, id: TaskId, state: TaskState, reason: Reason, out: &mut Step) {
        let Some(task) = self.state.tasks.get(&id) else { return };
        let (framework, role, agent) = (task.framework, task.role, task.agent);
        let status = Status::of(&task.name, state, Some(reason)).on(Some(agent), Some(id));
        self.emit(out, Event::TaskEnded { task: id, state });
        self.prune_role(role, out);
        self.tell_task(framework, status, out);
    }

    /// Tells a framework of a task, in words that it understands, if somebody listens.
    pub(super) fn tell_task(&self, framework: FrameworkId, mut status: Status, out: &mut Step) {
        let Some(found) = self.state.frameworks.get(&framework).filter(|found| found.connected) else { return };
        if found.mode == Mode::Offers {
            status.state = status.state.seen_by(&found.settings.capabilities);
        }
        send(out, framework, Message::Task(Box::new(status)));
    }
}
