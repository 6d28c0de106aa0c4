//! Framework number one of the resource kernel: turns Pods into demand, claims what the kernel grants, binds.
//!
//! The only code that knows both worlds. It talks to the API through a [`kube::Client`] alone, in the server's process
//! or out of it, and to the kernel through [`kubernel_ledger::Ledger`]. Each namespace is a role ([`ROLE_LABEL`]); in what order roles
//! are served is the kernel's business.
//!
//! `engine/` knows and decides without I/O; `run.rs` feeds it from watches and carries out what it decides.

mod api;
mod class;
mod engine;
mod fit;
mod metrics;
mod placement;
mod queue;
mod reasons;
mod requests;
mod run;
mod scribe;
mod standing;
mod tenancy;
mod unavailability;
mod watch;
mod wire;
mod writer;

pub use engine::{
    FRAMEWORK,
    nodes::{DRAINING_TAINT, GONE_TAINT},
    pods::TASKS_SCHEDULER,
};
pub use metrics::SchedulerMetrics;
pub use run::{Config, run};
pub use tenancy::{ROLE_LABEL, Tenancy, WEIGHT_LABEL};
pub use unavailability::{UNAVAILABILITY_ANNOTATION, unavailability_text};
pub use watch::{Change, follow};
pub use wire::{Meta, Named, ResourceRole, ResourceRoleSpec, Watched};
