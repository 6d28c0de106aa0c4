//! The status updates of tasks: said in order, one at a time, until the framework knows. Pure; times are milliseconds.
//!
//! What Mesos' agents do with files, Pods do here: a Pod stays until its end is acknowledged, and tells after a restart
//! what is still to be said.

mod completed;
mod updates;

#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use kubernel_mesos::book::is_terminal;
use kubernel_mesos_proto::v1::{
    CheckStatusInfo, TaskState, TaskStatus, TaskStatusReason as Reason, TaskStatusSource as Source,
};

use crate::observed::{self, Observed};
use crate::watched::TaskPod;

use completed::Completed;
pub(crate) use updates::Heard;

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
    /// It has a health check, which is its container's readiness and liveness probe.
    pub(crate) checked: bool,
    /// It has a check: what of it is known before it was made.
    pub(crate) check: Option<Box<CheckStatusInfo>>,
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

/// An executor of an agent: its framework, and its identifier there.
type Executor = (Arc<str>, Arc<str>);

/// All tasks that are not settled.
#[derive(Debug, Default)]
pub(crate) struct Tasks {
    tasks: HashMap<Key, Task>,
    pods: HashMap<PodName, Vec<Key>>,
    /// Tasks that executors run, by agent.
    hosted: HashMap<Arc<str>, HashMap<Executor, HashSet<Key>>>,
    due: BTreeSet<(u64, Key)>,
    completed: Completed,
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
    /// What its health check said last.
    healthy: Option<bool>,
    /// What its check found last.
    check: Option<Box<CheckStatusInfo>>,
    /// Not acknowledged, in order; the first was said.
    untold: VecDeque<TaskStatus>,
    /// What was acknowledged last.
    known: Option<Vec<u8>>,
    /// It was there before the bridge began, and its node has not been asked yet.
    recovered: bool,
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
        self.completed.remove(&begun.pod);
        self.pods.entry(begun.pod.clone()).or_default().push(key.clone());
        let state = TaskState::Staging;
        if let Some((agent, executor)) = begun.host() {
            self.hosted.entry(agent).or_default().entry(executor).or_default().insert(key.clone());
        }
        let check = begun.check.clone();
        let task = Task {
            begun,
            there,
            killed: None,
            state,
            healthy: None,
            check,
            untold: VecDeque::new(),
            known: None,
            recovered: there,
            resend: None,
        };
        self.tasks.insert(key, task);
    }

    /// The Pods of tasks that are known to be made. Others may still be in the making.
    pub(crate) fn made(&self) -> impl Iterator<Item = &PodName> {
        let is_there = |key: &Key| self.tasks.get(key).is_some_and(|task| task.there);
        self.pods.iter().filter(move |(_, keys)| keys.iter().any(is_there)).map(|(pod, _)| pod)
    }

    /// A Pod of an executor is over: it is kept as those of tasks are.
    pub(crate) fn complete(&mut self, pod: PodName) {
        self.completed.add(pod);
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

    /// Whether a task is there and has not ended.
    pub(crate) fn is_alive(&self, key: &Key) -> bool {
        self.tasks.get(key).is_some_and(|task| !is_terminal(task.state))
    }

    /// The tasks that an executor runs and that have not ended.
    pub(crate) fn of_executor(&self, agent: &str, framework: &Arc<str>, executor: &Arc<str>) -> Vec<Key> {
        let all = self.hosted.get(agent).and_then(|host| host.get(&(framework.clone(), executor.clone())));
        all.into_iter().flatten().filter(|key| self.is_alive(key)).cloned().collect()
    }

    /// Whether executors on an agent have tasks that are not settled.
    pub(crate) fn has_hosted(&self, agent: &str) -> bool {
        self.hosted.contains_key(agent)
    }

    /// Tasks on an agent that were there before the bridge began, of which the agent knows nothing. Asks once.
    pub(crate) fn lost_on(&mut self, agent: &str, known: &HashSet<Key>) -> Vec<Key> {
        let all: Vec<Key> = self.hosted.get(agent).into_iter().flat_map(HashMap::values).flatten().cloned().collect();
        let lost = |key: &Key| {
            let task = self.tasks.get_mut(key);
            let asked = task.is_some_and(|task| std::mem::take(&mut task.recovered) && !is_terminal(task.state));
            asked && !known.contains(key)
        };
        all.into_iter().filter(lost).collect()
    }

    fn unhost(&mut self, begun: &Begun) {
        let Some((agent, executor)) = begun.host() else { return };
        let Some(host) = self.hosted.get_mut(&agent) else { return };
        if let Some(keys) = host.get_mut(&executor) {
            keys.remove(&begun.key);
            if keys.is_empty() {
                host.remove(&executor);
            }
        }
        if host.is_empty() {
            self.hosted.remove(&agent);
        }
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
            deeds.extend(self.observe_health(key, pod, now));
            deeds.extend(self.observe_check(key, pod, now));
        }
        // The tasks of a group live and die together.
        if failed && keys.len() > 1 && !is_over(pod) && pod.metadata.deletion_timestamp.is_none() {
            deeds.push(Deed::Delete { pod: name.clone(), grace_secs: None });
        }
        deeds
    }

    /// A Pod is gone. `node_is_there`: its node still is.
    pub(crate) fn gone(&mut self, name: &PodName, node_is_there: bool, now: u64) -> Vec<Deed> {
        self.completed.remove(name);
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
            self.unhost(&task.begun);
            // Nobody runs a Pod that only stands for a task: there is nobody to wait for.
            let grace_secs = task.begun.shown.then_some(0);
            pods.insert((task.begun.pod.namespace, task.begun.pod.name, grace_secs));
        }
        let delete = |(namespace, name, grace_secs)| Deed::Delete { pod: PodName { namespace, name }, grace_secs };
        pods.into_iter().map(delete).collect()
    }

    /// Forgets a task that has ended, and whose framework knows it. Its Pod stays for a while.
    fn settle(&mut self, key: &Key) {
        let settled = |task: &Task| is_terminal(task.state) && task.untold.is_empty();
        if !self.tasks.get(key).is_some_and(settled) {
            return;
        }
        let Some(task) = self.tasks.remove(key) else { return };
        self.unhost(&task.begun);
        let pod = task.begun.pod;
        if let Some(keys) = self.pods.get_mut(&pod) {
            keys.retain(|other| other != key);
            if !keys.is_empty() {
                return;
            }
            self.pods.remove(&pod);
        }
        if task.there {
            self.completed.add(pod);
        }
    }

    fn make_room(&mut self) -> Option<Deed> {
        self.completed.make_room().map(|pod| Deed::Delete { pod, grace_secs: Some(0) })
    }
}

impl Begun {
    /// The agent, and the framework and executor, of a task that an executor runs.
    fn host(&self) -> Option<(Arc<str>, Executor)> {
        let executor = self.executor.clone().filter(|_| self.shown)?;
        Some((self.agent.clone(), (self.key.framework.clone(), executor)))
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
