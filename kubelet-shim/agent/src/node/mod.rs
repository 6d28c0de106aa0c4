//! The node as a whole: its object in the API, its lease, and the set of Pods it runs.

mod admit;
mod guests;
pub(crate) mod heartbeat;
pub(crate) mod log_rotation;
pub(crate) mod machine;
pub(crate) mod object;
mod recover;
pub(crate) mod services;
pub(crate) mod set;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use kube::Client;
use kubernel_runtime::Runtime;
use kubernel_runtime::cgroup::Cgroups;
use kubernel_volumes::PodVolumes;
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use crate::Config;
use crate::objects::Objects;
use crate::pod::{Handle, Sender};
use crate::recorder::Recorder;
use crate::work::NodeFacts;
use guests::Guests;
use services::Services;

/// Sandboxes and containers that are made at the same time. Measured on runc: the throughput peaks at 4 to 8.
const TURNS_MAX: usize = 8;

/// What everything on a node shares.
pub(crate) struct NodeContext {
    pub(crate) config: Config,
    pub(crate) client: Client,
    pub(crate) runtime: Arc<dyn Runtime>,
    pub(crate) objects: Objects,
    pub(crate) services: Services,
    pub(crate) recorder: Recorder,
    pub(crate) facts: NodeFacts,
    pub(crate) cgroups: Cgroups,
    /// A simulated node: no volumes, no files, no cgroups.
    pub(crate) hollow: bool,
    /// A simulated node's disk is full, whatever the machine's is.
    pub(crate) disk_full: Arc<AtomicBool>,
    /// Turns at making sandboxes and containers: more at once than this only take longer.
    pub(crate) turns: Semaphore,
    /// Actors by Pod uid.
    pub(crate) pods: Mutex<HashMap<String, Handle>>,
    /// Pods that stand for tasks of executors.
    pub(crate) guests: Guests,
    /// Which actor to tell about a container or sandbox, by its id.
    owners: Mutex<HashMap<String, Sender>>,
}

impl NodeContext {
    #[expect(clippy::too_many_arguments, reason = "made in two places, each argument of its own type")]
    pub(crate) fn new(
        config: Config,
        client: Client,
        runtime: Arc<dyn Runtime>,
        services: Services,
        recorder: Recorder,
        facts: NodeFacts,
        cgroups: Cgroups,
        hollow: bool,
    ) -> Self {
        Self {
            objects: Objects::new(client.clone()),
            config,
            client,
            runtime,
            services,
            recorder,
            facts,
            cgroups,
            hollow,
            disk_full: Arc::default(),
            turns: Semaphore::new(if hollow { Semaphore::MAX_PERMITS } else { TURNS_MAX }),
            pods: Mutex::default(),
            guests: Guests::default(),
            owners: Mutex::default(),
        }
    }

    /// The folder of a Pod's volumes and files.
    pub(crate) fn pod_dir(&self, uid: &str) -> PathBuf {
        self.config.data_dir.join("pods").join(uid)
    }

    /// A Pod's volumes.
    pub(crate) fn volumes(&self, uid: &str) -> PodVolumes {
        PodVolumes::new(self.pod_dir(uid), self.config.volumes_dir())
    }

    /// From now on ends of this container or sandbox go to that actor.
    pub(crate) fn own(&self, id: &str, sender: &Sender) {
        self.owners.lock().insert(id.to_owned(), sender.clone());
    }

    pub(crate) fn disown(&self, id: &str) {
        self.owners.lock().remove(id);
    }

    pub(crate) fn owner(&self, id: &str) -> Option<Sender> {
        self.owners.lock().get(id).cloned()
    }

    /// Lets go of all Pods: their actors end, as with their machine.
    pub(crate) fn abandon(&self) {
        self.pods.lock().clear();
        self.owners.lock().clear();
    }

    pub(crate) fn owned(&self) -> Vec<(String, Sender)> {
        self.owners.lock().iter().map(|(id, sender)| (id.clone(), sender.clone())).collect()
    }

    /// The Pod's actor has ended.
    pub(crate) fn forget(&self, uid: &str) {
        self.pods.lock().remove(uid);
    }
}
