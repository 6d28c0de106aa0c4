//! End-to-end tests: a real cluster, real kubectl and Helm, real containers.
//!
//! [`cluster`] is the one that most tests share, a namespace each ([`Cluster::user`]); a test that breaks its cluster
//! starts one of its own. A test reads as what a user would type: [`User::ok`] runs a line of shell in which `kubectl`
//! and `helm` are the real ones and the namespace is the test's own.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test that cannot go on fails, loudly")]

mod agent;
#[cfg(feature = "load")]
pub mod client;
mod cluster;
pub mod history;
mod hollow;
#[cfg(feature = "load")]
pub mod process;
mod script;
mod servers;
mod user;

pub use agent::Agent;
pub use cluster::{Cluster, Settings, built, cluster, free_port, tools};
pub use hollow::Hollow;
pub use script::{SCRIPTS, finish, python, start};
pub use servers::{Servers, advertised};
pub use user::{Output, User, eventually};

/// The image with the sample program and busybox, and its second version.
pub const SAMPLE_V1: &str = "kubernel.local/sample:v1";
/// See [`SAMPLE_V1`].
pub const SAMPLE_V2: &str = "kubernel.local/sample:v2";

/// What went wrong, for a reader.
#[cfg(feature = "load")]
pub type Result<T, E = Box<dyn std::error::Error + Send + Sync>> = std::result::Result<T, E>;
