//! How many Pods a second get created and bound, with controllers, scheduler and simulated nodes at work.

use std::collections::HashSet;
use std::path::Path;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use crate::create::{CLIENTS, Load};
use crate::figures::{print, print_mib, print_rate, print_spread};
use crate::objects::{PODS, pod, prepare};
use crate::watch::{Seen, open, receive};
use kubernel_e2e::Result;
use kubernel_e2e::client::{Client, Target};
use kubernel_e2e::process::{Process, Server};

const NODES: usize = 1_000;
const PODS_COUNT: usize = 5_000;
const NODES_WAIT: Duration = Duration::from_secs(30);
const CREATE_TIME: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(200);
/// After the nodes are there, until what they set off is done.
const SETTLE: Duration = Duration::from_secs(2);

/// Measures.
pub(crate) async fn run(binary: &Path, folder: &Path) -> Result<()> {
    let server = Server::start(binary, folder, &[])?;
    let target = server.ready().await?;
    prepare(&target).await?;
    let kubeconfig = server.kubeconfig();
    let kubeconfig = kubeconfig.to_str().ok_or("a folder whose name is not UTF-8")?;
    let nodes = NODES.to_string();
    let arguments = ["hollow", "--nodes", &nodes, "--kubeconfig", kubeconfig];
    let begin = Instant::now();
    let hollow = Process::start(binary, &arguments, &folder.join("hollow.log"))?;
    nodes_ready(&mut target.connect().await?, NODES).await?;
    print(&format!("{NODES} nodes joined"), format_args!("{:.2}", begin.elapsed().as_secs_f64()), "s");
    tokio::time::sleep(SETTLE).await;
    print_mib(&format!("memory of the control plane, {NODES} nodes"), server.process.memory()?);
    pods(&target, &server.process, &hollow).await
}

async fn pods(target: &Target, server: &Process, hollow: &Process) -> Result<()> {
    let name = format!("{PODS_COUNT} Pods on {NODES} nodes");
    let events = open(target, PODS, None).await?;
    let load = Load { clients: CLIENTS, path: PODS, prefix: "pod", object: pod, count: PODS_COUNT, time: CREATE_TIME };
    let (server_before, hollow_before) = (server.cpu_secs()?, hollow.cpu_secs()?);
    let begin = Instant::now();
    let (created, followed) = tokio::join!(load.run(target), follow(events, server));
    let (mut created, followed) = (created?, followed?);
    let since = |at: Option<Instant>| at.unwrap_or(begin).duration_since(begin);
    print_rate(&format!("{name}, created"), created.latencies.len(), created.elapsed);
    print_spread(&format!("{name}, create latency"), &mut created.latencies);
    print_rate(&format!("{name}, created and bound"), followed.bound, since(followed.last_bound));
    print_rate(&format!("{name}, created, bound and running"), followed.running, since(followed.last_running));
    let per_pod = |secs: f64| format!("{:.3}", secs * 1e3 / PODS_COUNT as f64);
    if let Some(secs) = followed.cpu_secs_when_bound {
        print(
            &format!("{name}, CPU of the control plane until all are bound"),
            per_pod(secs - server_before),
            "ms per Pod",
        );
    }
    let (secs, simulated) = (server.cpu_secs()? - server_before, hollow.cpu_secs()? - hollow_before);
    print(&format!("{name}, CPU of the control plane until all run"), per_pod(secs), "ms per Pod");
    print(&format!("{name}, CPU of the simulated nodes until all run"), per_pod(simulated), "ms per Pod");
    print_mib(&format!("{name}, memory of the control plane"), server.memory()?);
    print_mib(&format!("{name}, memory of the simulated nodes"), hollow.memory()?);
    Ok(())
}

/// How far the Pods have come.
struct Followed {
    bound: usize,
    running: usize,
    last_bound: Option<Instant>,
    last_running: Option<Instant>,
    cpu_secs_when_bound: Option<f64>,
}

/// Follows the Pods until all run, or until nothing more happens.
async fn follow(mut events: mpsc::UnboundedReceiver<Seen>, server: &Process) -> Result<Followed> {
    let (mut bound, mut running) = (HashSet::new(), HashSet::new());
    let (mut last_bound, mut last_running, mut cpu_secs_when_bound) = (None, None, None);
    while running.len() < PODS_COUNT {
        let seen = match receive(&mut events).await {
            Ok(seen) => seen,
            Err(error) => {
                eprintln!("bench: {} Pods bound, {} run: {error}", bound.len(), running.len());
                break;
            }
        };
        if seen.running && running.insert(seen.name.clone()) {
            last_running = Some(seen.at);
        }
        if seen.bound && bound.insert(seen.name) {
            last_bound = Some(seen.at);
            if bound.len() == PODS_COUNT {
                cpu_secs_when_bound = Some(server.cpu_secs()?);
            }
        }
    }
    Ok(Followed { bound: bound.len(), running: running.len(), last_bound, last_running, cpu_secs_when_bound })
}

/// Waits until all nodes are ready.
pub(crate) async fn nodes_ready(client: &mut Client, wanted: usize) -> Result<()> {
    let deadline = Instant::now() + NODES_WAIT;
    loop {
        let list: serde_json::Value = serde_json::from_slice(&client.get("/api/v1/nodes").await?)?;
        let ready = list["items"].as_array().into_iter().flatten().filter(|node| {
            let mut conditions = node["status"]["conditions"].as_array().into_iter().flatten();
            conditions.any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
        });
        let count = ready.count();
        if count >= wanted {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(format!("only {count} of {wanted} nodes are ready").into());
        }
        tokio::time::sleep(POLL).await;
    }
}
