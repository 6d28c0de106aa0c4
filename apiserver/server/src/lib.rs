//! The API server: what happens to a request between the socket and the store.
//!
//! Start at [`ApiServer`] (what it is made of), then `handler` (the way of every request: parse, authenticate, authorize,
//! dispatch), then `verbs` (the one pipeline that every kind goes through). It must not know controllers, the
//! scheduler or the kernel; live objects reach it through [`LiveObjects`].

pub mod admission;
mod aggregation;
mod alloc;
pub mod authn;
pub mod authz;
mod backend;
mod binary;
pub mod bootstrap;
mod codec;
mod compress;
mod context;
mod crds;
mod discovery;
mod document;
mod error;
mod flow;
mod follow;
mod handler;
mod listen;
mod metrics;
mod negotiate;
mod observe;
pub mod pki;
mod relay;
pub mod request;
pub mod resources;
mod respond;
pub mod reviews;
mod server;
mod serving;
mod subresources;
mod sweep;
mod table;
mod verbs;
mod versions;
mod webhooks;
mod yaml;

pub use authn::User;
pub use discovery::BACKUP_PKI;
pub use document::reindex;
pub use error::Error;
pub use listen::serve;
pub use server::{ApiServer, Config, InProcess, LiveObjects, LivePlace};
pub use serving::{FeatureGates, RuntimeConfig, Serving};
