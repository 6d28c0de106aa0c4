//! Frameworks ask how their tasks are (Mesos' implicit and explicit reconciliation).

use std::sync::Arc;

use crate::{
    FrameworkId, Kernel, Reason, Refusal, Status, Step, TaskState,
    limits::{FRAMEWORK_ROLES_MAX, TASKS_MAX},
};

impl Kernel {
    /// Without names: of all tasks. With names: of these, and of an agent that is still awaited nothing is said.
    pub(super) fn reconcile(
        &self,
        framework: FrameworkId,
        tasks: &[(Arc<str>, Option<Arc<str>>)],
        out: &mut Step,
    ) -> Result<(), Refusal> {
        let found = self.state.frameworks.get(&framework).ok_or(Refusal::UnknownFramework)?;
        if !found.connected {
            return Err(Refusal::WrongMode);
        }
        if tasks.len() > TASKS_MAX.min(FRAMEWORK_ROLES_MAX * 10) {
            return Err(Refusal::TooMany("tasks in one question"));
        }
        if tasks.is_empty() {
            for name in
                self.state.tasks_of(framework).into_iter().map(|(name, _)| name).chain(found.unacknowledged.keys())
            {
                self.tell_latest(framework, name, None, out);
            }
        }
        for (name, agent) in tasks {
            self.tell_latest(framework, name, agent.as_ref(), out);
        }
        Ok(())
    }

    fn tell_latest(&self, framework: FrameworkId, name: &Arc<str>, agent: Option<&Arc<str>>, out: &mut Step) {
        let Some(found) = self.state.frameworks.get(&framework) else { return };
        let task = self.state.task_id(framework, name).and_then(|id| Some((id, self.state.tasks.get(&id)?)));
        let reason = Some(Reason::Reconciliation);
        if let Some((id, task)) = task {
            let status = Status::of(name, task.state, reason).on(Some(task.agent), Some(id));
            self.tell_task(framework, status.with("Reconciliation: Latest task state"), out);
            return;
        }
        if let Some(end) = found.unacknowledged.get(name) {
            let status = Status::of(name, end.state, reason).on(Some(end.agent), Some(end.task));
            self.tell_task(framework, status.with("Reconciliation: Latest task state"), out);
            return;
        }
        let registered = agent.and_then(|agent| self.state.agent_id(agent));
        let away = agent.or_else(|| self.state.absent_with(framework, name));
        let away = away.and_then(|agent| self.state.absent.get(agent));
        let (state, words) = match (registered, away) {
            (Some(_), _) => (TaskState::Gone, "Reconciliation: Task is unknown to the agent"),
            (None, Some(absent)) if absent.gone => (TaskState::GoneByOperator, "Reconciliation: Task is gone"),
            (None, Some(_)) => (TaskState::Unreachable, "Reconciliation: Task is unreachable"),
            (None, None) => (TaskState::Unknown, "Reconciliation: Task is unknown"),
        };
        self.tell_task(framework, Status::of(name, state, reason).on(registered, None).with(words), out);
    }
}
