//! What is said of tasks: by executors, or seen of Pods; one update at a time, again until it is acknowledged.

use kubernel_mesos::book::is_terminal;
use kubernel_mesos_proto::v1::{
    AgentID, ExecutorID, TaskID, TaskState, TaskStatus, TaskStatusReason as Reason, TaskStatusSource as Source,
};

use super::{Deed, Key, Task, Tasks, rank};
use crate::observed::{self, Observed};
use crate::watched::TaskPod;

/// How soon an update is said again; doubled each time.
const RESEND_MS_MIN: u64 = 10_000;
/// And how late at most.
const RESEND_MS_MAX: u64 = 600_000;

/// What an update of an executor is to its framework.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// To be said.
    News,
    /// It was said, or will be; the framework has not acknowledged it.
    UnderWay,
    /// Nobody waits for it any more: the framework knows it, or the task is gone or has ended otherwise.
    Settled,
}

impl Tasks {
    /// Whether an update of an executor is to be said.
    pub(crate) fn heard(&self, key: &Key, status: &TaskStatus) -> Heard {
        let Some(task) = self.tasks.get(key) else { return Heard::Settled };
        if status.uuid.is_some() && task.untold.iter().any(|known| known.uuid == status.uuid) {
            return Heard::UnderWay;
        }
        let known = status.uuid.is_some() && task.known == status.uuid;
        if known || is_terminal(task.state) { Heard::Settled } else { Heard::News }
    }

    /// Whether what a task was last, after all that was said of it, is more than is known here.
    pub(crate) fn is_ahead(&self, key: &Key, latest: &TaskStatus) -> bool {
        self.tasks.get(key).is_some_and(|task| rank(latest.state) > rank(task.state))
    }

    /// An executor says how a task is; it is said to the framework as it stands.
    pub(crate) fn update(&mut self, key: &Key, mut status: TaskStatus, now: u64) -> Vec<Deed> {
        let Some(task) = self.tasks.get_mut(key) else { return Vec::new() };
        status.agent_id.get_or_insert_with(|| AgentID { value: task.begun.agent.to_string() });
        if status.uuid.is_none() {
            status.uuid = Some(uuid::Uuid::new_v4().as_bytes().to_vec());
        }
        let pod = task.begun.pod.clone();
        let shown = task.begun.shown.then(|| Deed::Show { pod: pod.clone(), status: status.clone().into() });
        let over = is_terminal(status.state) && task.killed.as_ref().is_some_and(|killed| killed.deleted);
        let gone = (over && task.begun.shown).then_some(Deed::Delete { pod, grace_secs: Some(0) });
        let said = self.say(key, status, now);
        said.into_iter().chain(shown).chain(gone).collect()
    }

    /// A framework knows of an update.
    pub(crate) fn acknowledge(&mut self, key: &Key, uuid: &[u8], now: u64) -> Vec<Deed> {
        let Some(task) = self.tasks.get_mut(key) else { return Vec::new() };
        if task.untold.front().is_none_or(|first| first.uuid.as_deref() != Some(uuid)) {
            return Vec::new();
        }
        task.untold.pop_front();
        task.known = Some(uuid.to_vec());
        if let Some((at, _)) = task.resend.take() {
            self.due.remove(&(at, key.clone()));
        }
        let next = self.say_first(key, now, RESEND_MS_MIN);
        self.settle(key);
        next.into_iter().chain(self.make_room()).collect()
    }

    /// What has to be said again.
    pub(crate) fn due(&mut self, now: u64) -> Vec<Deed> {
        let mut deeds = Vec::new();
        while let Some((at, key)) = self.due.first().filter(|(at, _)| *at <= now).cloned() {
            self.due.remove(&(at, key.clone()));
            let after = self.tasks.get_mut(&key).and_then(|task| task.resend.take()).map(|(_, after)| after);
            deeds.extend(self.say_first(&key, now, after.unwrap_or(RESEND_MS_MIN)));
        }
        deeds
    }

    /// When [`Tasks::due`] has something.
    pub(crate) fn due_at(&self) -> Option<u64> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Says what was seen of a task. What ran and is over by now was running before.
    pub(super) fn observe(
        &mut self,
        key: &Key,
        seen: &Observed,
        pod: Option<&TaskPod>,
        source: Source,
        now: u64,
    ) -> Vec<Deed> {
        let launched = seen.reason != Some(Reason::ContainerLaunchFailed);
        let ran = source == Source::Executor && is_terminal(seen.state) && launched;
        let running = Observed { state: TaskState::Running, reason: None, message: None };
        let before = if ran { self.observe_one(key, &running, pod, source, now) } else { None };
        before.into_iter().chain(self.observe_one(key, seen, pod, source, now)).collect()
    }

