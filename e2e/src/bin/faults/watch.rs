//! Watchers that go on where they were, at whatever server answers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt as _;
use hyper::Method;
use kubernel_e2e::Result;
use kubernel_e2e::history::Change;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::cluster::{Cluster, Session};
use crate::workload::{revision, value};

/// How long a stream may be silent: bookmarks come more often only where somebody asks, so this is a look elsewhere.
const SILENCE_MAX: Duration = Duration::from_secs(5);

/// What one watcher saw.
#[derive(Default)]
pub(crate) struct Watched {
    /// By object.
    pub(crate) changes: BTreeMap<String, Vec<Change>>,
    /// What must not be.
    pub(crate) wrong: Vec<String>,
}

/// Watches a collection from a revision on. What breaks off goes on at the next server.
pub(crate) async fn follow(
    cluster: Arc<Cluster>,
    number: usize,
    collection: &'static str,
    mut after: u64,
    stop: CancellationToken,
) -> Watched {
    let mut watched = Watched::default();
    let mut session = Session::new(&cluster, number);
    while !stop.is_cancelled() {
        let streaming = stream(&cluster, &mut session, number, collection, &mut after, &mut watched);
        let ended = tokio::select! { () = stop.cancelled() => break, ended = streaming => ended };
        if ended.is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        session.turn();
    }
    watched
}

async fn stream(
    cluster: &Cluster,
    session: &mut Session<'_>,
    number: usize,
    collection: &str,
    after: &mut u64,
    watched: &mut Watched,
) -> Result<()> {
    let path = format!("{collection}?watch=1&resourceVersion={after}&allowWatchBookmarks=true");
    let client = session.client().await?;
    let mut body = tokio::time::timeout(SILENCE_MAX, client.open(Method::GET, &path, bytes::Bytes::new()))
        .await
        .map_err(|_| "no answer")??
        .into_body();
    let mut line = Vec::new();
    while let Some(frame) = tokio::time::timeout(SILENCE_MAX, body.frame()).await? {
        let frame = frame?;
        for byte in frame.data_ref().into_iter().flatten() {
            if *byte != b'\n' {
                line.push(*byte);
                continue;
            }
            let event: Value = serde_json::from_slice(&line)?;
            line.clear();
            let object = &event["object"];
            let at = revision(object);
            let value = match event["type"].as_str() {
                Some("ADDED" | "MODIFIED") => Some(value(object)),
                Some("DELETED") => None,
                Some("BOOKMARK") => {
                    *after = at.max(*after);
                    cluster.watched_to(number, *after);
                    continue;
                }
                _ => {
                    watched.wrong.push(format!("watcher {number} after {after}: {event}"));
                    return Err("the watch failed".into());
                }
            };
            if at <= *after {
                watched.wrong.push(format!("watcher {number} saw revision {at} after {after}"));
            }
            *after = at;
            let name = object["metadata"]["name"].as_str().unwrap_or_default();
            if name != "last" && name != "kube-root-ca.crt" {
                watched.changes.entry(name.to_owned()).or_default().push(Change { revision: at, value });
            }
            cluster.watched_to(number, at);
        }
    }
    Ok(())
}
