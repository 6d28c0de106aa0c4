//! The status updates of tasks: said in order, one at a time, until the framework knows. Pure; times are milliseconds.
//!
//! What Mesos' agents do with files, Pods do here: a Pod stays until its end is acknowledged, and tells after a restart
//! what is still to be said.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use kubernel_mesos::book::is_terminal;
use kubernel_mesos_proto::v1::{
    AgentID, ExecutorID, TaskID, TaskState, TaskStatus, TaskStatusReason as Reason, TaskStatusSource as Source,
};

use crate::observed::{self, Observed};
use crate::watched::TaskPod;

/// How soon an update is said again; doubled each time.
const RESEND_MS_MIN: u64 = 10_000;
/// And how late at most.
const RESEND_MS_MAX: u64 = 600_000;
/// Pods that are over and acknowledged, kept to be looked at; beyond it the oldest go.
const COMPLETED_MAX: usize = 1_000;

/// A task: its framework's identifier, and its own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key {
    /// Whose it is.
    pub(crate) framework: Arc<str>,
    /// Which.
    pub(crate) task: Arc<str>,
}

/// A Pod.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct PodName {
    /// Where.
    pub(crate) namespace: Arc<str>,
    /// Which.
    pub(crate) name: Arc<str>,
}

/// A task that has begun.
#[derive(Clone, Debug)]
pub(crate) struct Begun {
    /// Which.
    pub(crate) key: Key,
    /// Where.
    pub(crate) agent: Arc<str>,
    /// Its Pod.
    pub(crate) pod: PodName,
    /// Its container there.
    pub(crate) container: Arc<str>,
    /// Its executor, if it is not its own.
    pub(crate) executor: Option<Arc<str>>,
    /// The executor says how it is; its Pod only stands for it.
    pub(crate) shown: bool,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Deed {
    /// Tell the framework.
    Say {
        /// Where the task is.
        agent: Arc<str>,
        /// Whose it is.
        framework: Arc<str>,
        /// What.
        status: Box<TaskStatus>,
    },
    /// End a Pod.
    Delete {
        /// Which.
        pod: PodName,
        /// How long it may take; `None`: as the Pod says.
        grace_secs: Option<u64>,
    },
    /// Have the executor end a task whose Pod somebody deleted.
    Ask {
        /// Which.
        key: Key,
    },
    /// Write down how a task of an executor is: its Pod cannot know.
    Show {
        /// Its Pod.
        pod: PodName,
        /// How it is.
        status: Box<TaskStatus>,
    },
}

/// All tasks that are not settled.
#[derive(Debug, Default)]
pub(crate) struct Tasks {
    tasks: HashMap<Key, Task>,
    pods: HashMap<PodName, Vec<Key>>,
    due: BTreeSet<(u64, Key)>,
    completed: VecDeque<PodName>,
}

#[derive(Debug)]
struct Task {
    begun: Begun,
    /// The Pod is there, as far as is known.
    there: bool,
    /// Somebody wants it ended, and why if it was not the framework.
    killed: Option<Killed>,
    /// What was said or is to be said last.
    state: TaskState,
    /// Not acknowledged, in order; the first was said.
    untold: VecDeque<TaskStatus>,
    /// When the first is said again, and after how long then.
    resend: Option<(u64, u64)>,
}

#[derive(Clone, Debug)]
struct Killed {
    grace_secs: Option<u64>,
    reason: Option<Reason>,
    /// The Pod is to go with it: somebody deleted it.
    deleted: bool,
}

impl Tasks {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.tasks.len()
    }

    /// A task begins; its Pod is being made. `there`: it was made before.
    pub(crate) fn begin(&mut self, begun: Begun, there: bool) {
        let key = begun.key.clone();
        self.completed.retain(|pod| *pod != begun.pod);
        self.pods.entry(begun.pod.clone()).or_default().push(key.clone());
        let state = TaskState::Staging;
        let task = Task { begun, there, killed: None, state, untold: VecDeque::new(), resend: None };
        self.tasks.insert(key, task);
    }

    /// The Pods of tasks that are not settled.
    pub(crate) fn pods(&self) -> impl Iterator<Item = &PodName> {
        self.pods.keys()
    }

    /// A Pod of an executor is over: it is kept as those of tasks are.
    pub(crate) fn complete(&mut self, pod: PodName) {
        if !self.completed.contains(&pod) {
            self.completed.push_back(pod);
        }
    }

