//! Clients that take every failure for one. What they do again is what Go's transport does: a request that was never sent,
//! because its connection had ended before, one that the server said it had not looked at (GOAWAY), and over HTTP/1.1 a
//! reading one whose kept connection ended under it. A watch that ended well goes on where it was.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper::{Method, Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use kubernel_e2e::Result;
use kubernel_e2e::client::{JSON, Target};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

const NAMESPACE: &str = "/api/v1/namespaces/upgrade";
/// How many clients of each kind write and read.
const WORKERS: usize = 3;
/// How long a client rests after a request: this is about every request, not about many.
const PAUSE: Duration = Duration::from_millis(5);

/// How clients connect.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// As Go's: one connection of HTTP/2, kept.
    Http2,
    /// As Python's: one connection of HTTP/1.1, kept.
    Http1,
    /// As kubectl: a connection for each request.
    Fresh,
}

/// What clients were told.
#[derive(Default)]
pub(crate) struct Told {
    requests: AtomicUsize,
    watches: AtomicUsize,
    changes: AtomicUsize,
    failed: Mutex<Vec<String>>,
    more: Notify,
}

/// The clients.
pub(crate) struct Clients {
    target: Target,
    /// The revision of the namespace: everything of interest comes after.
    begin: String,
    tasks: JoinSet<()>,
    watchers: JoinSet<Watched>,
    workers: usize,
}

/// The last value that a watcher saw of each object, and what it missed.
#[derive(Default)]
struct Watched {
    last: BTreeMap<String, u64>,
    wrong: Vec<String>,
}

impl Told {
    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }

    pub(crate) fn watches(&self) -> usize {
        self.watches.load(Ordering::Relaxed)
    }

    pub(crate) fn changes(&self) -> usize {
        self.changes.load(Ordering::Relaxed)
    }

    pub(crate) fn failed(&self) -> Vec<String> {
        self.failed.lock().clone()
    }

    /// Waits for so many more requests of each worker, by and large, or for the first that failed.
    pub(crate) async fn further(&self, steps: usize) {
        let until = self.requests() + steps * WORKERS * 3;
        while self.requests() < until && self.failed.lock().is_empty() {
            self.more.notified().await;
        }
    }

    fn answered(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.more.notify_one();
    }

    fn fail(&self, text: String) {
        self.failed.lock().push(text);
        self.more.notify_one();
    }
}

/// Makes the namespace.
pub(crate) async fn prepare(target: &Target) -> Result<Clients> {
    let object = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "upgrade" } });
    let made =
        Client::new(target.clone(), Kind::Fresh).object(Method::POST, "/api/v1/namespaces", Some(object)).await?;
    let begin = made["metadata"]["resourceVersion"].as_str().unwrap_or_default().to_owned();
    Ok(Clients { target: target.clone(), begin, tasks: JoinSet::new(), watchers: JoinSet::new(), workers: 0 })
}

impl Clients {
    /// Starts clients that connect like this.
    pub(crate) fn start(&mut self, kind: Kind, told: &Arc<Told>, stop: &CancellationToken) {
        for _ in 0..WORKERS {
            let client = Client::new(self.target.clone(), kind);
            let name = format!("object-{}", self.workers);
            self.workers += 1;
            let (told, stop) = (told.clone(), stop.clone());
            self.tasks.spawn(async move {
                if let Err(error) = work(client, &name, &told, &stop).await {
                    told.fail(format!("{name}: {error}"));
                }
            });
        }
        let client = Client::new(self.target.clone(), kind);
        self.watchers.spawn(follow(client, self.begin.clone(), told.clone(), stop.clone()));
    }

    /// Waits for all of them; says what watchers missed.
    pub(crate) async fn end(mut self) -> Result<Vec<String>> {
        while let Some(ended) = self.tasks.join_next().await {
            ended?;
        }
        let mut wrong = Vec::new();
        while let Some(ended) = self.watchers.join_next().await {
            let watched = ended?;
            wrong.extend(watched.wrong);
            if watched.last.len() != self.workers {
                wrong.push(format!("a watcher saw {} of {} objects", watched.last.len(), self.workers));
            }
        }
        Ok(wrong)
    }
}

