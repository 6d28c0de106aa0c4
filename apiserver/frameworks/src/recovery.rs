//! After a restart: Framework objects and Pods tell what frameworks had. The door is opened when that is known.

use std::sync::Arc;

use kubernel_mesos::book::RecoveredTask;
use kubernel_mesos::book::{FrameworkRecord, is_terminal};
use kubernel_mesos_proto::{
    Message,
    v1::{CommandInfo, ExecutorInfo, TaskInfo, TaskState},
};
use serde_json::Value;

use crate::executors::ExecutorKey;
use crate::names;
use crate::observed::{observe, unchecked};
use crate::pod::CONTAINER;
use crate::run::{Bridge, pod_name};
use crate::tasks::{Begun, Key};
use crate::watched::TaskPod;

impl Bridge {
    /// Takes over what was there before, and opens the door.
    pub(crate) async fn recover(&mut self, pods: Vec<TaskPod>) {
        let records: Vec<FrameworkRecord> = self.records();
        let mut recovered = Vec::new();
        let mut deeds = Vec::new();
        for pod in &pods {
            let framework: Arc<str> = pod.metadata.annotations.framework.as_str().into();
            if self.owner(&framework).is_some() {
                recovered.extend(self.take_back(&framework, pod));
            }
        }
        self.door.recover(records, recovered);
        // Nobody listens any more, whatever the objects say.
        for id in self.frameworks.keys().cloned().collect::<Vec<_>>() {
            self.write(&id);
        }
        for pod in &pods {
            deeds.extend(self.tasks.saw(&pod_name(&pod.metadata), pod, self.now()));
        }
        tracing::info!(frameworks = self.frameworks.len(), tasks = self.tasks.len(), "the door is open");
        self.carry_out(deeds).await;
    }

    /// Writes down what a Pod stands for. Returns the tasks in it that have not ended.
    fn take_back(&mut self, framework: &Arc<str>, pod: &TaskPod) -> Vec<RecoveredTask> {
        let annotations = &pod.metadata.annotations;
        let agent: Arc<str> = pod.spec.node_name.as_str().into();
        let user = self.frameworks.get(framework).map(|known| known.user().to_owned()).unwrap_or_default();
        let executor = ExecutorInfo::from_json(annotations.executor_info.as_bytes()).ok();
        let executor = executor.map(|executor| {
            let command = executor.command.map(|command| as_launched(command, &user));
            ExecutorInfo { command, ..executor }
        });
        let over = matches!(pod.status.phase.as_str(), "Succeeded" | "Failed");
        let tasks = task_infos(&annotations.task_info);
        if tasks.is_empty() {
            if let Some(executor) = executor.filter(|_| !over) {
                let executor = executor.executor_id.value.as_str().into();
                let key = ExecutorKey { framework: framework.clone(), agent: agent.clone(), executor };
                self.link(&agent);
                self.executors.begin(key, pod_name(&pod.metadata), Some(pod.metadata.uid.clone()));
            }
            return Vec::new();
        }
        let shown = !annotations.runs_in.is_empty();
        if shown {
            self.link(&agent);
        }
        let group = tasks.len() > 1 || executor.is_some();
        let mut recovered = Vec::new();
        for mut info in tasks {
            info.command = info.command.map(|command| as_launched(command, &user));
            let container = if group { names::container(&info.task_id.value) } else { CONTAINER.to_owned() };
            let state = observe(pod, &container).map_or(TaskState::Staging, |seen| seen.state);
            let own = info.executor.as_deref().or(executor.as_ref());
            let known = (!annotations.executor.is_empty()).then(|| annotations.executor.as_str().into());
            let begun = Begun {
                key: Key { framework: framework.clone(), task: info.task_id.value.as_str().into() },
                agent: agent.clone(),
                pod: pod_name(&pod.metadata),
                container: container.into(),
                executor: known,
                shown,
                checked: info.health_check.is_some(),
                check: info.check.as_deref().map(unchecked).map(Box::new),
            };
            let executor = own.cloned();
            self.tasks.begin(begun, true);
            if !is_terminal(state) {
                recovered.push(RecoveredTask {
                    framework: framework.to_string(),
                    agent: agent.to_string(),
                    role: annotations.role.clone(),
                    info,
                    executor,
                    group,
                    state,
                });
            }
        }
        recovered
    }
}

/// A command without the user that was written down because it named none.
fn as_launched(mut command: Box<CommandInfo>, user: &str) -> Box<CommandInfo> {
    command.user = command.user.filter(|own| own != user);
    command
}

fn task_infos(annotation: &str) -> Vec<TaskInfo> {
    let list: Vec<Value> = serde_json::from_str(annotation).unwrap_or_default();
    list.iter().filter_map(|tree| TaskInfo::from_value(tree).ok()).collect()
}
