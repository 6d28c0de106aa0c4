//! Breaks a cluster while clients use it, and says whether anything was lost: `faults KUBERNEL-BINARY EMPTY-FOLDER
//! [etcd|embedded|soak] [SECONDS] [SEED]`.
//!
//! `etcd` is three servers on three members of an etcd: servers and members are killed and paused, one of each at a time.
//! `embedded` is one server on its files, killed as often as time allows ([`crash`]); `soak` the
//! same, with nothing broken ([`soak`]).
//!
//! While the former is broken, clients write, read and delete objects at whatever server answers, and watch them; every
//! answer is recorded. In the end nothing acknowledged is missing, single objects were linearizable ([`kubernel_e2e::history`]), every watcher saw the
//! same changes in the same order without gap or double, no Pod was bound twice, none is left over, and no client that
//! retries was refused for good. Exit code 1 says that something is wrong, and the lines before it what.

mod cluster;
mod crash;
mod faults;
mod pods;
mod record;
mod soak;
mod watch;
mod workload;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use kubernel_e2e::{Result, history};
use rand::SeedableRng as _;
use rand::rngs::SmallRng;
use tokio_util::sync::CancellationToken;

use cluster::{Cluster, Engine};
use record::Record;

/// How many clients write and read.
const WORKERS: usize = 12;
/// How many objects they share: few, so that they meet.
const OBJECTS: usize = 24;
/// How long the cluster has to be whole again after the last fault.
const CALM: Duration = Duration::from_secs(60);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let text = |index: usize, default: &str| arguments.get(index).cloned().unwrap_or_else(|| default.to_owned());
    let engine = match text(2, "etcd").as_str() {
        "etcd" => Engine::Etcd,
        "embedded" => Engine::Embedded,
        "soak" => Engine::Soak,
        _ => return usage(),
    };
    let (Ok(seconds), Ok(seed)) = (text(3, "60").parse(), text(4, "1").parse()) else { return usage() };
    let [binary, folder] = [0, 1].map(|index| PathBuf::from(text(index, "")));
    if arguments.len() < 2 {
        return usage();
    }
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("faults: {error}");
            return ExitCode::from(2);
        }
    };
    match runtime.block_on(run(binary, folder, engine, Duration::from_secs(seconds), seed)) {
        Ok(wrong) if wrong.is_empty() => ExitCode::SUCCESS,
        Ok(wrong) => {
            wrong.iter().take(50).for_each(|line| eprintln!("faults: {line}"));
            eprintln!("faults: {} things are wrong (seed {seed})", wrong.len());
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("faults: {error}");
            ExitCode::FAILURE
        }
    }
}

fn usage() -> ExitCode {
    eprintln!("usage: faults KUBERNEL-BINARY EMPTY-FOLDER [etcd|embedded|soak] [SECONDS] [SEED]");
    ExitCode::from(2)
}

async fn run(binary: PathBuf, folder: PathBuf, engine: Engine, lasts: Duration, seed: u64) -> Result<Vec<String>> {
    let cluster = Arc::new(Cluster::start(binary, folder, engine).await?);
    let record = Arc::new(Record::default());
    let begin = workload::prepare(&cluster).await?;
    match engine {
        Engine::Etcd => {}
        Engine::Embedded => return crash::run(cluster, SmallRng::seed_from_u64(seed), lasts).await,
        Engine::Soak => return soak::run(cluster, seed, lasts).await,
    }
    let stop = CancellationToken::new();
    let watchers: Vec<_> = (0..cluster.servers())
        .map(|number| tokio::spawn(watch::follow(cluster.clone(), number, workload::COLLECTION, begin, stop.clone())))
        .collect();
    let pods = tokio::spawn(pods::run(cluster.clone(), record.clone(), true, stop.clone()));
    let working = stop.child_token();
    let workers: Vec<_> = (0..WORKERS)
        .map(|number| {
            let random = SmallRng::seed_from_u64(seed.wrapping_mul(1000) + number as u64);
            tokio::spawn(workload::run(cluster.clone(), record.clone(), number, random, working.clone()))
        })
        .collect();
    let mut count = faults::run(&cluster, SmallRng::seed_from_u64(seed), lasts).await?;
    working.cancel();
    for worker in workers {
        worker.await?;
    }
    cluster.whole(CALM).await?;
    // What comes now is written when everything is well: the watchers have to come this far.
    let last = workload::write_last(&cluster).await?;
    let mut wrong = Vec::new();
    let mut seen = Vec::new();
    let until = tokio::time::Instant::now() + CALM;
    while !cluster.watched().iter().all(|revision| *revision >= last) {
        if tokio::time::Instant::now() > until {
            wrong.push(format!("watchers came to {:?} of {last} only", cluster.watched()));
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    stop.cancel();
    for watcher in watchers {
        let watched = watcher.await?;
        wrong.extend(watched.wrong);
        seen.push(watched.changes);
    }
    wrong.extend(pods.await??);
    for (number, other) in seen.iter().enumerate().skip(1) {
        if *other != seen[0] {
            wrong.push(format!("watcher {number} saw other changes than watcher 0"));
        }
    }
    let operations = record.operations();
    wrong.extend(record.refused());
    wrong.extend(history::check(&operations, &seen[0]));
    count.operations = operations.len();
    count.changes = seen[0].values().map(Vec::len).sum();
    count.print(&record);
    Ok(wrong)
}
