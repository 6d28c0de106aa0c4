//! API priority and fairness (KEP-1040): which requests run now, which wait, and which are sent away.
//!
//! A [`schema`] says to which priority level a request belongs and with whose requests it shares a queue; a [`level`] how
//! many seats its requests have; [`seats`] divides the server's seats among the levels; a [`queues::QueueSet`] is one
//! level's requests: seats, queues and virtual time. All of it is a state machine: time comes in as an argument, what
//! may start comes out. Whoever drives it waits and wakes.

pub mod level;
pub mod queues;
pub mod schema;
pub mod seats;
mod shard;

#[cfg(test)]
mod tests;

pub use level::{Level, Queuing};
pub use queues::{Arrival, Permit, QueueSet, Refusal};
pub use schema::{Request, Schema};
