//! Tasks begin: their Pods are made, and those of executors are given to their nodes.

use std::sync::Arc;

use futures::StreamExt;
use kube::Error;
use kubernel_mesos::Launch;
use kubernel_mesos_proto::v1::{ExecutorInfo, ExecutorType, TaskInfo, TaskState, TaskStatusReason as Reason};
use serde_json::Value;

use crate::api::Api;
use crate::executors::{Batch, ExecutorKey};
use crate::observed::{Observed, unchecked};
use crate::pod::{self, Place};
use crate::run::{Bridge, Input};
use crate::tasks::{Begun, Key, PodName};
use crate::volumes;

/// Pods of one launch that are made at the same time.
const AT_ONCE: usize = 32;

impl Bridge {
    /// Makes the Pods of a launch.
    pub(crate) async fn launch(&mut self, launch: Launch) {
        let framework: Arc<str> = launch.framework.id.as_ref().map(|id| id.value.as_str()).unwrap_or_default().into();
        let Some(owner) = self.owner(&framework) else {
            tracing::warn!(%framework, "a launch of a framework that has no object");
            return;
        };
        let namespace = self.namespace_of(&launch.role);
        let resources = launch.tasks.iter().flat_map(|task| &task.resources);
        let all = resources.chain(launch.executor.iter().flat_map(|executor| &executor.resources));
        if volumes::lacks(&self.volumes.of(&launch.agent), all) {
            // After a start nothing is known of an agent until something changes there.
            self.checkpoint(&launch.agent, &[]).await;
        }
        let there = self.volumes.of(&launch.agent);
        let place = Place {
            framework: &framework,
            owner: &owner,
            namespace: &namespace,
            role: &launch.role,
            agent: &launch.agent,
            user: &launch.framework.user,
            volumes: &there,
        };
        match launch.executor.clone() {
            Some(executor) if executor.r#type == Some(ExecutorType::Default) => {
                let tasks: Vec<&TaskInfo> = launch.tasks.iter().map(|task| &**task).collect();
                let made = pod::of_group(&place, &executor, &tasks);
                let containers = tasks.iter().map(|task| crate::names::container(&task.task_id.value)).collect();
                self.begin(&place, &launch.tasks, containers, Some(&executor), made).await;
            }
            Some(executor) => self.launch_in(&place, &launch, executor).await,
            None => {
                for task in &launch.tasks {
                    let made = pod::of_task(&place, task);
                    self.begin(&place, std::slice::from_ref(task), vec![pod::CONTAINER.to_owned()], None, made).await;
                }
            }
        }
    }

    /// Writes tasks down that are in one Pod, and has it made.
    async fn begin(
        &mut self,
        place: &Place<'_>,
        tasks: &[Arc<TaskInfo>],
        containers: Vec<String>,
        executor: Option<&ExecutorInfo>,
        made: Result<Value, String>,
    ) {
        let name = made.as_ref().ok().and_then(|pod| pod["metadata"]["name"].as_str()).unwrap_or_default().to_owned();
        let name = PodName { namespace: place.namespace.into(), name: name.into() };
        for (task, container) in tasks.iter().zip(containers) {
            self.tasks.begin(begun(place, task, &name, &container, executor, false), false);
        }
        match made {
            Ok(pod) => self.make(name, pod).await,
            Err(why) => {
                let deeds = self.tasks.refused(&name, &invalid(why), self.now());
                self.carry_out(deeds).await;
            }
        }
    }

    /// Makes a Pod in the background.
    async fn make(&mut self, name: PodName, pod: Value) {
        let Ok(permit) = self.creates.clone().acquire_owned().await else { return };
        let (api, to) = (self.api.clone(), self.to.clone());
        tokio::spawn(async move {
            let result = make(&api, &name, &pod).await;
            drop(permit);
            drop(to.send(Input::Made { name, result }).await);
        });
    }

    /// Tasks of an executor of the framework's own: its Pod, a Pod that stands for each task, then the node.
    async fn launch_in(&mut self, place: &Place<'_>, launch: &Launch, executor: Arc<ExecutorInfo>) {
        let key = ExecutorKey {
            framework: place.framework.into(),
            agent: place.agent.into(),
            executor: executor.executor_id.value.as_str().into(),
        };
        self.link(&key.agent);
        let executor_pod = match self.executors.pod(&key) {
            Some(pod) => pod.clone(),
            None => match pod::of_executor(place, &executor, &uuid::Uuid::new_v4().to_string()) {
                Ok(pod) => self.make_executor(place, &key, pod),
                Err(why) => return self.refuse(place, launch, &executor, invalid(why)).await,
            },
        };
        let mut pods = Vec::new();
        for task in &launch.tasks {
            let made = volumes::of_task(task, place.volumes).and_then(|volumes| {
                let pod = pod::of_executors_task(place, &executor, &executor_pod.name, task)?;
                Ok((pod, volumes))
            });
            let pod = made.as_ref().ok().map(|(pod, _)| pod);
            let name = pod.and_then(|pod| pod["metadata"]["name"].as_str()).unwrap_or_default().into();
            let name = PodName { namespace: place.namespace.into(), name };
            self.tasks.begin(begun(place, task, &name, pod::CONTAINER, Some(&executor), true), false);
            pods.push((task.clone(), name, made));
        }
        let (framework, group) = (launch.framework.clone(), launch.group);
        let batch = Batch { framework, executor, tasks: Vec::new(), volumes: Vec::new(), group };
        let Ok(permit) = self.creates.clone().acquire_owned().await else { return };
        let (api, to) = (self.api.clone(), self.to.clone());
        tokio::spawn(async move {
            let made = futures::stream::iter(pods)
                .map(|(task, name, made)| {
                    let api = api.clone();
                    async move {
                        let result = match made {
                            Ok((pod, volumes)) => make(&api, &name, &pod).await.map(|()| volumes),
                            Err(why) => Err(invalid(why)),
                        };
                        (task, name, result)
                    }
                })
                .buffered(AT_ONCE)
                .collect::<Vec<_>>()
                .await;
            drop(permit);
            let mut batch = batch;
            for (task, name, result) in made {
                let result = result.map(|volumes| {
                    batch.tasks.push(task);
                    batch.volumes.extend(volumes);
                });
                drop(to.send(Input::Made { name, result }).await);
            }
            drop(to.send(Input::Batch { key, batch }).await);
        });
    }

    fn make_executor(&mut self, place: &Place<'_>, key: &ExecutorKey, pod: Value) -> PodName {
        let name = pod["metadata"]["name"].as_str().unwrap_or_default().into();
        let name = PodName { namespace: place.namespace.into(), name };
        self.executors.begin(key.clone(), name.clone(), None);
        let (api, to, key, made) = (self.api.clone(), self.to.clone(), key.clone(), name.clone());
        tokio::spawn(async move {
            let path = format!("/api/v1/namespaces/{}/pods/{}", made.namespace, made.name);
            let uid = match make(&api, &made, &pod).await {
                Err(why) => Err(why),
                Ok(()) => match api.get(&path).await {
                    Ok(Some(pod)) => Ok(pod["metadata"]["uid"].as_str().unwrap_or_default().to_owned()),
                    Ok(None) => Err(invalid("the executor's Pod was deleted".to_owned())),
                    Err(error) => Err(refusal(&error)),
                },
            };
            drop(to.send(Input::ExecutorMade { key, uid }).await);
        });
        name
    }

    /// None of the tasks can be launched.
    async fn refuse(&mut self, place: &Place<'_>, launch: &Launch, executor: &ExecutorInfo, why: Observed) {
        let name = PodName { namespace: place.namespace.into(), name: "".into() };
        for task in &launch.tasks {
            self.tasks.begin(begun(place, task, &name, pod::CONTAINER, Some(executor), true), false);
        }
        let deeds = self.tasks.refused(&name, &why, self.now());
        self.carry_out(deeds).await;
    }
}

