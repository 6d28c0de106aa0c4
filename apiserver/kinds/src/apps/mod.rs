//! The kinds of the `apps` group.

pub mod controller_revision;
pub mod daemon_set;
pub mod deployment;
pub mod replica_set;
pub(crate) mod rollout;
pub mod stateful_set;
mod stateful_set_rules;
pub(crate) mod workload;
