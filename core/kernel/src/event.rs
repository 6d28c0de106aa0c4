//! Everything that can happen to a state. Facts, already decided; [`crate::State::apply`] takes each without question.

use std::sync::Arc;

use crate::{
    AgentId, Availability, Conversion, Drain, ExecutorSpec, FrameworkId, InverseOffer, Kind, Millis, Mode, OfferId,
    Quota, ResourceId, Resources, RoleId, Settings, Sorter, TaskId, TaskState, Traits, Unavailability,
};

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Hash)]
#[expect(missing_docs, reason = "the fields are those of the objects in question")]
pub enum Event {
    /// A kind of resource got its number.
    ResourceNamed { resource: ResourceId, kind: Arc<Kind> },
    /// An item of a set got its number.
    ItemNamed { item: u64, name: Arc<str> },
    /// Who is served first is found in another way.
    SorterChosen { sorter: Sorter },
    /// A machine came.
    AgentAdded { agent: AgentId, name: Arc<str>, total: Resources, availability: Availability },
    /// A machine has more or less to give, or may take more or less than before.
    AgentUpdated { agent: AgentId, total: Resources, availability: Availability },
    /// A machine says something else of itself.
    AgentDescribed { agent: AgentId, traits: Arc<Traits> },
    /// A machine answers again, or does not.
    AgentConnected { agent: AgentId, connected: bool },
    /// A machine does not answer, and is marked unreachable after others that are before it.
    AgentDoubted { agent: AgentId, due: Millis },
    /// A machine will not be there at some time, or will be after all.
    AgentScheduled { agent: AgentId, unavailability: Option<Unavailability> },
    /// A machine is being emptied, is empty, or is not emptied any more.
    AgentDrains { agent: AgentId, drain: Option<Drain> },
    /// Some resources of a machine became others.
    Converted { agent: AgentId, conversion: Conversion },
    /// A machine is away; what ran on it is remembered and holds nothing.
    AgentAway { agent: AgentId, since: Millis, gone: bool },
    /// A machine that was away does not come back.
    AbsentGone { name: Arc<str> },
    /// A machine that was away is not remembered any more.
    AbsentForgotten { name: Arc<str> },
    /// A machine is gone; nothing is on it any more.
    AgentRemoved { agent: AgentId },
    /// A role was heard of for the first time.
    RoleAdded { role: RoleId, path: Arc<str>, parent: RoleId, weight_milli: u32 },
    /// A role has another weight, or is kept for it or no longer.
    RoleWeighted { role: RoleId, weight_milli: u32, kept: bool },
    /// Something else was settled for a role.
    RoleQuota { role: RoleId, quota: Option<Arc<Quota>> },
    /// Nobody is in a role any more.
    RoleRemoved { role: RoleId },
    /// A framework came.
    FrameworkAdded { framework: FrameworkId, name: Arc<str>, mode: Mode, failover_ms: Option<u64> },
    /// A framework says something else of itself.
    FrameworkConfigured { framework: FrameworkId, settings: Arc<Settings>, failover_ms: Option<u64> },
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
    /// A framework wants this much in a role, and no more; nothing: whatever comes.
    Requested { framework: FrameworkId, role: RoleId, wish: Resources },
    /// Part of an agent is held for a framework. `seen`: the agent's place in the queue.
    Offered {
        offer: OfferId,
        framework: FrameworkId,
        role: RoleId,
        agent: AgentId,
        resources: Resources,
        since: Millis,
        expires_at: Option<Millis>,
        seen: u64,
    },
    /// An offer ended without being taken; what it held is free.
    OfferClosed { offer: OfferId, why: Closed },
    /// Offers of one agent in one role were accepted: some resources became others, tasks hold their part, the rest is
    /// free.
    Accepted { offers: Vec<OfferId>, conversions: Vec<Conversion>, tasks: Vec<NewTask> },
    /// A claim was granted: an offer made to measure, accepted in advance.
    Claimed { offer: OfferId, framework: FrameworkId, role: RoleId, agent: AgentId, task: NewTask },
    /// A task that runs already was written down, with the offer it would have come from. No question of what is free.
    Adopted { offer: OfferId, framework: FrameworkId, role: RoleId, agent: AgentId, task: NewTask, state: TaskState },
    /// A framework is asked to leave an agent, or answered.
    InverseOffered { offer: OfferId, inverse: InverseOffer },
    /// An agent is not asked back any more.
    InverseClosed { offer: OfferId },
    /// A task came to another state that is not terminal.
    TaskUpdated { task: TaskId, state: TaskState },
    /// A task is to end soon.
    TaskNoticed { task: TaskId, until: Millis },
    /// A task holds nothing any more.
    TaskEnded { task: TaskId, state: TaskState },
    /// A framework has to be told of a task's end until it says that it knows.
    EndTold { framework: FrameworkId, task: TaskId, name: Arc<str>, agent: AgentId, state: TaskState, uuid: u128 },
    /// A framework knows of a task's end, or nobody remembers it: there were too many, or its agent is not there.
    EndAcknowledged { framework: FrameworkId, name: Arc<str> },
    /// An executor is gone.
    ExecutorEnded { agent: AgentId, framework: FrameworkId, name: Arc<str> },
    /// A framework does not want to see this much of an agent again for a while.
    /// `kept_until`: so long others have to have had the chance first, whatever the framework says meanwhile.
    Filtered {
        framework: FrameworkId,
        role: RoleId,
        agent: AgentId,
        resources: Resources,
        until: Millis,
        kept_until: Millis,
    },
    /// The filters of a subscription that were due ended.
    FiltersEnded { framework: FrameworkId, role: RoleId, now: Millis },
    /// A framework wants offers again; its filters are forgotten as far as they are its own wish.
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
    /// Who runs it.
    pub executor: Option<Arc<ExecutorSpec>>,
    /// Tasks of lower priority are asked back first.
    pub priority: i32,
}
