//! Why the server cannot start or go on. Requests fail with [`kubernel_meta::ApiError`] instead.

use std::path::{Path, PathBuf};

/// What stops the server itself.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or folder could not be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A certificate or key could not be made, read or used.
    #[error("certificates: {0}")]
    Certificate(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] kubernel_store::StoreError),
    /// An object that a new cluster needs could not be written.
    #[error("bootstrap: {0}")]
    Bootstrap(String),
}

impl Error {
    /// What `map_err` wants where a file operation failed.
    pub(crate) fn file(path: &Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
        move |source| Self::File { path: path.to_owned(), source }
    }
}
