//! A framework in the book: its record, its stream, its tasks, executors and operations.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use kubernel_kernel::{FrameworkId, OfferId};
use kubernel_mesos_proto::{
    scheduler::{Event, event},
    v1::{ExecutorInfo, FrameworkCapabilityType, OfferOperation, OperationStatus, TaskState, TaskStatus},
};

use super::{FrameworkRecord, TaskRecord, is_terminal};
use crate::{framework, stream::Stream};

/// Ended tasks of a framework that are remembered (as in Mesos).
pub const COMPLETED_TASKS_MAX: usize = 1_000;
/// Tasks of a framework on agents that are away that are remembered as such (as in Mesos).
const UNREACHABLE_TASKS_MAX: usize = 1_000;
/// Operations of a framework whose end it has not acknowledged; beyond, the oldest is forgotten.
const OPERATIONS_MAX: usize = 1_000;
/// Updates of one task that wait for an acknowledgement; beyond, whoever has more has to say it again.
const UPDATES_MAX: usize = 64;

/// A framework in the book.
#[derive(Debug)]
pub struct Framework {
    /// What is remembered of it over a restart.
    pub record: FrameworkRecord,
    /// The kernel's number for it.
    pub kernel: FrameworkId,
    /// Where it listens.
    pub(crate) stream: Option<Stream>,
    /// Its tasks that have not ended, or whose end it has not acknowledged.
    pub tasks: BTreeMap<Arc<str>, TaskRecord>,
    /// Its tasks that have ended, the last one at the end.
    pub completed_tasks: VecDeque<TaskRecord>,
    /// Its executors that live, by agent and name.
    pub executors: BTreeMap<(String, String), Arc<ExecutorInfo>>,
    /// Operations that have an identifier, by it.
    pub operations: BTreeMap<String, OperationRecord>,
    operations_order: VecDeque<String>,
    /// Its tasks that were on agents that went away, the last one at the end.
    unreachable: VecDeque<Arc<str>>,
    /// Offers it was told of and has not answered.
    pub(crate) offers: BTreeSet<OfferId>,
    /// Inverse offers it was told of.
    pub(crate) inverse: BTreeSet<OfferId>,
}

/// What became of an operation that has an identifier.
#[derive(Clone, Debug)]
pub struct OperationRecord {
    /// Where it was done.
    pub agent: String,
    /// What it was.
    pub info: OfferOperation,
    /// How it went; `None`: not known yet.
    pub status: Option<OperationStatus>,
}

/// What an update meant to the book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// It is new.
    New,
    /// It is known and waits for the framework.
    Again,
    /// It waits for others before it, or nobody can be told of it any more.
    Waits,
    /// The framework has acknowledged it already.
    Known,
}

impl Framework {
    pub(crate) fn new(record: FrameworkRecord, kernel: FrameworkId) -> Self {
        Self {
            record,
            kernel,
            stream: None,
            tasks: BTreeMap::new(),
            completed_tasks: VecDeque::new(),
            executors: BTreeMap::new(),
            operations: BTreeMap::new(),
            operations_order: VecDeque::new(),
            unreachable: VecDeque::new(),
            offers: BTreeSet::new(),
            inverse: BTreeSet::new(),
        }
    }

    /// Whether it has a capability.
    pub fn can(&self, capability: FrameworkCapabilityType) -> bool {
        framework::can(&self.record.info, capability)
    }

    /// Sends an event if somebody listens; who does not read is cut off.
    pub(crate) fn send(&mut self, event: &Event) {
        if self.stream.as_ref().is_some_and(|stream| !stream.send(event)) {
            tracing::warn!(framework = self.record.id, "the stream of events is not read: closing it");
            self.stream = None;
        }
    }

    /// Sends a status.
    pub(crate) fn send_status(&mut self, status: TaskStatus) {
        self.send(&Event {
            r#type: Some(event::Type::Update),
            update: Some(event::Update { status }),
            ..Event::default()
        });
    }

    /// The state in words that the framework understands.
    pub(crate) fn seen(&self, state: TaskState) -> TaskState {
        use TaskState::{Dropped, Gone, GoneByOperator, Killing, Lost, Running, Unknown, Unreachable};
        match state {
            Dropped | Unreachable | Gone | GoneByOperator | Unknown
                if !self.can(FrameworkCapabilityType::PartitionAware) =>
            {
                Lost
            }
            Killing if !self.can(FrameworkCapabilityType::TaskKillingState) => Running,
            other => other,
        }
    }

    /// Takes an update that is to be acknowledged. One is under way at a time for each task.
    pub(crate) fn hear(&mut self, task: &str, status: &TaskStatus) -> Heard {
        let known = |record: &TaskRecord| record.acknowledged.is_some() && record.acknowledged == status.uuid;
        let Some(record) = self.tasks.get_mut(task) else {
            let ended = self.completed_tasks.iter().rev().find(|record| record.info.task_id.value == task);
            return if ended.is_some_and(known) { Heard::Known } else { Heard::New };
        };
        if let Some(at) = record.updates.iter().position(|known| known.uuid == status.uuid) {
            return if at == 0 { Heard::Again } else { Heard::Waits };
        }
        if known(record) {
            return Heard::Known;
        }
        if is_terminal(record.state) || record.updates.len() >= UPDATES_MAX {
            return Heard::Waits;
        }
        record.note(status);
        record.updates.push_back(status.clone());
        if record.updates.len() == 1 { Heard::New } else { Heard::Waits }
    }

    /// The framework knows of an update: the next one may be told. A task whose end it knows is completed.
    pub(crate) fn acknowledged(&mut self, task: &str, uuid: &[u8]) -> Option<TaskStatus> {
        let record = self.tasks.get_mut(task)?;
        if record.updates.front()?.uuid.as_deref() != Some(uuid) {
            return None;
        }
        let known = record.updates.pop_front()?;
        record.acknowledged = known.uuid;
        if is_terminal(known.state) {
            self.complete(task);
            return None;
        }
        record.updates.front().cloned()
    }

    /// A task has ended and nobody has to be told of it any more.
    pub(crate) fn complete(&mut self, task: &str) {
        let Some(record) = self.tasks.remove(task) else { return };
        if self.completed_tasks.len() >= COMPLETED_TASKS_MAX {
            self.completed_tasks.pop_front();
        }
        self.completed_tasks.push_back(record);
    }

    /// A task is on an agent that is away. The one that has been for longest may be remembered as ended.
    pub(crate) fn lost_sight(&mut self, task: &Arc<str>) {
        self.unreachable.push_back(task.clone());
        if self.unreachable.len() > UNREACHABLE_TASKS_MAX
            && let Some(oldest) = self.unreachable.pop_front()
            && self.tasks.get(&oldest).is_some_and(|record| record.state == TaskState::Unreachable)
        {
            self.complete(&oldest);
        }
    }

    /// Writes down an operation that is to be answered.
    pub(crate) fn begin_operation(&mut self, id: &str, record: OperationRecord) {
        if self.operations.insert(id.to_owned(), record).is_none() {
            self.operations_order.push_back(id.to_owned());
        }
        while self.operations_order.len() > OPERATIONS_MAX {
            let Some(oldest) = self.operations_order.pop_front() else { break };
            self.operations.remove(&oldest);
        }
    }

    /// The framework knows how an operation went.
    pub(crate) fn end_operation(&mut self, id: &str) {
        if self.operations.remove(id).is_some() {
            self.operations_order.retain(|known| known != id);
        }
    }
}
