//! What the kernel has to say to others than the one who took the step.

use std::sync::Arc;

use kubernel_kernel::{Event, Order, Send};

use crate::Ledger;

/// Deliveries that wait. Beyond it events are dropped: messages and orders are bounded by what the kernel holds.
pub(crate) const QUEUED_MAX: usize = 1 << 20;

/// One thing to pass on.
#[derive(Clone, Debug, PartialEq)]
pub enum Delivery {
    /// Something happened, to agents, roles, frameworks that take offers, or their tasks.
    Event(Event),
    /// A message for a framework.
    Send(Send),
    /// Something that an agent is to do for a framework.
    Order(Order),
}

/// The receiving end of everything that concerns frameworks that take offers. Nothing is queued before it was asked for,
/// nor after it was dropped.
#[derive(Debug)]
pub struct Deliveries(pub(crate) Arc<Ledger>);

impl Deliveries {
    /// What came since the last call, in order; waits until there is something. May be cancelled.
    pub async fn next(&mut self) -> Vec<Delivery> {
        loop {
            let come = self.take();
            if !come.is_empty() {
                return come;
            }
            self.0.offers_woken().await;
        }
    }

    /// What came since the last call, in order; does not wait.
    pub fn take(&mut self) -> Vec<Delivery> {
        self.0.take_offers()
    }
}

impl Drop for Deliveries {
    fn drop(&mut self) {
        self.0.detach();
    }
}

/// Whether others are told of an event. What is not listed here is the business of the kernel alone, or is said by a
/// message as well.
pub(crate) fn is_told(event: &Event) -> bool {
    matches!(
        event,
        Event::AgentAdded { .. }
            | Event::AgentUpdated { .. }
            | Event::AgentDescribed { .. }
            | Event::AgentConnected { .. }
            | Event::AgentScheduled { .. }
            | Event::AgentDrains { .. }
            | Event::Converted { .. }
            | Event::AgentAway { .. }
            | Event::AbsentForgotten { .. }
            | Event::AgentRemoved { .. }
            | Event::RoleAdded { .. }
            | Event::RoleWeighted { .. }
            | Event::RoleQuota { .. }
            | Event::RoleRemoved { .. }
            | Event::FrameworkAdded { .. }
            | Event::FrameworkConfigured { .. }
            | Event::FrameworkConnected { .. }
            | Event::FrameworkDisconnected { .. }
            | Event::FrameworkRemoved { .. }
            | Event::RoleJoined { .. }
            | Event::RoleLeft { .. }
            | Event::Accepted { .. }
            | Event::Adopted { .. }
            | Event::TaskUpdated { .. }
            | Event::TaskNoticed { .. }
            | Event::TaskEnded { .. }
            | Event::ExecutorEnded { .. }
            | Event::Suppressed { .. }
            | Event::Revived { .. }
    )
}
