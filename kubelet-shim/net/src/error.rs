//! What can go wrong in the node's network.

use std::io;
use std::path::PathBuf;

/// The errors of this crate.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A tool of the host is missing or failed.
    #[error("{tool}: {reason}")]
    Tool {
        /// The command line.
        tool: String,
        /// What it wrote, or why it did not start.
        reason: String,
    },
    /// A file could not be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The DNS address could not be bound.
    #[error("cannot serve DNS on {address}: {source}")]
    Bind {
        /// The address.
        address: std::net::SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The API server refused a request.
    #[error(transparent)]
    Api(#[from] Box<kube::Error>),
}
