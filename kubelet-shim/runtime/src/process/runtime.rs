//! The face of processes towards the agent: CRI's questions and answers.

use std::process::Stdio;
use std::time::Duration;

use futures::FutureExt as _;
use rustix::process::{Pid, Signal};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Command;
use tokio::sync::broadcast;

use super::record::{self, SandboxRecord};
use super::{
    Container, HANDLER, Phase, ProcessRuntime, START_ERROR_CODE, Sandbox, life, new_id, not_found, refused, supervise,
    write_new,
};
use crate::{ExecOutput, Fut, Result, Runtime, RuntimeError, RuntimeEvent, Streams, cri};

/// The most of a command's output that is kept.
const OUTPUT_BYTES_MAX: u64 = 16 << 20;

impl Runtime for ProcessRuntime {
    fn version(&self) -> Fut<'_, cri::VersionResponse> {
        ready(Ok(cri::VersionResponse {
            version: "0.1.0".into(),
            runtime_name: HANDLER.into(),
            runtime_version: env!("CARGO_PKG_VERSION").into(),
            runtime_api_version: "v1".into(),
        }))
    }

    fn status(&self) -> Fut<'_, cri::StatusResponse> {
        let condition = |name: &str| cri::RuntimeCondition { r#type: name.into(), status: true, ..Default::default() };
        let conditions = vec![condition("RuntimeReady"), condition("NetworkReady")];
        ready(Ok(cri::StatusResponse { status: Some(cri::RuntimeStatus { conditions }), ..Default::default() }))
    }

    fn run_sandbox(&self, config: cri::PodSandboxConfig, _: String) -> Fut<'_, String> {
        async move {
            let security = config.linux.as_ref().and_then(|linux| linux.security_context.as_ref());
            let network = security.and_then(|security| security.namespace_options.as_ref());
            if network.is_none_or(|options| options.network != cri::NamespaceMode::Node as i32) {
                return Err(refused("a Pod of processes shares the node's network: spec.hostNetwork must be true"));
            }
            let id = new_id()?;
            let record = SandboxRecord { created_at: record::now(), ready: true };
            let dir = self.inner.root.join("sandboxes").join(&id);
            write_new(&dir, record::SANDBOX, &record, &config)?;
            if let Some(linux) = &config.linux {
                self.inner.cgroups.make(&linux.cgroup_parent);
            }
            self.inner.state.lock().sandboxes.insert(id.clone(), Sandbox { config, record });
            Ok(id)
        }
        .boxed()
    }

    fn stop_sandbox<'a>(&'a self, id: &'a str) -> Fut<'a, ()> {
        async move {
            for container in self.inside(id) {
                self.stop(&container, Duration::ZERO).await?;
            }
            let record = {
                let mut state = self.inner.state.lock();
                let Some(sandbox) = state.sandboxes.get_mut(id) else { return Ok(()) };
                sandbox.record.ready = false;
                sandbox.record.clone()
            };
            record::write(&self.inner.root.join("sandboxes").join(id).join(record::SANDBOX), &record)
        }
        .boxed()
    }

    fn remove_sandbox<'a>(&'a self, id: &'a str) -> Fut<'a, ()> {
        async move {
            for container in self.inside(id) {
                self.remove(&container).await?;
            }
            if self.inner.state.lock().sandboxes.remove(id).is_none() {
                return Ok(());
            }
            let dir = self.inner.root.join("sandboxes").join(id);
            std::fs::remove_dir_all(&dir).map_err(RuntimeError::file(&dir))
        }
        .boxed()
    }

    fn sandboxes(&self) -> Fut<'_, Vec<cri::PodSandbox>> {
        let state = self.inner.state.lock();
        ready(Ok(state.sandboxes.iter().map(|(id, sandbox)| sandbox.short(id)).collect()))
    }

    fn sandbox_status<'a>(&'a self, id: &'a str) -> Fut<'a, cri::PodSandboxStatus> {
        let state = self.inner.state.lock();
        ready(state.sandboxes.get(id).map(|sandbox| sandbox.status(id)).ok_or_else(|| not_found("sandbox", id)))
    }

    fn network_namespace<'a>(&'a self, _: &'a str) -> Fut<'a, std::path::PathBuf> {
        ready(Ok("/proc/self/ns/net".into()))
    }

    fn create_container<'a>(
        &'a self,
        sandbox_id: &'a str,
        config: cri::ContainerConfig,
        sandbox: cri::PodSandboxConfig,
    ) -> Fut<'a, String> {
        async move { self.create(sandbox_id, config, &sandbox) }.boxed()
    }

    fn start_container<'a>(&'a self, id: &'a str) -> Fut<'a, ()> {
        self.start(id).boxed()
    }

    fn stop_container<'a>(&'a self, id: &'a str, timeout_secs: i64) -> Fut<'a, ()> {
        self.stop(id, Duration::from_secs(u64::try_from(timeout_secs).unwrap_or(0))).boxed()
    }

    fn remove_container<'a>(&'a self, id: &'a str) -> Fut<'a, ()> {
        self.remove(id).boxed()
    }

    fn containers(&self) -> Fut<'_, Vec<cri::Container>> {
        ready(Ok(self.inner.state.lock().containers.values().map(|container| container.short()).collect()))
    }

    fn container_status<'a>(&'a self, id: &'a str) -> Fut<'a, cri::ContainerStatus> {
        ready(self.container(id).map(|container| container.status()))
    }

    fn update_container<'a>(&'a self, id: &'a str, resources: cri::LinuxContainerResources) -> Fut<'a, ()> {
        ready(self.container(id).map(|container| {
            self.inner.cgroups.limit(&container.record.cgroup, &life::limits(&resources));
        }))
    }

    fn reopen_log<'a>(&'a self, id: &'a str) -> Fut<'a, ()> {
        ready(self.container(id).and_then(|container| {
            // The supervisor sees that it is another file when it writes next.
            super::output::append(&container.record.log).map_err(RuntimeError::file(&container.record.log))?;
            Ok(())
        }))
    }

    fn container_stats(&self) -> Fut<'_, Vec<cri::ContainerStats>> {
        let state = self.inner.state.lock();
        let running = state.containers.values().filter(|container| container.is_running());
        let number = |value: u64| Some(cri::UInt64Value { value });
        let stats = running.filter_map(|container| {
            let usage = self.inner.cgroups.usage(&container.record.cgroup)?;
            let timestamp = record::now();
            Some(cri::ContainerStats {
                attributes: Some(cri::ContainerAttributes {
                    id: container.id.clone(),
                    metadata: container.config.metadata.clone(),
                    labels: container.config.labels.clone(),
                    annotations: container.config.annotations.clone(),
                }),
                cpu: Some(cri::CpuUsage {
                    timestamp,
                    usage_core_nano_seconds: number(usage.cpu_ns),
                    ..Default::default()
                }),
                memory: Some(cri::MemoryUsage {
                    timestamp,
                    usage_bytes: number(usage.memory_bytes),
                    working_set_bytes: number(usage.memory_working_set_bytes),
                    ..Default::default()
                }),
                ..Default::default()
            })
        });
        ready(Ok(stats.collect()))
    }

    fn exec_sync<'a>(&'a self, id: &'a str, command: Vec<String>, timeout: Duration) -> Fut<'a, ExecOutput> {
        async move {
            let file = self.write_entry(id, command, false)?;
            let words = supervise::command("enter", &file);
            let failed = |error: std::io::Error| refused(format!("the command: {error}"));
            let mut child = Command::new(&words[0])
                .args(&words[1..])
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .kill_on_drop(true)
                .spawn()
                .map_err(failed)?;
            let group = child.id().and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?));
            let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
            let all = async { tokio::join!(child.wait(), read(stdout), read(stderr)) };
            let limit = if timeout.is_zero() { Duration::MAX } else { timeout };
            let Ok((status, stdout, stderr)) = tokio::time::timeout(limit, all).await else {
                // It leads a session, and so a group, of its own.
                group.map(|group| rustix::process::kill_process_group(group, Signal::KILL));
                let message = format!("command timed out after {timeout:?}");
                return Err(RuntimeError::Call { code: tonic::Code::DeadlineExceeded, message });
            };
            use std::os::unix::process::ExitStatusExt as _;
            Ok(ExecOutput { exit_code: exit_code(status.map_err(failed)?.into_raw()), stdout, stderr })
        }
        .boxed()
    }

    fn exec(&self, request: cri::ExecRequest) -> Fut<'_, Streams> {
        let file = self.write_entry(&request.container_id, request.cmd, request.tty);
        ready(file.map(|file| Streams::Command(supervise::command("enter", &file))))
    }

    fn attach(&self, _: cri::AttachRequest) -> Fut<'_, Streams> {
        unimplemented("a process has no standard input to attach to; its output is in its log")
    }

    fn port_forward(&self, _: cri::PortForwardRequest) -> Fut<'_, String> {
        unimplemented("a process listens on the node's own ports")
    }

    fn image<'a>(&'a self, name: &'a str) -> Fut<'a, Option<cri::Image>> {
        ready(Ok(Some(cri::Image { id: name.to_owned(), repo_tags: vec![name.to_owned()], ..Default::default() })))
    }

    fn images(&self) -> Fut<'_, Vec<cri::Image>> {
        ready(Ok(Vec::new()))
    }

    fn pull_image<'a>(&'a self, _: &'a str, _: Option<cri::AuthConfig>) -> Fut<'a, String> {
        unimplemented("processes have no images")
    }

    fn remove_image<'a>(&'a self, _: &'a str) -> Fut<'a, ()> {
        ready(Ok(()))
    }

    fn image_fs(&self) -> Fut<'_, Vec<cri::FilesystemUsage>> {
        ready(Ok(Vec::new()))
    }

    fn events(&self) -> broadcast::Receiver<RuntimeEvent> {
        self.inner.events.subscribe()
    }
}

