//! One runtime before two: processes of the node, and containers where the node has them.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use tokio::sync::broadcast;

use crate::process::{HANDLER, ID_PREFIX, ProcessRuntime};
use crate::{ExecOutput, Fut, Result, Runtime, RuntimeError, RuntimeEvent, RuntimeMetrics, Streams, cri};

/// Events that may wait for a slow receiver before it has to look at everything again.
const EVENTS_MAX: usize = 4096;

/// Sends sandboxes to a runtime by their handler, and all else by the ids that came of it.
pub struct Dispatch {
    processes: ProcessRuntime,
    containers: Option<Arc<dyn Runtime>>,
    events: broadcast::Sender<RuntimeEvent>,
}

impl Dispatch {
    /// Of processes, and of containers if the node has any. Must be called inside a tokio runtime.
    pub fn new(processes: ProcessRuntime, containers: Option<Arc<dyn Runtime>>) -> Self {
        let (events, _) = broadcast::channel(EVENTS_MAX);
        let sources = std::iter::once(processes.events()).chain(containers.iter().map(|runtime| runtime.events()));
        for mut source in sources {
            let to = events.clone();
            tokio::spawn(async move {
                loop {
                    let event = match source.recv().await {
                        Ok(event) => event,
                        Err(broadcast::error::RecvError::Lagged(_)) => RuntimeEvent::Relist,
                        Err(broadcast::error::RecvError::Closed) => return,
                    };
                    // No receiver at the moment is no reason to stop.
                    let _ = to.send(event);
                }
            });
        }
        Self { processes, containers, events }
    }

    /// Who knows an id.
    fn of<'a>(&'a self, id: &str) -> Result<&'a dyn Runtime> {
        if id.starts_with(ID_PREFIX) { Ok(&self.processes) } else { self.containers() }
    }

    fn containers(&self) -> Result<&dyn Runtime> {
        self.containers.as_deref().ok_or_else(|| {
            let message = "this node has no container runtime: it only runs Pods with runtimeClassName process".into();
            RuntimeError::Call { code: tonic::Code::FailedPrecondition, message }
        })
    }

    /// Who speaks for the node as a whole.
    fn main(&self) -> &dyn Runtime {
        self.containers.as_deref().unwrap_or(&self.processes)
    }
}

impl Runtime for Dispatch {
    fn metrics(&self) -> Option<&RuntimeMetrics> {
        self.main().metrics()
    }

