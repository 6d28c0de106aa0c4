//! Follows a resource: everything that is there first, then every change, for ever.
//!
//! A watch that ends is resumed where it ended; one that cannot be resumed starts over. Nothing is kept here.

use std::{pin::pin, time::Duration};

use futures::TryStreamExt;
use kube::{Client, Error, core::WatchEvent};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::wire::Watched;

/// How long a watch is asked to last.
const WATCH_SECS: u64 = 290;
/// How long to wait after the first failure; doubled with each in a row.
const RETRY_MS_MIN: u64 = 100;
/// And at most.
const RETRY_MS_MAX: u64 = 10_000;
/// The annotation of the bookmark after the last object that was there.
const INITIAL_EVENTS_END: &str = "k8s.io/initial-events-end";

/// What a watch brings.
#[derive(Debug)]
pub(crate) enum Change<T> {
    /// All that is there comes next, from the beginning.
    Start,
    /// An object is new, has changed, or is there.
    Set(T),
    /// An object is gone.
    Gone(T),
    /// All that was there has come: what did not come since `Start` is gone.
    Synced,
}

/// Follows the resource at `path` (for example `/api/v1/pods`) until shutdown.
pub(crate) async fn follow<T: Watched, M: Send + 'static>(
    client: Client,
    path: &'static str,
    to: mpsc::Sender<M>,
    wrap: fn(Change<T>) -> M,
    shutdown: CancellationToken,
) {
    let mut resume: Option<String> = None;
    let mut failures = 0u32;
    loop {
        let ended = tokio::select! {
            () = shutdown.cancelled() => return,
            ended = one_watch(&client, path, &to, wrap, &mut resume) => ended,
        };
        match ended {
            Ok(Ended::Closed) => return,
            Ok(Ended::Over) => failures = 0,
            Err(error) => {
                let gone = matches!(&error, Error::Api(status) if status.code == 410);
                let missing = matches!(&error, Error::Api(status) if status.code == 404);
                if missing {
                    tracing::warn!(path, "the server does not know this resource");
                    let absent = [Change::Start, Change::Synced];
                    for change in absent {
                        if to.send(wrap(change)).await.is_err() {
                            return;
                        }
                    }
                } else if !gone {
                    tracing::warn!(path, %error, "a watch failed");
                }
                resume = None;
                let wait_ms = (RETRY_MS_MIN << failures.min(16)).min(RETRY_MS_MAX);
                failures += 1;
                tokio::select! {
                    () = shutdown.cancelled() => return,
                    () = tokio::time::sleep(Duration::from_millis(wait_ms)) => {}
                }
            }
        }
    }
}

enum Ended {
    /// The watch came to its end and may be resumed.
    Over,
    /// Nobody listens any more.
    Closed,
}

async fn one_watch<T: Watched, M>(
    client: &Client,
    path: &str,
    to: &mpsc::Sender<M>,
    wrap: fn(Change<T>) -> M,
    resume: &mut Option<String>,
) -> Result<Ended, Error> {
    let from = match resume {
        Some(version) => format!("resourceVersion={version}"),
        None => "sendInitialEvents=true&resourceVersionMatch=NotOlderThan".to_owned(),
    };
    let uri = format!("{path}?watch=true&allowWatchBookmarks=true&timeoutSeconds={WATCH_SECS}&{from}");
    let request = http::Request::get(uri).body(Vec::new()).map_err(|error| Error::Service(error.into()))?;
    let mut events = pin!(client.request_events::<T>(request).await?);
    if resume.is_none() && to.send(wrap(Change::Start)).await.is_err() {
        return Ok(Ended::Closed);
    }
    while let Some(event) = events.try_next().await? {
        let change = match event {
            WatchEvent::Added(object) | WatchEvent::Modified(object) => {
                set_version(resume, &object.meta().resource_version);
                Change::Set(object)
            }
            WatchEvent::Deleted(object) => {
                set_version(resume, &object.meta().resource_version);
                Change::Gone(object)
            }
            WatchEvent::Bookmark(bookmark) => {
                *resume = Some(bookmark.metadata.resource_version);
                if !bookmark.metadata.annotations.contains_key(INITIAL_EVENTS_END) {
                    continue;
                }
                Change::Synced
            }
            WatchEvent::Error(status) => return Err(Error::Api(status)),
        };
        if to.send(wrap(change)).await.is_err() {
            return Ok(Ended::Closed);
        }
    }
    Ok(Ended::Over)
}

/// A version counts only once everything that was there has come: before, a watch cannot be resumed.
fn set_version(resume: &mut Option<String>, version: &str) {
    if let Some(resume) = resume {
        version.clone_into(resume);
    }
}
