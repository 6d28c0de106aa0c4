//! What the door wants done in the world: the bridge does it, in the order in which it came.
//!
//! The door speaks HTTP with frameworks and operators and acts on the ledger; whatever has to become an object of the
//! API or reach a node goes through here. The answers come back by the methods of [`crate::Door`].

use std::sync::Arc;

use kubernel_kernel::{Kind, Reason};
use kubernel_mesos_proto::{
    maintenance, quota,
    v1::{ExecutorInfo, FrameworkInfo, MachineID, Resource, TaskInfo},
};
use tokio::sync::oneshot;

use crate::book::FrameworkRecord;

/// Work that waits. Beyond it whoever gives more waits; the bridge has to keep up.
pub const WORK_MAX: usize = 65_536;

/// Something to be done outside of the door.
#[derive(Debug)]
pub enum Work {
    /// A framework subscribed, changed, came or went: to be written down, and answered when it is where somebody waits.
    FrameworkChanged {
        /// All that is to be remembered of it.
        record: Box<FrameworkRecord>,
        /// Who waits until it is written.
        done: Option<oneshot::Sender<Result<(), String>>>,
    },
    /// A framework is gone for good; so is all that it has anywhere.
    FrameworkRemoved {
        /// Which.
        id: String,
    },
    /// Tasks are to be started. The kernel holds their resources already.
    Launch(Box<Launch>),
    /// A task is to end.
    Kill {
        /// Whose it is.
        framework: String,
        /// The framework's name for it.
        task: String,
        /// Where it is.
        agent: String,
        /// How long it may take; `None`: as it was launched.
        grace_ms: Option<u64>,
        /// Why, if the framework did not ask for it.
        reason: Option<Reason>,
    },
    /// An executor is to end, with its tasks.
    ShutdownExecutor {
        /// Whose it is.
        framework: String,
        /// Where it is.
        agent: String,
        /// Which.
        executor: String,
    },
    /// All that a framework has on an agent is to end.
    ShutdownFramework {
        /// Which.
        framework: String,
        /// Where.
        agent: String,
    },
    /// Bytes for an executor, as good as can be.
    Message {
        /// From whom.
        framework: String,
        /// Where the executor is.
        agent: String,
        /// Which.
        executor: String,
        /// What.
        data: Vec<u8>,
    },
    /// A framework knows of an update: it need not be told again, the next one may come.
    Acknowledge {
        /// Who knows.
        framework: String,
        /// The framework's name for the task.
        task: String,
        /// Where it is or was.
        agent: String,
        /// Which update.
        uuid: [u8; 16],
    },
    /// Reservations or volumes of an agent changed: its objects are to say what the ledger says.
    Checkpoint {
        /// Which.
        agent: String,
        /// Volumes whose contents go, even if others of their names were made since.
        destroyed: Vec<VolumeName>,
    },
    /// An operator settles something.
    Operator {
        /// What.
        what: OperatorDeed,
        /// Who waits until it is so.
        done: oneshot::Sender<Result<(), Refused>>,
    },
}

/// What tells a persistent volume from the others of an agent.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VolumeName {
    /// The role for which it is kept.
    pub role: Arc<str>,
    /// Its identifier, unique among the volumes of its role.
    pub id: Arc<str>,
}

impl VolumeName {
    /// The name of the volume that a kind is, if it is one.
    pub fn of(kind: &Kind) -> Option<Self> {
        Some(Self { role: kind.role()?.clone(), id: kind.volume()?.id.clone() })
    }
}

/// Tasks to be started on one agent.
#[derive(Clone, Debug)]
pub struct Launch {
    /// Whose they are; its `id` is set.
    pub framework: Arc<FrameworkInfo>,
    /// Where.
    pub agent: String,
    /// In which role they count.
    pub role: String,
    /// The tasks, in order.
    pub tasks: Vec<Arc<TaskInfo>>,
    /// Who runs them, where they bring no command of their own; to be started if it does not live there yet.
    pub executor: Option<Arc<ExecutorInfo>>,
    /// All of them or none, in one container group.
    pub group: bool,
}

/// What an operator settles. Each becomes an object first and comes back to the ledger from there.
#[derive(Clone, Debug, PartialEq)]
pub enum OperatorDeed {
    /// The weights of roles.
    SetWeights(Vec<(String, f64)>),
    /// Guarantees and limits of roles; unless forced they must be possible now.
    SetQuota {
        /// What is settled for each role.
        configs: Vec<quota::QuotaConfig>,
        /// Even if it is not possible now.
        force: bool,
    },
    /// A role is to have neither guarantee nor limit.
    RemoveQuota {
        /// Which.
        role: String,
    },
    /// Resources of an agent are kept for a role: as they shall be, and as they are where they are reserved already.
    Reserve {
        /// Where.
        agent: String,
        /// As they are; empty: not reserved.
        source: Vec<Resource>,
        /// As they shall be.
        resources: Vec<Resource>,
    },
    /// Reservations end.
    Unreserve {
        /// Where.
        agent: String,
        /// As they are.
        resources: Vec<Resource>,
    },
    /// Persistent volumes are made.
    CreateVolumes {
        /// Where.
        agent: String,
        /// As they shall be.
        volumes: Vec<Resource>,
    },
    /// Persistent volumes end.
    DestroyVolumes {
        /// Where.
        agent: String,
        /// As they are.
        volumes: Vec<Resource>,
    },
    /// A volume becomes larger.
    GrowVolume {
        /// Where.
        agent: String,
        /// Which.
        volume: Box<Resource>,
        /// What is added.
        addition: Box<Resource>,
    },
    /// A volume becomes smaller.
    ShrinkVolume {
        /// Where.
        agent: String,
        /// Which.
        volume: Box<Resource>,
        /// By how much, in Mesos' unit.
        subtract: f64,
    },
    /// An agent is emptied.
    Drain {
        /// Which.
        agent: String,
        /// How long a task may take to end at most.
        grace_ms_max: Option<u64>,
        /// Once it is empty it is gone.
        mark_gone: bool,
    },
    /// An agent gets nothing new.
    Deactivate {
        /// Which.
        agent: String,
    },
    /// An agent is as others again.
    Reactivate {
        /// Which.
        agent: String,
    },
    /// An agent does not come back.
    MarkGone {
        /// Which.
        agent: String,
    },
    /// When which machines will not be there: all of it, anew.
    Schedule(maintenance::Schedule),
    /// Machines are taken down now.
    StartMaintenance(Vec<MachineID>),
    /// Machines are there again.
    StopMaintenance(Vec<MachineID>),
}

/// Why an operator's wish was refused: an HTTP status and words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refused {
    /// The HTTP status.
    pub status: u16,
    /// Why.
    pub message: String,
}
