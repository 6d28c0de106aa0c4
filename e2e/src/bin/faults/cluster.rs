//! The processes that are broken: servers, members of etcd, hollow nodes.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::{Method, StatusCode};
use kubernel_e2e::Result;
use kubernel_e2e::client::{Client, Target};
use kubernel_e2e::process::Process;
use kubernel_etcd::EtcdCluster;
use parking_lot::Mutex;
use serde_json::Value;

use crate::soak::{Sample, size_of};

/// How long one server has for an answer before a client turns to the next one.
const ANSWER: Duration = Duration::from_secs(15);
const POLL: Duration = Duration::from_millis(10);
/// How many nodes.
const NODES: &str = "10";

/// What the servers keep their objects in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    /// One server, its files.
    Embedded,
    /// The same, and nothing is broken.
    Soak,
    /// Three servers, an etcd of three members.
    Etcd,
}

/// A cluster.
pub(crate) struct Cluster {
    binary: PathBuf,
    folder: PathBuf,
    etcd: Option<EtcdCluster>,
    servers: Vec<Server>,
    /// How far each watcher has come.
    watched: Vec<AtomicU64>,
    nodes: Mutex<Option<Process>>,
}

struct Server {
    folder: PathBuf,
    listen: String,
    process: Mutex<Option<Process>>,
}

impl Cluster {
    /// Starts everything, and waits until it works.
    pub(crate) async fn start(binary: PathBuf, folder: PathBuf, engine: Engine) -> Result<Self> {
        let count = if engine == Engine::Etcd { 3 } else { 1 };
        let etcd = (engine == Engine::Etcd).then(|| EtcdCluster::start(3));
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let server = |number: usize| Server {
            folder: folder.join(format!("server-{number}")),
            listen: format!("127.0.0.{}:{port}", number + 1),
            process: Mutex::default(),
        };
        let servers: Vec<Server> = (0..count).map(server).collect();
        let watched = servers.iter().map(|_| AtomicU64::new(0)).collect();
        let cluster = Self { binary, folder, etcd, servers, watched, nodes: Mutex::default() };
        for number in 0..count {
            std::fs::create_dir_all(&cluster.servers[number].folder)?;
            cluster.restart(number)?;
        }
        cluster.whole(Duration::from_secs(60)).await?;
        let kubeconfig = cluster.kubeconfig(0);
        let kubeconfig = kubeconfig.to_str().ok_or("a folder whose name is not UTF-8")?;
        let arguments = ["hollow", "--nodes", NODES, "--kubeconfig", kubeconfig];
        let nodes = Process::start(&cluster.binary, &arguments, &cluster.folder.join("hollow.log"))?;
        *cluster.nodes.lock() = Some(nodes);
        Ok(cluster)
    }

    /// How many servers there are.
    pub(crate) fn servers(&self) -> usize {
        self.servers.len()
    }

    /// The etcd, where there is one.
    pub(crate) fn etcd(&self) -> Option<&EtcdCluster> {
        self.etcd.as_ref()
    }

    /// How far the watchers have come.
    pub(crate) fn watched(&self) -> Vec<u64> {
        self.watched.iter().map(|revision| revision.load(Ordering::Relaxed)).collect()
    }

    /// A watcher has come this far.
    pub(crate) fn watched_to(&self, number: usize, revision: u64) {
        self.watched[number].store(revision, Ordering::Relaxed);
    }

    /// Kills a server as a power failure would.
    pub(crate) fn kill(&self, number: usize) {
        self.servers[number].process.lock().take();
    }

    /// Starts a server that does not run.
    pub(crate) fn restart(&self, number: usize) -> Result<()> {
        let server = &self.servers[number];
        let data = server.folder.to_str().ok_or("a folder whose name is not UTF-8")?;
        let mut arguments = vec!["server", "--data-dir", data, "--listen", &server.listen];
        let urls = self.etcd.as_ref().map(|etcd| etcd.urls().join(","));
        if let Some(urls) = &urls {
            arguments.extend(["--etcd-servers", urls]);
        }
        let process = Process::start(&self.binary, &arguments, &server.folder.join("log"))?;
        *server.process.lock() = Some(process);
        Ok(())
    }

