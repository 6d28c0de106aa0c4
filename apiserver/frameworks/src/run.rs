//! The loop: work from the door, changes of objects, and events of nodes come in; what is to be done goes out in the
//! background, as much at a time as is bounded here.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use kube::Client;
use kubernel_ledger::Ledger;
use kubernel_mesos::book::FrameworkRecord;
use kubernel_mesos::{Door, Work};
use kubernel_mesos_proto::node;
use kubernel_mesos_proto::v1::{DurationInfo, ExecutorID, FrameworkID, KillPolicy, TaskID, TaskState, TaskStatus};
use kubernel_meta::time;
use kubernel_scheduler::{Change, Tenancy, follow};
use serde_json::{Value, json};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::api::{Api, KERNEL};
use crate::executors::{Batch, ExecutorKey, Executors};
use crate::link::Link;
use crate::observed::Observed;
use crate::tasks::{Deed, Key, PodName, Tasks};
use crate::watched::{FrameworkObject, Meta, Named, ResourceRole, TaskPod};
use crate::{names, objects};

/// What waits to be looked at. Watches and nodes wait when there is more.
const INPUTS_MAX: usize = 4_096;
/// Pods that are made at the same time.
const CREATES_MAX: usize = 256;
/// Pods that are ended, and statuses that are written, at the same time.
const WRITES_MAX: usize = 128;
/// How often Framework objects are brought up to date.
const STANDING_EVERY: Duration = Duration::from_secs(2);
/// The Pods that are tasks or executors.
const PODS: &str = "/api/v1/pods?labelSelector=mesos.kernel.kubernel.io%2Fframework";
/// The namespace of roles that have none.
const NAMESPACE: &str = "default";

/// How a bridge runs.
pub struct Config {
    /// The ledger that holds what tasks use.
    pub ledger: Arc<Ledger>,
    /// Where frameworks come in.
    pub door: Door,
    /// What the door wants done.
    pub work: mpsc::Receiver<Work>,
}

/// What comes in.
pub(crate) enum Input {
    Pod(Box<Change<TaskPod>>),
    Framework(Box<Change<FrameworkObject>>),
    Namespace(Change<Named>),
    Role(Change<ResourceRole>),
    /// A framework was written down, under this uid, or why not.
    Written {
        id: Arc<str>,
        result: Result<String, String>,
        done: Vec<Done>,
    },
    /// A task's Pod was made, or why not.
    Made {
        name: PodName,
        result: Result<(), Observed>,
    },
    /// An executor's Pod was made, under this uid, or why not.
    ExecutorMade {
        key: ExecutorKey,
        uid: Result<String, Observed>,
    },
    /// The Pods of these tasks were made: they go to the node.
    Batch {
        key: ExecutorKey,
        batch: Batch,
    },
    Node(Arc<str>, Box<node::Event>),
}

pub(crate) type Done = oneshot::Sender<Result<(), String>>;

/// A framework.
pub(crate) struct Known {
    uid: Option<String>,
    record: FrameworkRecord,
    /// It is being written; what came since is written next.
    writing: bool,
    next: bool,
    done: Vec<Done>,
    /// It is gone: its object goes when nobody writes it any more.
    gone: bool,
    standing: Value,
}

/// All that the bridge knows.
pub(crate) struct Bridge {
    pub(crate) api: Api,
    pub(crate) door: Door,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) frameworks: BTreeMap<Arc<str>, Known>,
    pub(crate) tasks: Tasks,
    pub(crate) executors: Executors,
    pub(crate) tenancy: Tenancy,
    pub(crate) to: mpsc::Sender<Input>,
    pub(crate) creates: Arc<Semaphore>,
    writes: Arc<Semaphore>,
    begin: Instant,
    /// Pods that were there before and have not come again while they are read anew.
    missing: Option<HashSet<PodName>>,
    /// Pods read before the door was opened.
    early: Option<Vec<TaskPod>>,
    synced: [bool; 4],
}

