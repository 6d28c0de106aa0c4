//! The whole way against a real containerd: start it, make a sandbox and a container, see its end, find it alive again.
//! Needs root, containerd and runc; without them there is nothing to test.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::path::Path;
use std::time::Duration;

use kubernel_runtime::containerd::{ContainerdConfig, ensure};
use kubernel_runtime::{CriRuntime, PAUSE_IMAGE, Runtime as _, RuntimeEvent, cri, labels};

/// More than any step takes; a test that gets here has failed.
const PATIENCE: Duration = Duration::from_secs(60);

struct Daemon(ContainerdConfig);

impl Drop for Daemon {
    fn drop(&mut self) {
        let Ok(pid) = std::fs::read_to_string(self.0.pid_file()) else { return };
        let _ = std::process::Command::new("kill").arg(pid.trim()).status();
    }
}

/// On the node's network, so that no CNI plugin is needed.
fn sandbox(dir: &Path) -> cri::PodSandboxConfig {
    let namespaces =
        cri::NamespaceOption { network: cri::NamespaceMode::Node as i32, ..cri::NamespaceOption::default() };
    let context = cri::LinuxSandboxSecurityContext { namespace_options: Some(namespaces), ..Default::default() };
    cri::PodSandboxConfig {
        metadata: Some(cri::PodSandboxMetadata {
            name: "p".into(),
            namespace: "ns".into(),
            uid: std::process::id().to_string(),
            attempt: 0,
        }),
        log_directory: dir.to_string_lossy().into_owned(),
        labels: [(labels::POD_UID.to_owned(), "u".to_owned())].into(),
        linux: Some(cri::LinuxPodSandboxConfig { security_context: Some(context), ..Default::default() }),
        ..Default::default()
    }
}

fn container(sandbox: &cri::PodSandboxConfig) -> cri::ContainerConfig {
    let outer = sandbox.linux.as_ref().and_then(|linux| linux.security_context.as_ref());
    let namespace_options = outer.and_then(|context| context.namespace_options.clone());
    let context = cri::LinuxContainerSecurityContext { namespace_options, ..Default::default() };
    cri::ContainerConfig {
        metadata: Some(cri::ContainerMetadata { name: "c".into(), attempt: 0 }),
        image: Some(cri::ImageSpec { image: PAUSE_IMAGE.into(), ..Default::default() }),
        log_path: "0.log".into(),
        linux: Some(cri::LinuxContainerConfig { security_context: Some(context), ..Default::default() }),
        ..Default::default()
    }
}

async fn state(runtime: &CriRuntime, id: &str) -> i32 {
    runtime.container_status(id).await.unwrap().state
}

#[tokio::test]
async fn a_container_lives_and_ends() {
    let root = rustix::process::geteuid().is_root();
    if !root || !Path::new("/usr/bin/containerd").exists() {
        return;
    }
    let dir = tempfile::Builder::new().prefix("kbl").tempdir_in("/tmp").unwrap();
    let daemon = Daemon(ContainerdConfig::below(dir.path().join("d")));
    let runtime = ensure(&daemon.0).await.unwrap();
    assert_eq!(runtime.version().await.unwrap().runtime_name, "containerd");

    let mut events = runtime.events();
    let config = sandbox(dir.path());
    let sandbox_id = runtime.run_sandbox(config.clone(), String::new()).await.unwrap();
    let id = runtime.create_container(&sandbox_id, container(&config), config).await.unwrap();
    runtime.start_container(&id).await.unwrap();
    assert_eq!(state(&runtime, &id).await, cri::ContainerState::ContainerRunning as i32);
    assert!(runtime.network_namespace(&sandbox_id).await.unwrap().exists());

    // A second start on the same folder finds the same daemon and the same container.
    let pid = std::fs::read_to_string(daemon.0.pid_file()).unwrap();
    let again = ensure(&daemon.0).await.unwrap();
    assert_eq!(std::fs::read_to_string(daemon.0.pid_file()).unwrap(), pid);
    assert_eq!(state(&again, &id).await, cri::ContainerState::ContainerRunning as i32);

    runtime.stop_container(&id, 0).await.unwrap();
    let ended = async { while events.recv().await.unwrap() != RuntimeEvent::Exited(id.clone()) {} };
    tokio::time::timeout(PATIENCE, ended).await.unwrap();
    let status = runtime.container_status(&id).await.unwrap();
    assert_eq!((status.state, status.exit_code), (cri::ContainerState::ContainerExited as i32, 137));

    // Twice, because callers repeat what they are not sure of.
    for _ in 0..2 {
        runtime.stop_sandbox(&sandbox_id).await.unwrap();
        runtime.remove_sandbox(&sandbox_id).await.unwrap();
    }
    assert!(runtime.container_status(&id).await.unwrap_err().is_not_found());
    assert!(runtime.sandboxes().await.unwrap().is_empty());
}
