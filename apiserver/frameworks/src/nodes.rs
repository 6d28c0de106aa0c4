//! What nodes tell of executors, and what becomes of executors and their tasks.

use std::collections::HashSet;
use std::sync::Arc;

use kubernel_mesos_proto::node;
use kubernel_mesos_proto::v1::{
    DurationInfo, ExecutorID, FrameworkID, KillPolicy, TaskID, TaskState, TaskStatus, TaskStatusReason,
};

use crate::executors::ExecutorKey;
use crate::link::Link;
use crate::observed::Observed;
use crate::run::{Bridge, Input};
use crate::tasks::{Deed, Heard, Key};

impl Bridge {
    /// Opens the way to a node, if it is not open.
    pub(crate) fn link(&mut self, agent: &Arc<str>) {
        if !self.executors.has_link(agent) {
            let wrap = |agent, event| Input::Node(agent, Box::new(event));
            let link = Link::open(self.api.0.clone(), agent.clone(), self.to.clone(), wrap);
            self.executors.add_link(agent.clone(), link);
        }
    }

    /// A node says something.
    pub(crate) async fn node(&mut self, agent: &Arc<str>, event: node::Event) {
        if let Some(executors) = event.executors {
            self.executors_of_node(agent, executors.executors).await;
        }
        if let Some(node::Update { framework_id, status, .. }) = event.update {
            self.update(agent, &framework_id.value.into(), status).await;
        }
        if let Some(node::ExecutorMessage { framework_id, executor_id, data }) = event.message {
            self.door.message(agent, &framework_id.value, &executor_id.value, data);
        }
        if let Some(exited) = event.exited {
            let key = executor_key(agent, exited.framework_id, exited.executor_id);
            // One of that name may have come since.
            if self.executors.is(&key, &exited.pod_uid) {
                self.end_executor(&key, exited.wait_status, &terminated(), &exited.untold).await;
            }
        }
    }

    async fn update(&mut self, agent: &Arc<str>, framework: &Arc<str>, status: TaskStatus) {
        let task = Key { framework: framework.clone(), task: status.task_id.value.as_str().into() };
        match (self.tasks.heard(&task, &status), status.uuid.clone()) {
            (Heard::News, _) => {
                let deeds = self.tasks.update(&task, status, self.now());
                self.carry_out(deeds).await;
            }
            (Heard::Settled, Some(uuid)) => self.executors.call(agent, acknowledgement(&task, uuid)),
            (Heard::UnderWay | Heard::Settled, _) => {}
        }
    }

    /// A node says which executors it has. What it has told of their tasks may have been missed; what was launched before
    /// the bridge began may never have come there.
    async fn executors_of_node(&mut self, agent: &Arc<str>, executors: Vec<node::Executor>) {
        let mut known = HashSet::new();
        for executor in executors {
            let key = executor_key(agent, executor.framework_id, executor.executor_id);
            let task = |id: &TaskID| Key { framework: key.framework.clone(), task: id.value.as_str().into() };
            known.extend(executor.known.iter().map(task));
            for status in executor.tasks {
                if self.tasks.is_ahead(&task(&status.task_id), &status) {
                    self.update(agent, &key.framework, status).await;
                }
            }
            let ours = self.executors.is(&key, &executor.pod_uid);
            if executor.over && ours {
                self.end_executor(&key, 0, &terminated(), &executor.known).await;
            } else if !executor.over && self.executors.pod(&key).is_none() {
                // Nobody knows it any more.
                self.executors.shutdown(&key);
            }
        }
        let (now, why) = (self.now(), lost());
        let lost = self.tasks.lost_on(agent, &known);
        let deeds = lost.iter().flat_map(|task| self.tasks.end(task, &why, now)).collect();
        self.carry_out(deeds).await;
    }

    /// An executor is over, or cannot begin: so are its tasks, but for those of which more is to be told.
    pub(crate) async fn end_executor(
        &mut self,
        key: &ExecutorKey,
        wait_status: i32,
        why: &Observed,
        untold: &[TaskID],
    ) {
        if self.executors.end(key) {
            self.door.executor_exited(&key.agent, &key.framework, &key.executor, wait_status);
        }
        let now = self.now();
        let awaited: HashSet<&str> = untold.iter().map(|id| id.value.as_str()).collect();
        let tasks = self.tasks.of_executor(&key.agent, &key.framework, &key.executor);
        let ended = tasks.iter().filter(|task| !awaited.contains(&*task.task));
        let deeds = ended.flat_map(|task| self.tasks.end(task, why, now)).collect();
        self.carry_out(deeds).await;
        self.close_idle(&key.agent);
    }

    /// Closes the way to a node of which nothing is awaited.
    pub(crate) fn close_idle(&mut self, agent: &str) {
        if !self.tasks.has_hosted(agent) {
            self.executors.close_idle(agent);
        }
    }

    /// All executors of a framework are to go, on one agent or everywhere.
    pub(crate) async fn end_executors(&mut self, framework: &str, agent: Option<&str>) {
        for (key, pod) in self.executors.of_framework(framework, agent) {
            self.executors.end(&key);
            self.close_idle(&key.agent);
            self.carry_out(vec![Deed::Delete { pod, grace_secs: None }]).await;
        }
    }
}

fn executor_key(agent: &Arc<str>, framework: FrameworkID, executor: ExecutorID) -> ExecutorKey {
    ExecutorKey { framework: framework.value.into(), agent: agent.clone(), executor: executor.value.into() }
}

/// What is said of the tasks of an executor that is over.
pub(crate) fn terminated() -> Observed {
    Observed {
        state: TaskState::Failed,
        reason: Some(TaskStatusReason::ExecutorTerminated),
        message: Some("Executor terminated".to_owned()),
    }
}

/// What is said of tasks that were launched and that their node does not know.
fn lost() -> Observed {
    Observed {
        state: TaskState::Lost,
        reason: Some(TaskStatusReason::Reconciliation),
        message: Some("Reconciliation: task unknown to the agent".to_owned()),
    }
}

/// Tells a node that a framework knows of an update.
pub(crate) fn acknowledgement(key: &Key, uuid: Vec<u8>) -> node::Call {
    let acknowledge = node::Acknowledge {
        framework_id: FrameworkID { value: key.framework.to_string() },
        task_id: TaskID { value: key.task.to_string() },
        uuid,
    };
    node::Call { r#type: node::CallType::Acknowledge, acknowledge: Some(acknowledge), ..node::Call::default() }
}

/// Has an executor end a task.
pub(crate) fn killing(key: &Key, grace_ms: Option<u64>) -> node::Call {
    let nanoseconds = |ms: u64| i64::try_from(ms.saturating_mul(1_000_000)).unwrap_or(i64::MAX);
    let grace = grace_ms.map(|ms| DurationInfo { nanoseconds: nanoseconds(ms) });
    let kill = node::Kill {
        framework_id: FrameworkID { value: key.framework.to_string() },
        task_id: TaskID { value: key.task.to_string() },
        kill_policy: grace.map(|grace| KillPolicy { grace_period: Some(grace) }),
    };
    node::Call { r#type: node::CallType::Kill, kill: Some(kill), ..node::Call::default() }
}
