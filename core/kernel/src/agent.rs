//! A machine and what of it is taken.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{AgentId, Executor, FrameworkId, Millis, OfferId, Resources, Task, TaskId, Traits};

/// Whether anything new may come to an agent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Availability {
    /// Yes.
    #[default]
    Open,
    /// It is in no offer of a round; claims are taken, for who claims chose it knowingly (a task that tolerates it).
    Cordoned,
    /// No.
    Draining,
}

/// A machine.
#[derive(Clone, Debug, PartialEq)]
pub struct Agent {
    /// Its name, unique.
    pub name: Arc<str>,
    /// All it has to give.
    pub total: Resources,
    /// What open offers hold of it.
    pub offered: Resources,
    /// What tasks hold of it. May be more than there is: what runs was recovered, or the agent shrank.
    pub allocated: Resources,
    /// Whether anything new may come.
    pub availability: Availability,
    /// `false`: it does not answer at the moment; nothing of it is offered.
    pub connected: bool,
    /// What it says of itself.
    pub traits: Arc<Traits>,
    /// When it will not be there.
    pub unavailability: Option<Unavailability>,
    /// It is being emptied.
    pub drain: Option<Drain>,
    /// The open offers.
    pub offers: BTreeSet<OfferId>,
    /// The tasks.
    pub tasks: BTreeSet<TaskId>,
    /// The executors.
    pub executors: BTreeMap<(FrameworkId, Arc<str>), Executor>,
    /// What tasks leave of it: `total` less `allocated`, kept because every look at an agent needs it.
    pub(crate) spare: Resources,
    /// Its place in the queue of agents with something free; `None` when it is not there.
    pub(crate) place: Option<u64>,
}

/// When an agent will not be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Unavailability {
    /// From when on, in nanoseconds since 1970.
    pub start_ns: i64,
    /// For how long; `None`: for ever.
    pub duration_ns: Option<i64>,
}

/// An agent is being emptied (Mesos `DRAIN_AGENT`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Drain {
    /// How long a task may take to end at most; `None`: as it likes.
    pub grace_ms: Option<u64>,
    /// Once it is empty it is gone for good.
    pub mark_gone: bool,
    /// It is empty.
    pub done: bool,
}

/// An agent that is away, and what ran on it when it was last seen.
#[derive(Clone, Debug, PartialEq)]
pub struct Absent {
    /// Its number when it was last here.
    pub agent: AgentId,
    /// Since when.
    pub since: Millis,
    /// An operator said that it does not come back.
    pub gone: bool,
    /// What ran on it.
    pub tasks: BTreeMap<TaskId, Task>,
}

impl Agent {
    pub(crate) fn new(name: Arc<str>, total: Resources, availability: Availability) -> Self {
        Self {
            name,
            spare: total.clone(),
            total,
            availability,
            connected: true,
            traits: Arc::default(),
            unavailability: None,
            drain: None,
            offered: Resources::default(),
            allocated: Resources::default(),
            offers: BTreeSet::new(),
            tasks: BTreeSet::new(),
            executors: BTreeMap::new(),
            place: None,
        }
    }

    /// What nobody holds.
    pub fn free(&self) -> Resources {
        self.spare.saturating_sub(&self.offered)
    }

    /// Whether anything is free, without counting what.
    pub(crate) fn has_free(&self) -> bool {
        !self.offered.contains(&self.spare)
    }

    /// Tasks hold this much more.
    pub(crate) fn allocate(&mut self, resources: &Resources) {
        self.allocated.add(resources);
        self.spare = self.total.saturating_sub(&self.allocated);
    }

    /// Tasks hold this much less.
    pub(crate) fn free_up(&mut self, resources: &Resources) {
        self.allocated.take(resources);
        self.spare = self.total.saturating_sub(&self.allocated);
    }

    /// It has something else to give. Says what it had.
    pub(crate) fn set_total(&mut self, total: Resources) -> Resources {
        self.spare = total.saturating_sub(&self.allocated);
        std::mem::replace(&mut self.total, total)
    }

    /// Whether offers of it may be open.
    pub fn is_open(&self) -> bool {
        self.connected && self.availability == Availability::Open
    }

    /// Its name in the network.
    pub fn hostname(&self) -> &str {
        self.traits.hostname.as_deref().unwrap_or(&self.name)
    }
}
