//! A runtime without containers: everything starts at once and runs until it is told to stop.
//!
//! Tests use it to drive the agent, `kubernel hollow` to simulate thousands of nodes. It keeps what CRI lets a caller
//! see and nothing more.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::FutureExt as _;
use jiff::Timestamp;
use parking_lot::Mutex;
use tokio::sync::broadcast;

use crate::{ExecOutput, Fut, Result, Runtime, RuntimeError, RuntimeEvent, Streams, cri};

/// Events that may wait for a slow receiver.
const EVENTS_MAX: usize = 1024;

/// Sandboxes and containers that exist on paper only.
pub struct FakeRuntime {
    node: u32,
    ids: AtomicU64,
    state: Mutex<State>,
    events: broadcast::Sender<RuntimeEvent>,
}

#[derive(Default)]
struct State {
    sandboxes: BTreeMap<String, (cri::PodSandbox, String)>,
    containers: BTreeMap<String, (cri::Container, cri::ContainerStatus)>,
    images: BTreeMap<String, cri::Image>,
    missing_images: Vec<String>,
    hosts: u32,
}

impl FakeRuntime {
    /// A runtime with no containers. `node` (from zero) picks the range of its Pod addresses, 10.N/16 per 256 nodes.
    pub fn new(node: u32) -> Self {
        let (events, _) = broadcast::channel(EVENTS_MAX);
        Self { node, ids: AtomicU64::new(1), state: Mutex::default(), events }
    }

    /// The same of a machine that has crashed so often: it does not use the ids of before again.
    pub fn after_crashes(self, crashes: u32) -> Self {
        Self { ids: AtomicU64::new(u64::from(crashes) << 32 | 1), ..self }
    }

    /// Ends a running container as if its process had exited.
    pub fn exit(&self, container_id: &str, exit_code: i32) {
        let mut state = self.state.lock();
        let Some((container, status)) = state.containers.get_mut(container_id) else { return };
        if status.state != cri::ContainerState::ContainerRunning as i32 {
            return;
        }
        container.state = cri::ContainerState::ContainerExited as i32;
        status.state = container.state;
        status.exit_code = exit_code;
        status.reason = if exit_code == 0 { "Completed".into() } else { "Error".into() };
        status.finished_at = now_ns();
        drop(state);
        let _ = self.events.send(RuntimeEvent::Exited(container_id.to_owned()));
    }

    /// From now on this image cannot be pulled.
    pub fn forbid_image(&self, name: &str) {
        self.state.lock().missing_images.push(name.to_owned());
    }

    fn id(&self) -> String {
        format!("{:016x}{:048x}", self.node, self.ids.fetch_add(1, Ordering::Relaxed))
    }

    fn address(&self, host: u32) -> String {
        // 10.0.0.0/8 split into 65,536 nodes of 256 addresses; numbers wrap, nobody routes them.
        let base = u32::from(Ipv4Addr::new(10, 0, 0, 0)) | (self.node & 0xffff) << 8;
        Ipv4Addr::from(base | (host % 254 + 1)).to_string()
    }
}

fn now_ns() -> i64 {
    i64::try_from(Timestamp::now().as_nanosecond()).unwrap_or(i64::MAX)
}

fn not_found(what: &str, id: &str) -> RuntimeError {
    RuntimeError::Call { code: tonic::Code::NotFound, message: format!("{what} {id:?}: not found") }
}

fn ready<'a, T: Send + 'a>(value: Result<T>) -> Fut<'a, T> {
    std::future::ready(value).boxed()
}

fn unimplemented<'a, T: Send + 'a>() -> Fut<'a, T> {
    let message = "a simulated node runs no processes".to_owned();
    ready(Err(RuntimeError::Call { code: tonic::Code::Unimplemented, message }))
}