    /// A task ends with its executor.
    pub(crate) fn end(&mut self, key: &Key, why: &Observed, now: u64) -> Vec<Deed> {
        let Some(task) = self.tasks.get(key).filter(|task| !is_terminal(task.state)) else { return Vec::new() };
        let pod = task.begun.pod.clone();
        let said = self.observe(key, why, None, Source::Agent, now);
        let status = self.tasks.get(key).and_then(|task| task.untold.back()).cloned();
        let shown =
            status.filter(|status| is_terminal(status.state)).map(|status| Deed::Show { pod, status: status.into() });
        said.into_iter().chain(shown).collect()
    }

    /// Whether a task is there.
    pub(crate) fn contains(&self, key: &Key) -> bool {
        self.tasks.contains_key(key)
    }

    /// The tasks of an executor that have not ended.
    pub(crate) fn of_executor(&self, framework: &str, agent: &str, executor: &str) -> Vec<Key> {
        let own = |task: &&Task| {
            &*task.begun.key.framework == framework
                && &*task.begun.agent == agent
                && task.begun.executor.as_deref() == Some(executor)
                && !is_terminal(task.state)
        };
        self.tasks.values().filter(own).map(|task| task.begun.key.clone()).collect()
    }

    /// The executor that runs a task, if it is one of an executor whose Pod is another.
    pub(crate) fn executor_of(&self, key: &Key) -> Option<(Arc<str>, Arc<str>)> {
        let begun = &self.tasks.get(key)?.begun;
        Some((begun.agent.clone(), begun.executor.clone().filter(|_| begun.shown)?))
    }

    /// The Pod of tasks was made.
    pub(crate) fn created(&mut self, pod: &PodName) -> Vec<Deed> {
        let mut deeds = Vec::new();
        for key in self.pods.get(pod).cloned().unwrap_or_default() {
            let Some(task) = self.tasks.get_mut(&key) else { continue };
            task.there = true;
            if let Some(killed) = &task.killed {
                deeds.push(Deed::Delete { pod: pod.clone(), grace_secs: killed.grace_secs });
            }
        }
        deeds
    }

    /// The Pod of tasks cannot be made.
    pub(crate) fn refused(&mut self, pod: &PodName, seen: &Observed, now: u64) -> Vec<Deed> {
        let keys = self.pods.get(pod).cloned().unwrap_or_default();
        keys.iter().flat_map(|key| self.observe(key, seen, None, Source::Agent, now)).collect()
    }

    /// A Pod changed.
    pub(crate) fn saw(&mut self, name: &PodName, pod: &TaskPod, now: u64) -> Vec<Deed> {
        let mut deeds = Vec::new();
        let mut failed = false;
        let keys = self.pods.get(name).cloned().unwrap_or_default();
        for key in &keys {
            let Some(task) = self.tasks.get_mut(key) else { continue };
            task.there = true;
            let deleted = pod.metadata.deletion_timestamp.is_some();
            let known = task.killed.as_ref().is_some_and(|killed| killed.deleted);
            if deleted && !known {
                task.killed.get_or_insert(Killed { grace_secs: None, reason: None, deleted }).deleted = true;
            }
            if task.begun.shown {
                match deleted && !known {
                    true if is_terminal(task.state) => {
                        deeds.push(Deed::Delete { pod: name.clone(), grace_secs: Some(0) });
                    }
                    true => deeds.push(Deed::Ask { key: key.clone() }),
                    false => {}
                }
                continue;
            }
            let Some(seen) = observed::observe(pod, &task.begun.container) else { continue };
            let hopeless = seen.reason == Some(Reason::ContainerLaunchFailed);
            failed |= is_terminal(seen.state) && seen.state != TaskState::Finished;
            if hopeless && !is_over(pod) {
                deeds.push(Deed::Delete { pod: name.clone(), grace_secs: None });
            }
            deeds.extend(self.observe(key, &seen, Some(pod), Source::Executor, now));
        }
        // The tasks of a group live and die together.
        if failed && keys.len() > 1 && !is_over(pod) && pod.metadata.deletion_timestamp.is_none() {
            deeds.push(Deed::Delete { pod: name.clone(), grace_secs: None });
        }
        deeds
    }

    /// A Pod is gone. `node_is_there`: its node still is.
    pub(crate) fn gone(&mut self, name: &PodName, node_is_there: bool, now: u64) -> Vec<Deed> {
        self.completed.retain(|pod| pod != name);
        let mut deeds = Vec::new();
        for key in self.pods.get(name).cloned().unwrap_or_default() {
            let Some(task) = self.tasks.get_mut(&key) else { continue };
            task.there = false;
            let seen = match node_is_there {
                true => {
                    Observed { state: TaskState::Killed, reason: None, message: Some("Pod was deleted".to_owned()) }
                }
                false => Observed {
                    state: TaskState::Gone,
                    reason: Some(Reason::AgentRemoved),
                    message: Some("Pod was deleted after its node was lost".to_owned()),
                },
            };
            deeds.extend(self.observe(&key, &seen, None, Source::Agent, now));
            self.settle(&key);
        }
        deeds
    }