/// Counts up in an object of its own, which nobody else writes, and reads what it wrote.
async fn work(mut client: Client, name: &str, told: &Told, stop: &CancellationToken) -> Result<()> {
    let collection = format!("{NAMESPACE}/configmaps");
    let path = format!("{collection}/{name}");
    let mut object = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name }, "data": { "value": "1" },
    });
    object = client.object(Method::POST, &collection, Some(object)).await?;
    told.answered();
    for value in 2_u64.. {
        if stop.is_cancelled() {
            break;
        }
        object["data"]["value"] = value.to_string().into();
        object = client.object(Method::PUT, &path, Some(object)).await?;
        told.answered();
        let read = client.object(Method::GET, &path, None).await?;
        told.answered();
        if read != object {
            return Err(format!("wrote {object} and read {read}").into());
        }
        let list = client.object(Method::GET, &format!("{collection}?limit=5"), None).await?;
        told.answered();
        if list["items"].as_array().is_none_or(Vec::is_empty) {
            return Err(format!("listed {list}").into());
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}

async fn follow(mut client: Client, mut after: String, told: Arc<Told>, stop: CancellationToken) -> Watched {
    let mut watched = Watched::default();
    while !stop.is_cancelled() {
        let streaming = stream(&mut client, &mut after, &told, &mut watched);
        let ended = tokio::select! { () = stop.cancelled() => break, ended = streaming => ended };
        if let Err(error) = ended {
            told.fail(format!("a watch: {error}"));
            break;
        }
    }
    watched
}

async fn stream(client: &mut Client, after: &mut String, told: &Told, watched: &mut Watched) -> Result<()> {
    let path = format!("{NAMESPACE}/configmaps?watch=1&allowWatchBookmarks=true&resourceVersion={after}");
    let mut body = client.send(Method::GET, &path, Bytes::new()).await?.into_body();
    told.watches.fetch_add(1, Ordering::Relaxed);
    let mut line = Vec::new();
    while let Some(frame) = body.frame().await {
        for byte in frame?.data_ref().into_iter().flatten() {
            if *byte != b'\n' {
                line.push(*byte);
                continue;
            }
            let event: Value = serde_json::from_slice(&line)?;
            line.clear();
            let object = &event["object"];
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            match event["type"].as_str() {
                Some("ADDED" | "MODIFIED") => {
                    told.changes.fetch_add(1, Ordering::Relaxed);
                    watched.see(text(&object["metadata"]["name"]), text(&object["data"]["value"]).parse().ok());
                }
                Some("BOOKMARK") => {}
                _ => return Err(format!("{event}").into()),
            }
            *after = text(&object["metadata"]["resourceVersion"]);
        }
    }
    if line.is_empty() { Ok(()) } else { Err("it ended within an event".into()) }
}

impl Watched {
    fn see(&mut self, name: String, value: Option<u64>) {
        // The certificate of every namespace is nobody's.
        let Some(value) = value else { return };
        let last = self.last.insert(name.clone(), value).unwrap_or(0);
        if value != last + 1 {
            self.wrong.push(format!("a watcher saw {name} at {value} after {last}"));
        }
    }
}

/// One client.
struct Client {
    target: Target,
    kind: Kind,
    kept: Option<Sender>,
}

enum Sender {
    Two(http2::SendRequest<Full<Bytes>>),
    One(http1::SendRequest<Full<Bytes>>),
}

impl Client {
    fn new(target: Target, kind: Kind) -> Self {
        let target = if kind == Kind::Http1 { target.over_http1() } else { target };
        Self { target, kind, kept: None }
    }

    /// Sends a request; gives the object that came back.
    async fn object(&mut self, method: Method, path: &str, object: Option<Value>) -> Result<Value> {
        let body = object.map(|object| Bytes::from(object.to_string())).unwrap_or_default();
        let what = format!("{method} {path}");
        let answered = async {
            let response = self.send(method, path, body).await?;
            Ok(serde_json::from_slice(&response.into_body().collect().await?.to_bytes())?)
        };
        let answered: Result<Value> = answered.await;
        answered.map_err(|error| format!("{what}: {error} {error:?}").into())
    }

    /// Sends a request; returns when an answer begins that is a success.
    async fn send(&mut self, method: Method, path: &str, body: Bytes) -> Result<Response<Incoming>> {
        loop {
            let is_kept = self.kept.as_ref().is_some_and(|sender| !sender.is_closed());
            let mut sender = match self.kept.take().filter(|_| is_kept) {
                Some(sender) => sender,
                None => self.connect().await?,
            };
            let request = Request::builder()
                .method(method.clone())
                .uri(format!("https://{}{path}", self.target.address()))
                .header("host", self.target.address().to_string())
                .header("accept", JSON)
                .header("content-type", JSON)
                .body(Full::new(body.clone()))?;
            match sender.send(request).await {
                Ok(response) if response.status().is_success() => {
                    if self.kind != Kind::Fresh {
                        self.kept = Some(sender);
                    }
                    return Ok(response);
                }
                Ok(response) => {
                    let status = response.status();
                    let text = response.into_body().collect().await?.to_bytes();
                    return Err(format!("{status}: {}", String::from_utf8_lossy(&text)).into());
                }
                Err(failure) if is_kept && failure.may_be_sent_again(self.kind, &method) => {}
                Err(failure) => return Err(failure.error.into()),
            }
        }
    }

    async fn connect(&self) -> Result<Sender> {
        let io = TokioIo::new(self.target.dial().await?);
        if self.kind == Kind::Http1 {
            let (sender, connection) = http1::handshake(io).await?;
            tokio::spawn(connection);
            return Ok(Sender::One(sender));
        }
        let (sender, connection) = http2::handshake(TokioExecutor::new(), io).await?;
        tokio::spawn(connection);
        Ok(Sender::Two(sender))
    }
}

struct Unanswered {
    error: hyper::Error,
    was_sent: bool,
}

impl Unanswered {
    fn may_be_sent_again(&self, kind: Kind, method: &Method) -> bool {
        let cause = std::error::Error::source(&self.error).and_then(|source| source.downcast_ref::<h2::Error>());
        // Requests that it did look at and did not answer end with the connection, not with this.
        let was_ignored = cause.is_some_and(|error| {
            error.is_go_away() && error.is_remote() && error.reason() == Some(h2::Reason::NO_ERROR)
        });
        let has_ended = self.error.is_incomplete_message() || self.error.is_closed() || self.error.is_canceled();
        !self.was_sent || was_ignored || (kind == Kind::Http1 && *method == Method::GET && has_ended)
    }
}

impl Sender {
    fn is_closed(&self) -> bool {
        match self {
            Self::Two(sender) => sender.is_closed(),
            Self::One(sender) => sender.is_closed(),
        }
    }

    async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, Unanswered> {
        let unsent = |error| Unanswered { error, was_sent: false };
        let failed = |mut failure: hyper::client::conn::TrySendError<_>| {
            let was_sent = failure.take_message().is_none();
            Unanswered { error: failure.into_error(), was_sent }
        };
        match self {
            Self::Two(sender) => {
                sender.ready().await.map_err(unsent)?;
                sender.try_send_request(request).await.map_err(failed)
            }
            Self::One(sender) => {
                sender.ready().await.map_err(unsent)?;
                sender.try_send_request(request).await.map_err(failed)
            }
        }
    }
}
