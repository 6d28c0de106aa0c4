//! What a master writes down before it says it, and what the next one reads.

use std::{collections::BTreeMap, sync::Arc};

use kubernel_kernel::{
    AgentId, Event, FrameworkId, Input, NewTask, Resources, RoleId, Running, Settings, Source, State, Step, TaskId,
    TaskSpec, TaskState, Update,
};

use super::message::Key;

/// All that survives a master.
#[derive(Clone, Debug, Default)]
pub(crate) struct Durable {
    frameworks: BTreeMap<FrameworkId, FrameworkRecord>,
    agents: BTreeMap<Arc<str>, AgentRecord>,
    tasks: BTreeMap<Key, TaskRecord>,
    last_framework: u32,
    /// What an operator settled, in order.
    settled: Vec<Input>,
    /// What numbers stand for, for as long as a master lives.
    numbers: Numbers,
}

#[derive(Clone, Debug, Default)]
struct Numbers {
    agents: BTreeMap<AgentId, Arc<str>>,
    roles: BTreeMap<RoleId, Arc<str>>,
    tasks: BTreeMap<TaskId, Key>,
}

#[derive(Clone, Debug, Default)]
struct FrameworkRecord {
    name: Arc<str>,
    roles: Vec<Arc<str>>,
    settings: Arc<Settings>,
    failover_ms: Option<u64>,
}

#[derive(Clone, Debug)]
struct AgentRecord {
    total: Resources,
    away: Option<Away>,
    drains: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Away {
    Unreachable,
    Gone,
}

#[derive(Clone, Debug)]
struct TaskRecord {
    agent: Arc<str>,
    role: Arc<str>,
    resources: Resources,
    state: TaskState,
    /// The update with which it ended.
    uuid: Option<u128>,
}

impl Durable {
    /// What an operator settled is written down as it was said.
    pub(crate) fn settle(&mut self, input: &Input) {
        self.settled.push(input.clone());
    }

    /// Writes down what a step led to; says whether there was anything.
    pub(crate) fn note(&mut self, step: &Step, state: &State) -> bool {
        let mut noted = false;
        for event in &step.events {
            noted |= self.note_framework(event) || self.note_agent(event) || self.note_task(event, state);
        }
        self.tasks.retain(|_, task| !task.state.is_terminal() || task.uuid.is_some());
        noted
    }

    fn note_framework(&mut self, event: &Event) -> bool {
        match event {
            Event::RoleAdded { role, path, .. } => {
                self.numbers.roles.insert(*role, path.clone());
            }
            Event::FrameworkAdded { framework, name, failover_ms, .. } => {
                self.last_framework = self.last_framework.max(framework.0);
                let record = self.frameworks.entry(*framework).or_default();
                (record.name, record.failover_ms) = (name.clone(), *failover_ms);
            }
            Event::FrameworkConfigured { framework, settings, failover_ms } => {
                if let Some(record) = self.frameworks.get_mut(framework) {
                    (record.settings, record.failover_ms) = (settings.clone(), *failover_ms);
                }
            }
            Event::RoleJoined { framework, role } | Event::RoleLeft { framework, role } => {
                let path = self.numbers.roles.get(role).cloned().unwrap_or_default();
                if let Some(record) = self.frameworks.get_mut(framework) {
                    record.roles.retain(|known| *known != path);
                    record.roles.extend(matches!(event, Event::RoleJoined { .. }).then_some(path));
                }
            }
            Event::FrameworkRemoved { framework } => {
                self.frameworks.remove(framework);
                self.tasks.retain(|(owner, _), _| owner != framework);
            }
            _ => return false,
        }
        true
    }

    fn note_agent(&mut self, event: &Event) -> bool {
        match event {
            Event::AgentAdded { agent, name, total, .. } => {
                self.numbers.agents.insert(*agent, name.clone());
                // What ran on it is what it says that it runs.
                self.tasks.retain(|_, task| task.agent != *name || task.state.is_terminal());
                let record = AgentRecord { total: total.clone(), away: None, drains: false };
                self.agents.insert(name.clone(), record);
            }
            Event::AgentAway { agent, gone, .. } => {
                if let Some(record) = self.agent(*agent) {
                    record.away = Some(if *gone { Away::Gone } else { Away::Unreachable });
                }
            }
            Event::AbsentGone { name } => {
                if let Some(record) = self.agents.get_mut(name) {
                    record.away = Some(Away::Gone);
                }
            }
            Event::AgentDrains { agent, drain } => {
                if let Some(record) = self.agent(*agent) {
                    record.drains = drain.is_some();
                }
            }
            _ => return false,
        }
        true
    }

