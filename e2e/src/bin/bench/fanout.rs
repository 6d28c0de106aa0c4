//! How many events a second reach a thousand watchers of the same collection.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::Method;
use hyper::body::Incoming;
use tokio::task::JoinSet;

use crate::create::Load;
use crate::figures::{print, print_rate};
use crate::objects::{WATCHED, config_map};
use kubernel_e2e::Result;
use kubernel_e2e::client::Target;

const WATCHERS: usize = 1_000;
/// How many watches share a connection, as the informers of a client do.
const WATCHES_OF_CLIENT: usize = 50;
const CREATES: usize = 200;
const CREATE_TIME: Duration = Duration::from_secs(20);

/// Measures.
pub(crate) async fn run(target: &Target) -> Result<()> {
    let mut watchers = JoinSet::new();
    let mut clients = Vec::new();
    for _ in 0..WATCHERS / WATCHES_OF_CLIENT {
        let mut client = target.connect().await?;
        for _ in 0..WATCHES_OF_CLIENT {
            let path = format!("{WATCHED}?watch=1&sendInitialEvents=false&resourceVersionMatch=NotOlderThan");
            let body = client.open(Method::GET, &path, Bytes::new()).await?.into_body();
            watchers.spawn(count(body));
        }
        clients.push(client);
    }
    let begin = Instant::now();
    let load =
        Load { clients: 8, path: WATCHED, prefix: "seen", object: config_map, count: CREATES, time: CREATE_TIME };
    let created = load.run(target).await?;
    while let Some(done) = watchers.join_next().await {
        done??;
    }
    print_rate(&format!("events to {WATCHERS} watchers"), CREATES * WATCHERS, begin.elapsed());
    let behind = begin.elapsed().saturating_sub(created.elapsed);
    print(&format!("events to {WATCHERS} watchers, last event after the last create"), behind.as_millis(), "ms");
    Ok(())
}

/// Reads until every event has come; they are lines.
async fn count(mut body: Incoming) -> Result<()> {
    let mut seen = 0;
    while seen < CREATES {
        let frame = body.frame().await.ok_or("a watch ended early")??;
        seen += frame.data_ref().map_or(0, |data| data.iter().filter(|byte| **byte == b'\n').count());
    }
    Ok(())
}
