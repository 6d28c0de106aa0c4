//! Containers that are process trees of the node itself: no image, no namespaces, the node's network and files.
//!
//! Pods with `runtimeClassName: process` run so. Each container has a supervisor ([`supervise`]) that holds its process,
//! a working folder with the files `stdout` and `stderr`, a control group where the node lets us have one, and a folder
//! of records from which the next [`ProcessRuntime`] on the same data takes it over, whether it runs or has ended.
//! `runtime.rs` is the face towards the agent, `life.rs` starts, watches and ends; [`Outfitter`] is for those who have
//! something to put into a working folder first.

mod enter;
mod life;
pub mod links;
mod output;
mod record;
mod runtime;
pub mod supervise;
mod tree;
mod user;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::future::BoxFuture;
use parking_lot::Mutex;
use tokio::sync::{broadcast, watch};

use crate::cgroup::Cgroups;
use crate::{Result, RuntimeError, RuntimeEvent, cri};
use record::{ContainerRecord, Ended, SandboxRecord, Started};
use tree::Process;

/// The RuntimeClass, and the handler, of Pods that run so.
pub const HANDLER: &str = "process";
/// All ids of this runtime begin with it.
pub const ID_PREFIX: &str = "process-";
/// Events that may wait for a slow receiver.
const EVENTS_MAX: usize = 4096;
/// The code of a container that could not be started, as containerd has it.
const START_ERROR_CODE: i32 = 128;
/// SIGKILL, as `waitpid` tells it.
const KILLED: i32 = 9;

/// What is known of a container before it starts.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// Its id.
    pub id: &'a str,
    /// Its Pod: labels and annotations among others.
    pub sandbox: &'a cri::PodSandboxConfig,
    /// The container itself.
    pub container: &'a cri::ContainerConfig,
}

/// What somebody adds to a container.
#[derive(Clone, Debug, Default)]
pub struct Outfit {
    /// Its working folder, which stays when the container goes. `None`: one that goes with it.
    pub dir: Option<PathBuf>,
    /// Further environment; what the Pod says goes before it.
    pub env: Vec<(String, String)>,
    /// The name of the user it runs as, where the Pod names none by number.
    pub user: Option<String>,
}

/// How a process ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProcessEnd {
    /// As `waitpid` tells it.
    pub wait_status: i32,
    /// Why it never ran, if it did not.
    pub error: Option<String>,
    /// The kernel had no memory left for it.
    pub out_of_memory: bool,
}

/// Whoever has something to add to containers before they start.
pub trait Outfitter: Send + Sync + 'static {
    /// What a container gets.
    ///
    /// # Errors
    /// A text for the container's status.
    fn outfit(&self, facts: Facts<'_>) -> std::result::Result<Outfit, String>;

    /// Fills the working folder, right before the start. `owner`: whom its files are to belong to.
    fn fill<'a>(
        &'a self,
        facts: Facts<'a>,
        dir: &'a Path,
        owner: Option<(u32, u32)>,
    ) -> BoxFuture<'a, std::result::Result<(), String>>;
}

/// Nobody adds anything.
#[derive(Clone, Copy, Debug, Default)]
pub struct Plain;

impl Outfitter for Plain {
    fn outfit(&self, _: Facts<'_>) -> std::result::Result<Outfit, String> {
        Ok(Outfit::default())
    }

    fn fill<'a>(
        &'a self,
        _: Facts<'a>,
        _: &'a Path,
        _: Option<(u32, u32)>,
    ) -> BoxFuture<'a, std::result::Result<(), String>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

/// Runs containers as processes of the node.
#[derive(Clone)]
pub struct ProcessRuntime {
    inner: Arc<Inner>,
}

struct Inner {
    root: PathBuf,
    cgroups: Cgroups,
    outfitter: Arc<dyn Outfitter>,
    state: Mutex<State>,
    events: broadcast::Sender<RuntimeEvent>,
}

#[derive(Default)]
struct State {
    sandboxes: BTreeMap<String, Sandbox>,
    containers: BTreeMap<String, Arc<Container>>,
}

struct Sandbox {
    config: cri::PodSandboxConfig,
    record: SandboxRecord,
}

struct Container {
    id: String,
    /// The folder of its records.
    records: PathBuf,
    record: ContainerRecord,
    config: cri::ContainerConfig,
    phase: watch::Sender<Phase>,
}

/// How far a container is.
#[derive(Clone, Debug)]
enum Phase {
    Created,
    Running(Started),
    Ended { started_at: i64, end: Ended, oom: bool },
}

impl ProcessRuntime {
    /// One that keeps everything below `root`, and takes over what it finds there. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// If the folder cannot be made or read.
    pub fn open(root: impl Into<PathBuf>, cgroups: Cgroups, outfitter: Arc<dyn Outfitter>) -> Result<Self> {
        let root = root.into();
        // Supervisors have another working folder than we.
        let root = std::path::absolute(&root).map_err(RuntimeError::file(root))?;
        let (events, _) = broadcast::channel(EVENTS_MAX);
        let inner = Inner { root, cgroups, outfitter, state: Mutex::default(), events };
        let runtime = Self { inner: Arc::new(inner) };
        for part in ["sandboxes", "containers", "work"] {
            let dir = runtime.inner.root.join(part);
            fs::create_dir_all(&dir).map_err(RuntimeError::file(&dir))?;
        }
        runtime.find_again()?;
        Ok(runtime)
    }