impl Runtime for FakeRuntime {
    fn version(&self) -> Fut<'_, cri::VersionResponse> {
        ready(Ok(cri::VersionResponse {
            version: "0.1.0".into(),
            runtime_name: "fake".into(),
            runtime_version: "0.1.0".into(),
            runtime_api_version: "v1".into(),
        }))
    }

    fn status(&self) -> Fut<'_, cri::StatusResponse> {
        let condition = |name: &str| cri::RuntimeCondition { r#type: name.into(), status: true, ..Default::default() };
        let conditions = vec![condition("RuntimeReady"), condition("NetworkReady")];
        ready(Ok(cri::StatusResponse { status: Some(cri::RuntimeStatus { conditions }), ..Default::default() }))
    }

    fn run_sandbox(&self, config: cri::PodSandboxConfig, handler: String) -> Fut<'_, String> {
        let id = self.id();
        let mut state = self.state.lock();
        state.hosts += 1;
        let address = self.address(state.hosts);
        let sandbox = cri::PodSandbox {
            id: id.clone(),
            metadata: config.metadata,
            state: cri::PodSandboxState::SandboxReady as i32,
            created_at: now_ns(),
            labels: config.labels,
            annotations: config.annotations,
            runtime_handler: handler,
        };
        state.sandboxes.insert(id.clone(), (sandbox, address));
        ready(Ok(id))
    }

    fn stop_sandbox<'a>(&'a self, id: &'a str) -> Fut<'a, ()> {
        let running: Vec<String> = {
            let mut state = self.state.lock();
            if let Some((sandbox, _)) = state.sandboxes.get_mut(id) {
                sandbox.state = cri::PodSandboxState::SandboxNotready as i32;
            }
            state.containers.values().filter(|(c, _)| c.pod_sandbox_id == id).map(|(c, _)| c.id.clone()).collect()
        };
        running.iter().for_each(|container| self.exit(container, 137));
        ready(Ok(()))
    }

    fn remove_sandbox<'a>(&'a self, id: &'a str) -> Fut<'a, ()> {
        let mut state = self.state.lock();
        state.sandboxes.remove(id);
        state.containers.retain(|_, (container, _)| container.pod_sandbox_id != id);
        ready(Ok(()))
    }

    fn sandboxes(&self) -> Fut<'_, Vec<cri::PodSandbox>> {
        ready(Ok(self.state.lock().sandboxes.values().map(|(sandbox, _)| sandbox.clone()).collect()))
    }

    fn sandbox_status<'a>(&'a self, id: &'a str) -> Fut<'a, cri::PodSandboxStatus> {
        let state = self.state.lock();
        let Some((sandbox, address)) = state.sandboxes.get(id) else { return ready(Err(not_found("sandbox", id))) };
        ready(Ok(cri::PodSandboxStatus {
            id: sandbox.id.clone(),
            metadata: sandbox.metadata.clone(),
            state: sandbox.state,
            created_at: sandbox.created_at,
            network: Some(cri::PodSandboxNetworkStatus { ip: address.clone(), additional_ips: Vec::new() }),
            labels: sandbox.labels.clone(),
            annotations: sandbox.annotations.clone(),
            ..Default::default()
        }))
    }

    fn network_namespace<'a>(&'a self, _id: &'a str) -> Fut<'a, PathBuf> {
        unimplemented()
    }

    fn create_container<'a>(
        &'a self,
        sandbox_id: &'a str,
        config: cri::ContainerConfig,
        _sandbox: cri::PodSandboxConfig,
    ) -> Fut<'a, String> {
        let id = self.id();
        let mut state = self.state.lock();
        if !state.sandboxes.contains_key(sandbox_id) {
            return ready(Err(not_found("sandbox", sandbox_id)));
        }
        let created_at = now_ns();
        let image_ref = config.image.as_ref().map(|image| image.image.clone()).unwrap_or_default();
        let container = cri::Container {
            id: id.clone(),
            pod_sandbox_id: sandbox_id.to_owned(),
            metadata: config.metadata.clone(),
            image: config.image.clone(),
            image_ref: image_ref.clone(),
            state: cri::ContainerState::ContainerCreated as i32,
            created_at,
            labels: config.labels.clone(),
            annotations: config.annotations.clone(),
            ..Default::default()
        };
        let status = cri::ContainerStatus {
            id: id.clone(),
            metadata: config.metadata,
            state: container.state,
            created_at,
            image: config.image,
            image_ref,
            labels: config.labels,
            annotations: config.annotations,
            mounts: config.mounts,
            log_path: config.log_path,
            ..Default::default()
        };
        state.containers.insert(id.clone(), (container, status));
        ready(Ok(id))
    }

    fn start_container<'a>(&'a self, id: &'a str) -> Fut<'a, ()> {
        let mut state = self.state.lock();
        let Some((container, status)) = state.containers.get_mut(id) else {
            return ready(Err(not_found("container", id)));
        };
        container.state = cri::ContainerState::ContainerRunning as i32;
        status.state = container.state;
        status.started_at = now_ns();
        ready(Ok(()))
    }

    fn stop_container<'a>(&'a self, id: &'a str, _timeout_secs: i64) -> Fut<'a, ()> {
        self.exit(id, 143);
        ready(Ok(()))
    }

    fn remove_container<'a>(&'a self, id: &'a str) -> Fut<'a, ()> {
        self.state.lock().containers.remove(id);
        ready(Ok(()))
    }

    fn containers(&self) -> Fut<'_, Vec<cri::Container>> {
        ready(Ok(self.state.lock().containers.values().map(|(container, _)| container.clone()).collect()))
    }

    fn container_status<'a>(&'a self, id: &'a str) -> Fut<'a, cri::ContainerStatus> {
        let found = self.state.lock().containers.get(id).map(|(_, status)| status.clone());
        ready(found.ok_or_else(|| not_found("container", id)))
    }

    fn update_container<'a>(&'a self, _id: &'a str, _resources: cri::LinuxContainerResources) -> Fut<'a, ()> {
        ready(Ok(()))
    }

    fn reopen_log<'a>(&'a self, _id: &'a str) -> Fut<'a, ()> {
        ready(Ok(()))
    }

    fn container_stats(&self) -> Fut<'_, Vec<cri::ContainerStats>> {
        ready(Ok(Vec::new()))
    }

    fn exec_sync<'a>(&'a self, _id: &'a str, _command: Vec<String>, _timeout: Duration) -> Fut<'a, ExecOutput> {
        ready(Ok(ExecOutput::default()))
    }

    fn exec(&self, _request: cri::ExecRequest) -> Fut<'_, Streams> {
        unimplemented()
    }

    fn attach(&self, _request: cri::AttachRequest) -> Fut<'_, Streams> {
        unimplemented()
    }

    fn port_forward(&self, _request: cri::PortForwardRequest) -> Fut<'_, String> {
        unimplemented()
    }

    fn image<'a>(&'a self, name: &'a str) -> Fut<'a, Option<cri::Image>> {
        ready(Ok(self.state.lock().images.get(name).cloned()))
    }

    fn images(&self) -> Fut<'_, Vec<cri::Image>> {
        ready(Ok(self.state.lock().images.values().cloned().collect()))
    }

    fn pull_image<'a>(&'a self, name: &'a str, _auth: Option<cri::AuthConfig>) -> Fut<'a, String> {
        let mut state = self.state.lock();
        if state.missing_images.iter().any(|missing| missing == name) {
            return ready(Err(not_found("image", name)));
        }
        let image = cri::Image { id: name.to_owned(), repo_tags: vec![name.to_owned()], ..Default::default() };
        state.images.insert(name.to_owned(), image);
        ready(Ok(name.to_owned()))
    }

    fn remove_image<'a>(&'a self, name: &'a str) -> Fut<'a, ()> {
        self.state.lock().images.remove(name);
        ready(Ok(()))
    }

    fn image_fs(&self) -> Fut<'_, Vec<cri::FilesystemUsage>> {
        ready(Ok(Vec::new()))
    }

    fn events(&self) -> broadcast::Receiver<RuntimeEvent> {
        self.events.subscribe()
    }
}
