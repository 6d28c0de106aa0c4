//! The executors of a node, their tasks, and what is still to be told.
//!
//! Every step writes down what it changes before anybody hears of it. Steps that the cluster's side is to hear of put
//! events into `out`; executors hear through their streams.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use kubernel_mesos_proto::executor::{self, call, event};
use kubernel_mesos_proto::node;
use kubernel_mesos_proto::v1::{
    AgentID, AgentInfo, ContainerID, ExecutorID, ExecutorInfo, FrameworkCapability, FrameworkCapabilityType,
    FrameworkID, FrameworkInfo, KillPolicy, TaskGroupInfo, TaskID, TaskInfo, TaskState, TaskStatus, TaskStatusReason,
    TaskStatusSource,
};
use kubernel_runtime::process::ProcessEnd;
use tokio::sync::mpsc;

use crate::checkpoint::{Folder, Found};
use crate::record::{ExecutorRecord, Progress, TaskRecord};
use crate::{Error, Result};

/// How long an executor may take to subscribe, as Mesos has it.
pub(crate) const REGISTRATION: Duration = Duration::from_secs(60);
/// How long an executor that asked to end may take where it says nothing itself.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(5);
/// Pauses before an update is told again.
const RESEND_MIN: Duration = Duration::from_secs(10);
const RESEND_MAX: Duration = Duration::from_secs(600);
/// How often an executor hears that we are there.
const HEARTBEAT: Duration = Duration::from_secs(30 * 60);

/// Framework and executor.
pub(crate) type Key = (String, String);
/// The way to an executor that has subscribed.
pub(crate) type Line = mpsc::UnboundedSender<executor::Event>;

/// All executors.
pub(crate) struct Book {
    root: PathBuf,
    pub(crate) agent: AgentInfo,
    pub(crate) executors: BTreeMap<Key, Executor>,
    /// Containers of executors whose first task has not come yet: Pod and container.
    early: BTreeMap<Key, (String, String)>,
    /// What the cluster's side is to hear.
    pub(crate) out: Vec<node::Event>,
}

/// One executor.
pub(crate) struct Executor {
    pub(crate) framework: FrameworkInfo,
    pub(crate) info: ExecutorInfo,
    pub(crate) pod_uid: String,
    pub(crate) container: Option<String>,
    pub(crate) tasks: BTreeMap<String, Task>,
    line: Option<Line>,
    /// It has subscribed at least once, maybe before our last restart.
    heard: bool,
    /// When it must have subscribed.
    deadline: Option<Instant>,
    heartbeat: Instant,
    /// Its process is over.
    over: bool,
    next_number: u64,
    folder: Folder,
}

/// One task.
pub(crate) struct Task {
    /// `None` for one that only its executor knew.
    pub(crate) record: Option<TaskRecord>,
    pub(crate) progress: Progress,
    /// Which updates were acknowledged last.
    known: Option<Vec<u8>>,
    /// It is to end; said again when the executor comes back.
    kill: Option<Option<KillPolicy>>,
    resend_at: Instant,
    resend_pause: Duration,
}

/// What is to be done with a process after a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    /// End a container after a while.
    Stop { container: String, grace: Duration },
}

impl Book {
    pub(crate) fn new(root: PathBuf, agent: AgentInfo, found: Vec<Found>) -> Self {
        let now = Instant::now();
        let mut book = Self { root, agent, executors: BTreeMap::new(), early: BTreeMap::new(), out: Vec::new() };
        for Found { record, tasks } in found {
            let ExecutorRecord { framework, executor, pod_uid, container } = record;
            let key = (framework_id(&framework), executor.executor_id.value.clone());
            let heard = tasks.iter().any(|(_, progress)| progress.delivered);
            let next_number = tasks.last().map_or(0, |(record, _)| record.number + 1);
            let tasks = tasks
                .into_iter()
                .map(|(record, progress)| (record.info.task_id.value.clone(), Task::new(Some(record), progress, now)))
                .collect();
            let folder = Folder::of(&book.root, &framework, &key.1);
            let executor = Executor {
                deadline: container.is_some().then(|| now + REGISTRATION),
                container,
                tasks,
                heard,
                next_number,
                ..Executor::new(framework, executor, pod_uid, folder)
            };
            book.executors.insert(key, executor);
        }
        book
    }

