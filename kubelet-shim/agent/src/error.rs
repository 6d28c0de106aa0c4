//! Why a node cannot go on.

use std::path::PathBuf;

/// A result of this crate.
pub type Result<T> = std::result::Result<T, AgentError>;

/// A failure that ends the node, or its start.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// The container runtime.
    #[error(transparent)]
    Runtime(#[from] kubernel_runtime::RuntimeError),
    /// The API server.
    #[error("API server: {0}")]
    Api(#[from] kube::Error),
    /// The way into the cluster.
    #[error("joining the cluster: {0}")]
    Join(String),
    /// The kubelet API's certificates or port.
    #[error("kubelet API: {0}")]
    Serve(String),
    /// What was written down of Mesos' executors.
    #[error("executors: {0}")]
    Executors(String),
    /// A folder of the node.
    #[error("{path}: {source}")]
    File {
        /// The path.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}
