//! Clusters whose nodes run nothing: a control plane and `kubernel hollow`, each a process that can be killed alone.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::User;
use crate::cluster::{binary, free_port, spawn_for_good};

/// How long nodes may take to be there.
const READY_WAIT: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(100);

/// A control plane and nodes that run nothing.
pub struct Hollow {
    folder: PathBuf,
    port: u16,
    mesos: u16,
    server: Mutex<Option<Child>>,
    nodes: Mutex<Option<Child>>,
}

impl Hollow {
    /// Starts one with so many nodes, and more arguments for the control plane.
    pub fn start(name: &str, nodes: u32, arguments: &[&str]) -> Self {
        let folder = PathBuf::from(format!("/tmp/kubernel-e2e/{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder of our own");
        let (port, mesos) = (free_port(), free_port());
        let hollow = Self { folder, port, mesos, server: Mutex::default(), nodes: Mutex::default() };
        hollow.serve(arguments);
        let mut command = hollow.command("hollow");
        command.args(["--nodes", &nodes.to_string(), "--kubeconfig"]).arg(hollow.folder.join("admin.kubeconfig"));
        *hollow.nodes.lock().expect("no test holds it while it panics") = Some(spawn_for_good(command));
        let count = "kubectl get nodes -o jsonpath='{.items[*].metadata.name}' | wc -w";
        hollow.until(|admin| admin.run(count).stdout.trim() == nodes.to_string());
        hollow
    }

    /// Starts the control plane and waits until it answers.
    pub fn serve(&self, arguments: &[&str]) {
        let mut command = self.command("server");
        command
            .arg("--data-dir")
            .arg(&self.folder)
            .args(["--listen", &format!("127.0.0.1:{}", self.port)])
            .args(["--mesos-listen", &self.mesos()])
            .args(arguments);
        *self.server.lock().expect("no test holds it while it panics") = Some(spawn_for_good(command));
        self.until(|admin| admin.run("kubectl get --raw /readyz").stdout == "ok");
    }

    /// Kills the control plane as a power failure would, and waits until it is gone.
    pub fn kill(&self) {
        end(&self.server);
    }

    /// Where Mesos frameworks find it: `127.0.0.1:5050` or the like.
    pub fn mesos(&self) -> String {
        format!("127.0.0.1:{}", self.mesos)
    }

    /// The administrator, in the namespace `default`.
    pub fn admin(&self) -> User {
        User::new(&self.folder, "default")
    }

    /// The memory that the control plane holds, in bytes.
    pub fn memory(&self) -> u64 {
        let id = self.server.lock().expect("no test holds it while it panics").as_ref().map_or(0, Child::id);
        let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
        line.trim().trim_end_matches(" kB").parse::<u64>().map_or(0, |kilobytes| kilobytes * 1024)
    }

    fn command(&self, part: &str) -> Command {
        let log = self.folder.join(format!("{part}.log"));
        let log_file = || File::options().create(true).append(true).open(&log).expect("a log file");
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--"]).arg(binary()).arg(part);
        command.stdin(Stdio::null()).stdout(log_file()).stderr(log_file());
        command
    }

    fn until(&self, is_so: impl Fn(&User) -> bool) {
        let deadline = Instant::now() + READY_WAIT;
        while !is_so(&self.admin()) {
            let log = || fs::read_to_string(self.folder.join("server.log")).unwrap_or_default();
            assert!(Instant::now() < deadline, "the cluster is not ready:\n{}", log());
            std::thread::sleep(POLL);
        }
    }
}

impl Drop for Hollow {
    fn drop(&mut self) {
        end(&self.nodes);
        end(&self.server);
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn end(process: &Mutex<Option<Child>>) {
    if let Some(mut child) = process.lock().expect("no test holds it while it panics").take() {
        let _ = child.kill();
        let _ = child.wait();
    }
}