    /// A container was made for an executor.
    pub(crate) fn bind(&mut self, key: Key, pod_uid: &str, container: &str) -> Result<()> {
        match self.executors.get_mut(&key).filter(|executor| !executor.over) {
            Some(executor) => executor.bind(pod_uid, container),
            None => {
                self.early.insert(key, (pod_uid.to_owned(), container.to_owned()));
                Ok(())
            }
        }
    }

    /// Tasks for an executor.
    pub(crate) fn launch(&mut self, launch: node::Launch) -> Result<()> {
        let node::Launch { framework, executor: info, pod_uid, tasks, group } = launch;
        let key = (framework_id(&framework), info.executor_id.value.clone());
        match self.executors.entry(key.clone()) {
            Entry::Vacant(slot) => {
                let folder = Folder::of(&self.root, &framework, &key.1);
                let executor = Executor::new(framework, info, pod_uid, folder);
                executor.write()?;
                slot.insert(executor);
            }
            Entry::Occupied(mut slot) if slot.get().over => {
                if slot.get().pod_uid == pod_uid {
                    return self.launch_too_late(&key, tasks);
                }
                // The next of that name; of the one before there are only ends to tell.
                slot.get_mut().begin_again(framework, info, pod_uid)?;
            }
            Entry::Occupied(_) => {}
        }
        let Some(executor) = self.executors.get_mut(&key) else { return Ok(()) };
        if let Some((pod_uid, container)) = self.early.remove(&key) {
            executor.bind(&pod_uid, &container)?;
        }
        let first = executor.next_number;
        for info in tasks {
            let id = info.task_id.value.clone();
            if executor.tasks.contains_key(&id) {
                // The same call again.
                continue;
            }
            let record = TaskRecord { info, number: executor.next_number, group: group.then_some(first) };
            executor.folder.write_task(&record)?;
            executor.next_number += 1;
            executor.tasks.insert(id, Task::new(Some(record), Progress::default(), Instant::now()));
        }
        executor.deliver()
    }

    /// Tasks for an executor whose process is over already.
    fn launch_too_late(&mut self, key: &Key, tasks: Vec<TaskInfo>) -> Result<()> {
        for info in tasks {
            let Some(executor) = self.executors.get_mut(key) else { return Ok(()) };
            let id = info.task_id.value.clone();
            if executor.tasks.contains_key(&id) {
                continue;
            }
            let record = TaskRecord { info, number: executor.next_number, group: None };
            executor.folder.write_task(&record)?;
            executor.next_number += 1;
            executor.tasks.insert(id.clone(), Task::new(Some(record), Progress::default(), Instant::now()));
            let state = executor.state_of_unseen();
            let status = self.own_status(key, &id, state, TaskStatusReason::ExecutorTerminated, "Executor terminated");
            self.note(key, status)?;
        }
        Ok(())
    }

