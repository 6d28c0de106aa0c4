//! One server on its files, killed at any point, also while it starts: what it acknowledged is there afterwards.
//!
//! Every object has one writer, which knows what it was told: the value it wrote last and heard of, and perhaps one more
//! on its way. After each kill the object holds one of the two.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::{Method, StatusCode};
use kubernel_e2e::Result;
use rand::RngExt as _;
use rand::rngs::SmallRng;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::cluster::{Cluster, Session};
use crate::workload::{COLLECTION, body, object, revision, value};

/// How many write at the same time, so that writes share a sync of the disk.
const WRITERS: usize = 16;
/// How long a server may take to start.
const START: Duration = Duration::from_secs(30);

/// One object and its writer.
#[derive(Clone, Debug, Default)]
struct Writer {
    number: usize,
    /// The value that was acknowledged last.
    acknowledged: u64,
    /// The value that was sent last.
    sent: u64,
    /// The last revision that was seen.
    revision: u64,
}

/// Kills for so long; says what is wrong.
pub(crate) async fn run(cluster: Arc<Cluster>, mut random: SmallRng, lasts: Duration) -> Result<Vec<String>> {
    let mut writers: Vec<Writer> = (0..WRITERS).map(|number| Writer { number, ..Writer::default() }).collect();
    let mut wrong = Vec::new();
    let (mut kills, mut writes) = (0, 0);
    let until = Instant::now() + lasts;
    while Instant::now() < until && wrong.is_empty() {
        let stop = CancellationToken::new();
        let mut running = JoinSet::new();
        for writer in writers.drain(..) {
            running.spawn(write(cluster.clone(), writer, stop.clone()));
        }
        tokio::time::sleep(Duration::from_micros(random.random_range(0..300_000))).await;
        cluster.kill(0);
        stop.cancel();
        while let Some(writer) = running.join_next().await {
            writers.push(writer?);
        }
        kills += 1;
        while random.random_bool(0.3) {
            cluster.restart(0)?;
            tokio::time::sleep(Duration::from_micros(random.random_range(0..150_000))).await;
            cluster.kill(0);
            kills += 1;
        }
        cluster.restart(0)?;
        cluster.whole(START).await?;
        for writer in &mut writers {
            wrong.extend(look(&cluster, writer).await?);
        }
        writes = writers.iter().map(|writer| writer.acknowledged).sum::<u64>();
    }
    println!("kills: {kills}");
    println!("writes acknowledged: {writes}");
    Ok(wrong)
}

/// Writes one value after the other until nobody answers.
async fn write(cluster: Arc<Cluster>, mut writer: Writer, stop: CancellationToken) -> Writer {
    let mut session = Session::new(&cluster, 0);
    let name = format!("w{}", writer.number);
    while !stop.is_cancelled() {
        writer.sent = writer.acknowledged + 1;
        let object = object(&name, None, writer.sent);
        let (method, path) = match writer.acknowledged {
            0 => (Method::POST, COLLECTION.to_owned()),
            _ => (Method::PUT, format!("{COLLECTION}/{name}")),
        };
        match session.call(method, &path, body(&object)).await {
            Some((StatusCode::OK | StatusCode::CREATED, made)) => {
                writer.acknowledged = writer.sent;
                writer.revision = revision(&made);
            }
            _ => break,
        }
    }
    writer
}

/// What the object holds now is what its writer takes for written from now on.
async fn look(cluster: &Cluster, writer: &mut Writer) -> Result<Option<String>> {
    let mut session = Session::new(cluster, 0);
    let path = format!("{COLLECTION}/w{}", writer.number);
    let (status, found) =
        session.call(Method::GET, &path, Bytes::new()).await.ok_or("a server that is ready is silent")?;
    let (value, revision) = if status == StatusCode::OK { (value(&found), revision(&found)) } else { (0, 0) };
    if value != writer.acknowledged && value != writer.sent {
        return Ok(Some(format!("{value} was found, {status}: {writer:?}")));
    }
    let went_back =
        if value == writer.acknowledged { revision != writer.revision } else { revision <= writer.revision };
    if went_back {
        return Ok(Some(format!("revision {revision} was found: {writer:?}")));
    }
    writer.acknowledged = value;
    writer.revision = revision;
    Ok(None)
}
