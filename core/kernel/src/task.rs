//! A task: what runs on an agent and holds a part of it.

use std::sync::Arc;

use crate::{AgentId, FrameworkId, OfferId, Resources, RoleId};

/// A task that has not ended.
#[derive(Clone, Debug, PartialEq)]
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
}

/// How far a task is (Mesos `TaskState`).
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
}

impl TaskState {
    /// Whether the task holds nothing any more and no later state comes.
    pub fn is_terminal(self) -> bool {
        use TaskState::{Dropped, Error, Failed, Finished, Gone, Killed, Lost};
        matches!(self, Finished | Failed | Killed | Error | Lost | Dropped | Gone)
    }
}