    /// An executor listens from now on. Says whether it is known.
    pub(crate) fn subscribe(&mut self, key: &Key, call: call::Subscribe, line: Line) -> Result<bool> {
        let agent = self.agent.clone();
        let Some(executor) = self.executors.get_mut(key).filter(|executor| !executor.over) else { return Ok(false) };
        let again = std::mem::replace(&mut executor.heard, true);
        executor.deadline = None;
        executor.heartbeat = Instant::now() + HEARTBEAT;
        let container_id = executor.container.clone().map(|value| ContainerID { value, parent: None });
        let subscribed = event::Subscribed {
            executor_info: ExecutorInfo { framework_id: framework_named(&key.0).into(), ..executor.info.clone() },
            framework_info: FrameworkInfo { id: framework_named(&key.0).into(), ..executor.framework.clone() },
            agent_info: agent,
            container_id,
        };
        let event = executor::Event {
            r#type: Some(event::Type::Subscribed),
            subscribed: Some(subscribed),
            ..executor::Event::default()
        };
        if line.send(event).is_err() {
            return Ok(true);
        }
        executor.line = Some(line);
        for update in call.unacknowledged_updates {
            self.update(key, update.status)?;
        }
        let known: Vec<String> = call.unacknowledged_tasks.into_iter().map(|task| task.task_id.value).collect();
        if again {
            self.drop_unknown(key, &known)?;
        }
        let Some(executor) = self.executors.get_mut(key) else { return Ok(true) };
        executor.deliver()?;
        let kills: Vec<_> =
            executor.tasks.iter().filter_map(|(id, task)| Some((id.clone(), task.kill.clone()?))).collect();
        for (id, policy) in kills {
            executor.say_kill(&id, policy);
        }
        Ok(true)
    }

    /// Tasks that were sent but that the executor, back again, has never seen.
    fn drop_unknown(&mut self, key: &Key, known: &[String]) -> Result<()> {
        let Some(executor) = self.executors.get(key) else { return Ok(()) };
        let lost: Vec<String> = executor
            .tasks
            .iter()
            .filter(|(id, task)| task.progress.delivered && task.progress.latest.is_none() && !known.contains(id))
            .map(|(id, _)| id.clone())
            .collect();
        let state = executor.state_of_unseen();
        for id in lost {
            let text = "Task dropped during agent restart";
            let status = self.own_status(key, &id, state, TaskStatusReason::AgentRestarted, text);
            self.note(key, status)?;
        }
        Ok(())
    }

    /// What an executor says of a task. It hears that it is written down.
    pub(crate) fn update(&mut self, key: &Key, mut status: TaskStatus) -> Result<()> {
        let Some(executor) = self.executors.get_mut(key) else { return Ok(()) };
        status.source = Some(TaskStatusSource::Executor);
        status.executor_id = Some(ExecutorID { value: key.1.clone() });
        status.agent_id = self.agent.id.clone();
        status.timestamp.get_or_insert_with(now_secs);
        let acknowledged =
            event::Acknowledged { task_id: status.task_id.clone(), uuid: status.uuid.clone().unwrap_or_default() };
        let duplicate = executor.tasks.get(&status.task_id.value).is_some_and(|task| task.has(&status.uuid));
        if !duplicate {
            self.note(key, status)?;
        }
        if let Some(executor) = self.executors.get(key) {
            executor.say(executor::Event {
                r#type: Some(event::Type::Acknowledged),
                acknowledged: Some(acknowledged),
                ..executor::Event::default()
            });
        }
        Ok(())
    }

    /// A status that comes next in its task's line.
    fn note(&mut self, key: &Key, status: TaskStatus) -> Result<()> {
        let Some(executor) = self.executors.get_mut(key) else { return Ok(()) };
        let id = status.task_id.value.clone();
        let task = executor.tasks.entry(id.clone()).or_insert_with(|| {
            let progress = Progress { delivered: true, ..Progress::default() };
            Task::new(None, progress, Instant::now())
        });
        if task.progress.latest.as_ref().is_some_and(|latest| is_terminal(latest.state)) {
            // Nothing comes after an end.
            return Ok(());
        }
        task.progress.latest = Some(TaskStatus { data: None, ..status.clone() });
        task.progress.pending.push(status);
        executor.folder.write_progress(&id, &task.progress)?;
        if task.progress.pending.len() == 1 {
            self.out.extend(task.tell(key, Instant::now()));
        }
        Ok(())
    }

