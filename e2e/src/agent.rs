//! Further nodes of a cluster, on this machine: for processes, not for containers.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::Cluster;
use crate::cluster::{binary, free_port, spawn_for_good};

/// What makes an agent a machine of its own to executors that keep files there: shared memory.
const MACHINE: &str = "mount -t tmpfs -o mode=1777 shm /dev/shm && exec \"$@\"";

/// A further node. It ends with this value, and all that it runs.
pub struct Agent {
    folder: PathBuf,
    name: String,
    arguments: Vec<String>,
    process: Option<Child>,
}

impl Cluster {
    /// Starts a further node with this address (each its own, like 127.0.0.12) and waits until it is ready.
    pub fn join(&self, name: &str, address: &str) -> Agent {
        let folder = self.folder().join(name);
        let token = fs::read_to_string(self.folder().join("pki/join-token")).expect("a token for nodes");
        let arguments = [
            "agent",
            "--server",
            &format!("https://127.0.0.1:{}", self.port()),
            "--token",
            token.trim(),
            "--node-name",
            name,
            "--node-ip",
            address,
            "--containerd",
            "none",
            "--data-dir",
            &folder.display().to_string(),
            "--log-dir",
            &folder.join("logs").display().to_string(),
            "--kubelet-port",
            &free_port().to_string(),
            "--mesos-agent-listen",
            &format!("{address}:{}", free_port()),
        ];
        let mut agent =
            Agent { folder, name: name.to_owned(), arguments: arguments.map(str::to_owned).to_vec(), process: None };
        agent.start();
        self.admin()
            .ok(&format!("until kubectl wait --for=condition=Ready node/{name} --timeout=60s; do sleep 0.2; done"));
        agent
    }
}

impl Agent {
    /// Starts it; with the certificates that it has, after the first time.
    pub fn start(&mut self) {
        fs::create_dir_all(&self.folder).expect("a folder of our own");
        let log = || File::options().create(true).append(true).open(self.folder.join("agent.log")).expect("a log file");
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--", "unshare", "--mount", "sh", "-c", MACHINE, "agent"]);
        command.arg(binary()).args(&self.arguments);
        command.stdin(Stdio::null()).stdout(log()).stderr(log());
        self.process = Some(spawn_for_good(command));
    }

    /// Kills the agent; what it ran stays.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.process.take() {
            child.kill().expect("a running agent");
            child.wait().expect("a killed agent");
        }
    }

    /// Kills the agent and all that it ran, as a power failure would.
    pub fn kill_all(&mut self) {
        self.kill();
        end_processes(&self.folder);
    }

    /// The node's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it has said so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("agent.log")).unwrap_or_default()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.kill_all();
    }
}

/// Kills the processes of a node's Pods, which nothing else ends, and who holds them.
pub(crate) fn end_processes(folder: &Path) {
    let folder = folder.display();
    let marks = [("cmdline", format!("supervise\0run\0{folder}/")), ("environ", format!("MESOS_SANDBOX={folder}/"))];
    let is_ours = |process: &PathBuf| {
        marks.iter().any(|(file, mark)| {
            let text = fs::read(process.join(file)).unwrap_or_default();
            text.windows(mark.len()).any(|part| part == mark.as_bytes())
        })
    };
    loop {
        let processes = fs::read_dir("/proc").expect("the processes of this machine").flatten();
        let alive: Vec<PathBuf> = processes.map(|entry| entry.path()).filter(is_ours).collect();
        if alive.is_empty() {
            return;
        }
        let pids = alive.iter().filter_map(|path| path.file_name());
        let _ = Command::new("kill").arg("-9").args(pids).stderr(Stdio::null()).status();
    }
}