    /// How a container's process ended; `None` while it has not.
    pub fn end(&self, id: &str) -> Option<ProcessEnd> {
        let container = self.inner.state.lock().containers.get(id).cloned()?;
        let phase = container.phase.borrow();
        match &*phase {
            Phase::Ended { end, oom, .. } => {
                let error = Some(end.error.clone()).filter(|error| !error.is_empty());
                Some(ProcessEnd { wait_status: end.wait_status, error, out_of_memory: *oom })
            }
            _ => None,
        }
    }

    /// Whether a container is known, in whatever state.
    pub fn knows(&self, id: &str) -> bool {
        self.inner.state.lock().containers.contains_key(id)
    }

    /// The containers that run, each with its sandbox.
    pub fn running(&self) -> Vec<(String, cri::PodSandboxConfig)> {
        let state = self.inner.state.lock();
        let running = state.containers.values().filter(|container| container.is_running());
        let with_sandbox = running.filter_map(|container| {
            Some((container.id.clone(), state.sandboxes.get(&container.record.sandbox_id)?.config.clone()))
        });
        with_sandbox.collect()
    }

    /// The working folder of a container.
    pub fn work_dir(&self, id: &str) -> Option<PathBuf> {
        Some(self.inner.state.lock().containers.get(id)?.record.dir.clone())
    }

    /// Reads all records. A start that nobody waits for any more is given up.
    fn find_again(&self) -> Result<()> {
        for (id, dir) in folders(&self.inner.root.join("sandboxes"))? {
            let record = record::read(&dir.join(record::SANDBOX));
            let config = message::<cri::PodSandboxConfig>(&dir);
            if let (Some(record), Some(config)) = (record, config) {
                self.inner.state.lock().sandboxes.insert(id, Sandbox { config, record });
            } else {
                let _ = fs::remove_dir_all(&dir);
            }
        }
        for (id, dir) in folders(&self.inner.root.join("containers"))? {
            let record = record::read::<ContainerRecord>(&dir.join(record::CONTAINER));
            let (Some(record), Some(config)) = (record, message::<cri::ContainerConfig>(&dir)) else {
                let _ = fs::remove_dir_all(&dir);
                continue;
            };
            let started = || record::read::<Started>(&dir.join(record::STARTED));
            if started().is_none() && dir.join(record::WORK).exists() {
                record::write_bytes(&dir.join(record::ABANDONED), b"")?;
            }
            let started = started();
            let phase = match (record::read::<Ended>(&dir.join(record::ENDED)), started) {
                (Some(end), started) => {
                    let oom = self.inner.cgroups.oom_kills(&record.cgroup) > 0;
                    Phase::Ended { started_at: started.map_or(0, |started| started.at), end, oom }
                }
                (None, Some(started)) => Phase::Running(started),
                (None, None) => Phase::Created,
            };
            let (phase, _) = watch::channel(phase);
            let container = Arc::new(Container { id: id.clone(), records: dir, record, config, phase });
            self.inner.state.lock().containers.insert(id, container.clone());
            if let Some(started) = started
                && container.is_running()
            {
                tokio::spawn(self.clone().watch(container, started.supervisor, None));
            }
        }
        Ok(())
    }
}

impl Container {
    fn is_running(&self) -> bool {
        matches!(&*self.phase.borrow(), Phase::Running(_))
    }

    /// Who holds its process.
    fn supervisor(&self) -> Option<Process> {
        match &*self.phase.borrow() {
            Phase::Running(started) => Some(started.supervisor),
            _ => None,
        }
    }
}

/// The folders in a folder, by name.
fn folders(dir: &Path) -> Result<Vec<(String, PathBuf)>> {
    let entries = fs::read_dir(dir).map_err(RuntimeError::file(dir))?;
    Ok(entries.flatten().map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path())).collect())
}

fn message<M: prost::Message + Default>(dir: &Path) -> Option<M> {
    M::decode(fs::read(dir.join(record::CONFIG)).ok()?.as_slice()).ok()
}

/// Writes the records of something new into a folder of its own.
fn write_new<R: serde::Serialize>(dir: &Path, name: &str, record: &R, config: &impl prost::Message) -> Result<()> {
    fs::create_dir_all(dir).map_err(RuntimeError::file(dir))?;
    record::write_bytes(&dir.join(record::CONFIG), &config.encode_to_vec())?;
    record::write(&dir.join(name), record)
}

/// An id that nobody had before.
fn new_id() -> Result<String> {
    const SOURCE: &str = "/proc/sys/kernel/random/uuid";
    let text = fs::read_to_string(SOURCE).map_err(RuntimeError::file(SOURCE))?;
    Ok(format!("{ID_PREFIX}{}", text.trim().replace('-', "")))
}

fn refused(message: impl Into<String>) -> RuntimeError {
    RuntimeError::Call { code: tonic::Code::FailedPrecondition, message: message.into() }
}

fn not_found(what: &str, id: &str) -> RuntimeError {
    RuntimeError::Call { code: tonic::Code::NotFound, message: format!("{what} {id:?}: not found") }
}
