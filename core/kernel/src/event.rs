//! Everything that can happen to a state. Facts, already decided; [`crate::State::apply`] takes each without question.

use std::sync::Arc;

use crate::{
    AgentId, Availability, FrameworkId, Millis, Mode, OfferId, ResourceId, Resources, RoleId, TaskId, TaskState,
};

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Hash)]
#[expect(missing_docs, reason = "the fields are those of the objects in question")]
pub enum Event {
    /// A resource got its number.
    ResourceNamed { resource: ResourceId, name: Arc<str> },
    /// A machine came.
    AgentAdded { agent: AgentId, name: Arc<str>, total: Resources, availability: Availability },
    /// A machine has more or less to give, or may take more or less than before.
    AgentUpdated { agent: AgentId, total: Resources, availability: Availability },
    /// A machine is gone; nothing is on it any more.
    AgentRemoved { agent: AgentId },
    /// A role was heard of for the first time.
    RoleAdded { role: RoleId, path: Arc<str>, parent: RoleId, weight_milli: u32 },
    /// A role has another weight, or is kept for it or no longer.
    RoleWeighted { role: RoleId, weight_milli: u32, kept: bool },
    /// Nobody is in a role any more.
    RoleRemoved { role: RoleId },
    /// A framework came.
    FrameworkAdded { framework: FrameworkId, name: Arc<str>, mode: Mode, failover_ms: Option<u64> },
    /// A framework listens again.
    FrameworkConnected { framework: FrameworkId },
    /// A framework does not listen any more; its filters are forgotten.
    FrameworkDisconnected { framework: FrameworkId, remove_at: Option<Millis> },
    /// A framework is gone, with its offers and tasks before it.
    FrameworkRemoved { framework: FrameworkId },
    /// A framework is in a role.
    RoleJoined { framework: FrameworkId, role: RoleId },
    /// A framework is no longer in a role.
    RoleLeft { framework: FrameworkId, role: RoleId },
    /// A framework wants this many slots in a role.
    Demanded { framework: FrameworkId, role: RoleId, slots: u32 },
    /// Part of an agent is held for a framework. `seen`: the agent's place in the queue.
    Offered {
        offer: OfferId,
        framework: FrameworkId,
        role: RoleId,
        agent: AgentId,
        resources: Resources,
        expires_at: Option<Millis>,
        seen: u64,
    },
    /// An offer ended without being taken; what it held is free.
    OfferClosed { offer: OfferId, why: Closed },
    /// Offers of one agent in one role were accepted: tasks hold their part, the rest is free.
    Accepted { offers: Vec<OfferId>, tasks: Vec<NewTask> },
    /// A claim was granted: an offer made to measure, accepted in advance.
    Claimed { offer: OfferId, framework: FrameworkId, role: RoleId, agent: AgentId, task: NewTask },
    /// A task that runs already was written down, with the offer it would have come from. No question of what is free.
    Adopted { offer: OfferId, framework: FrameworkId, role: RoleId, agent: AgentId, task: NewTask, state: TaskState },
    /// A task came to another state that is not terminal.
    TaskUpdated { task: TaskId, state: TaskState },
    /// A task holds nothing any more.
    TaskEnded { task: TaskId, state: TaskState },
    /// A framework does not want to see this much of an agent again for a while.
    Filtered { framework: FrameworkId, role: RoleId, agent: AgentId, resources: Resources, until: Millis },
    /// The filters of a subscription that were due ended.
    FiltersEnded { framework: FrameworkId, role: RoleId, now: Millis },
    /// A framework wants offers again; its filters are forgotten.
    Revived { framework: FrameworkId, role: RoleId },
    /// A framework wants no offers.
    Suppressed { framework: FrameworkId, role: RoleId },
    /// Of all agents in the queue up to this place there is nothing for a framework.
    Sated { framework: FrameworkId, role: RoleId, seen: u64 },
    /// The orders of fairness follow the totals and weights of now.
    Ranked,
}

/// Why an offer ended without being taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Closed {
    /// The framework declined it.
    Declined,
    /// It was open for too long.
    Expired,
    /// The kernel took it back.
    Rescinded,
}

/// A task as it is born.
#[derive(Clone, Debug, PartialEq, Hash)]
pub struct NewTask {
    /// Its identifier.
    pub task: TaskId,
    /// The framework's name for it.
    pub name: Arc<str>,
    /// What it holds.
    pub resources: Resources,
}