/// Runs until shutdown. Opens the door when it is known what was there before. Never fails: what the API refuses is told to
/// whom it concerns, or tried again.
pub async fn run(client: Client, config: Config, shutdown: CancellationToken) {
    let (to, mut inputs) = mpsc::channel(INPUTS_MAX);
    let pod = |change| Input::Pod(Box::new(change));
    let framework = |change| Input::Framework(Box::new(change));
    let (frameworks, roles) =
        ("/apis/kernel.kubernel.io/v1alpha1/frameworks", "/apis/kernel.kubernel.io/v1alpha1/resourceroles");
    let watches = [
        tokio::spawn(follow(client.clone(), PODS, to.clone(), pod, shutdown.clone())),
        tokio::spawn(follow(client.clone(), frameworks, to.clone(), framework, shutdown.clone())),
        tokio::spawn(follow(client.clone(), "/api/v1/namespaces", to.clone(), Input::Namespace, shutdown.clone())),
        tokio::spawn(follow(client.clone(), roles, to.clone(), Input::Role, shutdown.clone())),
    ];
    let Config { ledger, door, mut work } = config;
    let mut bridge = Bridge {
        api: Api(client),
        door,
        ledger,
        frameworks: BTreeMap::new(),
        tasks: Tasks::default(),
        executors: Executors::default(),
        tenancy: Tenancy::default(),
        to,
        creates: Arc::new(Semaphore::new(CREATES_MAX)),
        writes: Arc::new(Semaphore::new(WRITES_MAX)),
        begin: Instant::now(),
        missing: None,
        early: Some(Vec::new()),
        synced: [false; 4],
    };
    if let Err(error) = bridge.api.ensure_runtime_class().await {
        tracing::warn!(%error, "the runtime class of tasks without an image could not be made");
    }
    let mut standing = tokio::time::interval(STANDING_EVERY);
    standing.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let due = bridge.tasks.due_at().map(|at| bridge.begin + Duration::from_millis(at));
        tokio::select! {
            () = shutdown.cancelled() => break,
            Some(input) = inputs.recv() => bridge.take(input).await,
            Some(work) = work.recv(), if bridge.early.is_none() => bridge.work(work).await,
            () = tokio::time::sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                let deeds = bridge.tasks.due(bridge.now());
                bridge.carry_out(deeds).await;
            }
            _ = standing.tick() => bridge.stand().await,
        }
    }
    for watch in watches {
        watch.abort();
    }
}

/// The name of a Pod.
pub(crate) fn pod_name(meta: &Meta) -> PodName {
    PodName { namespace: meta.namespace.as_str().into(), name: meta.name.as_str().into() }
}

