//! The loop: work from the door, changes of objects, and events of nodes come in; what is to be done goes out in the
//! background, as much at a time as is bounded here.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use kube::Client;
use kubernel_ledger::Ledger;
use kubernel_mesos::{Door, Work};
use kubernel_mesos_proto::node;
use kubernel_mesos_proto::v1::TaskInfo;
use kubernel_scheduler::{Change, Tenancy, follow};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::api::Api;
use crate::executors::{Batch, ExecutorKey, Executors};
use crate::nodes::{killing, terminated};
use crate::numbers::Numbers;
use crate::observed::Observed;
use crate::records::Known;
use crate::reservations::Volumes;
use crate::shown;
use crate::tasks::{Deed, Key, PodName, Tasks};
use crate::watched::{FrameworkObject, Meta, Named, ResourceRole, TaskPod};

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

/// All that the bridge knows.
pub(crate) struct Bridge {
    pub(crate) api: Api,
    pub(crate) door: Door,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) frameworks: BTreeMap<Arc<str>, Known>,
    pub(crate) tasks: Tasks,
    pub(crate) executors: Executors,
    pub(crate) tenancy: Tenancy,
    pub(crate) volumes: Volumes,
    pub(crate) numbers: Arc<Numbers>,
    pub(crate) to: mpsc::Sender<Input>,
    pub(crate) creates: Arc<Semaphore>,
    pub(crate) writes: Arc<Semaphore>,
    begin: Instant,
    /// Pods that were there before and have not come again while they are read anew.
    missing: Option<HashSet<PodName>>,
    /// Pods read before the door was opened.
    pub(crate) early: Option<Vec<TaskPod>>,
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
        volumes: Volumes::default(),
        numbers: Arc::default(),
        to,
        creates: Arc::new(Semaphore::new(CREATES_MAX)),
        writes: Arc::new(Semaphore::new(WRITES_MAX)),
        begin: Instant::now(),
        missing: None,
        early: Some(Vec::new()),
        synced: [false; 4],
    };
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

    /// The namespace in which what counts in a role belongs.
    pub(crate) fn namespace_of(&self, role: &str) -> String {
        self.tenancy.namespace_of(role).unwrap_or(NAMESPACE).to_owned()
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
                self.written(&id, result, done).await;
            }
            Input::Made { name, result } => {
                let deeds = match result {
                    Ok(()) => self.tasks.created(&name),
                    Err(why) => self.tasks.refused(&name, &why, self.now()),
                };
                self.carry_out(deeds).await;
            }
            Input::ExecutorMade { key, uid: Ok(uid) } => self.executors.made(&key, uid),
            Input::ExecutorMade { key, uid: Err(why) } => self.end_executor(&key, 0, &why, &[]).await,
            Input::Batch { key, mut batch } => {
                // Its executor may have ended since.
                let task = |info: &TaskInfo| Key {
                    framework: key.framework.clone(),
                    task: info.task_id.value.as_str().into(),
                };
                batch.tasks.retain(|info| self.tasks.is_alive(&task(info)));
                if !batch.tasks.is_empty() {
                    self.executors.launch(&key, batch);
                }
            }
            Input::Node(agent, event) => self.node(&agent, *event).await,
        }
    }

    /// One of the watches has told all that is there.
    pub(crate) async fn is_synced(&mut self, which: usize) {
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
            // What was made so far was made before the list that comes now.
            Change::Start => self.missing = Some(self.tasks.made().cloned().collect()),
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
                if matches!(pod.status.phase.as_str(), "Succeeded" | "Failed") && self.executors.pod_is_over(&name) {
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
        let node_is_there = self.ledger.read(|state| state.agent_id(node).is_some());
        let executor = self.executors.in_pod(name).cloned().filter(|_| !node_is_there);
        self.executors.pod_is_over(name);
        if let Some(key) = executor {
            // Nobody is left to be asked.
            self.end_executor(&key, 0, &terminated(), &[]).await;
        }
        let deeds = self.tasks.gone(name, node_is_there, self.now());
        self.carry_out(deeds).await;
    }

    /// Does what is to be done: tells frameworks at once, the API in the background.
    pub(crate) async fn carry_out(&mut self, deeds: Vec<Deed>) {
        for deed in deeds {
            match deed {
                Deed::Say { agent, framework, status } => self.door.update(&agent, &framework, *status),
                Deed::Ask { key } => {
                    if let Some((agent, _)) = self.tasks.executor_of(&key) {
                        self.executors.call(&agent, killing(&key, None));
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
                        if let Err(error) = api.show_pod(&pod, &shown::status(&status)).await {
                            tracing::debug!(pod = %pod.name, %error, "a task's Pod could not be shown as it is");
                        }
                        drop(permit);
                    });
                }
            }
        }
    }
}
