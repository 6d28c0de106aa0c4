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
    pub(crate) volumes: Vec<node::TaskVolume>,
    pub(crate) group: bool,
}

/// The executors that have not ended.
#[derive(Debug, Default)]
pub(crate) struct Executors {
    known: HashMap<ExecutorKey, Executor>,
    /// How many there are on an agent.
    agents: HashMap<Arc<str>, usize>,
    /// The Pods of these and of those that ended before their Pods.
    pods: HashMap<PodName, ExecutorKey>,
    links: HashMap<Arc<str>, Link>,
}

#[derive(Debug)]
struct Executor {
    pod: PodName,
    /// Of the Pod, once it is made.
    uid: Option<String>,
    /// Tasks that came before the Pod was made.
    waiting: Vec<Batch>,
    /// Its Pod is over; what the node knows of its tasks is still to come.
    over: bool,
}

impl Executors {
    /// The Pod of an executor that lives, or is being made.
    pub(crate) fn pod(&self, key: &ExecutorKey) -> Option<&PodName> {
        self.known.get(key).map(|executor| &executor.pod)
    }

    /// Whether it is the executor that runs in the Pod with this uid.
    pub(crate) fn is(&self, key: &ExecutorKey, pod_uid: &str) -> bool {
        self.known.get(key).is_some_and(|executor| executor.uid.as_deref() == Some(pod_uid))
    }

    /// An executor whose Pod is being made; with a `uid` it is there.
    pub(crate) fn begin(&mut self, key: ExecutorKey, pod: PodName, uid: Option<String>) {
        self.pods.insert(pod.clone(), key.clone());
        *self.agents.entry(key.agent.clone()).or_default() += 1;
        self.known.insert(key, Executor { pod, uid, waiting: Vec::new(), over: false });
    }

    /// A Pod is over. Whether it was an executor's; its node is asked what is left to be told.
    pub(crate) fn pod_is_over(&mut self, pod: &PodName) -> bool {
        let Some(key) = self.pods.remove(pod) else { return false };
        if let Some(executor) = self.known.get_mut(&key).filter(|executor| executor.pod == *pod) {
            executor.over = true;
            self.ask(&key);
        }
        true
    }

    /// The executor in a Pod, if it has not ended.
    pub(crate) fn in_pod(&self, pod: &PodName) -> Option<&ExecutorKey> {
        let key = self.pods.get(pod)?;
        self.known.get(key).filter(|executor| executor.pod == *pod).map(|_| key)
    }

    fn ask(&self, key: &ExecutorKey) {
        let Some(Executor { uid: Some(uid), over: true, .. }) = self.known.get(key) else { return };
        let over = node::Over {
            framework_id: FrameworkID { value: key.framework.to_string() },
            executor_id: ExecutorID { value: key.executor.to_string() },
            pod_uid: uid.clone(),
        };
        self.call(&key.agent, node::Call { r#type: node::CallType::Over, over: Some(over), ..node::Call::default() });
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
        self.ask(key);
    }

    /// Gives tasks to an executor, as soon as its Pod is there.
    pub(crate) fn launch(&mut self, key: &ExecutorKey, batch: Batch) {
        // Tasks of one that is over end with it.
        let Some(executor) = self.known.get_mut(key).filter(|executor| !executor.over) else { return };
        let Some(uid) = executor.uid.clone() else {
            executor.waiting.push(batch);
            return;
        };
        let launch = node::Launch {
            framework: FrameworkInfo::clone(&batch.framework),
            executor: ExecutorInfo::clone(&batch.executor),
            pod_uid: uid,
            tasks: batch.tasks.iter().map(|task| TaskInfo::clone(task)).collect(),
            volumes: batch.volumes,
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

    /// An executor has ended; whether it was there.
    pub(crate) fn end(&mut self, key: &ExecutorKey) -> bool {
        let Some(executor) = self.known.remove(key) else { return false };
        if executor.uid.is_none() {
            // Its Pod could not be made.
            self.pods.remove(&executor.pod);
        }
        if let Some(count) = self.agents.get_mut(&key.agent) {
            *count -= 1;
            if *count == 0 {
                self.agents.remove(&key.agent);
            }
        }
        true
    }

    /// Closes the way to a node without executors.
    pub(crate) fn close_idle(&mut self, agent: &str) {
        if !self.agents.contains_key(agent) {
            self.links.remove(agent);
        }
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
