//! The controllers: observe, plan (pure), execute.
//!
//! One folder per controller. All share one cache per kind (`cache`), take keys from work queues (`queue`) and talk to
//! the API through a `kube::Client`, so that the same code runs inside or beside the server. A controller never keeps
//! state that the API does not have, except expectations about writes its cache has not shown yet.

mod backends;
pub mod cache;
mod context;
mod deletions;
mod deployment;
mod discovery;
mod disruption;
mod endpoints;
mod endpointslice;
pub mod events;
mod expectations;
mod garbage_collector;
pub mod key;
mod namespace;
mod node_lifecycle;
mod owner;
mod pod_gc;
mod policy_status;
pub mod queue;
mod replicaset;
mod resource_quota;
mod root_ca;
mod service_cidrs;
mod serviceaccount;
mod storage_protection;
mod trees;
pub mod views;

pub(crate) use context::Context;
pub use context::{Config, run};

/// Why a reconciliation failed; it is tried again.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The API said no, or could not be reached.
    #[error(transparent)]
    Api(#[from] kube::Error),
    /// A selector cannot be evaluated.
    #[error("invalid selector: {0}")]
    Selector(String),
    /// The cluster is not yet in the state the step needs.
    #[error("waiting: {0}")]
    Waiting(String),
}
