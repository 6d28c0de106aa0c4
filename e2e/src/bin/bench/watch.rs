//! How long it takes until a watcher knows of a new object.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::Method;
use hyper::body::Incoming;
use serde::Deserialize;
use tokio::sync::mpsc;

use crate::create::{CLIENTS, Load};
use crate::figures::print_spread;
use crate::objects::{CONFIG_MAPS, config_map};
use kubernel_e2e::Result;
use kubernel_e2e::client::{Client, Target};

const SINGLE_COUNT: usize = 1_000;
const LOAD_TIME: Duration = Duration::from_secs(2);
const EVENT_WAIT: Duration = Duration::from_secs(10);

/// What of an event is of interest, and when it came.
pub(crate) struct Seen {
    /// When its last byte was here.
    pub(crate) at: Instant,
    /// The object's name.
    pub(crate) name: String,
    /// Whether it is a Pod that has a node.
    pub(crate) bound: bool,
    /// Whether it is a Pod that runs.
    pub(crate) running: bool,
}

/// Measures: a watcher next to one quiet client, then to many busy ones.
pub(crate) async fn run(target: &Target) -> Result<()> {
    let since = version(target).await?;
    let mut events = open(target, CONFIG_MAPS, Some(since)).await?;
    let mut client = target.connect().await?;
    let mut from_sent = Vec::new();
    let mut from_answer = Vec::new();
    for number in 0..SINGLE_COUNT {
        let name = format!("seen-{number}");
        let sent = Instant::now();
        client.post(CONFIG_MAPS, config_map(&name)).await?;
        let answered = Instant::now();
        let seen = next(&mut events, &name).await?;
        from_sent.push(seen.duration_since(sent));
        // Zero where the event came before the answer.
        from_answer.push(seen.saturating_duration_since(answered));
    }
    print_spread("watch, one client, create sent to event", &mut from_sent);
    print_spread("watch, one client, create answered to event", &mut from_answer);

    let sent: std::sync::Arc<std::sync::Mutex<HashMap<String, Instant>>> = std::sync::Arc::default();
    let probe = {
        let (sent, target) = (sent.clone(), target.clone());
        async move {
            let mut client = target.connect().await?;
            let begin = Instant::now();
            for number in 0.. {
                if begin.elapsed() > LOAD_TIME {
                    break;
                }
                let name = format!("probe-{number}");
                if let Ok(mut sent) = sent.lock() {
                    sent.insert(name.clone(), Instant::now());
                }
                client.post(CONFIG_MAPS, config_map(&name)).await?;
            }
            Result::<()>::Ok(())
        }
    };
    let load = Load {
        clients: CLIENTS - 1,
        path: CONFIG_MAPS,
        prefix: "busy",
        object: config_map,
        count: usize::MAX,
        time: LOAD_TIME,
    };
    let (load, probe) = tokio::join!(load.run(target), probe);
    let created = load?.latencies.len();
    probe?;
    let sent = std::mem::take(&mut *sent.lock().map_err(|_| "a poisoned lock")?);
    let mut latencies = Vec::new();
    for _ in 0..created + sent.len() {
        let seen = receive(&mut events).await?;
        if let Some(sent) = sent.get(&seen.name) {
            latencies.push(seen.at.duration_since(*sent));
        }
    }
    print_spread("watch, 64 clients, create sent to event", &mut latencies);
    Ok(())
}

/// Opens a watch of a collection, from a version on or with all that is there. Its events are kept without bound, because a
/// slow reader here would slow the server; where it is too slow nevertheless and is cut off, it goes on where it was.
pub(crate) async fn open(
    target: &Target,
    collection: &str,
    mut since: Option<String>,
) -> Result<mpsc::UnboundedReceiver<Seen>> {
    let mark = if collection.contains('?') { '&' } else { '?' };
    let path = format!("{collection}{mark}watch=1");
    let mut watch = begin(target, &path, since.as_deref()).await?;
    let (events, receiver) = mpsc::unbounded_channel();
    let target = target.clone();
    tokio::spawn(async move {
        // The receiver learns that the watch is over; whether it is still needed, it knows.
        while follow(&mut watch.1, &events, &mut since).await.is_ok() && !events.is_closed() {
            let Ok(again) = begin(&target, &path, since.as_deref()).await else { return };
            watch = again;
        }
    });
    Ok(receiver)
}

/// A watch, with the client whose connection lives as long as it.
async fn begin(target: &Target, path: &str, since: Option<&str>) -> Result<(Client, Incoming)> {
    let path = since.map_or(path.to_owned(), |version| format!("{path}&resourceVersion={version}"));
    let mut client = target.connect().await?;
    let body = client.open(Method::GET, &path, Bytes::new()).await?.into_body();
    Ok((client, body))
}

/// The next event.
///
/// # Errors
/// None comes for a while.
pub(crate) async fn receive(events: &mut mpsc::UnboundedReceiver<Seen>) -> Result<Seen> {
    let event = tokio::time::timeout(EVENT_WAIT, events.recv()).await.map_err(|_| "no event comes any more")?;
    event.ok_or_else(|| "the watch ended".into())
}

async fn next(events: &mut mpsc::UnboundedReceiver<Seen>, name: &str) -> Result<Instant> {
    loop {
        let seen = receive(events).await?;
        if seen.name == name {
            return Ok(seen.at);
        }
    }
}

async fn follow(body: &mut Incoming, events: &mpsc::UnboundedSender<Seen>, since: &mut Option<String>) -> Result<()> {
    let mut buffer = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        let at = Instant::now();
        let mut from = buffer.len();
        buffer.extend_from_slice(&data);
        while let Some(end) = buffer[from..].iter().position(|byte| *byte == b'\n') {
            let line = buffer.split_to(from + end + 1);
            from = 0;
            let event: Event = serde_json::from_slice(&line)?;
            let Object { metadata, spec, status } = event.object;
            *since = Some(metadata.resource_version);
            let bound = spec.is_some_and(|spec| spec.node_name.is_some());
            let running = status.is_some_and(|status| status.phase.as_deref() == Some("Running"));
            if events.send(Seen { at, name: metadata.name, bound, running }).is_err() {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// The collection's current version.
async fn version(target: &Target) -> Result<String> {
    let list = target.connect().await?.get(&format!("{CONFIG_MAPS}?limit=1")).await?;
    let list: serde_json::Value = serde_json::from_slice(&list)?;
    Ok(list["metadata"]["resourceVersion"].as_str().ok_or("a list without version")?.to_owned())
}

#[derive(Deserialize)]
struct Event {
    object: Object,
}

#[derive(Deserialize)]
struct Object {
    metadata: Metadata,
    spec: Option<Spec>,
    status: Option<Status>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    name: String,
    resource_version: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    node_name: Option<String>,
}

#[derive(Deserialize)]
struct Status {
    phase: Option<String>,
}