    /// A task is to end. `killing`: its framework knows the state of one that is being killed.
    pub(crate) fn kill(
        &mut self,
        key: &Key,
        grace_ms: Option<u64>,
        reason: Option<Reason>,
        killing: bool,
        now: u64,
    ) -> Vec<Deed> {
        let Some(task) = self.tasks.get_mut(key).filter(|task| !is_terminal(task.state)) else { return Vec::new() };
        // A Pod without any grace would be gone before its node has ended it.
        let grace_secs = grace_ms.map(|ms| ms.div_ceil(1_000).max(1));
        let deleted = task.killed.as_ref().is_some_and(|killed| killed.deleted);
        task.killed = Some(Killed { grace_secs, reason, deleted });
        let (there, pod, shown) = (task.there, task.begun.pod.clone(), task.begun.shown);
        let mut deeds = Vec::new();
        if killing && !shown {
            let seen = Observed { state: TaskState::Killing, reason, message: None };
            deeds.extend(self.observe(key, &seen, None, Source::Executor, now));
        }
        if there && !shown {
            deeds.push(Deed::Delete { pod, grace_secs });
        }
        deeds
    }

    /// An executor says how a task is; it is said to the framework as it stands.
    pub(crate) fn update(&mut self, key: &Key, mut status: TaskStatus, now: u64) -> Vec<Deed> {
        let Some(task) = self.tasks.get_mut(key) else { return Vec::new() };
        let uuid = status.uuid.clone();
        // One that comes again because nobody has acknowledged it yet is under way already.
        if uuid.is_some() && task.untold.iter().any(|known| known.uuid == uuid) {
            return Vec::new();
        }
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

    /// A framework is gone, or all that it has on an agent is to go: nobody is told, and its Pods go.
    pub(crate) fn remove(&mut self, framework: &str, agent: Option<&str>) -> Vec<Deed> {
        let mut pods = BTreeSet::new();
        let own = |task: &&Task| {
            &*task.begun.key.framework == framework && agent.is_none_or(|agent| &*task.begun.agent == agent)
        };
        let keys: Vec<Key> = self.tasks.values().filter(own).map(|task| task.begun.key.clone()).collect();
        for key in keys {
            let Some(task) = self.tasks.remove(&key) else { continue };
            if let Some((at, _)) = task.resend {
                self.due.remove(&(at, key.clone()));
            }
            self.pods.remove(&task.begun.pod);
            // Nobody runs a Pod that only stands for a task: there is nobody to wait for.
            let grace_secs = task.begun.shown.then_some(0);
            pods.insert((task.begun.pod.namespace, task.begun.pod.name, grace_secs));
        }
        let delete = |(namespace, name, grace_secs)| Deed::Delete { pod: PodName { namespace, name }, grace_secs };
        pods.into_iter().map(delete).collect()
    }

    /// Says what was seen of a task. What ran and is over by now was running before.
    fn observe(&mut self, key: &Key, seen: &Observed, pod: Option<&TaskPod>, source: Source, now: u64) -> Vec<Deed> {
        let launched = seen.reason != Some(Reason::ContainerLaunchFailed);
        let ran = source == Source::Executor && is_terminal(seen.state) && launched;
        let running = Observed { state: TaskState::Running, reason: None, message: None };
        let before = if ran { self.observe_one(key, &running, pod, source, now) } else { None };
        before.into_iter().chain(self.observe_one(key, seen, pod, source, now)).collect()
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
            // A container that a signal ends has a status above 128.
            let signal = seen.message.as_deref().and_then(|text| text.strip_prefix("Command exited with status "));
            let signal = signal.and_then(|code| code.parse::<i32>().ok()).filter(|code| *code > 128);
            if let Some(code) = signal {
                seen.message = Some(format!("Command terminated with signal {}", observed::signal_name(code - 128)));
            }
        }
        if rank(seen.state) <= rank(task.state) {
            return None;
        }
        let begun = &task.begun;
        let executor = begun.executor.clone().unwrap_or_else(|| begun.key.task.clone());
        let status = TaskStatus {
            task_id: TaskID { value: key.task.to_string() },
            state: seen.state,
            message: seen.message.clone(),
            source: Some(source),
            reason: seen.reason,
            agent_id: Some(AgentID { value: begun.agent.to_string() }),
            executor_id: Some(ExecutorID { value: executor.to_string() }),
            timestamp: Some(seconds()),
            uuid: Some(uuid::Uuid::new_v4().as_bytes().to_vec()),
            container_status: pod.map(|pod| Box::new(observed::container_status(pod))),
            ..TaskStatus::default()
        };
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

    /// Forgets a task that has ended, and whose framework knows it. Its Pod stays for a while.
    fn settle(&mut self, key: &Key) {
        let settled = |task: &Task| is_terminal(task.state) && task.untold.is_empty();
        if !self.tasks.get(key).is_some_and(settled) {
            return;
        }
        let Some(task) = self.tasks.remove(key) else { return };
        let pod = task.begun.pod;
        if let Some(keys) = self.pods.get_mut(&pod) {
            keys.retain(|other| other != key);
            if !keys.is_empty() {
                return;
            }
            self.pods.remove(&pod);
        }
        if task.there {
            self.completed.push_back(pod);
        }
    }

    fn make_room(&mut self) -> Option<Deed> {
        let pod = if self.completed.len() > COMPLETED_MAX { self.completed.pop_front() } else { None };
        pod.map(|pod| Deed::Delete { pod, grace_secs: Some(0) })
    }
}

/// Later states have higher ranks; an end is an end.
fn rank(state: TaskState) -> u8 {
    match state {
        TaskState::Staging => 0,
        TaskState::Starting => 1,
        TaskState::Running => 2,
        TaskState::Killing => 3,
        state if is_terminal(state) => 5,
        _ => 4,
    }
}

fn is_over(pod: &TaskPod) -> bool {
    matches!(pod.status.phase.as_str(), "Succeeded" | "Failed")
}

fn seconds() -> f64 {
    let now = jiff::Timestamp::now();
    now.as_second() as f64 + f64::from(now.subsec_nanosecond()) / 1e9
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    struct World {
        tasks: Tasks,
        pod: PodName,
        last: Option<Vec<u8>>,
        now: u64,
    }

    fn key(task: &str) -> Key {
        Key { framework: "f".into(), task: task.into() }
    }

    impl World {
        fn new(tasks: &[&str]) -> Self {
            let pod = PodName { namespace: "ns".into(), name: "p".into() };
            let mut world = Self { tasks: Tasks::default(), pod: pod.clone(), last: None, now: 0 };
            for task in tasks {
                let container = (*task).into();
                let (executor, shown) = (None, false);
                let begun = Begun { key: key(task), agent: "n".into(), pod: pod.clone(), container, executor, shown };
                world.tasks.begin(begun, false);
            }
            world
        }

        /// What the deeds are, in words; remembers what is to be acknowledged.
        fn words(&mut self, deeds: Vec<Deed>) -> Vec<String> {
            let mut out = Vec::new();
            for deed in deeds {
                out.push(match deed {
                    Deed::Say { status, .. } => {
                        self.last = status.uuid.clone();
                        format!("{} {:?}", status.task_id.value, status.state)
                    }
                    Deed::Delete { grace_secs, .. } => format!("delete {grace_secs:?}"),
                    Deed::Ask { key } => format!("ask {}", key.task),
                    Deed::Show { status, .. } => format!("show {:?}", status.state),
                });
            }
            out
        }

        fn saw(&mut self, status: Value) -> Vec<String> {
            let pod: TaskPod = serde_json::from_value(json!({"status": status})).unwrap_or_default();
            let deeds = self.tasks.saw(&self.pod.clone(), &pod, self.now);
            self.words(deeds)
        }

        fn acknowledge(&mut self, task: &str) -> Vec<String> {
            let uuid = self.last.clone().unwrap_or_default();
            let deeds = self.tasks.acknowledge(&key(task), &uuid, self.now);
            self.words(deeds)
        }
    }

    fn ended(task: &str, code: i32) -> Value {
        json!({"name": task, "state": {"terminated": {"exitCode": code}}})
    }

    #[test]
    fn updates_are_said_one_at_a_time_until_they_are_known() {
        let mut world = World::new(&["t"]);
        assert_eq!(world.saw(json!({"phase": "Running"})), ["t Running"]);
        assert_eq!(world.saw(json!({"phase": "Running"})), [""; 0]);
        assert_eq!(world.saw(json!({"phase": "Succeeded", "containerStatuses": [ended("t", 0)]})), [""; 0]);
        assert_eq!(world.tasks.due_at(), Some(10_000));
        for (now, next) in [(10_000, 30_000), (30_000, 70_000)] {
            world.now = now;
            let deeds = world.tasks.due(now);
            assert_eq!(world.words(deeds), ["t Running"]);
            assert_eq!(world.tasks.due_at(), Some(next));
        }
        assert_eq!(world.acknowledge("t"), ["t Finished"]);
        let stale = world.tasks.acknowledge(&key("t"), b"what", 0);
        assert_eq!(stale, []);
        assert_eq!(world.acknowledge("t"), [""; 0]);
        assert!(world.tasks.len() == 0 && world.tasks.due_at().is_none());
        assert_eq!(world.tasks.completed, [world.pod]);
    }

    #[test]
    fn what_is_killed_ends_killed() {
        let mut world = World::new(&["t"]);
        let deeds = world.tasks.kill(&key("t"), Some(1_500), None, false, 0);
        assert_eq!(world.words(deeds), [""; 0], "there is no Pod yet");
        let deeds = world.tasks.created(&world.pod.clone());
        assert_eq!(world.words(deeds), ["delete Some(2)"]);
        assert_eq!(world.saw(json!({"phase": "Failed", "containerStatuses": [ended("t", 143)]})), ["t Running"]);
        let deeds = world.tasks.gone(&world.pod.clone(), true, 0);
        assert_eq!(world.words(deeds), [""; 0]);
        assert_eq!(world.acknowledge("t"), ["t Killed"]);
        assert_eq!(world.acknowledge("t"), [""; 0]);
        assert!(world.tasks.len() == 0 && world.tasks.completed.is_empty());
    }

    #[test]
    fn pods_that_vanish_are_told() {
        for (node_is_there, state) in [(true, "t Killed"), (false, "t Gone")] {
            let mut world = World::new(&["t"]);
            let deeds = world.tasks.gone(&world.pod.clone(), node_is_there, 0);
            assert_eq!(world.words(deeds), [state]);
        }
        let mut world = World::new(&["t"]);
        let image = json!({"name": "t", "state": {"waiting": {"reason": "ErrImagePull"}}});
        assert_eq!(world.saw(json!({"phase": "Pending", "containerStatuses": [image]})), ["delete None", "t Failed"]);
    }

    #[test]
    fn a_group_dies_together() {
        let mut world = World::new(&["a", "b"]);
        let running = |name: &str| json!({"name": name, "state": {"running": {}}});
        let both = json!({"phase": "Running", "containerStatuses": [running("a"), running("b")]});
        assert_eq!(world.saw(both), ["a Running", "b Running"]);
        let one = json!({"phase": "Running", "containerStatuses": [ended("a", 1), running("b")]});
        assert_eq!(world.saw(one), ["delete None"], "the rest waits for acknowledgements");
        let deeds = world.tasks.remove("f", None);
        assert_eq!((world.words(deeds), world.tasks.len()), (vec!["delete None".to_owned()], 0));
    }

    #[test]
    fn what_executors_say_is_passed_on_and_shown() {
        let mut world = World::new(&[]);
        let begun = Begun {
            key: key("t"),
            agent: "n".into(),
            pod: world.pod.clone(),
            container: "task".into(),
            executor: Some("e".into()),
            shown: true,
        };
        world.tasks.begin(begun, true);
        assert_eq!(world.saw(json!({"phase": "Running"})), [""; 0], "the Pod only stands for it");
        let task_id = TaskID { value: "t".to_owned() };
        let status = TaskStatus { task_id, state: TaskState::Running, uuid: Some(vec![7]), ..TaskStatus::default() };
        let deeds = world.tasks.update(&key("t"), status.clone(), 0);
        assert_eq!(world.words(deeds), ["t Running", "show Running"]);
        assert_eq!(world.tasks.update(&key("t"), status, 0), [], "it came again");
        assert_eq!(world.tasks.of_executor("f", "n", "e"), [key("t")]);
        let deleted = json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}});
        let deleted: TaskPod = serde_json::from_value(deleted).unwrap_or_default();
        for expected in [vec!["ask t".to_owned()], Vec::new()] {
            let deeds = world.tasks.saw(&world.pod.clone(), &deleted, 0);
            assert_eq!(world.words(deeds), expected);
        }
        let task_id = TaskID { value: "t".to_owned() };
        let status = TaskStatus { task_id, state: TaskState::Killed, uuid: Some(vec![8]), ..TaskStatus::default() };
        let deeds = world.tasks.update(&key("t"), status, 0);
        assert_eq!(world.words(deeds), ["show Killed", "delete Some(0)"]);
        assert_eq!(world.tasks.executor_of(&key("t")), Some(("n".into(), "e".into())));
    }
}