    /// The framework knows of an update; the next one of that task may be told.
    pub(crate) fn acknowledge(&mut self, framework: &str, task_id: &str, uuid: &[u8]) -> Result<()> {
        let of_framework = |(key, _): &(&Key, &mut Executor)| key.0 == framework;
        let found = self
            .executors
            .iter_mut()
            .filter(of_framework)
            .find(|(_, executor)| executor.tasks.contains_key(task_id))
            .map(|(key, executor)| (key.clone(), executor));
        let Some((key, executor)) = found else { return Ok(()) };
        let Some(task) = executor.tasks.get_mut(task_id) else { return Ok(()) };
        if task.progress.pending.first().is_none_or(|head| head.uuid.as_deref() != Some(uuid)) {
            return Ok(());
        }
        task.progress.pending.remove(0);
        task.known = Some(uuid.to_vec());
        let over = task.progress.latest.as_ref().is_some_and(|latest| is_terminal(latest.state));
        if over && task.progress.pending.is_empty() {
            executor.tasks.remove(task_id);
            executor.folder.remove_task(task_id);
        } else {
            task.resend_pause = RESEND_MIN;
            executor.folder.write_progress(task_id, &task.progress)?;
            self.out.extend(task.tell(&key, Instant::now()));
        }
        self.forget_if_done(&key);
        Ok(())
    }

    /// A task is to end.
    pub(crate) fn kill(&mut self, framework: &str, task_id: &str, policy: Option<KillPolicy>) -> Result<()> {
        let has = |(key, executor): &(&Key, &Executor)| key.0 == framework && executor.tasks.contains_key(task_id);
        let Some(key) = self.executors.iter().find(has).map(|(key, _)| key.clone()) else {
            return Err(Error::Call(format!("task {task_id:?} of framework {framework} is not here")));
        };
        let Some(executor) = self.executors.get_mut(&key) else { return Ok(()) };
        let Some(task) = executor.tasks.get_mut(task_id) else { return Ok(()) };
        if task.progress.delivered {
            task.kill = Some(policy.clone());
            executor.say_kill(task_id, policy);
            return Ok(());
        }
        // A group lives and ends as one.
        let group = task.record.as_ref().and_then(|record| record.group);
        let same = |task: &Task| group.is_some() && task.record.as_ref().and_then(|record| record.group) == group;
        let all: Vec<String> =
            executor.tasks.iter().filter(|(id, task)| *id == task_id || same(task)).map(|(id, _)| id.clone()).collect();
        for id in all {
            let text = "Killed before delivery to the executor";
            let reason = TaskStatusReason::TaskKilledDuringLaunch;
            let status = self.own_status(&key, &id, TaskState::Killed, reason, text);
            self.note(&key, status)?;
        }
        Ok(())
    }

