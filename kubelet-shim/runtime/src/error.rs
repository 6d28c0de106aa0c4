//! What can go wrong between us and a container runtime.

use std::path::PathBuf;

/// A result of this crate.
pub type Result<T> = std::result::Result<T, RuntimeError>;

/// A failed conversation with the runtime, or a failure of the machine under it.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// The runtime answered with an error. The text is the runtime's own; it ends up in events and statuses.
    #[error("{message}")]
    Call {
        /// The gRPC code.
        code: tonic::Code,
        /// The runtime's text, without the `rpc error` wrapping.
        message: String,
    },
    /// Nobody listens on the runtime's socket, or it broke.
    #[error("container runtime at {socket}: {message}")]
    Unreachable {
        /// The socket we tried.
        socket: PathBuf,
        /// Why it failed.
        message: String,
    },
    /// containerd could not be started.
    #[error("starting containerd: {0}")]
    Start(String),
    /// A file or folder could not be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl RuntimeError {
    /// Whether the thing asked about is unknown to the runtime.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Call { code: tonic::Code::NotFound, .. })
    }

    /// Whether the call ran into its time limit.
    pub fn is_deadline(&self) -> bool {
        matches!(self, Self::Call { code: tonic::Code::DeadlineExceeded, .. })
    }

    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source }
    }
}

impl From<tonic::Status> for RuntimeError {
    fn from(status: tonic::Status) -> Self {
        Self::Call { code: status.code(), message: status.message().to_owned() }
    }
}
