//! How many objects a second can be created; each answer comes after the object is on disk.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::task::JoinSet;

use crate::figures::{print_rate, print_spread};
use crate::objects::{CONFIG_MAPS, PODS, config_map, pod};
use kubernel_e2e::Result;
use kubernel_e2e::client::Target;

/// Concurrent clients, each with a connection of its own.
pub(crate) const CLIENTS: usize = 64;
/// How many Pods get created.
pub(crate) const PODS_COUNT: usize = 10_000;

const CONFIG_MAPS_TIME: Duration = Duration::from_secs(4);
const PODS_TIME: Duration = Duration::from_secs(40);

/// Clients that create objects as fast as they can.
pub(crate) struct Load {
    /// How many at once.
    pub(crate) clients: usize,
    /// The collection's path.
    pub(crate) path: &'static str,
    /// What the names begin with.
    pub(crate) prefix: &'static str,
    /// Makes an object of that name.
    pub(crate) object: fn(&str) -> Bytes,
    /// The most objects.
    pub(crate) count: usize,
    /// The most time.
    pub(crate) time: Duration,
}

/// What came of it.
pub(crate) struct Outcome {
    /// Of each object that was created: how long the answer took.
    pub(crate) latencies: Vec<Duration>,
    /// From the first request until the last answer.
    pub(crate) elapsed: Duration,
}

/// Measures; leaves [`PODS_COUNT`] Pods behind unless that takes too long.
pub(crate) async fn run(target: &Target) -> Result<()> {
    let maps = |clients, prefix| Load {
        clients,
        path: CONFIG_MAPS,
        prefix,
        object: config_map,
        count: usize::MAX,
        time: CONFIG_MAPS_TIME,
    };
    report("create of 1 KB ConfigMaps, 1 client", maps(1, "one").run(target).await?);
    report("create of 1 KB ConfigMaps, 64 clients", maps(CLIENTS, "many").run(target).await?);
    let pods = Load { clients: CLIENTS, path: PODS, prefix: "pod", object: pod, count: PODS_COUNT, time: PODS_TIME };
    report("create of Pods, 64 clients", pods.run(target).await?);
    Ok(())
}

/// Prints a load's figures.
pub(crate) fn report(name: &str, mut outcome: Outcome) {
    print_rate(name, outcome.latencies.len(), outcome.elapsed);
    print_spread(&format!("{name}, latency"), &mut outcome.latencies);
}

impl Load {
    /// Runs it.
    ///
    /// # Errors
    /// The first request that failed.
    pub(crate) async fn run(self, target: &Target) -> Result<Outcome> {
        let mut connections = Vec::new();
        for _ in 0..self.clients {
            connections.push(target.connect().await?);
        }
        let load = Arc::new(self);
        let next = Arc::new(AtomicUsize::new(0));
        let begin = Instant::now();
        let mut tasks = JoinSet::new();
        for mut client in connections {
            let (load, next) = (load.clone(), next.clone());
            tasks.spawn(async move {
                let mut latencies = Vec::new();
                while begin.elapsed() < load.time {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= load.count {
                        break;
                    }
                    let body = (load.object)(&format!("{}-{number}", load.prefix));
                    let sent = Instant::now();
                    client.post(load.path, body).await?;
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
}
