//! The node: registration, leases, one actor per Pod, the kubelet API.
//!
//! [`run`] is a whole node over a real container runtime, [`join::join`] how it gets into a cluster of other machines;
//! [`hollow::run`] is many simulated ones. Inside, `node` keeps
//! the Node object and the set of Pods, `pod` is the actor of one Pod around the pure state machine of
//! `kubernel-podlife`, `work` carries out what that machine asks for, and `api` answers on the kubelet's port.
//!
//! The agent talks to the API server through a `kube::Client` only, and to containers through
//! `kubernel_runtime::Runtime` only. It makes no decision about when a container starts or ends.

mod api;
mod config;
mod error;
pub mod hollow;
pub mod join;
mod node;
mod objects;
mod pod;
mod recorder;
mod run;
mod work;

pub use config::{Config, Containerd};
pub use error::{AgentError, Result};
/// What the binary becomes when it is called as a supervisor of processes.
pub use kubernel_runtime::process::supervise;
pub use run::run;