impl Bridge {
    /// Milliseconds since the bridge began.
    pub(crate) fn now(&self) -> u64 {
        u64::try_from(self.begin.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// The uid of a framework's object, if it is there.
    pub(crate) fn owner(&self, framework: &str) -> Option<String> {
        self.frameworks.get(framework)?.uid.clone()
    }

    /// All frameworks, as they are remembered.
    pub(crate) fn records(&self) -> Vec<FrameworkRecord> {
        self.frameworks.values().map(|known| known.record.clone()).collect()
    }

    /// The namespace in which what counts in a role belongs.
    pub(crate) fn namespace_of(&self, role: &str) -> String {
        self.tenancy.namespace_of(role).unwrap_or(NAMESPACE).to_owned()
    }

    /// Opens the way to a node, if it is not open.
    pub(crate) fn link(&mut self, agent: &Arc<str>) {
        if !self.executors.has_link(agent) {
            let wrap = |agent, event| Input::Node(agent, Box::new(event));
            let link = Link::open(self.api.0.clone(), agent.clone(), self.to.clone(), wrap);
            self.executors.add_link(agent.clone(), link);
        }
    }

    async fn take(&mut self, input: Input) {
        match input {
            Input::Pod(change) => self.pod(*change).await,
            Input::Framework(change) => self.framework(*change).await,
            Input::Namespace(Change::Set(namespace)) => drop(self.tenancy.set_namespace(&namespace)),
            Input::Namespace(Change::Gone(namespace)) => self.tenancy.remove_namespace(&namespace.metadata.name),
            Input::Namespace(Change::Synced) => self.is_synced(2).await,
            Input::Role(Change::Set(role)) => drop(self.tenancy.set_role(&role)),
            Input::Role(Change::Gone(role)) => drop(self.tenancy.remove_role(&role.metadata.name)),
            Input::Role(Change::Synced) => self.is_synced(3).await,
            Input::Namespace(Change::Start) | Input::Role(Change::Start) => {}
            Input::Written { id, result, done } => {
                self.written(&id, result, done);
                if self.frameworks.get(&id).is_some_and(|known| known.gone && !known.writing) {
                    self.forget(&id).await;
                }
            }
            Input::Made { name, result } => {
                let deeds = match result {
                    Ok(()) => self.tasks.created(&name),
                    Err(why) => self.tasks.refused(&name, &why, self.now()),
                };
                self.carry_out(deeds).await;
            }
            Input::ExecutorMade { key, uid: Ok(uid) } => self.executors.made(&key, uid),
            Input::ExecutorMade { key, uid: Err(why) } => self.end_executor(&key, &why).await,
            Input::Batch { key, batch } => {
                if !batch.tasks.is_empty() {
                    self.executors.launch(&key, batch);
                }
            }
            Input::Node(agent, event) => self.node(&agent, *event).await,
        }
    }

    async fn is_synced(&mut self, which: usize) {
        self.synced[which] = true;
        if self.synced == [true; 4]
            && let Some(pods) = self.early.take()
        {
            self.recover(pods).await;
        }
    }

    async fn pod(&mut self, change: Change<TaskPod>) {
        match change {
            Change::Start if self.early.is_some() => self.early = Some(Vec::new()),
            Change::Start => self.missing = Some(self.tasks.pods().cloned().collect()),
            Change::Set(pod) => {
                if let Some(early) = &mut self.early {
                    early.retain(|known| known.metadata.uid != pod.metadata.uid);
                    early.push(pod);
                    return;
                }
                let name = pod_name(&pod.metadata);
                if let Some(missing) = &mut self.missing {
                    missing.remove(&name);
                }
                if matches!(pod.status.phase.as_str(), "Succeeded" | "Failed")
                    && let Some(key) = self.executors.of_pod(&name)
                {
                    self.end_executor(&key, &terminated()).await;
                    self.tasks.complete(name.clone());
                }
                let deeds = self.tasks.saw(&name, &pod, self.now());
                self.carry_out(deeds).await;
            }
            Change::Gone(pod) => {
                if let Some(early) = &mut self.early {
                    early.retain(|known| known.metadata.uid != pod.metadata.uid);
                    return;
                }
                self.gone(&pod_name(&pod.metadata), &pod.spec.node_name).await;
            }
            Change::Synced => {
                for name in self.missing.take().unwrap_or_default() {
                    self.gone(&name, "").await;
                }
                self.is_synced(0).await;
            }
        }
    }

    async fn gone(&mut self, name: &PodName, node: &str) {
        if let Some(key) = self.executors.of_pod(name) {
            self.end_executor(&key, &terminated()).await;
        }
        let node_is_there = self.ledger.read(|state| state.agent_id(node).is_some());
        let deeds = self.tasks.gone(name, node_is_there, self.now());
        self.carry_out(deeds).await;
    }

    /// An executor is over, or cannot begin: so are its tasks, unless it said otherwise.
    async fn end_executor(&mut self, key: &ExecutorKey, why: &Observed) {
        if self.executors.end(key) {
            self.door.executor_exited(&key.agent, &key.framework, &key.executor, 0);
        }
        let now = self.now();
        let tasks = self.tasks.of_executor(&key.framework, &key.agent, &key.executor);
        let deeds = tasks.iter().flat_map(|task| self.tasks.end(task, why, now)).collect();
        self.carry_out(deeds).await;
    }

    async fn node(&mut self, agent: &Arc<str>, event: node::Event) {
        if let Some(executors) = event.executors {
            let deeds = self.executors_of_node(agent, executors.executors);
            self.carry_out(deeds).await;
        }
        if let Some(node::Update { framework_id, status, .. }) = event.update {
            let task = Key { framework: framework_id.value.into(), task: status.task_id.value.as_str().into() };
            if self.tasks.contains(&task) {
                let deeds = self.tasks.update(&task, status, self.now());
                self.carry_out(deeds).await;
            } else if let Some(uuid) = status.uuid {
                // Whoever wanted to know is gone.
                self.executors.call(agent, acknowledgement(&task, uuid));
            }
        }
        if let Some(node::ExecutorMessage { framework_id, executor_id, data }) = event.message {
            self.door.message(agent, &framework_id.value, &executor_id.value, data);
        }
        if let Some(node::Exited { framework_id, executor_id, wait_status }) = event.exited {
            let key = ExecutorKey {
                framework: framework_id.value.into(),
                agent: agent.clone(),
                executor: executor_id.value.into(),
            };
            if self.executors.exited(&key) {
                self.door.executor_exited(agent, &key.framework, &key.executor, wait_status);
            }
        }
    }

    async fn framework(&mut self, change: Change<FrameworkObject>) {
        match change {
            Change::Start => {}
            Change::Synced => self.is_synced(1).await,
            Change::Set(object) => {
                let Some(record) = objects::record(&object) else { return };
                let id: Arc<str> = record.id.as_str().into();
                if self.early.is_some() {
                    let known = self.frameworks.entry(id.clone()).or_insert_with(|| Known::new(record));
                    known.uid = Some(object.metadata.uid.clone());
                }
                if object.metadata.deletion_timestamp.is_some() && !self.door.teardown(&id) {
                    self.forget(&id).await;
                }
            }
            Change::Gone(object) => {
                let id = &object.metadata.annotations.framework;
                if !id.is_empty() && self.frameworks.contains_key(id.as_str()) {
                    self.door.teardown(id);
                }
            }
        }
    }

    /// A framework is gone: so is all that it has.
    async fn forget(&mut self, id: &str) {
        let deeds = self.tasks.remove(id, None);
        self.carry_out(deeds).await;
        self.end_executors(id, None).await;
        if let Some(known) = self.frameworks.get_mut(id).filter(|known| known.writing) {
            known.gone = true;
            return;
        }
        self.frameworks.remove(id);
        let path = format!("{KERNEL}/frameworks/{}", names::framework(id));
        let patched = self.api.patch(&path, &json!({"metadata": {"finalizers": null}})).await.map(drop);
        let deleted = self.api.delete(&path, &json!({"propagationPolicy": "Background"})).await;
        if let Err(error) = patched.or_else(|error| crate::api::pass(error, &[404])).and(deleted) {
            tracing::warn!(framework = id, %error, "a Framework could not be deleted");
        }
    }

    async fn end_executors(&mut self, framework: &str, agent: Option<&str>) {
        for (key, pod) in self.executors.of_framework(framework, agent) {
            self.executors.end(&key);
            self.carry_out(vec![Deed::Delete { pod, grace_secs: None }]).await;
        }
    }

    async fn work(&mut self, work: Work) {
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
            }
            Work::Checkpoint { agent } => self.checkpoint(&agent).await,
            Work::Operator { what, done } => {
                let result = self.operate(what).await;
                drop(done.send(result));
            }
        }
    }