impl ProcessRuntime {
    /// The containers of a sandbox.
    fn inside(&self, sandbox_id: &str) -> Vec<String> {
        let state = self.inner.state.lock();
        let all = state.containers.values().filter(|container| container.record.sandbox_id == sandbox_id);
        all.map(|container| container.id.clone()).collect()
    }
}

impl Sandbox {
    fn state(&self) -> i32 {
        use cri::PodSandboxState::{SandboxNotready, SandboxReady};
        if self.record.ready { SandboxReady as i32 } else { SandboxNotready as i32 }
    }

    fn short(&self, id: &str) -> cri::PodSandbox {
        cri::PodSandbox {
            id: id.to_owned(),
            metadata: self.config.metadata.clone(),
            state: self.state(),
            created_at: self.record.created_at,
            labels: self.config.labels.clone(),
            annotations: self.config.annotations.clone(),
            runtime_handler: HANDLER.into(),
        }
    }

    fn status(&self, id: &str) -> cri::PodSandboxStatus {
        cri::PodSandboxStatus {
            id: id.to_owned(),
            metadata: self.config.metadata.clone(),
            state: self.state(),
            created_at: self.record.created_at,
            labels: self.config.labels.clone(),
            annotations: self.config.annotations.clone(),
            runtime_handler: HANDLER.into(),
            ..Default::default()
        }
    }
}

