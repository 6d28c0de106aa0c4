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
/// How long to wait before a watch is resumed; doubled with each failure in a row.
const RETRY_MS_MIN: u64 = 100;
/// And at most.
const RETRY_MS_MAX: u64 = 10_000;
/// The annotation of the bookmark after the last object that was there.
const INITIAL_EVENTS_END: &str = "k8s.io/initial-events-end";

/// What a watch brings.
#[derive(Debug)]
pub enum Change<T> {
    /// All that is there comes next, from the beginning. It is read after this was sent, and may come again before
    /// it is complete.
    Start,
    /// An object is new, has changed, or is there.
    Set(T),
    /// An object is gone.
    Gone(T),
    /// All that was there has come: what did not come since `Start` is gone.
    Synced,
}

/// Follows the resource at `path` (for example `/api/v1/pods`, or that with a query) until shutdown.
pub async fn follow<T: Watched, M: Send + 'static>(
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
        let wait_ms = match ended {
            Ok(Ended::Closed) => return,
            Ok(Ended::Over) => {
                failures = 0;
                RETRY_MS_MIN
            }
            Err(error) => {
                if is(&error, 404) {
                    tracing::warn!(path, "the server does not know this resource");
                    let start = resume.is_some().then_some(Change::Start);
                    for change in start.into_iter().chain([Change::Synced]) {
                        if to.send(wrap(change)).await.is_err() {
                            return;
                        }
                    }
                } else if !is(&error, 410) {
                    tracing::warn!(path, %error, "a watch failed");
                }
                resume = None;
                failures += 1;
                (RETRY_MS_MIN << failures.min(16)).min(RETRY_MS_MAX)
            }
        };
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(Duration::from_millis(wait_ms)) => {}
        }
    }
}

fn is(error: &Error, code: u16) -> bool {
    matches!(error, Error::Api(status) if status.code == code)
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
    let mark = if path.contains('?') { '&' } else { '?' };
    let uri = format!("{path}{mark}watch=true&allowWatchBookmarks=true&timeoutSeconds={WATCH_SECS}&{from}");
    let request = http::Request::get(uri).body(Vec::new()).map_err(|error| Error::Service(error.into()))?;
    // Said before it is asked: whatever else goes the same way and comes before `Start`, what comes after it knows of.
    if resume.is_none() && to.send(wrap(Change::Start)).await.is_err() {
        return Ok(Ended::Closed);
    }
    let mut events = pin!(client.request_events::<T>(request).await?);
    while let Some(event) = events.try_next().await? {
        let change = match event {
            WatchEvent::Added(object) | WatchEvent::Modified(object) => {
                set_version(resume, object.version());
                Change::Set(object)
            }
            WatchEvent::Deleted(object) => {
                set_version(resume, object.version());
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

#[cfg(test)]
mod tests {
    use std::{collections::VecDeque, convert::Infallible, sync::Arc, sync::Mutex};

    use http::{Request, Response};
    use kube::client::Body;

    use super::*;
    use crate::wire::Named;

    fn event(type_: &str, name: &str, version: u64) -> String {
        format!(
            r#"{{"type":"{type_}","object":{{"kind":"Node","apiVersion":"v1","metadata":{{"name":"{name}","resourceVersion":"{version}"}}}}}}"#
        ) + "\n"
    }

    fn bookmark(version: u64, end: bool) -> String {
        let end = if end { r#","annotations":{"k8s.io/initial-events-end":"true"}"# } else { "" };
        format!(
            r#"{{"type":"BOOKMARK","object":{{"kind":"Node","apiVersion":"v1","metadata":{{"resourceVersion":"{version}"{end}}}}}}}"#
        ) + "\n"
    }

    fn status(code: u16) -> String {
        format!(
            r#"{{"kind":"Status","apiVersion":"v1","metadata":{{}},"status":"Failure","message":"no","reason":"Expired","code":{code}}}"#
        )
    }

    /// What a watch of these answers (HTTP code and body) tells, and from where each request asked to go on.
    async fn check(answers: Vec<(u16, String)>, expected_changes: &[&str], expected_requests: &[&str]) {
        let answers = Arc::new(Mutex::new(VecDeque::from(answers)));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let shutdown = CancellationToken::new();
        let (seen, stop) = (requests.clone(), shutdown.clone());
        let service = tower::service_fn(move |request: Request<Body>| {
            let query = request.uri().query().unwrap_or_default();
            let from =
                query.split('&').find(|part| part.starts_with("resourceVersion=") || part.starts_with("sendInitial"));
            let mut response = Response::new(Body::empty());
            let next = answers.lock().unwrap().pop_front();
            // The last request is never answered: what ends the watch is the shutdown.
            let answered = next.is_some();
            match next {
                Some((code, body)) => {
                    seen.lock().unwrap().push(from.unwrap_or_default().to_owned());
                    *response.status_mut() = http::StatusCode::from_u16(code).unwrap();
                    *response.body_mut() = Body::from(body.into_bytes());
                }
                None => stop.cancel(),
            }
            async move {
                if !answered {
                    std::future::pending::<()>().await;
                }
                Ok::<_, Infallible>(response)
            }
        });
        let (to, mut changes) = mpsc::channel(64);
        follow::<Named, Change<Named>>(Client::new(service, "default"), "/api/v1/nodes", to, |change| change, shutdown)
            .await;
        let mut told = Vec::new();
        while let Some(change) = changes.recv().await {
            told.push(match change {
                Change::Start => "start".to_owned(),
                Change::Synced => "synced".to_owned(),
                Change::Set(object) => format!("+{}", object.metadata.name),
                Change::Gone(object) => format!("-{}", object.metadata.name),
            });
        }
        assert_eq!(told, expected_changes);
        assert_eq!(*requests.lock().unwrap(), expected_requests);
    }

    #[tokio::test(start_paused = true)]
    async fn watches_resume_and_start_over() {
        let initial = "sendInitialEvents=true";
        check(
            vec![
                (
                    200,
                    event("ADDED", "a", 5) + &event("ADDED", "b", 3) + &bookmark(9, true) + &event("DELETED", "a", 11),
                ),
                (200, event("MODIFIED", "b", 12) + &bookmark(20, false)),
                (200, String::new()),
                (200, format!("{{\"type\":\"ERROR\",\"object\":{}}}\n", status(410))),
                (200, event("ADDED", "b", 30) + &bookmark(30, true)),
            ],
            &["start", "+a", "+b", "synced", "-a", "+b", "start", "+b", "synced"],
            &[initial, "resourceVersion=11", "resourceVersion=20", "resourceVersion=20", initial],
        )
        .await;
        // Cut off before everything that is there has come: there is no place to go on from.
        check(
            vec![(200, event("ADDED", "a", 5)), (200, event("ADDED", "a", 5) + &bookmark(9, true))],
            &["start", "+a", "start", "+a", "synced"],
            &[initial, initial],
        )
        .await;
        // A server that does not know the resource has none of it.
        check(vec![(404, status(404))], &["start", "synced", "start"], &[initial]).await;
        let answers = vec![(500, status(500)), (200, bookmark(1, true))];
        check(answers, &["start", "start", "synced"], &[initial, initial]).await;
    }
}