fn begun(
    place: &Place<'_>,
    task: &TaskInfo,
    pod: &PodName,
    container: &str,
    executor: Option<&ExecutorInfo>,
    shown: bool,
) -> Begun {
    Begun {
        key: Key { framework: place.framework.into(), task: task.task_id.value.as_str().into() },
        agent: place.agent.into(),
        pod: pod.clone(),
        container: container.into(),
        executor: executor.map(|executor| executor.executor_id.value.as_str().into()),
        shown,
        checked: task.health_check.is_some(),
        check: task.check.as_deref().map(unchecked).map(Box::new),
    }
}

/// Makes a Pod. One of the same name that is over makes room for it: a framework may use the name of a task again.
async fn make(api: &Api, name: &PodName, pod: &Value) -> Result<(), Observed> {
    let error = match api.create_pod(&name.namespace, pod).await {
        Ok(()) => return Ok(()),
        Err(Error::Api(status)) if status.code == 409 && status.reason == "AlreadyExists" => Error::Api(status),
        Err(error) => return Err(refusal(&error)),
    };
    let path = format!("/api/v1/namespaces/{}/pods/{}", name.namespace, name.name);
    let old = api.get(&path).await.map_err(|error| refusal(&error))?;
    let phase = old.as_ref().and_then(|old| old["status"]["phase"].as_str()).unwrap_or_default();
    if old.is_some() && phase != "Succeeded" && phase != "Failed" {
        return Err(refusal(&error));
    }
    api.delete_pod(name, Some(0)).await.map_err(|error| refusal(&error))?;
    api.create_pod(&name.namespace, pod).await.map_err(|error| refusal(&error))
}

/// What a framework is told when the API does not take a Pod.
fn refusal(error: &Error) -> Observed {
    let is = |state: TaskState, reason: Reason, message: String| Observed {
        state,
        reason: Some(reason),
        message: Some(message),
    };
    match error {
        Error::Api(status) if status.code == 403 => {
            is(TaskState::Error, Reason::TaskUnauthorized, status.message.clone())
        }
        Error::Api(status) if (400..500).contains(&status.code) => {
            is(TaskState::Error, Reason::TaskInvalid, status.message.clone())
        }
        error => is(TaskState::Failed, Reason::ContainerLaunchFailed, error.to_string()),
    }
}

fn invalid(why: String) -> Observed {
    Observed { state: TaskState::Error, reason: Some(Reason::TaskInvalid), message: Some(why) }
}
