//! The Mesos door: unmodified Mesos frameworks and tools speak with the kernel here, over the v1 HTTP APIs of a Mesos
//! master.
//!
//! The door translates. Decisions are the kernel's (behind [`kubernel_ledger::Ledger`]); what has to be done in the world
//! goes to the bridge as [`Work`] and comes back by the methods of the door. It must not talk to the API server or to
//! nodes itself.

pub mod book;
mod work;

pub use work::{Launch, OperatorDeed, Refused, WORK_MAX, Work};
