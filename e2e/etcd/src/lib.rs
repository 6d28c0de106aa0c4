//! Real etcd clusters for tests, on the loopback address. Needs Debian's `etcd-server`.

#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails, loudly")]

mod tls;

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

pub use tls::Certificates;

/// How long a cluster may take to have a leader.
const START_WAIT: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(20);

/// A cluster; it ends with this value, and its data.
pub struct EtcdCluster {
    members: Vec<Member>,
    certificates: Option<Certificates>,
    // Last: dropped when nobody writes into it any more.
    folder: tempfile::TempDir,
}

struct Member {
    name: String,
    client: u16,
    peer: u16,
    process: Mutex<Option<Child>>,
}

impl EtcdCluster {
    /// Starts so many members and waits until they answer.
    pub fn start(members: usize) -> Self {
        Self::with(members, None)
    }

    /// The same, with TLS towards clients, who must show a certificate.
    pub fn start_tls(members: usize) -> Self {
        Self::with(members, Some(()))
    }

    fn with(count: usize, tls: Option<()>) -> Self {
        let folder = tempfile::Builder::new().prefix("kubernel-etcd").tempdir().expect("a folder for etcd");
        let certificates = tls.map(|()| Certificates::make(folder.path()));
        let ports = free_ports(2 * count);
        let member = |(number, ports): (usize, &[u16])| Member {
            name: format!("m{number}"),
            client: ports[0],
            peer: ports[1],
            process: Mutex::new(None),
        };
        let members = ports.chunks(2).enumerate().map(member).collect();
        let cluster = Self { members, certificates, folder };
        for number in 0..count {
            cluster.spawn(number);
        }
        for number in 0..count {
            cluster.wait(number);
        }
        cluster
    }

    /// The URLs of the members.
    pub fn urls(&self) -> Vec<String> {
        let scheme = if self.certificates.is_some() { "https" } else { "http" };
        self.members.iter().map(|member| format!("{scheme}://127.0.0.1:{}", member.client)).collect()
    }

    /// What clients need, where the cluster has TLS.
    pub fn certificates(&self) -> Option<&Certificates> {
        self.certificates.as_ref()
    }

    /// Kills a member as a power failure would.
    pub fn kill(&self, number: usize) {
        if let Some(mut process) = self.members[number].process.lock().unwrap().take() {
            process.kill().expect("a running etcd");
            process.wait().expect("a killed etcd");
        }
    }

    /// Stops a member without ending it: it holds its connections and does not answer.
    pub fn pause(&self, number: usize) {
        self.signal(number, "STOP");
    }

    /// Lets a paused member go on.
    pub fn resume(&self, number: usize) {
        self.signal(number, "CONT");
    }

    /// Starts a killed member again and waits until it answers.
    pub fn restart(&self, number: usize) {
        self.spawn(number);
        self.wait(number);
    }

    /// The number of the member that leads.
    pub fn leader(&self) -> Option<usize> {
        (0..self.members.len()).find(|number| {
            let status = self.etcdctl(*number, &["endpoint", "status", "-w", "fields"]);
            let field = |name: &str| {
                let line = status.lines().find(|line| line.starts_with(&format!("\"{name}\"")))?;
                line.split_once(" : ").map(|(_, value)| value.to_owned())
            };
            field("MemberID").is_some_and(|id| field("Leader") == Some(id))
        })
    }

    /// Runs etcd's own client against one member; returns what it says.
    pub fn etcdctl(&self, number: usize, arguments: &[&str]) -> String {
        let mut command = Command::new("etcdctl");
        command.env("ETCDCTL_API", "3").args(["--endpoints", &self.urls()[number], "--command-timeout", "3s"]);
        if let Some(certificates) = &self.certificates {
            command.arg("--cacert").arg(&certificates.authority);
            command.arg("--cert").arg(&certificates.client).arg("--key").arg(&certificates.client_key);
        }
        let output = command.args(arguments).output().expect("etcdctl, which comes with etcd-client");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// What a member has said.
    pub fn log(&self, number: usize) -> String {
        fs::read_to_string(self.file(number, "log")).unwrap_or_default()
    }

    fn file(&self, number: usize, extension: &str) -> PathBuf {
        self.folder.path().join(format!("{}.{extension}", self.members[number].name))
    }

    fn spawn(&self, number: usize) {
        let member = &self.members[number];
        let all: Vec<String> =
            self.members.iter().map(|member| format!("{}=http://127.0.0.1:{}", member.name, member.peer)).collect();
        let client = &self.urls()[number];
        let peer = format!("http://127.0.0.1:{}", member.peer);
        let log = || File::options().create(true).append(true).open(self.file(number, "log")).expect("a log file");
        let mut command = Command::new("etcd");
        command
            .args(["--name", &member.name, "--data-dir"])
            .arg(self.file(number, "data"))
            .args(["--listen-client-urls", client, "--advertise-client-urls", client])
            .args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer])
            .args(["--initial-cluster", &all.join(","), "--initial-cluster-token"])
            .arg(self.folder.path())
            .args(["--logger", "zap", "--log-outputs", "stderr"])
            .stdin(Stdio::null())
            .stdout(log())
            .stderr(log());
        if let Some(certificates) = &self.certificates {
            command.arg("--trusted-ca-file").arg(&certificates.authority).arg("--client-cert-auth");
            command.arg("--cert-file").arg(&certificates.server).arg("--key-file").arg(&certificates.server_key);
        }
        *member.process.lock().unwrap() = Some(command.spawn().expect("etcd, which comes with etcd-server"));
    }

    fn wait(&self, number: usize) {
        let deadline = Instant::now() + START_WAIT;
        let port = self.members[number].client;
        let open = || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok();
        while !open() || self.etcdctl(number, &["endpoint", "status"]).is_empty() {
            assert!(Instant::now() < deadline, "etcd does not answer:\n{}", self.log(number));
            std::thread::sleep(POLL);
        }
    }

    fn signal(&self, number: usize, name: &str) {
        let id = self.members[number].process.lock().unwrap().as_ref().expect("a running etcd").id();
        let sent = Command::new("kill").args([&format!("-{name}"), &id.to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()), "kill -{name} {id}");
    }
}

impl Drop for EtcdCluster {
    fn drop(&mut self) {
        for number in 0..self.members.len() {
            self.kill(number);
        }
    }
}

/// Ports that nobody listens on, each another one.
fn free_ports(count: usize) -> Vec<u16> {
    let bind = |_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let held: Vec<TcpListener> = (0..count).map(bind).collect();
    held.iter().map(|listener| listener.local_addr().expect("its address").port()).collect()
}

/// Writes a file that others read as a path.
fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, text).expect("a file in our own folder");
    path
}
