//! Tasks are checked and launched on what is left of accepted offers, in Mesos' order and words.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{order, send};
use crate::{
    Action, AgentId, Conversion, Deed, ExecutorSpec, FrameworkId, Kernel, Message, NewTask, Operation, Reason,
    Resources, Status, Step, TaskId, TaskSpec, TaskState,
};

/// The longest name of a task or executor in bytes.
const NAME_BYTES_MAX: usize = 255;

/// What is left of accepted offers while the operations are done one after the other.
pub(super) struct Remaining {
    pub(super) framework: FrameworkId,
    pub(super) agent: AgentId,
    pub(super) rest: Resources,
    pub(super) conversions: Vec<Conversion>,
    pub(super) tasks: Vec<NewTask>,
    /// What the agent is told: tasks, and whether they are a group.
    pub(super) launches: Vec<(Vec<TaskId>, bool)>,
    named: BTreeSet<Arc<str>>,
    executors: BTreeMap<Arc<str>, Arc<ExecutorSpec>>,
}

impl Remaining {
    pub(super) fn new(framework: FrameworkId, agent: AgentId, rest: Resources) -> Self {
        Self {
            framework,
            agent,
            rest,
            conversions: Vec::new(),
            tasks: Vec::new(),
            launches: Vec::new(),
            named: BTreeSet::new(),
            executors: BTreeMap::new(),
        }
    }
}

impl Kernel {
    /// Does one operation, or tells the framework why not; what comes after it is done all the same.
    pub(super) fn perform(&mut self, operation: Operation, remaining: &mut Remaining, out: &mut Step) {
        let framework = remaining.framework;
        match operation.action {
            Action::Launch(tasks) | Action::LaunchGroup { tasks, .. } if operation.id.is_some() => {
                for task in tasks {
                    let why = "The operation that launches a task must not have an ID".to_owned();
                    self.refuse_task(framework, &task.name, Reason::TaskInvalid, why, out);
                }
            }
            Action::Launch(tasks) => {
                let mut launched = Vec::new();
                for task in tasks {
                    let name = task.name.clone();
                    match self.launch(task, remaining) {
                        Ok(id) => launched.push(id),
                        Err(why) => self.refuse_task(framework, &name, Reason::TaskInvalid, why, out),
                    }
                }
                remaining.launches.push((launched, false));
            }
            Action::LaunchGroup { executor, tasks } => self.launch_group(&executor, tasks, remaining, out),
            action => {
                let done = self.convert(&action, Some(framework), remaining, out);
                if let Some(id) = operation.id {
                    send(out, framework, Message::Operation { id, error: done.err().map(Into::into) });
                }
            }
        }
    }

    fn launch_group(
        &self,
        executor: &Arc<ExecutorSpec>,
        tasks: Vec<TaskSpec>,
        remaining: &mut Remaining,
        out: &mut Step,
    ) {
        let names: Vec<Arc<str>> = tasks.iter().map(|task| task.name.clone()).collect();
        let before = (remaining.rest.clone(), remaining.tasks.len());
        let (named, executors) = (remaining.named.clone(), remaining.executors.clone());
        let mut launched = Vec::new();
        for mut task in tasks {
            let name = task.name.clone();
            let own = task.executor.get_or_insert_with(|| executor.clone()).clone();
            let result = if own == *executor {
                self.launch(task, remaining).map_err(|why| format!("Task '{name}' is invalid: {why}"))
            } else {
                let executor = &executor.name;
                Err(format!("The `ExecutorInfo` of task '{name}' is different from executor '{executor}'"))
            };
            match result {
                Ok(id) => launched.push(id),
                Err(why) => {
                    remaining.rest = before.0;
                    remaining.tasks.truncate(before.1);
                    (remaining.named, remaining.executors) = (named, executors);
                    for name in names {
                        self.refuse_task(remaining.framework, &name, Reason::TaskGroupInvalid, why.clone(), out);
                    }
                    return;
                }
            }
        }
        remaining.launches.push((launched, true));
    }

