//! Clusters for tests: `kubernel up` in a folder of its own, on ports and addresses of its own.

use std::fs::{self, File};
use std::io::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use crate::User;
use crate::agent::end_processes;

/// How long a node may take to be ready: the first start unpacks images on a busy machine.
const READY_WAIT: Duration = Duration::from_secs(90);
const POLL: Duration = Duration::from_millis(100);

/// What keeps clusters on one machine apart.
pub struct Settings {
    /// The folder's name, and the last part of the bridge's.
    pub name: &'static str,
    /// The third octet of the Pods' addresses (10.245.N.0/24) and second of the Services' (10.N.0.0/16).
    pub octet: u8,
}

/// A running cluster.
pub struct Cluster {
    settings: Settings,
    folder: PathBuf,
    port: u16,
    kubelet_port: u16,
    mesos: u16,
    /// Of the executors' API: executors of before come back to it.
    executors: u16,
    process: Mutex<Option<Child>>,
}

/// The cluster that tests of one binary share. It ends with the test process.
pub fn cluster() -> &'static Cluster {
    static SHARED: OnceLock<Cluster> = OnceLock::new();
    SHARED.get_or_init(|| {
        let cluster = Cluster::new(Settings { name: "shared", octet: 101 });
        cluster.start();
        cluster.import_images();
        cluster
    })
}

impl Cluster {
    /// A cluster without data that does not run yet.
    pub fn new(settings: Settings) -> Self {
        // The socket's path must stay short, so the folder is not below the build's.
        let folder = PathBuf::from(format!("/tmp/kubernel-e2e/{}-{}", settings.name, std::process::id()));
        fs::create_dir_all(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let [port, kubelet_port, mesos, executors] = std::array::from_fn(|_| free_port());
        Self { settings, folder, port, kubelet_port, mesos, executors, process: Mutex::new(None) }
    }

    /// Starts `kubernel up` and waits until its node is ready.
    pub fn start(&self) {
        let log = self.folder.join("kubernel.log");
        let log_file = || File::options().create(true).append(true).open(&log).expect("a log file");
        let octet = self.settings.octet;
        // The kernel ends the cluster when the thread that started it ends: one that lives as long as the tests.
        let mut command = Command::new("setpriv");
        command
            .args(["--pdeathsig", "KILL", "--"])
            .arg(binary())
            .args(["up", "--node-name", "node-1"])
            .arg("--data-dir")
            .arg(&self.folder)
            .arg("--log-dir")
            .arg(self.folder.join("logs"))
            .args(["--listen", &format!("127.0.0.1:{}", self.port)])
            .args(["--kubelet-port", &self.kubelet_port.to_string()])
            .args(["--service-cidr", &format!("10.{octet}.0.0/16")])
            .args(["--pod-cidr", &format!("10.245.{octet}.0/24")])
            .args(["--bridge", &format!("kbl-{}", self.settings.name)])
            .args(["--mesos-listen", &format!("127.0.0.1:{}", self.mesos)])
            .args(["--mesos-heartbeat", "1s"])
            .args(["--mesos-agent-listen", &format!("127.0.0.1:{}", self.executors)])
            .stdin(Stdio::null())
            .stdout(log_file())
            .stderr(log_file());
        let child = spawn_for_good(command);
        *self.process.lock().expect("no test holds it while it panics") = Some(child);
        let deadline = Instant::now() + READY_WAIT;
        let ready = "kubectl get node node-1 -o jsonpath='{.status.conditions[?(@.type==\"Ready\")].status}'";
        while self.admin().run(ready).stdout != "True" {
            assert!(Instant::now() < deadline, "the node is not ready:\n{}", self.log());
            std::thread::sleep(POLL);
        }
    }

    /// Where Mesos frameworks find it: `127.0.0.1:5050` or the like.
    pub fn mesos(&self) -> String {
        format!("127.0.0.1:{}", self.mesos)
    }

    /// Where Mesos' tools find its agent.
    pub fn mesos_agent(&self) -> String {
        format!("127.0.0.1:{}", self.executors)
    }

    /// Kills the process as a power failure would, and waits until it is gone. Containers stay.
    pub fn kill(&self) {
        if let Some(mut child) = self.process.lock().expect("no test holds it while it panics").take() {
            child.kill().expect("a running cluster");
            child.wait().expect("a killed cluster");
        }
    }

    /// Gives the node the images that no registry has.
    pub fn import_images(&self) {
        let tar = root().join("target/images/sample.tar");
        let socket = self.folder.join("containerd/containerd.sock");
        let done = Command::new("ctr")
            .arg("-a")
            .arg(socket)
            .args(["-n", "k8s.io", "images", "import"])
            .arg(&tar)
            .output()
            .expect("ctr, which comes with containerd");
        assert!(done.status.success(), "{}: {}", tar.display(), String::from_utf8_lossy(&done.stderr));
    }

    /// A user with a fresh namespace of this name and all rights.
    pub fn user(&self, namespace: &str) -> User {
        let user = User::new(&self.folder, namespace);
        user.ok(&format!("kubectl create namespace {namespace}"));
        user
    }

    /// The administrator, in the namespace `default`.
    pub fn admin(&self) -> User {
        User::new(&self.folder, "default")
    }

    /// The port of its API.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The folder with `admin.kubeconfig` and everything else.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The process's id.
    pub fn pid(&self) -> u32 {
        self.process.lock().expect("no test holds it while it panics").as_ref().map_or(0, Child::id)
    }

    /// What it has said so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("kubernel.log")).unwrap_or_default()
    }

