//! The way to one node: its events come in, calls go out in order, both again and again until they get through.

use std::sync::Arc;
use std::time::Duration;

use futures::AsyncReadExt;
use http::Request;
use kube::{Client, Error};
use kubernel_mesos_proto::{Message, node, recordio};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// The largest event: an executor may say as much.
const EVENT_BYTES_MAX: usize = 64 << 20;
/// Calls that wait for a node. Beyond it the newest are dropped: frameworks are told nothing of what they asked for, and ask
/// again.
const CALLS_MAX: usize = 16_384;
/// How soon a node is tried again; doubled with each failure in a row.
const RETRY_MS_MIN: u64 = 100;
/// And how late at most.
const RETRY_MS_MAX: u64 = 5_000;

/// The way to one node. It ends when this is dropped, once the node has the calls that wait, if it can be reached.
#[derive(Debug)]
pub(crate) struct Link {
    calls: mpsc::Sender<node::Call>,
    stop: CancellationToken,
}

impl Link {
    /// Opens the way to a node. Its events go to `to`.
    pub(crate) fn open<T: Send + 'static>(
        client: Client,
        node: Arc<str>,
        to: mpsc::Sender<T>,
        wrap: fn(Arc<str>, node::Event) -> T,
    ) -> Self {
        let (calls, waiting) = mpsc::channel(CALLS_MAX);
        let stop = CancellationToken::new();
        let (listener, teller) = (client.clone(), client);
        let (name, until) = (node.clone(), stop.clone());
        tokio::spawn(async move {
            tokio::select! { () = until.cancelled() => {}, () = listen(&listener, &name, &to, wrap) => {} }
        });
        let until = stop.clone();
        tokio::spawn(async move { tell(&teller, &node, waiting, &until).await });
        Self { calls, stop }
    }

    /// Gives the node something to do.
    pub(crate) fn call(&self, call: node::Call) {
        if self.calls.try_send(call).is_err() {
            tracing::warn!("a node does not take calls");
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Gives a node one thing to do, in the background, again until it gets through or the node is no more.
pub(crate) fn call_once(client: Client, node: Arc<str>, call: node::Call) {
    let (calls, waiting) = mpsc::channel(1);
    // There is room for one.
    let _ = calls.try_send(call);
    tokio::spawn(async move { tell(&client, &node, waiting, &CancellationToken::new()).await });
}

async fn listen<T>(client: &Client, node: &Arc<str>, to: &mpsc::Sender<T>, wrap: fn(Arc<str>, node::Event) -> T) {
    let mut failures = 0;
    loop {
        match follow(client, node, to, wrap, &mut failures).await {
            Ok(true) => return,
            Ok(false) => {}
            Err(error) => tracing::debug!(%node, error, "a node's events broke off"),
        }
        pause(&mut failures).await;
    }
}

/// Reads events until the stream ends; `true` when nobody listens any more.
async fn follow<T>(
    client: &Client,
    node: &Arc<str>,
    to: &mpsc::Sender<T>,
    wrap: fn(Arc<str>, node::Event) -> T,
    failures: &mut u32,
) -> Result<bool, String> {
    let request = Request::get(format!("/api/v1/nodes/{node}/proxy/mesos/v1/events"))
        .body(Vec::new())
        .map_err(|error| error.to_string())?;
    let mut stream = Box::pin(client.request_stream(request).await.map_err(|error| error.to_string())?);
    let mut decoder = recordio::Decoder::new(EVENT_BYTES_MAX);
    let mut piece = vec![0; 64 << 10];
    loop {
        let count = stream.read(&mut piece).await.map_err(|error| error.to_string())?;
        if count == 0 {
            return Ok(false);
        }
        decoder.push(&piece[..count]);
        while let Some(record) = decoder.record().map_err(|error| error.to_string())? {
            *failures = 0;
            let event = node::Event::from_json(&record).map_err(|error| error.to_string())?;
            if event.r#type != node::EventType::Heartbeat && to.send(wrap(node.clone(), event)).await.is_err() {
                return Ok(true);
            }
        }
    }
}

async fn tell(client: &Client, node: &str, mut waiting: mpsc::Receiver<node::Call>, until: &CancellationToken) {
    while let Some(call) = waiting.recv().await {
        let body = call.to_json().into_bytes();
        let mut failures = 0;
        while let Err(error) = post(client, node, body.clone()).await {
            match error {
                Error::Api(status) if (400..500).contains(&status.code) && status.code != 429 => {
                    tracing::warn!(%node, status.message, "a node refused a call");
                    break;
                }
                _ if until.is_cancelled() => return,
                error => tracing::debug!(%node, %error, "a node could not be reached"),
            }
            pause(&mut failures).await;
        }
    }
}

async fn post(client: &Client, node: &str, body: Vec<u8>) -> Result<(), Error> {
    let request = Request::post(format!("/api/v1/nodes/{node}/proxy/mesos/v1/calls"))
        .header(http::header::CONTENT_TYPE, "application/json")
        .body(body)
        .map_err(|error| Error::Service(error.into()))?;
    client.request_text(request).await.map(drop)
}

async fn pause(failures: &mut u32) {
    let wait = (RETRY_MS_MIN << (*failures).min(10)).min(RETRY_MS_MAX);
    *failures += 1;
    tokio::time::sleep(Duration::from_millis(wait)).await;
}
