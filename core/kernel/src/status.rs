//! How far a task is, and who says so and why (Mesos `TaskState`, `TaskStatus`).

use std::sync::Arc;

use crate::{AgentId, Capabilities, TaskId};

/// How far a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is Mesos' TASK_ constant of that name")]
pub enum TaskState {
    Staging,
    Starting,
    Running,
    Killing,
    Unreachable,
    Finished,
    Failed,
    Killed,
    Error,
    Lost,
    Dropped,
    Gone,
    GoneByOperator,
    Unknown,
}

impl TaskState {
    /// Whether the task holds nothing any more and no later state comes.
    pub fn is_terminal(self) -> bool {
        use TaskState::{Dropped, Error, Failed, Finished, Gone, GoneByOperator, Killed, Lost};
        matches!(self, Finished | Failed | Killed | Error | Lost | Dropped | Gone | GoneByOperator)
    }

    /// The state as a framework knows it: one that is not aware of partitions has one word for all that is away, one
    /// that knows nothing of being killed thinks that the task runs.
    #[must_use]
    pub fn seen_by(self, capabilities: &Capabilities) -> Self {
        use TaskState::{Dropped, Gone, GoneByOperator, Killing, Lost, Running, Unknown, Unreachable};
        match self {
            Dropped | Unreachable | Gone | GoneByOperator | Unknown if !capabilities.partition_aware => Lost,
            Killing if !capabilities.task_killing_state => Running,
            other => other,
        }
    }
}

/// Who says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// The kernel.
    Master,
    /// The agent.
    Agent,
    /// The executor.
    Executor,
}

/// Why a task came to a state (Mesos `TaskStatus.Reason`), those that the kernel gives itself or has to tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is Mesos' REASON_ constant of that name")]
pub enum Reason {
    AgentDisconnected,
    AgentDraining,
    AgentRemoved,
    AgentRemovedByOperator,
    AgentReregistered,
    AgentUnknown,
    ContainerPreempted,
    ExecutorTerminated,
    FrameworkRemoved,
    InvalidOffers,
    Reconciliation,
    TaskGroupInvalid,
    TaskInvalid,
    TaskKilledDuringLaunch,
}

/// What a framework is told about a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The framework's name for the task.
    pub name: Arc<str>,
    /// The kernel's number for it, where it has (or had) one.
    pub task: Option<TaskId>,
    /// How far it is.
    pub state: TaskState,
    /// Who says so.
    pub source: Source,
    /// Why, where there is a reason to give.
    pub reason: Option<Reason>,
    /// The words for people.
    pub message: Option<Arc<str>>,
    /// Where it is or was.
    pub agent: Option<AgentId>,
    /// To be acknowledged; without one the update is told once.
    pub uuid: Option<u128>,
}

impl Status {
    /// What the kernel itself says of a task.
    pub(crate) fn of(name: &Arc<str>, state: TaskState, reason: Option<Reason>) -> Self {
        let name = name.clone();
        Self { name, task: None, state, source: Source::Master, reason, message: None, agent: None, uuid: None }
    }

    pub(crate) fn with(mut self, message: impl Into<Arc<str>>) -> Self {
        self.message = Some(message.into());
        self
    }

    pub(crate) fn on(mut self, agent: Option<AgentId>, task: Option<TaskId>) -> Self {
        self.agent = agent;
        self.task = task;
        self
    }
}