    /// Sends raw bytes as the body of a request with the administrator's certificate; returns code and body.
    pub fn request(&self, method: &str, path: &str, headers: &[&str], body: &[u8]) -> (u16, String) {
        let mut command = Command::new("curl");
        command.args(["-sk", "--max-time", "30", "-X", method, "-w", "\n%{http_code}", "--data-binary", "@-"]);
        for name in ["crt", "key"] {
            command.arg(if name == "crt" { "--cert" } else { "--key" }).arg(self.admin_file(name));
        }
        for header in headers {
            command.args(["-H", header]);
        }
        command.arg(format!("https://127.0.0.1:{}{path}", self.port));
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("curl, which the tests install");
        // A server that refuses a body early closes the connection: what it said counts.
        let _ = child.stdin.take().expect("a pipe").write_all(body);
        let text = String::from_utf8_lossy(&child.wait_with_output().expect("an answer").stdout).into_owned();
        let (body, code) = text.rsplit_once('\n').unwrap_or(("", &text));
        (code.parse().unwrap_or(0), body.to_owned())
    }

    /// The administrator's certificate or key as a file.
    fn admin_file(&self, extension: &str) -> PathBuf {
        let path = self.folder.join(format!("admin.{extension}"));
        if !path.exists() {
            let field = if extension == "crt" { "client-certificate-data" } else { "client-key-data" };
            let admin = self.admin();
            let jsonpath = format!("kubectl config view --raw -o jsonpath='{{.users[0].user.{field}}}' | base64 -d");
            fs::write(&path, admin.ok(&jsonpath)).expect("a file in our own folder");
        }
        path
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.kill();
        end_processes(&self.folder);
        let _ = Command::new(root().join("manifests/down.sh"))
            .env("DATA_DIR", &self.folder)
            .env("KUBERNEL_BRIDGE", format!("kbl-{}", self.settings.name))
            .status();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Starts a child whose parent thread never ends.
pub(crate) fn spawn_for_good(mut command: Command) -> Child {
    type Job = (Command, std::sync::mpsc::Sender<std::io::Result<Child>>);
    static STARTER: OnceLock<Mutex<std::sync::mpsc::Sender<Job>>> = OnceLock::new();
    let starter = STARTER.get_or_init(|| {
        let (jobs, queue) = std::sync::mpsc::channel::<Job>();
        std::thread::spawn(move || {
            for (mut command, reply) in queue {
                let _ = reply.send(command.spawn());
            }
        });
        Mutex::new(jobs)
    });
    let (reply, answer) = std::sync::mpsc::channel();
    command.env("KUBERNEL_LOG", std::env::var("KUBERNEL_LOG").unwrap_or_else(|_| "info".into()));
    starter.lock().expect("the starter").send((command, reply)).expect("the starter");
    answer.recv().expect("the starter").expect("setpriv and the kernel's binary")
}

pub(crate) fn binary() -> PathBuf {
    std::env::var_os("KUBERNEL_BIN").map_or_else(|| built("kubernel"), PathBuf::from)
}

/// A program of the workspace, as `make e2e` builds it before the tests.
pub fn built(name: &str) -> PathBuf {
    root().join("target/debug").join(name)
}

/// The repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a parent folder").to_path_buf()
}

/// Where `e2e/prerequisites.sh` puts the clients.
pub fn tools() -> PathBuf {
    std::env::var_os("KUBERNEL_TOOLS").map_or_else(|| root().join("target/tools"), PathBuf::from)
}

/// A port that nobody listens on.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("its address").port()
}
