//! The executors of a node, their tasks, and what is still to be told.
//!
//! Every step writes down what it changes before anybody hears of it. Steps that the cluster's side is to hear of put
//! events into `out`; executors hear through their streams.

mod entry;
mod said;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use kubernel_mesos_proto::executor::{self, call, event};
use kubernel_mesos_proto::node;
use kubernel_mesos_proto::v1::{
    AgentInfo, ContainerID, ExecutorID, ExecutorInfo, FrameworkInfo, KillPolicy, TaskID, TaskInfo, TaskState,
    TaskStatus, TaskStatusReason, TaskStatusSource,
};
use kubernel_runtime::process::ProcessEnd;
use tokio::sync::mpsc;

use self::entry::{Executor, Task};
pub(crate) use self::said::{agent, framework_id, is_terminal};
use self::said::{executor_named, exited, framework_named, now_secs, update};
use crate::checkpoint::{Folder, Found};
use crate::places::Places;
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
    places: Places,
    /// What the cluster's side is to hear.
    pub(crate) out: Vec<node::Event>,
}

/// What is to be done with a process after a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    /// End a container after a while.
    Stop { container: String, grace: Duration },
}

impl Book {
    pub(crate) fn new(root: PathBuf, agent: AgentInfo, places: Places, found: Vec<Found>) -> Self {
        let now = Instant::now();
        let (executors, early, out) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
        let mut book = Self { root, agent, executors, early, places, out };
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
        let node::Launch { framework, executor: info, pod_uid, tasks, group, volumes } = launch;
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
            let own = volumes.iter().filter(|volume| volume.task_id == info.task_id).cloned().collect();
            let record = TaskRecord { info, number: executor.next_number, group: group.then_some(first), volumes: own };
            executor.folder.write_task(&record)?;
            executor.next_number += 1;
            executor.tasks.insert(id, Task::new(Some(record), Progress::default(), Instant::now()));
        }
        self.deliver(&key)
    }

    /// Sends an executor the tasks that wait for it, in their order. Those whose volumes cannot be had fail.
    fn deliver(&mut self, key: &Key) -> Result<()> {
        let Some(executor) = self.executors.get(key).filter(|executor| executor.is_connected()) else { return Ok(()) };
        for together in executor.waiting() {
            let Some(executor) = self.executors.get_mut(key) else { return Ok(()) };
            let sandbox = self.places.sandbox(key, executor.container.as_deref());
            let mut volumes = together.iter().flat_map(|record| &record.volumes);
            let mounted = volumes.try_for_each(|volume| self.places.mount(volume, &sandbox));
            let Err(why) = mounted else {
                executor.send(together)?;
                continue;
            };
            for record in together {
                let (id, reason) = (record.info.task_id.value, TaskStatusReason::ContainerLaunchFailed);
                let status = self.own_status(key, &id, TaskState::Failed, reason, &why);
                self.note(key, status)?;
            }
        }
        Ok(())
    }

    /// Takes what only a task that is over had out of the sandbox.
    fn unmount(&self, key: &Key, task: &str) {
        let Some(executor) = self.executors.get(key) else { return };
        let sandbox = self.places.sandbox(key, executor.container.as_deref());
        let volumes = |id: &str| {
            let record = executor.tasks.get(id).and_then(|task| task.record.as_ref());
            record.map_or(&[][..], |record| &record.volumes)
        };
        let alive = executor.tasks.iter().filter(|(_, task)| !task.is_over()).map(|(id, _)| id.as_str());
        let held: Vec<_> = alive.flat_map(volumes).map(|volume| (&volume.path, &volume.uid)).collect();
        for volume in volumes(task).iter().filter(|volume| !held.contains(&(&volume.path, &volume.uid))) {
            self.places.unmount(volume, &sandbox);
        }
    }

    /// Tasks for an executor whose process is over already.
    fn launch_too_late(&mut self, key: &Key, tasks: Vec<TaskInfo>) -> Result<()> {
        for info in tasks {
            let Some(executor) = self.executors.get_mut(key) else { return Ok(()) };
            let id = info.task_id.value.clone();
            if executor.tasks.contains_key(&id) {
                continue;
            }
            let record = TaskRecord { info, number: executor.next_number, group: None, volumes: Vec::new() };
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
        self.deliver(key)?;
        let Some(executor) = self.executors.get(key) else { return Ok(true) };
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
        let container_id = executor.container.clone().map(|value| ContainerID { value, parent: None });
        status.container_status.get_or_insert_default().container_id = container_id;
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
        if task.is_over() {
            // Nothing comes after an end.
            return Ok(());
        }
        task.progress.latest = Some(TaskStatus { data: None, ..status.clone() });
        task.progress.pending.push(status);
        executor.folder.write_progress(&id, &task.progress)?;
        if task.progress.pending.len() == 1 {
            self.out.extend(task.tell(key, Instant::now()));
        }
        if task.is_over() {
            self.unmount(key, &id);
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
        if task.is_over() && task.progress.pending.is_empty() {
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
        let alive: Vec<String> =
            executor.tasks.iter().filter(|(_, task)| !task.is_over()).map(|(id, _)| id.clone()).collect();
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
