//! A machine and what of it is taken.

use std::{collections::BTreeSet, sync::Arc};

use crate::{OfferId, Resources, TaskId};

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
    /// The open offers.
    pub offers: BTreeSet<OfferId>,
    /// The tasks.
    pub tasks: BTreeSet<TaskId>,
    /// Its place in the queue of agents with something free; `None` when it is not there.
    pub(crate) place: Option<u64>,
}

impl Agent {
    pub(crate) fn new(name: Arc<str>, total: Resources, availability: Availability) -> Self {
        Self {
            name,
            total,
            availability,
            offered: Resources::default(),
            allocated: Resources::default(),
            offers: BTreeSet::new(),
            tasks: BTreeSet::new(),
            place: None,
        }
    }

    /// What nobody holds.
    pub fn free(&self) -> Resources {
        let mut free = self.total.clone();
        free.take(&self.offered);
        free.take(&self.allocated);
        free
    }
}
