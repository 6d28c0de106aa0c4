//! The door's book: what it knows of frameworks and tasks beyond what the kernel knows. Bounded like Mesos' own.

mod framework;
mod record;

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
};

use kubernel_kernel::{FrameworkId, TaskId};
use kubernel_mesos_proto::v1::{TaskState, TaskStatus};

pub(crate) use framework::Heard;
pub use framework::{COMPLETED_TASKS_MAX, Framework, OperationRecord};
pub use record::{FrameworkRecord, RecoveredTask, TaskRecord, is_terminal};

use crate::Work;

/// Frameworks that are gone and remembered (as in Mesos).
pub const COMPLETED_FRAMEWORKS_MAX: usize = 50;

/// All that the door knows beyond the kernel.
#[derive(Debug, Default)]
pub struct Book {
    /// Frameworks that are there, or may come back.
    pub frameworks: BTreeMap<Arc<str>, Framework>,
    /// Frameworks that are gone, the last one at the end.
    pub completed: VecDeque<Framework>,
    /// Tasks of before the door was opened, on agents that have not come yet.
    pub(crate) awaited: Vec<RecoveredTask>,
    by_kernel: HashMap<FrameworkId, Arc<str>>,
    by_task: HashMap<TaskId, (Arc<str>, Arc<str>)>,
    /// The number of the next framework.
    pub(crate) next: u32,
    /// What is to be given to the bridge, in order.
    pub(crate) work: VecDeque<Work>,
}

/// Something changed in the book, for those who watch.
#[derive(Clone, Debug)]
pub enum Change {
    /// A framework came.
    FrameworkAdded(Arc<str>),
    /// A framework is connected now, or is not, or says something else of itself.
    FrameworkUpdated(Arc<str>),
    /// A framework is gone.
    FrameworkRemoved(Arc<str>),
    /// A task was launched.
    TaskAdded {
        /// Whose.
        framework: Arc<str>,
        /// Its name.
        task: Arc<str>,
    },
    /// A task came to a state.
    TaskUpdated {
        /// Whose.
        framework: Arc<str>,
        /// What was said of it.
        status: Box<TaskStatus>,
        /// How far it is.
        state: TaskState,
    },
    /// An agent came.
    AgentAdded(Arc<str>),
    /// An agent is gone.
    AgentRemoved(Arc<str>),
}

impl Book {
    /// An empty book; frameworks are numbered from `first` on.
    pub(crate) fn new(first: u32) -> Self {
        Self { next: first, ..Self::default() }
    }

    /// The next identifier of a framework.
    pub(crate) fn next_id(&mut self, master: &str) -> String {
        loop {
            let id = format!("{master}-{:04}", self.next);
            self.next = self.next.wrapping_add(1);
            if !self.frameworks.contains_key(id.as_str()) && !self.is_completed(&id) {
                return id;
            }
        }
    }

    /// Whether a framework of this identifier was there and is gone.
    pub fn is_completed(&self, id: &str) -> bool {
        self.completed.iter().any(|framework| framework.record.id == id)
    }

    /// A framework by its identifier.
    pub fn framework(&self, id: &str) -> Option<&Framework> {
        self.frameworks.get(id)
    }

    /// The identifier of a framework by the kernel's number, also of those lately gone.
    pub fn id_of(&self, kernel: FrameworkId) -> Option<&Arc<str>> {
        self.by_kernel.get(&kernel)
    }

    pub(crate) fn by_kernel(&mut self, kernel: FrameworkId) -> Option<&mut Framework> {
        self.frameworks.get_mut(self.by_kernel.get(&kernel)?)
    }

    /// The framework and name of a task by the kernel's number.
    pub(crate) fn task_of(&self, task: TaskId) -> Option<&(Arc<str>, Arc<str>)> {
        self.by_task.get(&task)
    }

    pub(crate) fn add_framework(&mut self, framework: Framework) {
        let id: Arc<str> = framework.record.id.as_str().into();
        self.by_kernel.insert(framework.kernel, id.clone());
        self.frameworks.insert(id, framework);
    }

    pub(crate) fn add_task(&mut self, record: TaskRecord) {
        let (id, name): (Arc<str>, Arc<str>) =
            (record.framework.as_str().into(), record.info.task_id.value.as_str().into());
        let Some(framework) = self.frameworks.get_mut(&id) else { return };
        if let Some(executor) = &record.executor {
            let key = (record.agent.clone(), executor.executor_id.value.clone());
            framework.executors.entry(key).or_insert_with(|| executor.clone());
        }
        self.by_task.insert(record.kernel, (id, name.clone()));
        framework.tasks.insert(name, record);
    }

    /// A task of an agent that came back: the kernel has another number for it.
    pub(crate) fn renumber_task(&mut self, framework: FrameworkId, name: &Arc<str>, task: TaskId) {
        let Some(id) = self.by_kernel.get(&framework).cloned() else { return };
        let Some(found) = self.frameworks.get_mut(&id) else { return };
        if !found.tasks.contains_key(name) {
            let at = found.completed_tasks.iter().rposition(|record| record.info.task_id.value == **name);
            let Some(record) = at.and_then(|at| found.completed_tasks.remove(at)) else { return };
            found.tasks.insert(name.clone(), record);
        }
        if let Some(record) = found.tasks.get_mut(name) {
            self.by_task.remove(&record.kernel);
            record.kernel = task;
            self.by_task.insert(task, (id, name.clone()));
        }
    }

    /// The kernel does not know a task any more.
    pub(crate) fn forget_task(&mut self, task: TaskId) -> Option<(Arc<str>, Arc<str>)> {
        self.by_task.remove(&task)
    }

    /// A framework is gone.
    pub(crate) fn remove_framework(&mut self, id: &str, now: f64) -> bool {
        let Some(mut framework) = self.frameworks.remove(id) else { return false };
        framework.stream = None;
        framework.record.connected = false;
        framework.record.unregistered = Some(now);
        let tasks: Vec<Arc<str>> = framework.tasks.keys().cloned().collect();
        for task in tasks {
            if let Some(record) = framework.tasks.get_mut(&task) {
                self.by_task.remove(&record.kernel);
                if !is_terminal(record.state) {
                    record.state = TaskState::Killed;
                }
                record.updates.clear();
            }
            framework.complete(&task);
        }
        framework.executors.clear();
        if self.completed.len() >= COMPLETED_FRAMEWORKS_MAX
            && let Some(oldest) = self.completed.pop_front()
        {
            self.by_kernel.remove(&oldest.kernel);
        }
        self.completed.push_back(framework);
        self.work.push_back(Work::FrameworkRemoved { id: id.to_owned() });
        true
    }
}
