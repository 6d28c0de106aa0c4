//! The bridge between the Mesos door and the API: frameworks are Framework objects, their tasks are Pods.
//!
//! The door ([`kubernel_mesos::Door`]) speaks with frameworks and gives [`kubernel_mesos::Work`]; the bridge makes objects of
//! it, and tells the door what becomes of them. It talks to the API and, through it, to nodes by a [`kube::Client`] alone.
//! It never speaks Mesos' HTTP, and decides nothing about resources: the ledger holds them before a Pod is made.
//!
//! Where to go next: `run.rs` (the loop), `orders.rs` (what the door wants), `pod.rs` (tasks as Pods), `tasks` and
//! `observed.rs` (status updates), `executors.rs`, `nodes.rs` and `link.rs` (executors on nodes), `records.rs`,
//! `objects.rs` and `numbers.rs` (Framework objects, and their numbers), `operator.rs` (what operators settle),
//! `reservations.rs` and `volumes.rs` (what is kept on agents, and mounted), `recovery.rs` (after a restart).

mod api;
mod executors;
mod launch;
mod link;
mod names;
mod nodes;
mod numbers;
mod objects;
mod observed;
mod operator;
mod orders;
mod pod;
mod records;
mod recovery;
mod reservations;
mod run;
mod shown;
mod tasks;
mod volumes;
mod watched;

pub use numbers::Cluster;
pub use run::{Config, run};
