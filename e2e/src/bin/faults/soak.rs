//! Nothing is broken, for a long time: memory, files, threads and disk of a server stay what they are while objects and Pods
//! come and go.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kubernel_e2e::Result;
use rand::SeedableRng as _;
use rand::rngs::SmallRng;
use tokio_util::sync::CancellationToken;

use crate::cluster::Cluster;
use crate::record::Record;
use crate::{WORKERS, pods, workload};

/// How often the server is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
const MIB: u64 = 1 << 20;

/// What a server takes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sample {
    pub(crate) memory: u64,
    pub(crate) files: u64,
    pub(crate) threads: u64,
    pub(crate) disk: u64,
}

/// Loads the cluster for so long; says what grew.
pub(crate) async fn run(cluster: Arc<Cluster>, seed: u64, lasts: Duration) -> Result<Vec<String>> {
    let record = Arc::new(Record::default());
    let stop = CancellationToken::new();
    let pods = tokio::spawn(pods::run(cluster.clone(), record.clone(), false, stop.clone()));
    let workers: Vec<_> = (0..WORKERS)
        .map(|number| {
            let random = SmallRng::seed_from_u64(seed.wrapping_mul(1000) + number as u64);
            tokio::spawn(workload::run(cluster.clone(), record.clone(), number, random, stop.clone()))
        })
        .collect();
    let mut samples = Vec::new();
    let until = Instant::now() + lasts;
    while Instant::now() < until {
        tokio::time::sleep(LOOK_EVERY).await;
        samples.push(cluster.sample(0)?);
    }
    stop.cancel();
    for worker in workers {
        worker.await?;
    }
    let mut wrong = pods.await??;
    wrong.extend(record.refused());
    println!("operations: {}", record.operations().len());
    wrong.extend(judge(&samples));
    Ok(wrong)
}

/// What the last third took more than the second. In the first, logs of the past fill up to their bounds.
fn judge(samples: &[Sample]) -> Vec<String> {
    let third = samples.len() / 3;
    let most = |from: usize, to: usize, of: fn(&Sample) -> u64| samples[from..to].iter().map(of).max().unwrap_or(0);
    let mut wrong = Vec::new();
    // What it may grow: a share, and so much besides.
    let mut look = |name: &str, of: fn(&Sample) -> u64, share: f64, besides: u64| {
        let (before, after) = (most(third, 2 * third, of), most(2 * third, samples.len(), of));
        println!("{name}: at most {before} in the second third, {after} in the last");
        if after as f64 > before as f64 * (1.0 + share) + besides as f64 {
            wrong.push(format!("{name} grew from {before} to {after}"));
        }
    };
    look("memory (MiB)", |sample| sample.memory / MIB, 0.1, 8);
    look("open files", |sample| sample.files, 0.0, 16);
    look("threads", |sample| sample.threads, 0.0, 2);
    look("disk (MiB)", |sample| sample.disk / MIB, 0.2, 64);
    wrong
}

/// How much the files below a folder take.
pub(crate) fn size_of(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    // A file may be gone before it is looked at.
    let size = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => size_of(&entry.path()),
        Ok(metadata) => std::os::unix::fs::MetadataExt::blocks(&metadata) * 512,
        Err(_) => 0,
    };
    entries.map(size).sum()
}
