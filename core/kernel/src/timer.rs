//! What the kernel wants to be woken for.

use std::collections::BTreeSet;

use crate::{AgentId, FrameworkId, Millis, OfferId, RoleId, TaskId};

/// What is due at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// An offer is taken back.
    Offer(OfferId),
    /// Filters of a subscription end.
    Filters(FrameworkId, RoleId),
    /// A framework has been away for too long.
    Failover(FrameworkId),
    /// An agent has not answered for too long, and it is its turn to be marked unreachable.
    Removal(AgentId),
    /// A framework is asked again to leave an agent.
    Inverse(OfferId),
    /// A task was to have ended by now.
    Notice(TaskId),
}

/// All timers. Each belongs to something that is bounded itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Timers(BTreeSet<(Millis, Timer)>);

impl Timers {
    pub(crate) fn set(&mut self, at: Millis, timer: Timer) {
        self.0.insert((at, timer));
    }

    pub(crate) fn clear(&mut self, at: Millis, timer: Timer) {
        self.0.remove(&(at, timer));
    }

    pub(crate) fn next(&self) -> Option<(Millis, Timer)> {
        self.0.first().copied()
    }
}
