//! Tasks and executors start and end.

use std::{collections::BTreeSet, sync::Arc};

use crate::{
    AgentId, Executor, ExecutorSpec, FrameworkId, Millis, NewTask, OfferId, RoleId, State, Task, TaskId, TaskState,
    Unacknowledged, apply::offers::Account, timer::Timer,
};

impl NewTask {
    /// The task as it is right after it came from an accepted offer.
    pub(super) fn born(
        &self,
        offer: OfferId,
        framework: FrameworkId,
        role: RoleId,
        agent: AgentId,
        state: TaskState,
    ) -> Task {
        let (name, resources) = (self.name.clone(), self.resources.clone());
        let (executor, priority) = (self.executor.clone(), self.priority);
        Task { name, framework, role, agent, offer, resources, state, executor, priority }
    }
}

impl State {
    pub(super) fn start(&mut self, id: TaskId, task: Task, granted: bool) {
        self.last.task = self.last.task.max(id.0);
        self.last.offer = self.last.offer.max(task.offer.0);
        if let Some(agent) = self.agents.get_mut(&task.agent) {
            agent.tasks.insert(id);
        }
        if let Some(framework) = self.frameworks.get_mut(&task.framework) {
            framework.tasks += 1;
        }
        self.hold(task.framework, task.role, task.agent, &task.resources, Account::Allocated, granted);
        if let Some(spec) = &task.executor {
            self.join_executor(id, &task, spec);
        }
        self.requeue(task.agent, false);
        self.task_names.insert(task.framework, task.name.clone(), id);
        self.tasks.insert(id, task);
    }

    pub(super) fn end(&mut self, id: TaskId) {
        let Some(task) = self.tasks.remove(&id) else { return };
        self.notice(id, None);
        self.task_names.remove(task.framework, &task.name);
        if let Some(agent) = self.agents.get_mut(&task.agent) {
            agent.tasks.remove(&id);
            let executor = task.executor.as_ref().map(|spec| (task.framework, spec.name.clone()));
            if let Some(executor) = executor.and_then(|key| agent.executors.get_mut(&key)) {
                executor.tasks.remove(&id);
            }
        }
        if let Some(framework) = self.frameworks.get_mut(&task.framework) {
            framework.tasks -= 1;
        }
        self.release(task.framework, task.role, task.agent, &task.resources, Account::Allocated);
        self.drop_unused(task.framework, task.role);
        self.requeue(task.agent, true);
    }

    pub(super) fn tell_end(&mut self, framework: FrameworkId, name: &Arc<str>, end: Unacknowledged) {
        self.acknowledge_end(framework, name);
        let Some(framework) = self.frameworks.get_mut(&framework) else { return };
        *self.untold.entry(end.agent).or_default() += 1;
        framework.unacknowledged.insert(name.clone(), end);
    }

    pub(super) fn acknowledge_end(&mut self, framework: FrameworkId, name: &Arc<str>) {
        let Some(framework) = self.frameworks.get_mut(&framework) else { return };
        if let Some(end) = framework.unacknowledged.remove(name) {
            self.forget_untold(end.agent);
        }
    }

    pub(super) fn forget_untold(&mut self, agent: AgentId) {
        if let Some(count) = self.untold.get_mut(&agent) {
            *count -= 1;
            if *count == 0 {
                self.untold.remove(&agent);
            }
        }
    }

    /// The first task of an executor starts it.
    fn join_executor(&mut self, id: TaskId, task: &Task, spec: &Arc<ExecutorSpec>) {
        let Some(agent) = self.agents.get_mut(&task.agent) else { return };
        let key = (task.framework, spec.name.clone());
        if let Some(executor) = agent.executors.get_mut(&key) {
            executor.tasks.insert(id);
            return;
        }
        let executor = Executor { spec: spec.clone(), role: task.role, tasks: BTreeSet::from([id]) };
        agent.executors.insert(key, executor);
        self.hold(task.framework, task.role, task.agent, &spec.resources, Account::Allocated, false);
    }

    pub(super) fn end_executor(&mut self, agent: AgentId, framework: FrameworkId, name: &Arc<str>) {
        let found = self.agents.get_mut(&agent).and_then(|agent| agent.executors.remove(&(framework, name.clone())));
        let Some(executor) = found else { return };
        self.release(framework, executor.role, agent, &executor.spec.resources, Account::Allocated);
        self.drop_unused(framework, executor.role);
        self.requeue(agent, true);
    }

    pub(super) fn notice(&mut self, id: TaskId, until: Option<Millis>) {
        if let Some(old) = self.notices.remove(&id) {
            self.timers.clear(old, Timer::Notice(id));
        }
        if let Some(until) = until.filter(|_| self.tasks.contains_key(&id)) {
            self.notices.insert(id, until);
            self.timers.set(until, Timer::Notice(id));
        }
    }
}
