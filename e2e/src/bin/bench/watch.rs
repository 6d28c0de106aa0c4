//! How long it takes until a watcher knows of a new object.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::Method;
use hyper::body::Incoming;
use serde::Deserialize;
use tokio::sync::mpsc;

use crate::Result;
use crate::client::Target;
use crate::create::{CLIENTS, Load};
use crate::figures::print_spread;
use crate::objects::{CONFIG_MAPS, config_map};

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
    let mut events = open(target, &format!("{CONFIG_MAPS}?watch=1&resourceVersion={since}")).await?;
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

/// Opens a watch. The events of one watch are kept without bound, because a slow reader here would slow the server.
pub(crate) async fn open(target: &Target, path: &str) -> Result<mpsc::UnboundedReceiver<Seen>> {
    let mut client = target.connect().await?;
    let body = client.open(Method::GET, path, Bytes::new()).await?.into_body();
    let (events, receiver) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        // The connection lives as long as its client.
        let _client = client;
        // The receiver learns that the watch is over; whether it is still needed, it knows.
        drop(follow(body, &events).await);
    });
    Ok(receiver)
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

async fn follow(mut body: Incoming, events: &mpsc::UnboundedSender<Seen>) -> Result<()> {
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
struct Metadata {
    name: String,
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
