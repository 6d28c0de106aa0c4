//! Executors: a Pod each, to be there before its tasks are given to the node; and the ways to the nodes that have some.

use std::collections::HashMap;
use std::sync::Arc;

use kubernel_mesos_proto::node;
use kubernel_mesos_proto::v1::{ExecutorID, ExecutorInfo, FrameworkID, FrameworkInfo, TaskInfo};

use crate::link::Link;
use crate::tasks::PodName;

/// An executor of a framework on an agent.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ExecutorKey {
    pub(crate) framework: Arc<str>,
    pub(crate) agent: Arc<str>,
    pub(crate) executor: Arc<str>,
}

/// Tasks for an executor, with all that a node has to know.
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    pub(crate) framework: Arc<FrameworkInfo>,
    pub(crate) executor: Arc<ExecutorInfo>,
    pub(crate) tasks: Vec<Arc<TaskInfo>>,
    pub(crate) group: bool,
}

/// The executors that have not ended.
#[derive(Debug, Default)]
pub(crate) struct Executors {
    known: HashMap<ExecutorKey, Executor>,
    links: HashMap<Arc<str>, Link>,
}

#[derive(Debug)]
struct Executor {
    pod: PodName,
    /// Of the Pod, once it is made.
    uid: Option<String>,
    /// Tasks that came before the Pod was made.
    waiting: Vec<Batch>,
    /// The framework was told that it ended.
    exited: bool,
}

impl Executors {
    /// The Pod of an executor that lives, or is being made.
    pub(crate) fn pod(&self, key: &ExecutorKey) -> Option<&PodName> {
        self.known.get(key).map(|executor| &executor.pod)
    }

    /// The executor whose Pod it is.
    pub(crate) fn of_pod(&self, pod: &PodName) -> Option<ExecutorKey> {
        self.known.iter().find(|(_, executor)| executor.pod == *pod).map(|(key, _)| key.clone())
    }

    /// An executor whose Pod is being made; with a `uid` it is there.
    pub(crate) fn begin(&mut self, key: ExecutorKey, pod: PodName, uid: Option<String>) {
        self.known.insert(key, Executor { pod, uid, waiting: Vec::new(), exited: false });
    }

    /// Whether there is a way to a node.
    pub(crate) fn has_link(&self, agent: &str) -> bool {
        self.links.contains_key(agent)
    }

    pub(crate) fn add_link(&mut self, agent: Arc<str>, link: Link) {
        self.links.insert(agent, link);
    }

    /// The Pod of an executor was made: its tasks go to the node.
    pub(crate) fn made(&mut self, key: &ExecutorKey, uid: String) {
        let Some(executor) = self.known.get_mut(key) else { return };
        executor.uid = Some(uid);
        for batch in std::mem::take(&mut executor.waiting) {
            self.launch(key, batch);
        }
    }

    /// Gives tasks to an executor, as soon as its Pod is there.
    pub(crate) fn launch(&mut self, key: &ExecutorKey, batch: Batch) {
        let Some(executor) = self.known.get_mut(key) else { return };
        let Some(uid) = executor.uid.clone() else {
            executor.waiting.push(batch);
            return;
        };
        let launch = node::Launch {
            framework: FrameworkInfo::clone(&batch.framework),
            executor: ExecutorInfo::clone(&batch.executor),
            pod_uid: uid,
            tasks: batch.tasks.iter().map(|task| TaskInfo::clone(task)).collect(),
            group: batch.group,
        };
        let call = node::Call { r#type: node::CallType::Launch, launch: Some(launch), ..node::Call::default() };
        self.call(&key.agent, call);
    }

    /// Gives a node something to do, if there is a way to it.
    pub(crate) fn call(&self, agent: &str, call: node::Call) {
        if let Some(link) = self.links.get(agent) {
            link.call(call);
        }
    }

    /// An executor is to end.
    pub(crate) fn shutdown(&self, key: &ExecutorKey) {
        let shutdown = node::Shutdown {
            framework_id: FrameworkID { value: key.framework.to_string() },
            executor_id: ExecutorID { value: key.executor.to_string() },
        };
        let call = node::Call { r#type: node::CallType::Shutdown, shutdown: Some(shutdown), ..node::Call::default() };
        self.call(&key.agent, call);
    }

    /// The node says that an executor ended; `true` the first time.
    pub(crate) fn exited(&mut self, key: &ExecutorKey) -> bool {
        self.known.get_mut(key).is_some_and(|executor| !std::mem::replace(&mut executor.exited, true))
    }

    /// An executor is over; whether its framework was not told so yet. The way to a node without any is closed.
    pub(crate) fn end(&mut self, key: &ExecutorKey) -> bool {
        let untold = self.known.remove(key).is_some_and(|executor| !executor.exited);
        if !self.known.keys().any(|other| other.agent == key.agent) {
            self.links.remove(&key.agent);
        }
        untold
    }

    /// The executors of a framework, on one agent or on all.
    pub(crate) fn of_framework(&self, framework: &str, agent: Option<&str>) -> Vec<(ExecutorKey, PodName)> {
        let own = |key: &ExecutorKey| &*key.framework == framework && agent.is_none_or(|agent| *key.agent == *agent);
        self.known
            .iter()
            .filter(|(key, _)| own(key))
            .map(|(key, executor)| (key.clone(), executor.pod.clone()))
            .collect()
    }
}
