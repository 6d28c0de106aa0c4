//! Tasks, what runs on an agent and holds a part of it, and the executors that run some of them.

use std::{collections::BTreeSet, sync::Arc};

use crate::{AgentId, FrameworkId, OfferId, Resources, RoleId, TaskId, TaskState};

/// A task that has not ended.
#[derive(Clone, Debug, PartialEq, Hash)]
pub struct Task {
    /// The name that the framework gave it, unique among its tasks.
    pub name: Arc<str>,
    /// Whose it is.
    pub framework: FrameworkId,
    /// In which role it counts.
    pub role: RoleId,
    /// Where it is.
    pub agent: AgentId,
    /// The accepted offer it came from.
    pub offer: OfferId,
    /// What it holds.
    pub resources: Resources,
    /// How far it is.
    pub state: TaskState,
    /// The executor that runs it, if it is not run on its own.
    pub executor: Option<Arc<ExecutorSpec>>,
    /// Tasks of lower priority are asked back first.
    pub priority: i32,
}

/// A task that somebody wants to run.
#[derive(Clone, Debug, PartialEq, Hash)]
pub struct TaskSpec {
    /// The framework's name for it.
    pub name: Arc<str>,
    /// What it needs.
    pub resources: Resources,
    /// The executor that is to run it; started, and charged, with its first task.
    pub executor: Option<Arc<ExecutorSpec>>,
    /// Tasks of lower priority are asked back first.
    pub priority: i32,
}

impl TaskSpec {
    /// A task that runs on its own.
    pub fn new(name: impl Into<Arc<str>>, resources: Resources) -> Self {
        Self { name: name.into(), resources, executor: None, priority: 0 }
    }
}

/// An executor that somebody wants to run.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ExecutorSpec {
    /// The framework's name for it, unique among its executors on an agent.
    pub name: Arc<str>,
    /// What it needs besides its tasks.
    pub resources: Resources,
    /// A digest of all else that was said of it: two of one name on one agent must be alike.
    pub digest: u64,
}

/// An executor that has not ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Executor {
    /// What it is and holds.
    pub spec: Arc<ExecutorSpec>,
    /// In which role it counts: that of its first task.
    pub role: RoleId,
    /// Its tasks that have not ended.
    pub tasks: BTreeSet<TaskId>,
}

/// A task that has ended and whose framework has not said that it knows.
#[derive(Clone, Debug, PartialEq)]
pub struct Unacknowledged {
    /// The kernel's number for it.
    pub task: TaskId,
    /// Where it was.
    pub agent: AgentId,
    /// How it ended.
    pub state: TaskState,
    /// What to acknowledge.
    pub uuid: u128,
}