    /// Has a server do nothing, or go on.
    pub(crate) fn hold(&self, number: usize, held: bool) -> Result<()> {
        match &*self.servers[number].process.lock() {
            Some(process) if held => process.hold(),
            Some(process) => process.go_on(),
            None => Ok(()),
        }
    }

    /// What a server takes at the moment.
    pub(crate) fn sample(&self, number: usize) -> Result<Sample> {
        let server = &self.servers[number];
        let process = server.process.lock();
        let process = process.as_ref().ok_or("the server does not run")?;
        Ok(Sample {
            memory: process.memory()?,
            files: process.files()? as u64,
            threads: process.threads()? as u64,
            disk: size_of(&server.folder),
        })
    }

    /// The server that leads, by its number.
    pub(crate) async fn leader(&self) -> Option<usize> {
        let path = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/kubernel";
        let mut session = Session::new(self, 0);
        let (status, lease) = session.call(Method::GET, path, Bytes::new()).await?;
        let url = lease["metadata"]["annotations"]["kernel.kubernel.io/api-url"].as_str()?.to_owned();
        if status != StatusCode::OK {
            return None;
        }
        self.servers.iter().position(|server| url == format!("https://{}", server.listen))
    }

    /// Waits until every server is ready.
    pub(crate) async fn whole(&self, patience: Duration) -> Result<()> {
        let until = Instant::now() + patience;
        for number in 0..self.servers.len() {
            let ready = async || -> Result<()> {
                let target = Target::read(&self.kubeconfig(number))?;
                target.connect().await?.get("/readyz").await?;
                Ok(())
            };
            while let Err(error) = ready().await {
                if Instant::now() > until {
                    let log = std::fs::read_to_string(self.servers[number].folder.join("log")).unwrap_or_default();
                    return Err(format!("server {number} is not ready: {error}\n{log}").into());
                }
                tokio::time::sleep(POLL).await;
            }
        }
        Ok(())
    }

    fn kubeconfig(&self, number: usize) -> PathBuf {
        let folder: &Path = &self.servers[number].folder;
        folder.join("admin.kubeconfig")
    }
}

/// A client's connection to one server, and to the next one where that fails.
pub(crate) struct Session<'a> {
    cluster: &'a Cluster,
    server: usize,
    client: Option<Client>,
}

impl<'a> Session<'a> {
    /// Begins at this server.
    pub(crate) fn new(cluster: &'a Cluster, server: usize) -> Self {
        Self { cluster, server: server % cluster.servers.len(), client: None }
    }

    /// Sends a request once; `None` where nobody knows what came of it. Then the next one goes to another server.
    pub(crate) async fn call(&mut self, method: Method, path: &str, body: Bytes) -> Option<(StatusCode, Value)> {
        let answered = tokio::time::timeout(ANSWER, async {
            let client = self.client().await?;
            client.call(method, path, body).await
        });
        match answered.await {
            Ok(Ok((status, body))) if !status.is_server_error() && status != StatusCode::TOO_MANY_REQUESTS => {
                Some((status, serde_json::from_slice(&body).unwrap_or_default()))
            }
            _ => {
                self.turn();
                tokio::time::sleep(POLL).await;
                None
            }
        }
    }

    /// The connection, made where there is none.
    pub(crate) async fn client(&mut self) -> Result<&mut Client> {
        let client = match self.client.take() {
            Some(client) => client,
            None => Target::read(&self.cluster.kubeconfig(self.server))?.connect().await?,
        };
        Ok(self.client.insert(client))
    }

    /// Turns to the next server.
    pub(crate) fn turn(&mut self) {
        self.client = None;
        self.server = (self.server + 1) % self.cluster.servers.len();
    }
}
