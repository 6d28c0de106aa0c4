//! What a framework may do with offers, and an operator with agents.

use std::sync::Arc;

use crate::{ExecutorSpec, ResourceId, Resources, SourceForm, TaskSpec};

/// Something to be done with resources (Mesos `Offer.Operation`).
#[derive(Clone, Debug, PartialEq)]
pub struct Operation {
    /// The framework's name for it: who gives one is told how it went.
    pub id: Option<Arc<str>>,
    /// What is to be done.
    pub action: Action,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Run tasks, each on its own.
    Launch(Vec<TaskSpec>),
    /// Run tasks together or none of them.
    LaunchGroup {
        /// Runs them.
        executor: Arc<ExecutorSpec>,
        /// The tasks.
        tasks: Vec<TaskSpec>,
    },
    /// Keep resources for a role. The resources are as they shall be then.
    Reserve(Resources),
    /// End reservations. The resources are as they are now.
    Unreserve(Resources),
    /// Make persistent volumes. The resources are as they shall be then.
    Create(Resources),
    /// End persistent volumes, with what is in them. The resources are as they are now.
    Destroy(Resources),
    /// Make a volume larger by some of the same disk.
    Grow {
        /// The volume.
        volume: ResourceId,
        /// What is added.
        addition: Resources,
    },
    /// Make a volume smaller.
    Shrink {
        /// The volume.
        volume: ResourceId,
        /// By how much.
        less: u64,
    },
    /// Make a disk out of a raw one.
    CreateDisk {
        /// The raw disk.
        source: ResourceId,
        /// How much of it.
        amount: u64,
        /// What it becomes: a file system or a block device.
        target: SourceForm,
        /// The class of disk, for a raw disk that is of none.
        profile: Option<Arc<str>>,
        /// The identifier that the one who provides it gives it, unique on the agent; a raw disk that has one keeps it.
        disk: Arc<str>,
    },
    /// Make a disk raw again; what was on it is lost.
    DestroyDisk {
        /// The disk.
        source: ResourceId,
    },
}

/// Resources of an agent that become others of the same amounts.
#[derive(Clone, Debug, PartialEq, Hash)]
pub struct Conversion {
    /// What goes.
    pub from: Resources,
    /// What comes.
    pub to: Resources,
}

impl Operation {
    /// One of which nobody wants to hear.
    pub fn silent(action: Action) -> Self {
        Self { id: None, action }
    }
}
