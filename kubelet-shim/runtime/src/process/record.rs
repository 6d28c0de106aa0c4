//! What is written down of sandboxes and containers, so that both outlive whoever runs them.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::tree::Process;
use crate::{Result, RuntimeError};

/// The CRI message with which it was made, in a folder of its own.
pub(super) const CONFIG: &str = "config.pb";
/// What a container is besides.
pub(super) const CONTAINER: &str = "container.json";
/// What a sandbox is besides.
pub(super) const SANDBOX: &str = "sandbox.json";
/// What the supervisor is to run.
pub(super) const WORK: &str = "work.json";
/// How it started; written by the supervisor.
pub(super) const STARTED: &str = "started.json";
/// How it ended; written by the supervisor.
pub(super) const ENDED: &str = "ended.json";
/// Nobody waits for that start any more: it is not to be.
pub(super) const ABANDONED: &str = "abandoned";

/// A sandbox on disk.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct SandboxRecord {
    pub(super) created_at: i64,
    pub(super) ready: bool,
}

/// A container on disk.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct ContainerRecord {
    pub(super) sandbox_id: String,
    pub(super) created_at: i64,
    /// Its working folder.
    pub(super) dir: PathBuf,
    /// The folder goes when the container goes.
    pub(super) own_dir: bool,
    pub(super) cgroup: String,
    pub(super) log: PathBuf,
}

/// A start on disk.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Started {
    pub(super) supervisor: Process,
    pub(super) main: Process,
    pub(super) at: i64,
}

/// An end on disk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ended {
    /// As `waitpid` told it.
    pub(super) wait_status: i32,
    pub(super) at: i64,
    /// Why there was no start.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) error: String,
}

/// Reads a record; `None` where it is not there, or not whole.
pub(super) fn read<T: DeserializeOwned>(path: &Path) -> Option<T> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

/// Writes a record: after this returns it is there, whole, whatever happens.
pub(super) fn write<T: Serialize>(path: &Path, value: &T) -> Result<()> {
    let bytes = serde_json::to_vec(value).map_err(|error| RuntimeError::file(path)(error.into()))?;
    write_bytes(path, &bytes)
}

/// The same with bytes.
pub(super) fn write_bytes(path: &Path, bytes: &[u8]) -> Result<()> {
    replace(path, bytes).map_err(RuntimeError::file(path))
}

fn replace(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let fresh = path.with_extension("new");
    let mut file = File::create(&fresh)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&fresh, path)?;
    match path.parent() {
        Some(dir) => File::open(dir)?.sync_all(),
        None => Ok(()),
    }
}

/// Nanoseconds since 1970.
pub(super) fn now() -> i64 {
    i64::try_from(jiff::Timestamp::now().as_nanosecond()).unwrap_or(i64::MAX)
}
