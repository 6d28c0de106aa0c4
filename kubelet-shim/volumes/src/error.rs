//! Why a volume could not be made; the texts appear in FailedMount events.

use std::path::PathBuf;

/// A result of this crate.
pub type Result<T> = std::result::Result<T, VolumeError>;

/// A volume that could not be made, or not mounted.
#[derive(Debug, thiserror::Error)]
pub enum VolumeError {
    /// The volume's name and what is wrong with it.
    #[error("MountVolume.SetUp failed for volume \"{volume}\" : {source}")]
    SetUp {
        /// The volume's name in the Pod.
        volume: String,
        /// What is wrong.
        source: Box<VolumeError>,
    },
    /// A named object or key is missing, or of no use.
    #[error("{0}")]
    Content(String),
    /// The machine refused.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl VolumeError {
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source }
    }
}
