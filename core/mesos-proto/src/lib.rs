//! The messages of Mesos v1 and how they travel.
//!
//! A message is a row of a table ([`messages!`], [`enums!`]); the struct, its protobuf codec and its JSON codec come from
//! that one row. JSON is read as leniently as Mesos reads it (`json.rs` has the rules) and written as ASCII on one line;
//! protobuf is proto2's: unknown fields are skipped, required ones demanded. Streams are cut by [`recordio`].
//!
//! Names are those of Mesos with the path of nested messages folded into one word; the first line of each message's
//! documentation says which it is. Nothing here knows what a message means: that is the door's, the bridge's and the
//! executors' business. [`node`] alone is our own.
//! Go on to `table.rs` for the form of the tables, to `v1/` for the messages everybody shares.

pub mod agent;
pub mod allocator;
mod datum;
mod error;
pub mod executor;
mod json;
#[doc(hidden)]
pub mod label;
pub mod maintenance;
pub mod master;
mod message;
pub mod node;
pub mod quota;
mod reader;
pub mod recordio;
pub mod scheduler;
mod table;
pub mod v1;

pub use datum::Datum;
pub use error::Error;
pub use json::Object;
pub use message::Message;
pub use reader::{Context, Reader, WireType};
