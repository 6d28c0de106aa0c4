//! What is broken of many servers, when.

use std::time::{Duration, Instant};

use kubernel_e2e::Result;
use rand::RngExt as _;
use rand::rngs::SmallRng;

use crate::cluster::Cluster;
use crate::record::Record;

/// How many there were.
#[derive(Default)]
pub(crate) struct Count {
    servers_killed: u32,
    servers_paused: u32,
    members_killed: u32,
    members_paused: u32,
    pub(crate) operations: usize,
    pub(crate) changes: usize,
}

impl Count {
    /// What happened, a figure a line.
    pub(crate) fn print(&self, record: &Record) {
        println!("servers killed: {}", self.servers_killed);
        println!("servers paused: {}", self.servers_paused);
        println!("etcd members killed: {}", self.members_killed);
        println!("etcd members paused: {}", self.members_paused);
        println!("operations recorded: {}", self.operations);
        println!("changes watched: {}", self.changes);
        let placed = record.placed();
        if let (Some(middle), Some(slowest)) = (placed.get(placed.len() / 2), placed.last()) {
            println!("Pods bound: {}, in the middle after {middle:.3?}, the slowest after {slowest:.3?}", placed.len());
        }
    }
}

/// Breaks something, lets it be broken for a while, mends it, and so on for so long. Ends with everything mended.
pub(crate) async fn run(cluster: &Cluster, mut random: SmallRng, lasts: Duration) -> Result<Count> {
    let mut count = Count::default();
    let until = Instant::now() + lasts;
    while Instant::now() < until {
        one_of_many(cluster, &mut random, &mut count).await?;
    }
    Ok(count)
}

/// One of three servers, or of three members: the others go on.
async fn one_of_many(cluster: &Cluster, random: &mut SmallRng, count: &mut Count) -> Result<()> {
    let Some(etcd) = cluster.etcd() else { return Ok(()) };
    wait(random, 500..2000).await;
    let any = random.random_range(0..cluster.servers());
    match random.random_range(0..6) {
        0 => {
            cluster.kill(any);
            count.servers_killed += 1;
            wait(random, 100..4000).await;
            cluster.restart(any)?;
        }
        kind @ 1..4 => {
            let Some(leader) = cluster.leader().await else { return Ok(()) };
            if kind == 1 {
                cluster.hold(leader, true)?;
                count.servers_paused += 1;
                // Longer than others wait for it: it comes back and must not think that it still leads.
                wait(random, 3000..7000).await;
                cluster.hold(leader, false)?;
            } else {
                cluster.kill(leader);
                count.servers_killed += 1;
                wait(random, 100..4000).await;
                cluster.restart(leader)?;
            }
        }
        kind => {
            // Half the time the one that leads.
            let member = etcd.leader().filter(|_| random.random_bool(0.5)).unwrap_or(any);
            if kind == 4 {
                etcd.kill(member);
                count.members_killed += 1;
                wait(random, 500..3000).await;
                etcd.restart(member);
            } else {
                etcd.pause(member);
                count.members_paused += 1;
                wait(random, 500..4000).await;
                etcd.resume(member);
            }
        }
    }
    cluster.whole(Duration::from_secs(60)).await
}

async fn wait(random: &mut SmallRng, millis: std::ops::Range<u64>) {
    tokio::time::sleep(Duration::from_millis(random.random_range(millis))).await;
}
