//! The messages that all of Mesos' interfaces share: the package `mesos.v1`.
//!
//! Not here: what nobody who speaks HTTP ever sends us (CSI, seccomp, cgroup and capability details); fields with those
//! are skipped as unknown ones are.

mod agent;
mod check;
mod command;
mod container;
mod duration;
mod framework;
mod ids;
mod offer;
mod resource;
mod task;

pub use agent::*;
pub use check::*;
pub use command::*;
pub use container::*;
pub use duration::*;
pub use framework::*;
pub use ids::*;
pub use offer::*;
pub use resource::*;
pub use task::*;
