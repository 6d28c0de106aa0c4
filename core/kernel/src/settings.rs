//! What a framework says of itself: what it understands and what it does not want to see.

use std::{collections::BTreeMap, sync::Arc};

use crate::{Constraints, Resources};

/// What a framework says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Settings {
    /// Who it is to others who check rights.
    pub principal: Option<Arc<str>>,
    /// What it understands.
    pub capabilities: Capabilities,
    /// By role: which agents it wants offers of.
    pub constraints: BTreeMap<Arc<str>, Constraints>,
    /// By role: an offer must hold at least one of these, instead of what the kernel takes for the least.
    pub offer_min: BTreeMap<Arc<str>, Vec<Resources>>,
}

/// What a framework understands (Mesos `FrameworkInfo.Capability`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Capabilities {
    /// Resources that may be taken back; without it they are not in its offers.
    pub revocable_resources: bool,
    /// The state of a task that is being killed.
    pub task_killing_state: bool,
    /// GPUs; without it agents that have any are not offered.
    pub gpu_resources: bool,
    /// Volumes that several tasks use; without it they are not in its offers.
    pub shared_resources: bool,
    /// The states of tasks on agents that are away.
    pub partition_aware: bool,
    /// Several roles.
    pub multi_role: bool,
    /// Reservations on reservations; without it such resources are not in its offers.
    pub reservation_refinement: bool,
    /// Other regions than the kernel's own; without it agents there are not offered.
    pub region_aware: bool,
}
