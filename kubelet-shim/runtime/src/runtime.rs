//! `trait Runtime`: what the agent asks of whatever runs containers.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::sync::broadcast;

use crate::{Result, RuntimeMetrics, cri};

/// A future of a runtime call. Boxed, so that one agent can hold any runtime behind `Arc<dyn Runtime>`.
pub type Fut<'a, T> = BoxFuture<'a, Result<T>>;

/// Something happened in the runtime without our asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuntimeEvent {
    /// A container (or the pause process of a sandbox) ended: its id.
    Exited(String),
    /// Events may have been missed: look at everything again.
    Relist,
}

/// What a command run inside a container left behind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExecOutput {
    /// The exit code.
    pub exit_code: i32,
    /// Standard output, as much as the runtime keeps (16 MiB in containerd).
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: Vec<u8>,
}

/// Where the streams of a prepared command are had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Streams {
    /// From a streaming server, at that URL.
    Url(String),
    /// From this command on the node, once it is run: it becomes the one that was asked for.
    Command(Vec<OsString>),
}

/// Sandboxes, containers and images of one node.
///
/// Every call may be repeated: stopping or removing what is already gone succeeds.
pub trait Runtime: Send + Sync + 'static {
    /// What was counted of its calls; `None` where nothing is.
    fn metrics(&self) -> Option<&RuntimeMetrics> {
        None
    }

    /// The runtime's name and version, for the Node object.
    fn version(&self) -> Fut<'_, cri::VersionResponse>;
    /// Whether the runtime and its network are ready, as runtime conditions.
    fn status(&self) -> Fut<'_, cri::StatusResponse>;

    /// Makes the shared namespaces and network of a Pod; the answer is the sandbox id.
    fn run_sandbox(&self, config: cri::PodSandboxConfig, handler: String) -> Fut<'_, String>;
    /// Ends every process of a sandbox and frees its network.
    fn stop_sandbox<'a>(&'a self, id: &'a str) -> Fut<'a, ()>;
    /// Removes a stopped sandbox and its containers.
    fn remove_sandbox<'a>(&'a self, id: &'a str) -> Fut<'a, ()>;
    /// All sandboxes.
    fn sandboxes(&self) -> Fut<'_, Vec<cri::PodSandbox>>;
    /// State and addresses of a sandbox.
    fn sandbox_status<'a>(&'a self, id: &'a str) -> Fut<'a, cri::PodSandboxStatus>;
    /// The path of a sandbox's network namespace.
    fn network_namespace<'a>(&'a self, id: &'a str) -> Fut<'a, PathBuf>;

    /// Creates a container in a sandbox; the answer is its id.
    fn create_container<'a>(
        &'a self,
        sandbox_id: &'a str,
        config: cri::ContainerConfig,
        sandbox: cri::PodSandboxConfig,
    ) -> Fut<'a, String>;
    /// Starts a created container.
    fn start_container<'a>(&'a self, id: &'a str) -> Fut<'a, ()>;
    /// SIGTERM, then SIGKILL after `timeout_secs`. Returns when the container is gone. Callers may ask again with a
    /// shorter time while a longer one runs.
    fn stop_container<'a>(&'a self, id: &'a str, timeout_secs: i64) -> Fut<'a, ()>;
    /// Removes a container and its writable layer.
    fn remove_container<'a>(&'a self, id: &'a str) -> Fut<'a, ()>;
    /// All containers.
    fn containers(&self) -> Fut<'_, Vec<cri::Container>>;
    /// State of a container.
    fn container_status<'a>(&'a self, id: &'a str) -> Fut<'a, cri::ContainerStatus>;
    /// Changes the limits of a running container.
    fn update_container<'a>(&'a self, id: &'a str, resources: cri::LinuxContainerResources) -> Fut<'a, ()>;
    /// Tells the runtime that a log file was moved away.
    fn reopen_log<'a>(&'a self, id: &'a str) -> Fut<'a, ()>;
    /// Usage of all running containers.
    fn container_stats(&self) -> Fut<'_, Vec<cri::ContainerStats>>;

    /// Runs a command to its end; `DeadlineExceeded` when it takes longer than `timeout` (none when zero).
    fn exec_sync<'a>(&'a self, id: &'a str, command: Vec<String>, timeout: Duration) -> Fut<'a, ExecOutput>;
    /// Prepares a command in a container.
    fn exec(&self, request: cri::ExecRequest) -> Fut<'_, Streams>;
    /// The same for the streams of a container's main process.
    fn attach(&self, request: cri::AttachRequest) -> Fut<'_, Streams>;
    /// The URL of a streaming server for ports inside a sandbox's network.
    fn port_forward(&self, request: cri::PortForwardRequest) -> Fut<'_, String>;

    /// The image under that name, if the node has it.
    fn image<'a>(&'a self, name: &'a str) -> Fut<'a, Option<cri::Image>>;
    /// All images of the node.
    fn images(&self) -> Fut<'_, Vec<cri::Image>>;
    /// Fetches an image; the answer is its id.
    fn pull_image<'a>(&'a self, name: &'a str, auth: Option<cri::AuthConfig>) -> Fut<'a, String>;
    /// Removes an image.
    fn remove_image<'a>(&'a self, name: &'a str) -> Fut<'a, ()>;
    /// Use of the file system that holds images.
    fn image_fs(&self) -> Fut<'_, Vec<cri::FilesystemUsage>>;

    /// What happens from now on. A receiver that lags behind must treat that as [`RuntimeEvent::Relist`].
    fn events(&self) -> broadcast::Receiver<RuntimeEvent>;
}