    fn version(&self) -> Fut<'_, cri::VersionResponse> {
        self.main().version()
    }

    fn status(&self) -> Fut<'_, cri::StatusResponse> {
        self.main().status()
    }

    fn run_sandbox(&self, config: cri::PodSandboxConfig, handler: String) -> Fut<'_, String> {
        async move {
            let runtime: &dyn Runtime = if handler == HANDLER { &self.processes } else { self.containers()? };
            runtime.run_sandbox(config, handler).await
        }
        .boxed()
    }

    fn stop_sandbox<'a>(&'a self, id: &'a str) -> Fut<'a, ()> {
        async move { self.of(id)?.stop_sandbox(id).await }.boxed()
    }

    fn remove_sandbox<'a>(&'a self, id: &'a str) -> Fut<'a, ()> {
        async move { self.of(id)?.remove_sandbox(id).await }.boxed()
    }

    fn sandboxes(&self) -> Fut<'_, Vec<cri::PodSandbox>> {
        async move {
            let mut all = self.processes.sandboxes().await?;
            if let Some(containers) = &self.containers {
                all.extend(containers.sandboxes().await?);
            }
            Ok(all)
        }
        .boxed()
    }

    fn sandbox_status<'a>(&'a self, id: &'a str) -> Fut<'a, cri::PodSandboxStatus> {
        async move { self.of(id)?.sandbox_status(id).await }.boxed()
    }

    fn network_namespace<'a>(&'a self, id: &'a str) -> Fut<'a, PathBuf> {
        async move { self.of(id)?.network_namespace(id).await }.boxed()
    }

    fn create_container<'a>(
        &'a self,
        sandbox_id: &'a str,
        config: cri::ContainerConfig,
        sandbox: cri::PodSandboxConfig,
    ) -> Fut<'a, String> {
        async move { self.of(sandbox_id)?.create_container(sandbox_id, config, sandbox).await }.boxed()
    }

    fn start_container<'a>(&'a self, id: &'a str) -> Fut<'a, ()> {
        async move { self.of(id)?.start_container(id).await }.boxed()
    }

    fn stop_container<'a>(&'a self, id: &'a str, timeout_secs: i64) -> Fut<'a, ()> {
        async move { self.of(id)?.stop_container(id, timeout_secs).await }.boxed()
    }

    fn remove_container<'a>(&'a self, id: &'a str) -> Fut<'a, ()> {
        async move { self.of(id)?.remove_container(id).await }.boxed()
    }

    fn containers(&self) -> Fut<'_, Vec<cri::Container>> {
        async move {
            let mut all = self.processes.containers().await?;
            if let Some(containers) = &self.containers {
                all.extend(containers.containers().await?);
            }
            Ok(all)
        }
        .boxed()
    }

    fn container_status<'a>(&'a self, id: &'a str) -> Fut<'a, cri::ContainerStatus> {
        async move { self.of(id)?.container_status(id).await }.boxed()
    }

    fn update_container<'a>(&'a self, id: &'a str, resources: cri::LinuxContainerResources) -> Fut<'a, ()> {
        async move { self.of(id)?.update_container(id, resources).await }.boxed()
    }

    fn reopen_log<'a>(&'a self, id: &'a str) -> Fut<'a, ()> {
        async move { self.of(id)?.reopen_log(id).await }.boxed()
    }

    fn container_stats(&self) -> Fut<'_, Vec<cri::ContainerStats>> {
        async move {
            let mut all = self.processes.container_stats().await?;
            if let Some(containers) = &self.containers {
                all.extend(containers.container_stats().await?);
            }
            Ok(all)
        }
        .boxed()
    }

    fn exec_sync<'a>(&'a self, id: &'a str, command: Vec<String>, timeout: Duration) -> Fut<'a, ExecOutput> {
        async move { self.of(id)?.exec_sync(id, command, timeout).await }.boxed()
    }

    fn exec(&self, request: cri::ExecRequest) -> Fut<'_, Streams> {
        async move { self.of(&request.container_id)?.exec(request).await }.boxed()
    }

    fn attach(&self, request: cri::AttachRequest) -> Fut<'_, Streams> {
        async move { self.of(&request.container_id)?.attach(request).await }.boxed()
    }

    fn port_forward(&self, request: cri::PortForwardRequest) -> Fut<'_, String> {
        async move { self.of(&request.pod_sandbox_id)?.port_forward(request).await }.boxed()
    }

    fn image<'a>(&'a self, name: &'a str) -> Fut<'a, Option<cri::Image>> {
        async move { self.containers()?.image(name).await }.boxed()
    }

    fn images(&self) -> Fut<'_, Vec<cri::Image>> {
        self.main().images()
    }

    fn pull_image<'a>(&'a self, name: &'a str, auth: Option<cri::AuthConfig>) -> Fut<'a, String> {
        async move { self.containers()?.pull_image(name, auth).await }.boxed()
    }

    fn remove_image<'a>(&'a self, name: &'a str) -> Fut<'a, ()> {
        async move { self.containers()?.remove_image(name).await }.boxed()
    }

    fn image_fs(&self) -> Fut<'_, Vec<cri::FilesystemUsage>> {
        self.main().image_fs()
    }

    fn events(&self) -> broadcast::Receiver<RuntimeEvent> {
        self.events.subscribe()
    }
}