    async fn kill(
        &mut self,
        key: &Key,
        agent: &str,
        grace_ms: Option<u64>,
        reason: Option<kubernel_mesos_proto::v1::TaskStatusReason>,
    ) {
        let info = self.frameworks.get(&key.framework).map(|known| &known.record.info);
        let knows = kubernel_mesos_proto::v1::FrameworkCapabilityType::TaskKillingState;
        let killing = info.is_some_and(|info| info.capabilities.iter().any(|can| can.r#type == Some(knows)));
        if self.tasks.executor_of(key).is_some() {
            self.executors.call(agent, killing_call(key, grace_ms));
        }
        let deeds = self.tasks.kill(key, grace_ms, reason, killing, self.now());
        self.carry_out(deeds).await;
    }

    /// Writes a framework down, unless that is under way.
    pub(crate) fn write(&mut self, id: &Arc<str>) {
        let Some(known) = self.frameworks.get_mut(id) else { return };
        if std::mem::replace(&mut known.writing, true) {
            known.next = true;
            return;
        }
        let (record, done) = (known.record.clone(), std::mem::take(&mut known.done));
        let (api, to, id) = (self.api.clone(), self.to.clone(), id.clone());
        tokio::spawn(async move {
            let result = write_framework(&api, &record).await.map_err(|error| error.to_string());
            drop(to.send(Input::Written { id, result, done }).await);
        });
    }

    fn written(&mut self, id: &Arc<str>, result: Result<String, String>, done: Vec<Done>) {
        if let Err(why) = &result {
            tracing::warn!(framework = %id, why, "a framework could not be written down");
        }
        let answer = result.as_ref().map(drop).map_err(Clone::clone);
        let again = self.frameworks.get_mut(id).is_some_and(|known| {
            known.writing = false;
            known.uid = result.ok().or(known.uid.take());
            std::mem::take(&mut known.next) && !known.gone
        });
        for waiting in done {
            drop(waiting.send(answer.clone()));
        }
        if again {
            self.write(id);
        }
    }

    /// Brings what Framework objects say of resources and offers up to date.
    async fn stand(&mut self) {
        for (id, known) in self.frameworks.iter_mut().filter(|(_, known)| known.uid.is_some()) {
            let Some(kernel) = self.door.kernel_id(id) else { continue };
            let config = self.ledger.config();
            let standing = self.ledger.read(|state| objects::standing(state, config, kernel));
            let Some(standing) = standing.filter(|standing| *standing != known.standing) else { continue };
            let Ok(permit) = self.writes.clone().acquire_owned().await else { return };
            known.standing.clone_from(&standing);
            let (api, path) = (self.api.clone(), format!("{KERNEL}/frameworks/{}/status", names::framework(id)));
            tokio::spawn(async move {
                if let Err(error) = api.patch(&path, &json!({"status": standing})).await {
                    tracing::debug!(path, %error, "a Framework's status could not be written");
                }
                drop(permit);
            });
        }
    }

    /// Does what is to be done: tells frameworks at once, the API in the background.
    pub(crate) async fn carry_out(&mut self, deeds: Vec<Deed>) {
        for deed in deeds {
            match deed {
                Deed::Say { agent, framework, status } => self.door.update(&agent, &framework, *status),
                Deed::Ask { key } => {
                    if let Some((agent, _)) = self.tasks.executor_of(&key) {
                        self.executors.call(&agent, killing_call(&key, None));
                    }
                }
                Deed::Delete { pod, grace_secs } => {
                    let Ok(permit) = self.writes.clone().acquire_owned().await else { return };
                    let api = self.api.clone();
                    tokio::spawn(async move {
                        if let Err(error) = api.delete_pod(&pod, grace_secs).await {
                            tracing::warn!(pod = %pod.name, %error, "a task's Pod could not be deleted");
                        }
                        drop(permit);
                    });
                }
                Deed::Show { pod, status } => {
                    let Ok(permit) = self.writes.clone().acquire_owned().await else { return };
                    let api = self.api.clone();
                    tokio::spawn(async move {
                        if let Err(error) = api.show_pod(&pod, &shown(&status)).await {
                            tracing::debug!(pod = %pod.name, %error, "a task's Pod could not be shown as it is");
                        }
                        drop(permit);
                    });
                }
            }
        }
    }
}

impl Known {
    /// Who runs what names nobody.
    pub(crate) fn user(&self) -> &str {
        &self.record.info.user
    }

    fn new(record: FrameworkRecord) -> Self {
        Self { uid: None, record, writing: false, next: false, done: Vec::new(), gone: false, standing: Value::Null }
    }
}

/// Makes or changes the object of a framework. Returns its uid.
async fn write_framework(api: &Api, record: &FrameworkRecord) -> Result<String, kube::Error> {
    let object = objects::object(record);
    let path = format!("{KERNEL}/frameworks/{}", names::framework(&record.id));
    let written = match api.patch(&path, &object).await {
        Err(kube::Error::Api(status)) if status.code == 404 => {
            api.create(&format!("{KERNEL}/frameworks"), &object).await?
        }
        other => other?,
    };
    api.patch(&format!("{path}/status"), &json!({"status": objects::status(record)})).await?;
    Ok(written["metadata"]["uid"].as_str().unwrap_or_default().to_owned())
}

/// What is said of the tasks of an executor that is over.
fn terminated() -> Observed {
    Observed {
        state: TaskState::Failed,
        reason: Some(kubernel_mesos_proto::v1::TaskStatusReason::ExecutorTerminated),
        message: Some("Executor terminated".to_owned()),
    }
}

fn acknowledgement(key: &Key, uuid: Vec<u8>) -> node::Call {
    let acknowledge = node::Acknowledge {
        framework_id: FrameworkID { value: key.framework.to_string() },
        task_id: TaskID { value: key.task.to_string() },
        uuid,
    };
    node::Call { r#type: node::CallType::Acknowledge, acknowledge: Some(acknowledge), ..node::Call::default() }
}

fn killing_call(key: &Key, grace_ms: Option<u64>) -> node::Call {
    let nanoseconds = |ms: u64| i64::try_from(ms.saturating_mul(1_000_000)).unwrap_or(i64::MAX);
    let grace = grace_ms.map(|ms| DurationInfo { nanoseconds: nanoseconds(ms) });
    let kill = node::Kill {
        framework_id: FrameworkID { value: key.framework.to_string() },
        task_id: TaskID { value: key.task.to_string() },
        kill_policy: grace.map(|grace| KillPolicy { grace_period: Some(grace) }),
    };
    node::Call { r#type: node::CallType::Kill, kill: Some(kill), ..node::Call::default() }
}

/// The status of a Pod that stands for a task of an executor.
fn shown(status: &TaskStatus) -> Value {
    let now = time::format(jiff::Timestamp::now());
    let message = status.message.as_deref().unwrap_or_default();
    let over = kubernel_mesos::book::is_terminal(status.state);
    let good = status.state == TaskState::Finished;
    let phase = match (over, good, status.state) {
        (true, true, _) => "Succeeded",
        (true, false, _) => "Failed",
        (false, _, TaskState::Running | TaskState::Killing) => "Running",
        _ => "Pending",
    };
    let state = match over {
        true => json!({"terminated": {
            "exitCode": i32::from(!good), "reason": if good { "Completed" } else { "Error" },
            "message": message, "finishedAt": now,
        }}),
        false if phase == "Running" => json!({"running": {"startedAt": now}}),
        false => json!({"waiting": {"reason": "ContainerCreating"}}),
    };
    let running = phase == "Running";
    json!({
        "phase": phase, "message": message, "startTime": now,
        "containerStatuses": [{
            "name": crate::pod::CONTAINER, "image": names::PROCESS, "imageID": "", "ready": running,
            "started": running, "restartCount": 0, "state": state,
        }],
    })
}