    /// An executor is to end, with its tasks.
    pub(crate) fn shutdown(&mut self, framework: &str, id: &str) -> Option<Deed> {
        let executor = self.executors.get(&(framework.to_owned(), id.to_owned()))?;
        let heard = executor.say(executor::Event { r#type: Some(event::Type::Shutdown), ..executor::Event::default() });
        let asked =
            executor.info.shutdown_grace_period.as_ref().and_then(|grace| u64::try_from(grace.nanoseconds).ok());
        let grace = asked.map_or(SHUTDOWN_GRACE, Duration::from_nanos);
        let grace = if heard { grace } else { Duration::ZERO };
        executor.container.clone().map(|container| Deed::Stop { container, grace })
    }

    /// Bytes for an executor, if it listens.
    pub(crate) fn message(&self, framework: &str, id: &str, data: Vec<u8>) {
        if let Some(executor) = self.executors.get(&(framework.to_owned(), id.to_owned())) {
            executor.say(executor::Event {
                r#type: Some(event::Type::Message),
                message: Some(event::Message { data }),
                ..executor::Event::default()
            });
        }
    }

    /// Bytes from an executor.
    pub(crate) fn message_from(&mut self, key: &Key, data: Vec<u8>) {
        let message =
            node::ExecutorMessage { framework_id: framework_named(&key.0), executor_id: executor_named(&key.1), data };
        self.out.push(node::Event {
            r#type: node::EventType::Message,
            message: Some(message),
            ..node::Event::default()
        });
    }

    /// An executor's process is over, and with it every task that is not.
    pub(crate) fn ended(&mut self, key: &Key, end: &ProcessEnd) -> Result<()> {
        let Some(executor) = self.executors.get_mut(key).filter(|executor| !executor.over) else { return Ok(()) };
        let late = executor.deadline.is_some_and(|deadline| deadline <= Instant::now());
        executor.over = true;
        executor.line = None;
        executor.deadline = None;
        let (reason, text) = match (&end.error, late, executor.heard) {
            (Some(error), _, _) => (TaskStatusReason::ContainerLaunchFailed, error.clone()),
            _ if end.out_of_memory => (TaskStatusReason::ContainerLimitationMemory, "Memory limit exceeded".to_owned()),
            (None, true, false) => {
                (TaskStatusReason::ExecutorRegistrationTimeout, "Executor did not register within 1mins".to_owned())
            }
            (None, true, true) => (
                TaskStatusReason::ExecutorReregistrationTimeout,
                "Executor did not re-register within 1mins".to_owned(),
            ),
            (None, false, _) => (TaskStatusReason::ExecutorTerminated, "Executor terminated".to_owned()),
        };
        let alive: Vec<String> = executor
            .tasks
            .iter()
            .filter(|(_, task)| task.progress.latest.as_ref().is_none_or(|latest| !is_terminal(latest.state)))
            .map(|(id, _)| id.clone())
            .collect();
        for id in alive {
            let status = self.own_status(key, &id, TaskState::Failed, reason, &text);
            self.note(key, status)?;
        }
        self.say_exited(key, end.wait_status);
        self.forget_if_done(key);
        Ok(())
    }

    /// The cluster's side knows that the Pod of an executor is over, and waits for all that there is to tell.
    pub(crate) fn pod_is_over(&mut self, key: &Key, pod_uid: &str) -> Result<()> {
        self.early.retain(|early, (uid, _)| early != key || uid != pod_uid);
        match self.executors.get(key).filter(|executor| executor.pod_uid == pod_uid) {
            Some(executor) if !executor.over => return self.ended(key, &ProcessEnd::default()),
            Some(_) => self.say_exited(key, 0),
            None => self.out.push(exited(key, 0, pod_uid, Vec::new())),
        }
        Ok(())
    }

    fn say_exited(&mut self, key: &Key, wait_status: i32) {
        let Some(executor) = self.executors.get(key) else { return };
        let untold = executor.tasks.iter().filter(|(_, task)| !task.progress.pending.is_empty());
        let untold = untold.map(|(id, _)| TaskID { value: id.clone() }).collect();
        self.out.push(exited(key, wait_status, &executor.pod_uid, untold));
    }

    /// What is due: updates to be told again, executors that have not come, signs of life.
    pub(crate) fn tick(&mut self, now: Instant) -> Vec<Deed> {
        let mut deeds = Vec::new();
        for (key, executor) in &mut self.executors {
            for task in executor.tasks.values_mut().filter(|task| task.resend_at <= now) {
                self.out.extend(task.tell(key, now));
            }
            if executor.heartbeat <= now {
                executor.heartbeat = now + HEARTBEAT;
                executor.say(executor::Event { r#type: Some(event::Type::Heartbeat), ..executor::Event::default() });
            }
            if executor.deadline.is_some_and(|deadline| deadline <= now)
                && let Some(container) = &executor.container
            {
                deeds.push(Deed::Stop { container: container.clone(), grace: Duration::ZERO });
            }
        }
        deeds
    }

    /// All executors as the cluster's side is to see them, with every update that waits.
    pub(crate) fn all(&self) -> Vec<node::Event> {
        let told = |task: &&Task| task.progress.pending.is_empty();
        let executors = self.executors.iter().map(|(key, one)| node::Executor {
            framework_id: framework_named(&key.0),
            executor_id: executor_named(&key.1),
            pod_uid: one.pod_uid.clone(),
            connected: one.is_connected(),
            tasks: one.tasks.values().filter(told).filter_map(|task| task.progress.latest.clone()).collect(),
            known: one.tasks.keys().map(|id| TaskID { value: id.clone() }).collect(),
            over: one.over,
        });
        let executors = node::Executors { executors: executors.collect() };
        let first =
            node::Event { r#type: node::EventType::Executors, executors: Some(executors), ..node::Event::default() };
        let waiting = self.executors.iter().flat_map(|(key, executor)| {
            executor.tasks.values().filter_map(|task| Some(update(key, task.progress.pending.first()?)))
        });
        std::iter::once(first).chain(waiting).collect()
    }

    /// Whether an executor's container is here while its first task is not.
    pub(crate) fn is_early(&self, key: &Key) -> bool {
        self.early.contains_key(key)
    }

    /// Executors that run in containers.
    pub(crate) fn containers(&self) -> Vec<(Key, String)> {
        let running = self.executors.iter().filter(|(_, executor)| !executor.over);
        running.filter_map(|(key, executor)| Some((key.clone(), executor.container.clone()?))).collect()
    }

    fn own_status(&self, key: &Key, task: &str, state: TaskState, reason: TaskStatusReason, text: &str) -> TaskStatus {
        TaskStatus {
            task_id: TaskID { value: task.to_owned() },
            state,
            message: Some(text.to_owned()),
            source: Some(TaskStatusSource::Agent),
            reason: Some(reason),
            agent_id: self.agent.id.clone(),
            executor_id: Some(executor_named(&key.1)),
            timestamp: Some(now_secs()),
            uuid: Some(uuid::Uuid::new_v4().as_bytes().to_vec()),
            ..TaskStatus::default()
        }
    }

    fn forget_if_done(&mut self, key: &Key) {
        if self.executors.get(key).is_some_and(|executor| executor.over && executor.tasks.is_empty())
            && let Some(executor) = self.executors.remove(key)
        {
            executor.folder.remove();
        }
    }
}

impl Executor {
    fn new(framework: FrameworkInfo, info: ExecutorInfo, pod_uid: String, folder: Folder) -> Self {
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
    fn begin_again(&mut self, framework: FrameworkInfo, info: ExecutorInfo, pod_uid: String) -> Result<()> {
        (self.framework, self.info, self.pod_uid) = (framework, info, pod_uid);
        (self.container, self.line, self.deadline) = (None, None, None);
        (self.heard, self.over) = (false, false);
        self.write()
    }

    /// What a task has become that it never saw.
    fn state_of_unseen(&self) -> TaskState {
        let aware =
            |capability: &FrameworkCapability| capability.r#type == Some(FrameworkCapabilityType::PartitionAware);
        if self.framework.capabilities.iter().any(aware) { TaskState::Dropped } else { TaskState::Lost }
    }

    fn bind(&mut self, pod_uid: &str, container: &str) -> Result<()> {
        if self.container.as_deref() == Some(container) {
            return Ok(());
        }
        pod_uid.clone_into(&mut self.pod_uid);
        self.container = Some(container.to_owned());
        self.deadline = Some(Instant::now() + REGISTRATION);
        self.write()
    }

    fn write(&self) -> Result<()> {
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
    fn say(&self, event: executor::Event) -> bool {
        self.line.as_ref().is_some_and(|line| line.send(event).is_ok())
    }

    fn say_kill(&self, task: &str, kill_policy: Option<KillPolicy>) {
        let kill = event::Kill { task_id: TaskID { value: task.to_owned() }, kill_policy };
        self.say(executor::Event { r#type: Some(event::Type::Kill), kill: Some(kill), ..executor::Event::default() });
    }

    /// Sends the tasks that wait, in their order.
    fn deliver(&mut self) -> Result<()> {
        if !self.is_connected() {
            return Ok(());
        }
        let mut waiting: Vec<TaskRecord> = self
            .tasks
            .values()
            .filter(|task| !task.progress.delivered && task.progress.latest.is_none())
            .filter_map(|task| task.record.clone())
            .collect();
        waiting.sort_by_key(|record| record.number);
        let mut waiting = VecDeque::from(waiting);
        while let Some(first) = waiting.pop_front() {
            let mut together = vec![first.info];
            while first.group.is_some()
                && let Some(next) = waiting.pop_front_if(|next| next.group == first.group)
            {
                together.push(next.info);
            }
            for info in &together {
                let Some(task) = self.tasks.get_mut(&info.task_id.value) else { continue };
                task.progress.delivered = true;
                self.folder.write_progress(&info.task_id.value, &task.progress)?;
            }
            self.say(launch(together, first.group.is_some()));
        }
        Ok(())
    }
}

impl Task {
    fn new(record: Option<TaskRecord>, progress: Progress, now: Instant) -> Self {
        Self { record, progress, known: None, kill: None, resend_at: now, resend_pause: RESEND_MIN }
    }

    fn has(&self, uuid: &Option<Vec<u8>>) -> bool {
        self.known == *uuid || self.progress.pending.iter().any(|status| status.uuid == *uuid)
    }

    /// Tells the first update that waits.
    fn tell(&mut self, key: &Key, now: Instant) -> Option<node::Event> {
        self.resend_at = now + self.resend_pause;
        let event = update(key, self.progress.pending.first()?);
        self.resend_pause = (self.resend_pause * 2).min(RESEND_MAX);
        Some(event)
    }
}

fn launch(mut tasks: Vec<TaskInfo>, group: bool) -> executor::Event {
    if group {
        let launch_group = Some(event::LaunchGroup { task_group: TaskGroupInfo { tasks } });
        return executor::Event { r#type: Some(event::Type::LaunchGroup), launch_group, ..executor::Event::default() };
    }
    let launch = tasks.pop().map(|task| event::Launch { task });
    executor::Event { r#type: Some(event::Type::Launch), launch, ..executor::Event::default() }
}

fn update(key: &Key, status: &TaskStatus) -> node::Event {
    let update = node::Update {
        framework_id: framework_named(&key.0),
        executor_id: executor_named(&key.1),
        status: status.clone(),
    };
    node::Event { r#type: node::EventType::Update, update: Some(update), ..node::Event::default() }
}

fn exited(key: &Key, wait_status: i32, pod_uid: &str, untold: Vec<TaskID>) -> node::Event {
    let exited = node::Exited {
        framework_id: framework_named(&key.0),
        executor_id: executor_named(&key.1),
        wait_status,
        pod_uid: pod_uid.to_owned(),
        untold,
    };
    node::Event { r#type: node::EventType::Exited, exited: Some(exited), ..node::Event::default() }
}

fn framework_named(id: &str) -> FrameworkID {
    FrameworkID { value: id.to_owned() }
}

fn executor_named(id: &str) -> ExecutorID {
    ExecutorID { value: id.to_owned() }
}

pub(crate) fn framework_id(info: &FrameworkInfo) -> String {
    info.id.as_ref().map(|id| id.value.clone()).unwrap_or_default()
}

/// The node as executors see it.
pub(crate) fn agent(name: &str, hostname: &str, port: u16) -> AgentInfo {
    AgentInfo {
        hostname: hostname.to_owned(),
        port: i32::from(port),
        id: Some(AgentID { value: name.to_owned() }),
        ..AgentInfo::default()
    }
}

pub(crate) fn is_terminal(state: TaskState) -> bool {
    use TaskState::{Dropped, Error, Failed, Finished, Gone, GoneByOperator, Killed, Lost};
    matches!(state, Finished | Failed | Killed | Error | Lost | Dropped | Gone | GoneByOperator)
}

fn now_secs() -> f64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}