impl Container {
    fn state(&self) -> i32 {
        use cri::ContainerState::{ContainerCreated, ContainerExited, ContainerRunning};
        match &*self.phase.borrow() {
            Phase::Created => ContainerCreated as i32,
            Phase::Running(_) => ContainerRunning as i32,
            Phase::Ended { .. } => ContainerExited as i32,
        }
    }

    fn short(&self) -> cri::Container {
        cri::Container {
            id: self.id.clone(),
            pod_sandbox_id: self.record.sandbox_id.clone(),
            metadata: self.config.metadata.clone(),
            image: self.config.image.clone(),
            state: self.state(),
            created_at: self.record.created_at,
            labels: self.config.labels.clone(),
            annotations: self.config.annotations.clone(),
            ..Default::default()
        }
    }

    fn status(&self) -> cri::ContainerStatus {
        let mut status = cri::ContainerStatus {
            id: self.id.clone(),
            metadata: self.config.metadata.clone(),
            state: self.state(),
            created_at: self.record.created_at,
            image: self.config.image.clone(),
            labels: self.config.labels.clone(),
            annotations: self.config.annotations.clone(),
            mounts: self.config.mounts.clone(),
            log_path: self.record.log.to_string_lossy().into_owned(),
            ..Default::default()
        };
        match &*self.phase.borrow() {
            Phase::Created => {}
            Phase::Running(started) => status.started_at = started.at,
            Phase::Ended { started_at, end, oom } => {
                status.started_at = *started_at;
                status.finished_at = end.at;
                status.exit_code = exit_code(end.wait_status);
                if *oom && status.exit_code != 0 {
                    status.reason = "OOMKilled".into();
                }
                if !end.error.is_empty() {
                    status.exit_code = START_ERROR_CODE;
                    status.reason = "StartError".into();
                    status.message.clone_from(&end.error);
                }
            }
        }
        status
    }
}

/// The code that a shell would show.
fn exit_code(wait_status: i32) -> i32 {
    match wait_status & 0x7f {
        0 => wait_status >> 8 & 0xff,
        signal => 128 + signal,
    }
}

async fn read(from: Option<impl AsyncRead + Unpin>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let Some(mut from) = from else { return bytes };
    // What was read until the stream broke is what there is.
    let _ = (&mut from).take(OUTPUT_BYTES_MAX).read_to_end(&mut bytes).await;
    let _ = tokio::io::copy(&mut from, &mut tokio::io::sink()).await;
    bytes
}

fn ready<'a, T: Send + 'a>(value: Result<T>) -> Fut<'a, T> {
    std::future::ready(value).boxed()
}

fn unimplemented<'a, T: Send + 'a>(message: &str) -> Fut<'a, T> {
    ready(Err(RuntimeError::Call { code: tonic::Code::Unimplemented, message: message.to_owned() }))
}
