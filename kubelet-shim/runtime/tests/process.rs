//! Containers that are processes of this machine, with a real supervisor: this binary plays its part when it is called
//! as one, and is a test otherwise.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails, loudly")]

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use kubernel_runtime::cgroup::Cgroups;
use kubernel_runtime::process::{self, Plain, supervise};
use kubernel_runtime::{ProcessRuntime, Runtime, RuntimeEvent, cri};
use tempfile::TempDir;
use tokio::sync::broadcast;

fn main() -> ExitCode {
    let mut words = std::env::args_os().skip(1);
    if words.next().is_some_and(|word| word == supervise::SUBCOMMAND) {
        return supervise::main(words);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        ends().await;
        a_start_that_fails().await;
        output().await;
        stopping().await;
        the_whole_tree().await;
        taken_over().await;
        further_commands().await;
    });
    println!("processes: 7 tests passed");
    ExitCode::SUCCESS
}

/// A node with one sandbox.
struct Node {
    dir: TempDir,
    runtime: ProcessRuntime,
    events: broadcast::Receiver<RuntimeEvent>,
    sandbox: String,
}

impl Node {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let runtime = open(dir.path());
        let events = runtime.events();
        let sandbox = runtime.run_sandbox(sandbox(dir.path()), process::HANDLER.into()).await.unwrap();
        Self { dir, runtime, events, sandbox }
    }

    async fn create(&self, words: &[&str]) -> String {
        let config = cri::ContainerConfig {
            command: words.iter().map(|word| (*word).to_owned()).collect(),
            envs: vec![cri::KeyValue { key: "GREETING".into(), value: "hello".into() }],
            log_path: "c/0.log".into(),
            ..Default::default()
        };
        self.runtime.create_container(&self.sandbox, config, sandbox(self.dir.path())).await.unwrap()
    }

    async fn start(&self, words: &[&str]) -> String {
        let id = self.create(words).await;
        self.runtime.start_container(&id).await.unwrap();
        id
    }

    async fn end(&mut self, id: &str) -> cri::ContainerStatus {
        loop {
            let status = self.runtime.container_status(id).await.unwrap();
            if status.state == cri::ContainerState::ContainerExited as i32 {
                return status;
            }
            while self.events.recv().await.unwrap() != RuntimeEvent::Exited(id.to_owned()) {}
        }
    }
}

fn open(dir: &Path) -> ProcessRuntime {
    ProcessRuntime::open(dir.join("data"), Cgroups::at("/nonexistent"), Arc::new(Plain)).unwrap()
}

fn sandbox(dir: &Path) -> cri::PodSandboxConfig {
    let network = cri::NamespaceMode::Node as i32;
    let options = cri::NamespaceOption { network, ..Default::default() };
    let security = cri::LinuxSandboxSecurityContext { namespace_options: Some(options), ..Default::default() };
    cri::PodSandboxConfig {
        log_directory: dir.join("log").to_string_lossy().into_owned(),
        linux: Some(cri::LinuxPodSandboxConfig { security_context: Some(security), ..Default::default() }),
        ..Default::default()
    }
}

async fn ends() {
    let mut node = Node::new().await;
    for (script, code, wait_status) in
        [("true", 0, 0), ("exit 3", 3, 3 << 8), ("kill -9 $$", 137, 9), ("kill -TERM $$", 143, 15)]
    {
        let id = node.start(&["/bin/sh", "-c", script]).await;
        let status = node.end(&id).await;
        assert_eq!(status.exit_code, code, "{script}");
        assert_eq!(node.runtime.end(&id).map(|end| end.wait_status), Some(wait_status), "{script}");
        assert!(status.started_at > 0 && status.finished_at >= status.started_at, "{script}");
    }
}

async fn a_start_that_fails() {
    let node = Node::new().await;
    for (words, expected) in [
        (["no-such-command"], "exec: \"no-such-command\": executable file not found in $PATH"),
        (["/dev/null"], "exec Some(\"/dev/null\"): Permission denied (os error 13)"),
    ] {
        let id = node.create(&words).await;
        assert_eq!(node.runtime.start_container(&id).await.unwrap_err().to_string(), expected);
        let status = node.runtime.container_status(&id).await.unwrap();
        assert_eq!((status.exit_code, status.reason.as_str(), status.message.as_str()), (128, "StartError", expected));
    }
}

