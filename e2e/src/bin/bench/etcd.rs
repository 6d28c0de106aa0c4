//! The same creates on an etcd of one member: what etcd gives to a client of its own, and what it gives through a server.
//! Both have 64 clients with a connection each, and values of about the same size.

use std::path::Path;
use std::time::{Duration, Instant};

use etcd_client::Client;
use kubernel_e2e::Result;
use kubernel_e2e::process::Server;
use kubernel_etcd::EtcdCluster;
use tokio::task::JoinSet;

use crate::create::{CLIENTS, Load, Outcome, report};
use crate::figures::print;
use crate::objects::{CONFIG_MAPS, config_map, prepare};

const TIME: Duration = Duration::from_secs(6);
/// What a ConfigMap of the load takes in the store, with what the server adds.
const VALUE_BYTES: usize = 1300;

/// Measures both, one after the other on the same etcd.
pub(crate) async fn run(binary: &Path, folder: &Path) -> Result<()> {
    let etcd = EtcdCluster::start(1);
    let urls = etcd.urls();
    let alone = puts(&urls).await?;
    let direct = rate(&alone);
    report("etcd alone, puts of its own client, 64 clients", alone);
    let server = Server::start(binary, folder, &["--only", "api", "--etcd-servers", &urls.join(",")])?;
    let target = server.ready().await?;
    prepare(&target).await?;
    let load =
        Load { clients: CLIENTS, path: CONFIG_MAPS, prefix: "etcd", object: config_map, count: usize::MAX, time: TIME };
    let through = load.run(&target).await?;
    let share = rate(&through) / direct;
    report("create of 1 KB ConfigMaps on etcd, 64 clients", through);
    print("create on etcd, of what etcd gives to its own client", format_args!("{share:.2}"), "");
    Ok(())
}

fn rate(outcome: &Outcome) -> f64 {
    outcome.latencies.len() as f64 / outcome.elapsed.as_secs_f64()
}

async fn puts(urls: &[String]) -> Result<Outcome> {
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        clients.push(Client::connect(urls, None).await?);
    }
    let begin = Instant::now();
    let mut tasks = JoinSet::new();
    for (number, mut client) in clients.into_iter().enumerate() {
        tasks.spawn(async move {
            let mut latencies = Vec::new();
            while begin.elapsed() < TIME {
                let key = format!("/bench/{number}-{}", latencies.len());
                let sent = Instant::now();
                client.put(key, vec![b'x'; VALUE_BYTES], None).await?;
                latencies.push(sent.elapsed());
            }
            Result::<_>::Ok(latencies)
        });
    }
    let mut latencies = Vec::new();
    while let Some(done) = tasks.join_next().await {
        latencies.extend(done??);
    }
    Ok(Outcome { latencies, elapsed: begin.elapsed() })
}