    fn note_task(&mut self, event: &Event, state: &State) -> bool {
        match event {
            Event::Accepted { tasks, .. } => {
                for new in tasks {
                    let Some(task) = state.tasks().get(&new.task) else { continue };
                    self.add_task(task.framework, task.role, task.agent, new, TaskState::Staging);
                }
            }
            Event::Adopted { framework, role, agent, task, state, .. } => {
                self.add_task(*framework, *role, *agent, task, *state);
            }
            Event::TaskUpdated { task, state } | Event::TaskEnded { task, state } => {
                let key = self.numbers.tasks.get(task);
                if let Some(record) = key.and_then(|key| self.tasks.get_mut(key)) {
                    record.state = *state;
                }
            }
            Event::EndTold { framework, name, uuid, .. } => {
                if let Some(record) = self.tasks.get_mut(&(*framework, name.clone())) {
                    record.uuid = Some(*uuid);
                }
            }
            Event::EndAcknowledged { framework, name } => {
                self.tasks.remove(&(*framework, name.clone()));
            }
            _ => return false,
        }
        true
    }

    fn agent(&mut self, id: AgentId) -> Option<&mut AgentRecord> {
        self.agents.get_mut(self.numbers.agents.get(&id)?)
    }

    fn add_task(&mut self, framework: FrameworkId, role: RoleId, agent: AgentId, task: &NewTask, state: TaskState) {
        let key = (framework, task.name.clone());
        let agent = self.numbers.agents.get(&agent).cloned().unwrap_or_default();
        let role = self.numbers.roles.get(&role).cloned().unwrap_or_default();
        self.numbers.tasks.insert(task.task, key.clone());
        self.tasks.insert(key, TaskRecord { agent, role, resources: task.resources.clone(), state, uuid: None });
    }

    /// What a new master is told first, all but what needs the numbers of agents.
    pub(crate) fn frameworks_again(&self) -> Vec<Input> {
        let mut inputs = self.settled.clone();
        let recover = |framework, record: &FrameworkRecord| Input::RecoverFramework {
            framework,
            name: record.name.clone(),
            mode: kubernel_kernel::Mode::Offers,
            failover_ms: record.failover_ms,
        };
        for (id, record) in &self.frameworks {
            inputs.push(recover(*id, record));
            let (settings, failover_ms) = (record.settings.clone(), record.failover_ms);
            inputs.push(Input::Configure { framework: *id, settings, failover_ms });
            inputs.extend(record.roles.iter().map(|role| Input::JoinRole { framework: *id, role: role.clone() }));
        }
        // No number is given twice, also not that of one that was removed.
        let last = FrameworkId(self.last_framework);
        if !self.frameworks.contains_key(&last) && last.0 > 0 {
            inputs.push(recover(last, &FrameworkRecord::default()));
            inputs.push(Input::RemoveFramework { framework: last });
        }
        inputs
    }

    /// The agents that a new master is told of, and what of each.
    pub(crate) fn agents_again(&self) -> Vec<AgentAgain> {
        let again = |(name, record): (&Arc<str>, &AgentRecord)| {
            let own = self.tasks.iter().filter(|(_, task)| task.agent == *name);
            let running = own.clone().map(|((framework, task), record)| Running {
                framework: *framework,
                role: record.role.clone(),
                task: TaskSpec::new(task.clone(), record.resources.clone()),
                state: if record.state.is_terminal() { TaskState::Running } else { record.state },
            });
            let ended = own.filter(|(_, task)| task.state.is_terminal()).map(|(key, task)| {
                let (state, uuid) = (task.state, task.uuid);
                (key.clone(), Update { state, source: Source::Executor, reason: None, message: None, uuid })
            });
            AgentAgain {
                register: Input::RegisterAgent {
                    name: name.clone(),
                    total: record.total.clone(),
                    traits: Arc::default(),
                    tasks: running.collect(),
                },
                name: name.clone(),
                ended: ended.collect(),
                drains: record.drains,
                unreachable: record.away == Some(Away::Unreachable),
                gone: record.away == Some(Away::Gone),
            }
        };
        self.agents.iter().map(again).collect()
    }
}

/// What a new master is told of an agent.
pub(crate) struct AgentAgain {
    pub(crate) register: Input,
    pub(crate) name: Arc<str>,
    /// What has ended there and is not known to its framework yet.
    pub(crate) ended: Vec<(Key, Update)>,
    pub(crate) drains: bool,
    pub(crate) unreachable: bool,
    pub(crate) gone: bool,
}
