//! The Mesos door: unmodified Mesos frameworks and tools speak with the kernel here, over the v1 HTTP APIs of a Mesos
//! master.
//!
//! The door translates. Decisions are the kernel's (behind [`kubernel_ledger::Ledger`]); what has to be done in the world
//! goes to the bridge as [`Work`] and comes back by the methods of the door. It must not talk to the API server or to
//! nodes itself.

pub mod auth;
pub mod book;
mod config;
mod deliver;
mod door;
pub mod framework;
mod http;
mod launch;
mod legacy;
pub mod limits;
pub mod offers;
mod operator;
pub mod resources;
mod scheduler;
pub mod status;
mod stream;
mod work;

pub use auth::{Access, AccessError, Leader};
pub use config::{Authorizer, Config, Permissive};
pub use door::Door;
pub use http::{Principal, router, serve};
pub use legacy::master;
pub use scheduler::STREAM_ID;
pub use stream::Encoding;
pub use work::{Launch, OperatorDeed, Refused, VolumeName, WORK_MAX, Work};
