//! The work behind the actions of a Pod's life: from a Pod object to CRI messages, and the calls themselves.
//!
//! Everything here is asked for by the actor and answers with an input for the state machine; nothing here decides
//! whether something should be done.

mod check;
pub(crate) mod cleanup;
pub(crate) mod container;
mod downward;
pub(crate) mod env;
mod expand;
mod grpc;
mod hooks;
mod hosts;
mod http;
mod images;
pub(crate) mod kill;
pub(crate) mod outcome;
pub(crate) mod probe;
pub(crate) mod resize;
mod resources;
pub(crate) mod sandbox;
mod security;
pub(crate) mod source;
pub(crate) mod start;

pub(crate) use downward::NodeFacts;
pub(crate) use resources::{bytes, milli, pod_cgroup};
