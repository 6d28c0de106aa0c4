//! Replaces the servers of a cluster one after the other while clients use them, and says whether anybody noticed:
//! `upgrade KUBERNEL-BINARY EMPTY-FOLDER [ROUNDS]`.
//!
//! Two servers on an etcd behind a balancer that knows no HTTP ([`front`]). Each in turn is asked to stop, and started
//! again when it has. Clients write, read, list and watch meanwhile ([`clients`]); none of them tries anything again but
//! what Go's client itself does. Exit code 1 says that a request failed, and the lines before it which.

mod clients;
mod front;

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kubernel_e2e::Result;
use kubernel_e2e::client::Target;
use kubernel_e2e::process::Process;
use kubernel_etcd::EtcdCluster;
use tokio_util::sync::CancellationToken;

use clients::{Kind, Told};
use front::Front;

const SERVERS: usize = 2;
/// How long a server goes on after it was asked to stop: many times as long as the balancer takes to notice.
const SHUTDOWN_DELAY: &str = "2s";
/// How long a server may take to be ready.
const READY_WAIT: Duration = Duration::from_secs(60);
/// How many requests everybody sends between two events.
const STEADY: usize = 50;
const POLL: Duration = Duration::from_millis(10);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let rounds = arguments.get(2).map_or(Ok(1), |text| text.parse());
    let (Some(binary), Some(folder), Ok(rounds)) = (arguments.first(), arguments.get(1), rounds) else {
        eprintln!("usage: upgrade KUBERNEL-BINARY EMPTY-FOLDER [ROUNDS]");
        return ExitCode::from(2);
    };
    let outcome = tokio::runtime::Runtime::new()
        .map_err(Into::into)
        .and_then(|runtime| runtime.block_on(run(PathBuf::from(binary), PathBuf::from(folder), rounds)));
    match outcome {
        Ok(failed) if failed.is_empty() => ExitCode::SUCCESS,
        Ok(failed) => {
            failed.iter().take(50).for_each(|line| eprintln!("upgrade: {line}"));
            eprintln!("upgrade: {} requests failed", failed.len());
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("upgrade: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The servers, each on its own loopback address.
struct Servers {
    binary: PathBuf,
    folder: PathBuf,
    port: u16,
    etcd: EtcdCluster,
}

impl Servers {
    fn folder(&self, number: usize) -> PathBuf {
        self.folder.join(format!("server-{number}"))
    }

    fn start(&self, number: usize) -> Result<Process> {
        let folder = self.folder(number);
        std::fs::create_dir_all(&folder)?;
        let data = folder.to_str().ok_or("a folder whose name is not UTF-8")?;
        let (listen, urls) = (format!("127.0.0.{}:{}", number + 1, self.port), self.etcd.urls().join(","));
        let arguments = ["server", "--data-dir", data, "--listen", &listen, "--etcd-servers", &urls];
        let delay = ["--shutdown-delay-duration", SHUTDOWN_DELAY];
        Process::start(&self.binary, &[&arguments[..], &delay].concat(), &folder.join("log"))
    }

    async fn target(&self, number: usize) -> Result<Target> {
        let kubeconfig = self.folder(number).join("admin.kubeconfig");
        let until = Instant::now() + READY_WAIT;
        while !kubeconfig.exists() {
            if Instant::now() > until {
                return Err(self.log(number, "does not start"));
            }
            tokio::time::sleep(POLL).await;
        }
        Target::read(&kubeconfig)
    }

    fn log(&self, number: usize, what: &str) -> Box<dyn std::error::Error + Send + Sync> {
        let log: &Path = &self.folder(number).join("log");
        format!("server {number} {what}:\n{}", std::fs::read_to_string(log).unwrap_or_default()).into()
    }
}

async fn run(binary: PathBuf, folder: PathBuf, rounds: usize) -> Result<Vec<String>> {
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let servers = Servers { binary, folder, port, etcd: EtcdCluster::start(1) };
    let (mut processes, mut targets) = (Vec::new(), Vec::new());
    for number in 0..SERVERS {
        processes.push(Some(servers.start(number)?));
        targets.push(servers.target(number).await?);
    }
    let front = Front::open(targets.clone()).await?;
    let ready = async |number: usize| -> Result<()> {
        let is_ready = tokio::time::timeout(READY_WAIT, front.until_ready(number)).await;
        is_ready.map_err(|_| servers.log(number, "is not ready"))
    };
    for number in 0..SERVERS {
        ready(number).await?;
    }
    let target = targets[0].at(front.address());
    let told = Arc::new(Told::default());
    let stop = CancellationToken::new();
    let mut clients = clients::prepare(&target).await?;
    for kind in [Kind::Http2, Kind::Http1, Kind::Fresh] {
        clients.start(kind, &told, &stop);
    }
    for number in (0..rounds).flat_map(|_| 0..SERVERS) {
        told.further(STEADY).await;
        let process = processes[number].take().ok_or("the server does not run")?;
        tokio::task::spawn_blocking(move || process.stop())
            .await?
            .map_err(|error| servers.log(number, &error.to_string()))?;
        told.further(STEADY).await;
        processes[number] = Some(servers.start(number)?);
        ready(number).await?;
    }
    told.further(STEADY).await;
    stop.cancel();
    let mut failed = clients.end().await?;
    failed.extend(told.failed());
    println!("{} requests, {} watches opened, {} changes seen", told.requests(), told.watches(), told.changes());
    Ok(failed)
}
