//! Several servers that share an etcd, each on its own loopback address.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use kubernel_etcd::EtcdCluster;

use crate::User;
use crate::cluster::{binary, free_port, spawn_for_good};

/// How long a server may take to answer.
const READY_WAIT: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(50);

/// The servers; they end with this value, and their etcd and nodes.
pub struct Servers {
    folder: PathBuf,
    port: u16,
    mesos: u16,
    processes: Vec<Mutex<Option<Child>>>,
    nodes: Mutex<Option<Child>>,
    etcd: EtcdCluster,
}

impl Servers {
    /// Starts so many servers on an etcd with TLS, and waits until all answer.
    pub fn start(name: &str, count: usize) -> Self {
        let folder = PathBuf::from(format!("/tmp/kubernel-e2e/{name}-{}", std::process::id()));
        let (port, mesos) = (free_port(), free_port());
        let processes = (0..count).map(|_| Mutex::default()).collect();
        let servers = Self { folder, port, mesos, processes, nodes: Mutex::default(), etcd: EtcdCluster::start_tls(1) };
        for number in 0..count {
            servers.serve(number, true);
        }
        for number in 0..count {
            servers.until(number, |admin| admin.run("kubectl get --raw /readyz").stdout == "ok");
        }
        servers
    }

    /// Starts a server, on the etcd or on the files of its own folder.
    pub fn serve(&self, number: usize, shared: bool) {
        let folder = self.folder_of(number);
        fs::create_dir_all(&folder).expect("a folder of our own");
        let mut command = self.command("server", &folder);
        command.arg("--data-dir").arg(&folder).args(["--listen", &format!("{}:{}", address(number), self.port)]);
        command.args(["--mesos-listen", &self.mesos(number), "--advertise-address", &advertised(number)]);
        if shared {
            command.args(self.etcd_arguments());
        }
        *self.processes[number].lock().expect("no test holds it while it panics") = Some(spawn_for_good(command));
    }

    /// Starts nodes that run nothing, at this server.
    pub fn hollow(&self, number: usize, nodes: u32) {
        let folder = self.folder_of(number);
        let mut command = self.command("hollow", &folder);
        command.args(["--nodes", &nodes.to_string(), "--kubeconfig"]).arg(folder.join("admin.kubeconfig"));
        *self.nodes.lock().expect("no test holds it while it panics") = Some(spawn_for_good(command));
        let count = "kubectl get nodes -o jsonpath='{.items[*].metadata.name}' | wc -w";
        self.until(number, |admin| admin.run(count).stdout.trim() == nodes.to_string());
    }

    /// Kills a server as a power failure would.
    pub fn kill(&self, number: usize) {
        self.signal(number, "KILL");
    }

    /// Asks a server to stop, and waits until it has.
    pub fn stop(&self, number: usize) {
        self.signal(number, "TERM");
    }

    /// The administrator, at this server.
    pub fn admin(&self, number: usize) -> User {
        User::new(&self.folder_of(number), "default")
    }

    /// Where Mesos frameworks find this server.
    pub fn mesos(&self, number: usize) -> String {
        format!("{}:{}", address(number), self.mesos)
    }

    /// The server that leads, as this one knows it.
    pub fn leader(&self, asked: usize) -> usize {
        let path = "'{.metadata.annotations.kernel\\.kubernel\\.io/api-url}'";
        let lease = format!("kubectl -n kube-system get lease kubernel -o jsonpath={path}");
        let url = self.admin(asked).ok(&lease);
        let is = |number: &usize| url.trim() == format!("https://{}:{}", address(*number), self.port);
        (0..self.processes.len()).find(is).unwrap_or_else(|| panic!("{url} leads"))
    }

    /// Waits until something is so at a server.
    pub fn until(&self, number: usize, is_so: impl Fn(&User) -> bool) {
        let deadline = Instant::now() + READY_WAIT;
        while !is_so(&self.admin(number)) {
            let log = || fs::read_to_string(self.folder_of(number).join("server.log")).unwrap_or_default();
            assert!(Instant::now() < deadline, "server {number} does not come to it:\n{}", log());
            std::thread::sleep(POLL);
        }
    }

    /// A server's folder.
    pub fn folder_of(&self, number: usize) -> PathBuf {
        self.folder.join(format!("server-{number}"))
    }

    /// How the etcd is reached.
    pub fn etcd_arguments(&self) -> Vec<String> {
        let mut arguments = vec!["--etcd-servers".to_owned(), self.etcd.urls().join(",")];
        if let Some(tls) = self.etcd.certificates() {
            let files = [("cafile", &tls.authority), ("certfile", &tls.client), ("keyfile", &tls.client_key)];
            for (name, path) in files {
                arguments.extend([format!("--etcd-{name}"), path.display().to_string()]);
            }
        }
        arguments
    }

    fn command(&self, part: &str, folder: &std::path::Path) -> Command {
        let log = folder.join(format!("{part}.log"));
        let log_file = || File::options().create(true).append(true).open(&log).expect("a log file");
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--"]).arg(binary()).arg(part);
        command.stdin(Stdio::null()).stdout(log_file()).stderr(log_file());
        command
    }

    fn signal(&self, number: usize, name: &str) {
        let Some(mut child) = self.processes[number].lock().expect("no test holds it while it panics").take() else {
            return;
        };
        let _ = Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).status();
        let _ = child.wait();
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        if let Some(mut nodes) = self.nodes.lock().expect("no test holds it while it panics").take() {
            let _ = nodes.kill();
            let _ = nodes.wait();
        }
        for number in 0..self.processes.len() {
            self.kill(number);
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The address that a server says it has, which is none of this machine's: an endpoint must not be a loopback address.
pub fn advertised(number: usize) -> String {
    format!("192.0.2.{}", number + 1)
}

fn address(number: usize) -> String {
    format!("127.0.0.{}", number + 1)
}