async fn output() {
    let mut node = Node::new().await;
    let id = node.start(&["sh", "-c", "echo $GREETING; pwd; echo oops >&2; printf unfinished"]).await;
    let status = node.end(&id).await;
    let dir = node.runtime.work_dir(&id).unwrap();
    let read = |path: &Path| std::fs::read_to_string(path).unwrap();
    assert_eq!(read(&dir.join("stdout")), format!("hello\n{}\nunfinished", dir.display()));
    assert_eq!(read(&dir.join("stderr")), "oops\n");
    let log = read(Path::new(&status.log_path));
    for line in ["stdout F hello", "stderr F oops", "stdout F unfinished"] {
        assert!(log.lines().any(|found| found.ends_with(line)), "{line} in {log}");
    }
}

async fn stopping() {
    let mut node = Node::new().await;
    // One that goes at once, and one that does not want to: it says when it can be asked.
    let willing = node.start(&["sleep", "1000"]).await;
    node.runtime.stop_container(&willing, 1000).await.unwrap();
    assert_eq!(node.end(&willing).await.exit_code, 143);
    let stubborn = node.start(&["sh", "-c", "trap '' TERM; mkfifo ready; echo > ready; read x < ready"]).await;
    wait_for_fifo(&node, &stubborn, "ready").await;
    node.runtime.stop_container(&stubborn, 0).await.unwrap();
    assert_eq!(node.end(&stubborn).await.exit_code, 137);
    // All of it may be asked for again.
    node.runtime.stop_container(&stubborn, 0).await.unwrap();
    node.runtime.remove_container(&stubborn).await.unwrap();
    node.runtime.remove_container(&stubborn).await.unwrap();
    assert!(node.runtime.container_status(&stubborn).await.unwrap_err().is_not_found());
}

/// Waits until a container's process says a word, and reads it.
async fn wait_for_fifo(node: &Node, id: &str, name: &str) -> String {
    let path = node.runtime.work_dir(id).unwrap().join(name);
    while !path.exists() {
        tokio::task::yield_now().await;
    }
    tokio::task::spawn_blocking(move || std::fs::read_to_string(path).unwrap()).await.unwrap()
}

async fn the_whole_tree() {
    let mut node = Node::new().await;
    // A grandchild in a session of its own, whose parent is gone, ends with its container.
    let script = "mkfifo pid; (setsid sh -c 'echo $$ > pid; exec sleep 1000' &) ; sleep 1000";
    let id = node.start(&["sh", "-c", script]).await;
    let pid = wait_for_fifo(&node, &id, "pid").await;
    let stat = format!("/proc/{}/stat", pid.trim());
    assert!(Path::new(&stat).exists());
    node.runtime.stop_container(&id, 1000).await.unwrap();
    node.end(&id).await;
    assert!(!Path::new(&stat).exists());
}

async fn taken_over() {
    let mut node = Node::new().await;
    let runs = node.start(&["sh", "-c", "mkfifo go; read x < go; exit 5"]).await;
    let ended = node.start(&["sh", "-c", "exit 4"]).await;
    node.end(&ended).await;
    let created = node.create(&["true"]).await;
    let fifo = node.runtime.work_dir(&runs).unwrap().join("go");
    // The next one on the same data; the first is as good as gone, as nobody asks it any more.
    node.runtime = open(node.dir.path());
    node.events = node.runtime.events();
    assert_eq!(node.runtime.sandboxes().await.unwrap().len(), 1);
    let status = node.runtime.container_status(&created).await.unwrap();
    assert_eq!(status.state, cri::ContainerState::ContainerCreated as i32);
    assert_eq!(node.end(&ended).await.exit_code, 4);
    let status = node.runtime.container_status(&runs).await.unwrap();
    assert_eq!(status.state, cri::ContainerState::ContainerRunning as i32);
    while !fifo.exists() {
        tokio::task::yield_now().await;
    }
    tokio::task::spawn_blocking(move || std::fs::write(fifo, "now\n").unwrap()).await.unwrap();
    assert_eq!(node.end(&runs).await.exit_code, 5);
}

async fn further_commands() {
    let node = Node::new().await;
    let id = node.start(&["sleep", "1000"]).await;
    let run = async |words: &[&str], limit| {
        let words = words.iter().map(|word| (*word).to_owned()).collect();
        node.runtime.exec_sync(&id, words, limit).await
    };
    let output = run(&["sh", "-c", "echo $GREETING; echo no >&2; exit 3"], Duration::ZERO).await.unwrap();
    assert_eq!((output.exit_code, output.stdout, output.stderr), (3, b"hello\n".to_vec(), b"no\n".to_vec()));
    let output = run(&["no-such-command"], Duration::ZERO).await.unwrap();
    assert_eq!(output.exit_code, 127);
    assert!(run(&["sleep", "1000"], Duration::from_millis(1)).await.unwrap_err().is_deadline());
    node.runtime.stop_container(&id, 0).await.unwrap();
    assert!(run(&["true"], Duration::ZERO).await.is_err());
}
