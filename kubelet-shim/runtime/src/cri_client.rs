//! The CRI client: one connection to a runtime's Unix socket.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use tokio::sync::broadcast;

use crate::counted::{Counted, RuntimeMetrics};
use crate::cri::image_service_client::ImageServiceClient;
use crate::cri::runtime_service_client::RuntimeServiceClient;
use crate::{ExecOutput, Fut, Result, Runtime, RuntimeError, RuntimeEvent, Streams, cri, events};

/// Largest answer we take: a list of several thousand containers is a few MiB.
const MESSAGE_BYTES_MAX: usize = 64 << 20;
/// Events that may wait for a slow receiver before it has to look at everything again.
const EVENTS_MAX: usize = 4096;
/// Ordinary calls that hang longer than this have failed; the caller tries again.
const CALL_TIMEOUT: Duration = Duration::from_secs(120);
/// A pull may take long on a thin line, but not for ever.
const PULL_TIMEOUT: Duration = Duration::from_secs(1800);

/// A container runtime that speaks CRI v1, as containerd and CRI-O do.
pub struct CriRuntime {
    runtime: RuntimeServiceClient<Counted>,
    images: ImageServiceClient<Counted>,
    metrics: Arc<RuntimeMetrics>,
    events: broadcast::Sender<RuntimeEvent>,
    socket: PathBuf,
}

impl CriRuntime {
    /// Connects, and keeps connecting again when the runtime restarts. Must be called inside a tokio runtime: a task
    /// listens to containerd's events as long as the runtime object lives.
    pub async fn connect(socket: impl AsRef<Path>) -> Result<Self> {
        let socket = socket.as_ref().to_path_buf();
        let channel = containerd_client::connect(&socket)
            .await
            .map_err(|error| RuntimeError::Unreachable { socket: socket.clone(), message: chain(&error) })?;
        let (events, _) = broadcast::channel(EVENTS_MAX);
        events::listen(channel.clone(), events.downgrade());
        let metrics = Arc::new(RuntimeMetrics::default());
        let channel = Counted::new(channel, metrics.clone());
        Ok(Self {
            metrics,
            runtime: RuntimeServiceClient::new(channel.clone())
                .max_decoding_message_size(MESSAGE_BYTES_MAX)
                .max_encoding_message_size(MESSAGE_BYTES_MAX),
            images: ImageServiceClient::new(channel).max_decoding_message_size(MESSAGE_BYTES_MAX),
            events,
            socket,
        })
    }

