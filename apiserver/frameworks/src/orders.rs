//! What the door wants done.

use std::sync::Arc;

use kubernel_mesos::Work;
use kubernel_mesos_proto::node;
use kubernel_mesos_proto::v1::{ExecutorID, FrameworkCapabilityType, FrameworkID, TaskStatusReason};

use crate::executors::ExecutorKey;
use crate::nodes::{acknowledgement, killing};
use crate::records::Known;
use crate::run::Bridge;
use crate::tasks::Key;

impl Bridge {
    /// Does a piece of work.
    pub(crate) async fn work(&mut self, work: Work) {
        match work {
            Work::FrameworkChanged { record, done } => {
                let id: Arc<str> = record.id.as_str().into();
                let known = self.frameworks.entry(id.clone()).or_insert_with(|| Known::new((*record).clone()));
                known.record = *record;
                known.done.extend(done);
                self.write(&id);
            }
            Work::FrameworkRemoved { id } => self.forget(&id).await,
            Work::Launch(launch) => self.launch(*launch).await,
            Work::Kill { framework, task, agent, grace_ms, reason } => {
                let key = Key { framework: framework.into(), task: task.into() };
                self.kill(&key, &agent, grace_ms, reason.and_then(crate::observed::reason)).await;
            }
            Work::ShutdownExecutor { framework, agent, executor } => {
                let key = ExecutorKey { framework: framework.into(), agent: agent.into(), executor: executor.into() };
                self.executors.shutdown(&key);
            }
            Work::ShutdownFramework { framework, agent } => {
                let deeds = self.tasks.remove(&framework, Some(&agent));
                self.carry_out(deeds).await;
                self.end_executors(&framework, Some(&agent)).await;
            }
            Work::Message { framework, agent, executor, data } => {
                let message = node::ExecutorMessage {
                    framework_id: FrameworkID { value: framework },
                    executor_id: ExecutorID { value: executor },
                    data,
                };
                let r#type = node::CallType::Message;
                self.executors.call(&agent, node::Call { r#type, message: Some(message), ..node::Call::default() });
            }
            Work::Acknowledge { framework, task, agent, uuid } => {
                let key = Key { framework: framework.into(), task: task.into() };
                if self.tasks.executor_of(&key).is_some() {
                    self.executors.call(&agent, acknowledgement(&key, uuid.to_vec()));
                }
                let deeds = self.tasks.acknowledge(&key, &uuid, self.now());
                self.carry_out(deeds).await;
                self.close_idle(&agent);
            }
            Work::Checkpoint { agent, destroyed } => self.checkpoint(&agent, &destroyed).await,
            Work::Operator { what, done } => {
                let result = self.operate(what).await;
                drop(done.send(result));
            }
        }
    }

    async fn kill(&mut self, key: &Key, agent: &str, grace_ms: Option<u64>, reason: Option<TaskStatusReason>) {
        let info = self.frameworks.get(&key.framework).map(|known| &known.record.info);
        let knows = FrameworkCapabilityType::TaskKillingState;
        let told = info.is_some_and(|info| info.capabilities.iter().any(|can| can.r#type == Some(knows)));
        if self.tasks.executor_of(key).is_some() {
            self.executors.call(agent, killing(key, grace_ms));
        }
        let deeds = self.tasks.kill(key, grace_ms, reason, told, self.now());
        self.carry_out(deeds).await;
    }
}
