//! Mesos' executors on a node.
//!
//! An executor is a process that a framework brings along to run its tasks. Here its process is the container of a Pod
//! with `runtimeClassName: process`, which the node's agent starts as any other; this crate gives it what Mesos promises:
//! a sandbox with its files (`outfit`, `fetch`), an environment, and the v1 executor API over plain HTTP (`api`), with tasks
//! that wait until it has subscribed and updates that are told until they are acknowledged (`book`). The cluster's side
//! speaks with us through the kubelet's API (`node`). All of it is written down before it is acted upon (`checkpoint`), so
//! that executors and their tasks outlive a restart of the node's agent.
//!
//! The agent's operator API (`state`, `files`) shows all that, and runs more processes in containers (`nested`).
//!
//! Tasks with a command of their own need no executor: of them only the sandbox and the environment come from here.

mod api;
mod book;
mod checkpoint;
mod error;
mod executors;
mod fetch;
mod files;
mod host;
mod http;
mod identity;
mod nested;
mod node;
mod outfit;
mod places;
mod record;
mod state;
#[cfg(test)]
mod tests;
mod token;

pub use error::{Error, Result};
pub use executors::{Config, Executors};
pub use host::Host;
