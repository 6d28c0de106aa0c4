//! An entry of the book: an executor and its tasks.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use kubernel_mesos_proto::executor::{self, event};
use kubernel_mesos_proto::node;
use kubernel_mesos_proto::v1::{
    ExecutorInfo, FrameworkCapability, FrameworkCapabilityType, FrameworkInfo, KillPolicy, TaskID, TaskState,
};

use super::{HEARTBEAT, Key, Line, REGISTRATION, RESEND_MAX, RESEND_MIN, said};
use crate::Result;
use crate::checkpoint::Folder;
use crate::record::{ExecutorRecord, Progress, TaskRecord};

/// One executor.
pub(crate) struct Executor {
    pub(crate) framework: FrameworkInfo,
    pub(crate) info: ExecutorInfo,
    pub(crate) pod_uid: String,
    pub(crate) container: Option<String>,
    pub(crate) tasks: BTreeMap<String, Task>,
    pub(super) line: Option<Line>,
    /// It has subscribed at least once, maybe before our last restart.
    pub(super) heard: bool,
    /// When it must have subscribed.
    pub(super) deadline: Option<Instant>,
    pub(super) heartbeat: Instant,
    /// Its process is over.
    pub(super) over: bool,
    pub(super) next_number: u64,
    pub(super) folder: Folder,
}

/// One task.
pub(crate) struct Task {
    /// `None` for one that only its executor knew.
    pub(crate) record: Option<TaskRecord>,
    pub(crate) progress: Progress,
    /// Which updates were acknowledged last.
    pub(super) known: Option<Vec<u8>>,
    /// It is to end; said again when the executor comes back.
    pub(super) kill: Option<Option<KillPolicy>>,
    pub(super) resend_at: Instant,
    pub(super) resend_pause: Duration,
}

impl Executor {
    /// The tasks that it has not got, in their order; those of a group together.
    pub(super) fn waiting(&self) -> Vec<Vec<TaskRecord>> {
        let waits = |task: &&Task| !task.progress.delivered && task.progress.latest.is_none();
        let mut records: Vec<&TaskRecord> =
            self.tasks.values().filter(waits).filter_map(|task| task.record.as_ref()).collect();
        records.sort_by_key(|record| record.number);
        let together = |one: &&TaskRecord, next: &&TaskRecord| one.group.is_some() && one.group == next.group;
        records.chunk_by(together).map(|group| group.iter().copied().cloned().collect()).collect()
    }

    /// Sends tasks that come together.
    pub(super) fn send(&mut self, together: Vec<TaskRecord>) -> Result<()> {
        let group = together.iter().any(|record| record.group.is_some());
        for record in &together {
            let id = &record.info.task_id.value;
            let Some(task) = self.tasks.get_mut(id) else { continue };
            task.progress.delivered = true;
            self.folder.write_progress(id, &task.progress)?;
        }
        self.say(said::launch(together.into_iter().map(|record| record.info).collect(), group));
        Ok(())
    }

    pub(super) fn new(framework: FrameworkInfo, info: ExecutorInfo, pod_uid: String, folder: Folder) -> Self {
        Self {
            framework,
            info,
            pod_uid,
            container: None,
            tasks: BTreeMap::new(),
            line: None,
            heard: false,
            deadline: None,
            heartbeat: Instant::now() + HEARTBEAT,
            over: false,
            next_number: 0,
            folder,
        }
    }

    /// The executor of that name that comes after one that is over.
    pub(super) fn begin_again(&mut self, framework: FrameworkInfo, info: ExecutorInfo, pod_uid: String) -> Result<()> {
        (self.framework, self.info, self.pod_uid) = (framework, info, pod_uid);
        (self.container, self.line, self.deadline) = (None, None, None);
        (self.heard, self.over) = (false, false);
        self.write()
    }

    /// What a task has become that it never saw.
    pub(super) fn state_of_unseen(&self) -> TaskState {
        let aware =
            |capability: &FrameworkCapability| capability.r#type == Some(FrameworkCapabilityType::PartitionAware);
        if self.framework.capabilities.iter().any(aware) { TaskState::Dropped } else { TaskState::Lost }
    }

    pub(super) fn bind(&mut self, pod_uid: &str, container: &str) -> Result<()> {
        if self.container.as_deref() == Some(container) {
            return Ok(());
        }
        pod_uid.clone_into(&mut self.pod_uid);
        self.container = Some(container.to_owned());
        self.deadline = Some(Instant::now() + REGISTRATION);
        self.write()
    }

    pub(super) fn write(&self) -> Result<()> {
        self.folder.write_executor(&ExecutorRecord {
            framework: self.framework.clone(),
            executor: self.info.clone(),
            pod_uid: self.pod_uid.clone(),
            container: self.container.clone(),
        })
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.line.as_ref().is_some_and(|line| !line.is_closed())
    }

    /// Whether it may speak of tasks.
    pub(crate) fn has_subscribed(&self) -> bool {
        self.line.is_some()
    }

    /// Sends an event, if it listens.
    pub(super) fn say(&self, event: executor::Event) -> bool {
        self.line.as_ref().is_some_and(|line| line.send(event).is_ok())
    }

    pub(super) fn say_kill(&self, task: &str, kill_policy: Option<KillPolicy>) {
        let kill = event::Kill { task_id: TaskID { value: task.to_owned() }, kill_policy };
        self.say(executor::Event { r#type: Some(event::Type::Kill), kill: Some(kill), ..executor::Event::default() });
    }
}

impl Task {
    /// Nothing more comes of it.
    pub(super) fn is_over(&self) -> bool {
        self.progress.latest.as_ref().is_some_and(|latest| said::is_terminal(latest.state))
    }

    pub(super) fn new(record: Option<TaskRecord>, progress: Progress, now: Instant) -> Self {
        Self { record, progress, known: None, kill: None, resend_at: now, resend_pause: RESEND_MIN }
    }

    pub(super) fn has(&self, uuid: &Option<Vec<u8>>) -> bool {
        self.known == *uuid || self.progress.pending.iter().any(|status| status.uuid == *uuid)
    }

    /// Tells the first update that waits.
    pub(super) fn tell(&mut self, key: &Key, now: Instant) -> Option<node::Event> {
        self.resend_at = now + self.resend_pause;
        let event = said::update(key, self.progress.pending.first()?);
        self.resend_pause = (self.resend_pause * 2).min(RESEND_MAX);
        Some(event)
    }
}
