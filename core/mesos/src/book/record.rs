//! What is remembered of frameworks, tasks and executors beyond what the kernel knows.

use std::{collections::VecDeque, sync::Arc};

use kubernel_kernel::TaskId;
use kubernel_mesos_proto::{
    scheduler::OfferConstraints,
    v1::{ExecutorInfo, FrameworkInfo, TaskInfo, TaskState, TaskStatus},
};

/// How many statuses of a task are remembered: one for each state it came to, the latest of each (as in Mesos).
const STATUSES_MAX: usize = 16;

/// What is remembered of a framework, also over a restart.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FrameworkRecord {
    /// Its identifier.
    pub id: String,
    /// What it says of itself; its `id` is set.
    pub info: Arc<FrameworkInfo>,
    /// The roles in which it wants nothing.
    pub suppressed_roles: Vec<String>,
    /// Which agents it wants offers of.
    pub offer_constraints: Option<OfferConstraints>,
    /// Somebody listens.
    pub connected: bool,
    /// When it subscribed for the first time, in seconds since 1970.
    pub registered: f64,
    /// When it subscribed last, if not for the first time.
    pub reregistered: Option<f64>,
    /// When it went away.
    pub unregistered: Option<f64>,
}

/// What is remembered of a task.
#[derive(Clone, Debug)]
pub struct TaskRecord {
    /// As it was launched.
    pub info: Arc<TaskInfo>,
    /// Whose it is.
    pub framework: String,
    /// Where it is.
    pub agent: String,
    /// In which role it counts.
    pub role: String,
    /// Who runs it, if it is not a command of its own.
    pub executor: Option<Arc<ExecutorInfo>>,
    /// It was launched in a group.
    pub group: bool,
    /// The kernel's number for it.
    pub kernel: TaskId,
    /// How far it is.
    pub state: TaskState,
    /// The latest status of each state, in order, without their data.
    pub statuses: Vec<TaskStatus>,
    /// What the framework has not acknowledged yet, in order; it is told of the first.
    pub updates: VecDeque<TaskStatus>,
    /// The update that the framework acknowledged last.
    pub acknowledged: Option<Vec<u8>>,
}

/// A task that ran before the door was opened.
#[derive(Clone, Debug)]
pub struct RecoveredTask {
    /// Whose it is.
    pub framework: String,
    /// Where it is.
    pub agent: String,
    /// In which role it counts.
    pub role: String,
    /// As it was launched; what is not known any more (`data`) may be missing.
    pub info: TaskInfo,
    /// Who runs it, if it is not a command of its own.
    pub executor: Option<ExecutorInfo>,
    /// It was launched in a group.
    pub group: bool,
    /// How far it is.
    pub state: TaskState,
}

impl TaskRecord {
    /// A task as it is launched.
    pub fn new(framework: &str, agent: &str, role: &str, info: Arc<TaskInfo>, kernel: TaskId) -> Self {
        Self {
            info,
            framework: framework.to_owned(),
            agent: agent.to_owned(),
            role: role.to_owned(),
            executor: None,
            group: false,
            kernel,
            state: TaskState::Staging,
            statuses: Vec::new(),
            updates: VecDeque::new(),
            acknowledged: None,
        }
    }

    /// Forgets the bytes that came with the task, which may be many: they have gone where they are needed.
    pub(crate) fn lighten(&mut self) {
        let heavy = |executor: &ExecutorInfo| executor.data.is_some();
        if self.info.data.is_none() && !self.info.executor.as_deref().is_some_and(heavy) {
            return;
        }
        let mut light = (*self.info).clone();
        light.data = None;
        if let Some(executor) = &mut light.executor {
            executor.data = None;
        }
        self.info = Arc::new(light);
    }

    /// Writes a status down.
    pub fn note(&mut self, status: &TaskStatus) {
        self.state = status.state;
        self.statuses.retain(|old| old.state != status.state);
        if self.statuses.len() >= STATUSES_MAX {
            self.statuses.remove(0);
        }
        self.statuses.push(TaskStatus { data: None, ..status.clone() });
    }
}

/// Whether a task in a state holds nothing any more and no later state comes.
pub fn is_terminal(state: TaskState) -> bool {
    use TaskState::{Dropped, Error, Failed, Finished, Gone, GoneByOperator, Killed, Lost};
    matches!(state, Finished | Failed | Killed | Error | Lost | Dropped | Gone | GoneByOperator)
}