    /// Takes what a task needs from what is left.
    fn launch(&self, task: TaskSpec, remaining: &mut Remaining) -> Result<TaskId, String> {
        let framework = remaining.framework;
        check_name(&task.name)?;
        let found = self.state.frameworks.get(&framework);
        if self.state.task_id(framework, &task.name).is_some()
            || remaining.named.contains(&task.name)
            || found.is_some_and(|found| found.unacknowledged.contains_key(&task.name))
        {
            return Err(format!("Task has duplicate ID: {}", task.name));
        }
        let away = self.state.absent_with(framework, &task.name).and_then(|agent| self.state.absent.get(agent));
        if away.is_some_and(|absent| !absent.gone) {
            return Err(format!("Task reuses the ID of an unreachable task: {}", task.name));
        }
        if task.resources.is_zero() {
            return Err("Task uses no resources".to_owned());
        }
        let mut total = task.resources.clone();
        if let Some(executor) = &task.executor {
            check_name(&executor.name)?;
            let key = (framework, executor.name.clone());
            let live = self.state.agents.get(&remaining.agent).and_then(|agent| agent.executors.get(&key));
            let known = live.map(|live| &live.spec).or_else(|| remaining.executors.get(&executor.name));
            match known {
                Some(known) if known != executor => {
                    return Err("ExecutorInfo is not compatible with existing ExecutorInfo with same ExecutorID".into());
                }
                Some(_) => {}
                None => total.add(&executor.resources),
            }
        }
        self.check_mix(&total)?;
        let Some(left) = remaining.rest.checked_sub(&self.state.names.exclusive(&total)) else {
            let (needed, there) = (self.state.names.show(&total), self.state.names.show(&remaining.rest));
            return Err(format!(
                "Total resources {needed} required by task and its executor is more than available {there}"
            ));
        };
        if !remaining.rest.contains(&total) {
            return Err("Task uses a shared volume that is not offered".to_owned());
        }
        let (name, executor) = (task.name.clone(), task.executor.clone());
        let mut new = self.new_task(framework, task).map_err(|refusal| refusal.to_string())?;
        new.task.0 += remaining.tasks.len() as u64;
        remaining.rest = left;
        remaining.named.insert(name);
        if let Some(executor) = executor {
            remaining.executors.insert(executor.name.clone(), executor);
        }
        let id = new.task;
        remaining.tasks.push(new);
        Ok(id)
    }

    /// What may be taken back and what may not do not go together, name by name.
    fn check_mix(&self, resources: &Resources) -> Result<(), String> {
        let mut seen: BTreeMap<&str, bool> = BTreeMap::new();
        for kind in resources.ids().filter_map(|id| self.state.names.kind(id)) {
            if seen.insert(&kind.name, kind.revocable).is_some_and(|other| other != kind.revocable) {
                return Err("Task and its executor mix revocable and non-revocable resources".to_owned());
            }
        }
        Ok(())
    }

    fn refuse_task(&self, framework: FrameworkId, name: &Arc<str>, reason: Reason, why: String, out: &mut Step) {
        self.tell_task(framework, Status::of(name, TaskState::Error, Some(reason)).with(why), out);
    }

    pub(super) fn order_launches(
        &self,
        framework: FrameworkId,
        agent: AgentId,
        launches: Vec<(Vec<TaskId>, bool)>,
        out: &mut Step,
    ) {
        for (tasks, group) in launches.into_iter().filter(|(tasks, _)| !tasks.is_empty()) {
            order(out, agent, framework, Deed::Launch { tasks, group });
        }
    }
}

/// Names become names of directories on agents.
fn check_name(name: &str) -> Result<(), String> {
    if name.is_empty() {
        return Err("ID must not be empty".to_owned());
    }
    if name.len() > NAME_BYTES_MAX {
        return Err(format!("ID must not be greater than {NAME_BYTES_MAX} characters"));
    }
    if name == "." || name == ".." {
        return Err(format!("'{name}' is disallowed"));
    }
    if name.chars().any(|c| c.is_control() || c == '/' || c == '\\') {
        return Err(format!("'{name}' contains invalid characters"));
    }
    Ok(())
}
