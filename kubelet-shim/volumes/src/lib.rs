//! Volumes a Pod mounts: configMap, secret, projected, downwardAPI, emptyDir, hostPath, persistent volumes of frameworks.
//!
//! [`PodVolumes`] makes them below one folder per Pod and keeps them up to date; where their contents come from is a
//! [`Source`]. Files that come from objects are replaced all at once (`atomic`). This crate talks to no API server
//! and starts no container.

mod atomic;
mod error;
mod host_path;
mod mounts;
mod ownership;
mod payload;
pub mod persistent;
mod pod;
mod spec;

pub use error::{Result, VolumeError};
pub use mounts::MountPoint;
pub use payload::{Source, Token, TokenWish};
pub use pod::PodVolumes;