    /// The socket this runtime was reached at.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    fn runtime(&self) -> RuntimeServiceClient<Counted> {
        self.runtime.clone()
    }

    fn images_client(&self) -> ImageServiceClient<Counted> {
        self.images.clone()
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

fn timed<T>(message: T, limit: Duration) -> tonic::Request<T> {
    let mut request = tonic::Request::new(message);
    request.set_timeout(limit);
    request
}

fn call<T>(message: T) -> tonic::Request<T> {
    timed(message, CALL_TIMEOUT)
}

/// Success also when the thing is already gone.
fn gone<T>(answer: std::result::Result<T, tonic::Status>) -> Result<()> {
    match answer {
        Ok(_) => Ok(()),
        Err(status) if status.code() == tonic::Code::NotFound => Ok(()),
        Err(status) => Err(status.into()),
    }
}

fn image_spec(name: &str) -> Option<cri::ImageSpec> {
    Some(cri::ImageSpec { image: name.to_owned(), user_specified_image: name.to_owned(), ..Default::default() })
}

fn missing(what: &str) -> RuntimeError {
    RuntimeError::Call { code: tonic::Code::Internal, message: format!("the runtime's answer carries no {what}") }
}

impl Runtime for CriRuntime {
    fn metrics(&self) -> Option<&RuntimeMetrics> {
        Some(&self.metrics)
    }

    fn version(&self) -> Fut<'_, cri::VersionResponse> {
        async move { Ok(self.runtime().version(call(cri::VersionRequest::default())).await?.into_inner()) }.boxed()
    }

    fn status(&self) -> Fut<'_, cri::StatusResponse> {
        async move { Ok(self.runtime().status(call(cri::StatusRequest::default())).await?.into_inner()) }.boxed()
    }

    fn run_sandbox(&self, config: cri::PodSandboxConfig, handler: String) -> Fut<'_, String> {
        async move {
            let request = cri::RunPodSandboxRequest { config: Some(config), runtime_handler: handler };
            Ok(self.runtime().run_pod_sandbox(call(request)).await?.into_inner().pod_sandbox_id)
        }
        .boxed()
    }

    fn stop_sandbox<'a>(&'a self, id: &'a str) -> Fut<'a, ()> {
        async move {
            let request = cri::StopPodSandboxRequest { pod_sandbox_id: id.to_owned() };
            gone(self.runtime().stop_pod_sandbox(call(request)).await)
        }
        .boxed()
    }

    fn remove_sandbox<'a>(&'a self, id: &'a str) -> Fut<'a, ()> {
        async move {
            let request = cri::RemovePodSandboxRequest { pod_sandbox_id: id.to_owned() };
            gone(self.runtime().remove_pod_sandbox(call(request)).await)
        }
        .boxed()
    }

    fn sandboxes(&self) -> Fut<'_, Vec<cri::PodSandbox>> {
        async move {
            Ok(self.runtime().list_pod_sandbox(call(cri::ListPodSandboxRequest::default())).await?.into_inner().items)
        }
        .boxed()
    }

    fn sandbox_status<'a>(&'a self, id: &'a str) -> Fut<'a, cri::PodSandboxStatus> {
        async move {
            let request = cri::PodSandboxStatusRequest { pod_sandbox_id: id.to_owned(), verbose: false };
            let answer = self.runtime().pod_sandbox_status(call(request)).await?.into_inner();
            answer.status.ok_or_else(|| missing("sandbox status"))
        }
        .boxed()
    }

    fn network_namespace<'a>(&'a self, id: &'a str) -> Fut<'a, PathBuf> {
        async move {
            let request = cri::PodSandboxStatusRequest { pod_sandbox_id: id.to_owned(), verbose: true };
            let answer = self.runtime().pod_sandbox_status(call(request)).await?.into_inner();
            // What the verbose answer carries is no part of CRI; containerd and CRI-O both tell the pid.
            let info = answer.info.get("info").and_then(|text| serde_json::from_str(text).ok());
            let info: serde_json::Value = info.ok_or_else(|| missing("sandbox info"))?;
            let pid = info["pid"].as_u64().filter(|pid| *pid > 0).ok_or_else(|| missing("sandbox pid"))?;
            Ok(PathBuf::from(format!("/proc/{pid}/ns/net")))
        }
        .boxed()
    }

    fn create_container<'a>(
        &'a self,
        sandbox_id: &'a str,
        config: cri::ContainerConfig,
        sandbox: cri::PodSandboxConfig,
    ) -> Fut<'a, String> {
        async move {
            let request = cri::CreateContainerRequest {
                pod_sandbox_id: sandbox_id.to_owned(),
                config: Some(config),
                sandbox_config: Some(sandbox),
            };
            Ok(self.runtime().create_container(call(request)).await?.into_inner().container_id)
        }
        .boxed()
    }

    fn start_container<'a>(&'a self, id: &'a str) -> Fut<'a, ()> {
        async move {
            let request = cri::StartContainerRequest { container_id: id.to_owned() };
            self.runtime().start_container(call(request)).await?;
            Ok(())
        }
        .boxed()
    }

    fn stop_container<'a>(&'a self, id: &'a str, timeout_secs: i64) -> Fut<'a, ()> {
        async move {
            let timeout = timeout_secs.max(0);
            let limit = CALL_TIMEOUT.saturating_add(Duration::from_secs(timeout.unsigned_abs()));
            let request = cri::StopContainerRequest { container_id: id.to_owned(), timeout };
            gone(self.runtime().stop_container(timed(request, limit)).await)
        }
        .boxed()
    }

    fn remove_container<'a>(&'a self, id: &'a str) -> Fut<'a, ()> {
        async move {
            let request = cri::RemoveContainerRequest { container_id: id.to_owned() };
            gone(self.runtime().remove_container(call(request)).await)
        }
        .boxed()
    }

    fn containers(&self) -> Fut<'_, Vec<cri::Container>> {
        async move {
            let request = cri::ListContainersRequest::default();
            Ok(self.runtime().list_containers(call(request)).await?.into_inner().containers)
        }
        .boxed()
    }

    fn container_status<'a>(&'a self, id: &'a str) -> Fut<'a, cri::ContainerStatus> {
        async move {
            let request = cri::ContainerStatusRequest { container_id: id.to_owned(), verbose: false };
            let answer = self.runtime().container_status(call(request)).await?.into_inner();
            answer.status.ok_or_else(|| missing("container status"))
        }
        .boxed()
    }

    fn update_container<'a>(&'a self, id: &'a str, resources: cri::LinuxContainerResources) -> Fut<'a, ()> {
        async move {
            let request = cri::UpdateContainerResourcesRequest {
                container_id: id.to_owned(),
                linux: Some(resources),
                ..Default::default()
            };
            self.runtime().update_container_resources(call(request)).await?;
            Ok(())
        }
        .boxed()
    }

    fn reopen_log<'a>(&'a self, id: &'a str) -> Fut<'a, ()> {
        async move {
            let request = cri::ReopenContainerLogRequest { container_id: id.to_owned() };
            self.runtime().reopen_container_log(call(request)).await?;
            Ok(())
        }
        .boxed()
    }

    fn container_stats(&self) -> Fut<'_, Vec<cri::ContainerStats>> {
        async move {
            let request = cri::ListContainerStatsRequest::default();
            Ok(self.runtime().list_container_stats(call(request)).await?.into_inner().stats)
        }
        .boxed()
    }

    fn exec_sync<'a>(&'a self, id: &'a str, command: Vec<String>, timeout: Duration) -> Fut<'a, ExecOutput> {
        async move {
            let secs = i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX);
            let request = cri::ExecSyncRequest { container_id: id.to_owned(), cmd: command, timeout: secs };
            // The runtime ends the command itself; ours is the safety net behind it.
            let request = if timeout.is_zero() {
                tonic::Request::new(request)
            } else {
                timed(request, timeout + Duration::from_secs(10))
            };
            let answer = self.runtime().exec_sync(request).await?.into_inner();
            Ok(ExecOutput { exit_code: answer.exit_code, stdout: answer.stdout, stderr: answer.stderr })
        }
        .boxed()
    }

    fn exec(&self, request: cri::ExecRequest) -> Fut<'_, Streams> {
        async move { Ok(Streams::Url(self.runtime().exec(call(request)).await?.into_inner().url)) }.boxed()
    }

    fn attach(&self, request: cri::AttachRequest) -> Fut<'_, Streams> {
        async move { Ok(Streams::Url(self.runtime().attach(call(request)).await?.into_inner().url)) }.boxed()
    }

    fn port_forward(&self, request: cri::PortForwardRequest) -> Fut<'_, String> {
        async move { Ok(self.runtime().port_forward(call(request)).await?.into_inner().url) }.boxed()
    }

    fn image<'a>(&'a self, name: &'a str) -> Fut<'a, Option<cri::Image>> {
        async move {
            let request = cri::ImageStatusRequest { image: image_spec(name), verbose: false };
            Ok(self.images_client().image_status(call(request)).await?.into_inner().image)
        }
        .boxed()
    }

    fn images(&self) -> Fut<'_, Vec<cri::Image>> {
        async move {
            Ok(self.images_client().list_images(call(cri::ListImagesRequest::default())).await?.into_inner().images)
        }
        .boxed()
    }

    fn pull_image<'a>(&'a self, name: &'a str, auth: Option<cri::AuthConfig>) -> Fut<'a, String> {
        async move {
            let request = cri::PullImageRequest { image: image_spec(name), auth, sandbox_config: None };
            Ok(self.images_client().pull_image(timed(request, PULL_TIMEOUT)).await?.into_inner().image_ref)
        }
        .boxed()
    }

    fn remove_image<'a>(&'a self, name: &'a str) -> Fut<'a, ()> {
        async move {
            let request = cri::RemoveImageRequest { image: image_spec(name) };
            gone(self.images_client().remove_image(call(request)).await)
        }
        .boxed()
    }

    fn image_fs(&self) -> Fut<'_, Vec<cri::FilesystemUsage>> {
        async move {
            let answer = self.images_client().image_fs_info(call(cri::ImageFsInfoRequest::default())).await?;
            Ok(answer.into_inner().image_filesystems)
        }
        .boxed()
    }

    fn events(&self) -> broadcast::Receiver<RuntimeEvent> {
        self.events.subscribe()
    }
}