    /// Says what became of a task's health. Before its check succeeds for the first time nothing is known.
    pub(super) fn observe_health(&mut self, key: &Key, pod: &TaskPod, now: u64) -> Option<Deed> {
        let task = self.tasks.get_mut(key).filter(|task| task.begun.checked && task.state == TaskState::Running)?;
        let healthy = observed::is_ready(pod, &task.begun.container);
        if task.healthy.unwrap_or(false) == healthy || task.killed.is_some() {
            return None;
        }
        task.healthy = Some(healthy);
        let reason = Some(Reason::TaskHealthCheckStatusUpdated);
        let seen = Observed { state: TaskState::Running, reason, message: None };
        let status = TaskStatus { healthy: Some(healthy), ..status(task, &seen, Some(pod), Source::Executor) };
        self.say(key, status, now)
    }

    /// Says what a task's check found, which means nothing to us.
    pub(super) fn observe_check(&mut self, key: &Key, pod: &TaskPod, now: u64) -> Option<Deed> {
        let task = self.tasks.get_mut(key).filter(|task| task.state == TaskState::Running)?;
        task.begun.check.as_ref()?;
        let found = observed::checked(pod, &task.begun.container).map(Box::new)?;
        if task.check.as_ref() == Some(&found) {
            return None;
        }
        task.check = Some(found);
        let reason = Some(Reason::TaskCheckStatusUpdated);
        let seen = Observed { state: TaskState::Running, reason, message: None };
        let status = status(task, &seen, Some(pod), Source::Executor);
        self.say(key, status, now)
    }

    fn observe_one(
        &mut self,
        key: &Key,
        seen: &Observed,
        pod: Option<&TaskPod>,
        source: Source,
        now: u64,
    ) -> Option<Deed> {
        let task = self.tasks.get_mut(key)?;
        let mut seen = seen.clone();
        if let Some(killed) = task.killed.as_ref().filter(|_| is_terminal(seen.state) && seen.state != TaskState::Gone)
        {
            seen.state =
                if killed.reason == Some(Reason::ContainerPreempted) { TaskState::Gone } else { TaskState::Killed };
            seen.reason = killed.reason;
            seen.message = seen.message.map(|text| signal(&text).map_or(text, ended_by));
        }
        if rank(seen.state) <= rank(task.state) {
            return None;
        }
        let mut healthy = None;
        let ended_by_signal = seen.message.as_deref().and_then(signal);
        if task.begun.checked && task.healthy != Some(true) && task.killed.is_none() && seen.state == TaskState::Failed
        {
            // Nobody asked for its end, and it did not end by itself: its node gave it up as sick.
            if let Some(signal) = ended_by_signal {
                (seen.state, seen.message, healthy) = (TaskState::Killed, Some(ended_by(signal)), Some(false));
            }
        }
        let status = TaskStatus { healthy, ..status(task, &seen, pod, source) };
        self.say(key, status, now)
    }

    /// Puts an update behind those that wait; says it if it is the first.
    fn say(&mut self, key: &Key, status: TaskStatus, now: u64) -> Option<Deed> {
        let task = self.tasks.get_mut(key)?;
        task.state = status.state;
        task.untold.push_back(status);
        if task.untold.len() == 1 { self.say_first(key, now, RESEND_MS_MIN) } else { None }
    }

    fn say_first(&mut self, key: &Key, now: u64, after: u64) -> Option<Deed> {
        let task = self.tasks.get_mut(key)?;
        let status = task.untold.front()?.clone().into();
        task.resend = Some((now + after, (after * 2).min(RESEND_MS_MAX)));
        self.due.insert((now + after, key.clone()));
        Some(Deed::Say { agent: task.begun.agent.clone(), framework: key.framework.clone(), status })
    }
}

/// The update that says what was seen of a task.
fn status(task: &Task, seen: &Observed, pod: Option<&TaskPod>, source: Source) -> TaskStatus {
    let begun = &task.begun;
    let started = !matches!(seen.state, TaskState::Staging | TaskState::Starting);
    let of_group = begun.executor.as_ref().map(|_| &*begun.container);
    let executor = begun.executor.clone().unwrap_or_else(|| begun.key.task.clone());
    TaskStatus {
        task_id: TaskID { value: begun.key.task.to_string() },
        state: seen.state,
        message: seen.message.clone(),
        source: Some(source),
        reason: seen.reason,
        agent_id: Some(AgentID { value: begun.agent.to_string() }),
        executor_id: Some(ExecutorID { value: executor.to_string() }),
        timestamp: Some(seconds()),
        uuid: Some(uuid::Uuid::new_v4().as_bytes().to_vec()),
        check_status: task.check.clone().filter(|_| started),
        container_status: pod.map(|pod| Box::new(observed::container_status(pod, of_group))),
        ..TaskStatus::default()
    }
}

/// The signal that ended a container of which this was said: its status is above 128 then.
fn signal(message: &str) -> Option<i32> {
    let code = message.strip_prefix("Command exited with status ")?.parse::<i32>().ok()?;
    (code > 128).then_some(code - 128)
}

fn ended_by(signal: i32) -> String {
    format!("Command terminated with signal {}", observed::signal_name(signal))
}

fn seconds() -> f64 {
    let now = jiff::Timestamp::now();
    now.as_second() as f64 + f64::from(now.subsec_nanosecond()) / 1e9
}
