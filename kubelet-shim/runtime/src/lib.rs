//! Containers through CRI, processes of the node itself, and a fake runtime that ships as the hollow node.
//!
//! [`Runtime`] is the one door between the agent and whatever runs containers. It speaks CRI's own messages
//! ([`cri`]), so that a new field of CRI needs no second vocabulary here. [`CriRuntime`] and [`ProcessRuntime`] are behind
//! it, on most nodes both, with [`Dispatch`] before them. Three things live beside it: starting a
//! containerd of our own ([`containerd`]), reading container logs ([`logs`]) and pod cgroups ([`cgroup`]).
//!
//! This crate knows no Pod object: turning a Pod into CRI messages is the agent's work, and when to do what is
//! decided in `kubernel-podlife`.

pub mod cgroup;
pub mod containerd;
mod counted;
mod cri_client;
mod dispatch;
mod error;
mod events;
pub mod fake;
pub mod labels;
pub mod logs;
pub mod oci;
mod pause;
pub mod process;
mod runtime;

pub use counted::RuntimeMetrics;
pub use cri_client::CriRuntime;
pub use dispatch::Dispatch;
pub use error::{Result, RuntimeError};
pub use fake::FakeRuntime;
/// The messages of the Container Runtime Interface, version 1.
pub use k8s_cri::v1 as cri;
pub use pause::PAUSE_IMAGE;
pub use process::ProcessRuntime;
pub use runtime::{ExecOutput, Fut, Runtime, RuntimeEvent, Streams};
