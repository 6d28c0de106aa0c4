//! The bridge between the Mesos door and the API: frameworks are Framework objects, their tasks are Pods.
//!
//! The door ([`kubernel_mesos::Door`]) speaks with frameworks and gives [`kubernel_mesos::Work`]; the bridge makes objects of
//! it, and tells the door what becomes of them. It talks to the API and, through it, to nodes by a [`kube::Client`] alone.
//! It never speaks Mesos' HTTP, and decides nothing about resources: the ledger holds them before a Pod is made.
//!
//! Where to go next: `run.rs` (the loop), `pod.rs` (tasks as Pods), `tasks.rs` and `observed.rs` (status updates),
//! `executors.rs` and `link.rs` (executors on nodes), `objects.rs` (Framework objects), `operator.rs` (what operators
//! settle), `recovery.rs` (after a restart).

mod api;
mod executors;
mod launch;
mod link;
mod names;
mod objects;
mod observed;
mod operator;
mod pod;
mod recovery;
mod run;
mod tasks;
mod watched;

pub use run::{Config, run};
