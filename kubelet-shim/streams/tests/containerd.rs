//! Exec against a real containerd: a private instance with its own folders, socket and streaming port.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use k8s_cri::v1::runtime_service_client::RuntimeServiceClient;
use k8s_cri::v1::{
    ContainerConfig, ContainerMetadata, CreateContainerRequest, ExecRequest, ImageSpec, LinuxContainerConfig,
    LinuxContainerSecurityContext, LinuxPodSandboxConfig, LinuxSandboxSecurityContext, NamespaceMode, NamespaceOption,
    PodSandboxConfig, PodSandboxMetadata, RemovePodSandboxRequest, RunPodSandboxRequest, StartContainerRequest,
};
use kubernel_streams::containerd::connect;
use kubernel_streams::remote_command::{Exit, StreamOptions, TerminalSize};
use std::path::Path;
use std::process::{Child, Command};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tonic::transport::{Channel, Endpoint};

/// Ends with the value, and its containers with it, however the test ends.
struct Containerd {
    process: Child,
    socket: String,
}

impl Drop for Containerd {
    fn drop(&mut self) {
        let ctr = |args: &[&str]| Command::new("ctr").args(["-a", &self.socket, "-n", "k8s.io"]).args(args).output();
        let tasks = ctr(&["tasks", "list", "-q"]).map(|output| output.stdout).unwrap_or_default();
        for task in String::from_utf8_lossy(&tasks).lines() {
            let _ = ctr(&["tasks", "rm", "-f", task]);
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn start(folder: &Path) -> Containerd {
    let at = folder.display();
    let config = format!(
        "version = 2\nroot = \"{at}/root\"\nstate = \"{at}/state\"\n[grpc]\n  address = \"{at}/containerd.sock\"\n\
         [plugins.\"io.containerd.grpc.v1.cri\"]\n  sandbox_image = \"kubernel.local/pause:1\"\n  \
         restrict_oom_score_adj = true\n  stream_server_address = \"127.0.0.1\"\n  stream_server_port = \"0\"\n"
    );
    std::fs::write(folder.join("config.toml"), config).unwrap();
    let log = std::fs::File::create(folder.join("log")).unwrap();
    let process = Command::new("containerd").arg("-c").arg(folder.join("config.toml")).stderr(log).spawn().unwrap();
    Containerd { process, socket: folder.join("containerd.sock").display().to_string() }
}

async fn client(socket: String) -> RuntimeServiceClient<Channel> {
    for _ in 0..100 {
        let socket = socket.clone();
        let connector = tower::service_fn(move |_| {
            let socket = socket.clone();
            async move { UnixStream::connect(socket).await.map(hyper_util::rt::TokioIo::new) }
        });
        let endpoint = Endpoint::from_static("http://containerd");
        if let Ok(channel) = endpoint.connect_with_connector(connector).await {
            return RuntimeServiceClient::new(channel);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("containerd does not come up");
}

fn import(socket: &str) {
    let images = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/images/sample.tar");
    for _ in 0..50 {
        let status = Command::new("ctr").args(["-a", socket, "-n", "k8s.io", "images", "import", images]).status();
        if status.unwrap().success() {
            return;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("cannot import {images}");
}

async fn container(client: &mut RuntimeServiceClient<Channel>) -> (String, String) {
    let host = Some(NamespaceOption { network: NamespaceMode::Node as i32, ..Default::default() });
    let sandbox = PodSandboxConfig {
        metadata: Some(PodSandboxMetadata { name: "p".into(), uid: "u".into(), namespace: "n".into(), attempt: 0 }),
        linux: Some(LinuxPodSandboxConfig {
            security_context: Some(LinuxSandboxSecurityContext {
                namespace_options: host.clone(),
                ..Default::default()
            }),
            ..Default::default()
        }),
        ..Default::default()
    };
    let request = RunPodSandboxRequest { config: Some(sandbox.clone()), runtime_handler: String::new() };
    let pod = client.run_pod_sandbox(request).await.unwrap().into_inner().pod_sandbox_id;
    let config = ContainerConfig {
        metadata: Some(ContainerMetadata { name: "c".into(), attempt: 0 }),
        image: Some(ImageSpec { image: "kubernel.local/sample:v1".into(), ..Default::default() }),
        command: vec!["sample".into(), "sleep".into()],
        linux: Some(LinuxContainerConfig {
            security_context: Some(LinuxContainerSecurityContext { namespace_options: host, ..Default::default() }),
            ..Default::default()
        }),
        ..Default::default()
    };
    let request =
        CreateContainerRequest { pod_sandbox_id: pod.clone(), config: Some(config), sandbox_config: Some(sandbox) };
    let id = client.create_container(request).await.unwrap().into_inner().container_id;
    client.start_container(StartContainerRequest { container_id: id.clone() }).await.unwrap();
    (pod, id)
}

struct Case<'a> {
    shell: &'a str,
    input: Option<&'a [u8]>,
    size: Option<TerminalSize>,
}

async fn exec(client: &mut RuntimeServiceClient<Channel>, container: &str, case: Case<'_>) -> (Vec<u8>, Vec<u8>, Exit) {
    let tty = case.size.is_some();
    let options = StreamOptions { stdin: case.input.is_some(), stdout: true, stderr: !tty, tty };
    let request = ExecRequest {
        container_id: container.into(),
        cmd: ["sh", "-c", case.shell].map(String::from).to_vec(),
        tty,
        stdin: options.stdin,
        stdout: true,
        stderr: !tty,
    };
    let url = client.exec(request).await.unwrap().into_inner().url;
    let mut process = connect(&url, options).await.unwrap();
    if let (Some(resize), Some(size)) = (&process.resize, case.size) {
        resize.send(size).await.unwrap();
    }
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let (mut stdin, mut stdout, mut stderr) =
        (process.stdin.take(), process.stdout.take().unwrap(), process.stderr.take());
    let feed = async {
        if let (Some(stdin), Some(input)) = (&mut stdin, case.input) {
            let _ = stdin.write_all(input).await;
            let _ = stdin.shutdown().await;
        }
    };
    let read_err = async {
        if let Some(stderr) = &mut stderr {
            let _ = stderr.read_to_end(&mut err).await;
        }
    };
    let (_, _, _, exit) = tokio::join!(feed, stdout.read_to_end(&mut out), read_err, process.exit);
    (out, err, exit)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs root, containerd and the images of e2e/image/build.sh"]
async fn exec_speaks_with_containerd() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("containerd.sock").display().to_string();
    let _containerd = start(folder.path());
    let mut client = client(socket.clone()).await;
    import(&socket);
    let (pod, id) = container(&mut client).await;

    let (out, err, exit) =
        exec(&mut client, &id, Case { shell: "echo out; echo err >&2; exit 3", input: None, size: None }).await;
    assert_eq!((&out[..], &err[..]), (&b"out\n"[..], &b"err\n"[..]));
    assert!(matches!(&exit, Exit::Code { code: 3, message } if message.contains("exit code 3")), "{exit:?}");

    let input: Vec<u8> = (0..3_000_000u32).map(|n| (n / 7) as u8).collect();
    let (out, err, exit) = exec(&mut client, &id, Case { shell: "cat", input: Some(&input), size: None }).await;
    assert!(out == input && err.is_empty(), "{} of {} bytes came back", out.len(), input.len());
    assert_eq!(exit, Exit::Success, "the process sees the end of its input");

    let size = Some(TerminalSize { width: 91, height: 37 });
    let shell = "until [ \"$(stty size 2>&-)\" = '37 91' ]; do sleep 0.05; done; echo resized";
    let (out, _, exit) = exec(&mut client, &id, Case { shell, input: None, size }).await;
    assert_eq!((&out[..], exit), (&b"resized\r\n"[..], Exit::Success));

    let refused = connect("http://127.0.0.1:1/exec/none", StreamOptions::default()).await;
    assert!(refused.is_err());

    client.remove_pod_sandbox(RemovePodSandboxRequest { pod_sandbox_id: pod }).await.unwrap();
}
