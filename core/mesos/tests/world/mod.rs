//! A door with two agents behind it, a bridge that writes down what it is asked, and frameworks that remember what they
//! hear. Time is virtual: a step is over when nobody has anything left to do.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails, loudly")]

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::Duration,
};

use axum::{
    Router,
    body::{Body, BodyDataStream},
};
use futures::{FutureExt, StreamExt};
use http::{Request, Response};
use http_body_util::BodyExt;
use kubernel_kernel::{Availability, Input, Kind, Ranges, Resources, Shape};
use kubernel_ledger::Ledger;
use kubernel_mesos::{Config, Door, Encoding, Principal, Work, router};
use kubernel_mesos_proto::{Message, recordio, scheduler::Event};
use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// The identifier of the master in all tests.
pub(crate) const MASTER: &str = "m";

pub(crate) struct World {
    pub(crate) door: Door,
    pub(crate) ledger: Arc<Ledger>,
    router: Router,
    work: Arc<Mutex<Vec<String>>>,
    pub(crate) encoding: Encoding,
    pub(crate) listeners: BTreeMap<String, Listener>,
}

/// One framework as the test sees it.
#[derive(Default)]
pub(crate) struct Listener {
    pub(crate) id: String,
    pub(crate) stream_id: String,
    stream: Option<BodyDataStream>,
    records: Vec<Vec<u8>>,
}

pub(crate) struct Said {
    pub(crate) status: u16,
    pub(crate) headers: http::HeaderMap,
    pub(crate) text: String,
}

impl World {
    /// A door that is not open yet: it has still to be told what was there before.
    pub(crate) async fn closed(encoding: Encoding, agents: usize) -> Self {
        let ledger = Arc::new(Ledger::default());
        let (sender, mut receiver) = mpsc::channel(1024);
        let door =
            Door::new(ledger.clone(), Config::new(MASTER, "localhost", IpAddr::V4(Ipv4Addr::LOCALHOST), 5050), sender);
        let work = Arc::new(Mutex::new(Vec::new()));
        let written = work.clone();
        tokio::spawn(async move {
            while let Some(one) = receiver.recv().await {
                if let Some(words) = words(&one) {
                    written.lock().push(words);
                }
                if let Work::FrameworkChanged { done: Some(done), .. } = one {
                    let _ = done.send(Ok(()));
                }
            }
        });
        let stop = CancellationToken::new();
        let (runner, keeper) = (door.clone(), ledger.clone());
        let stopped = stop.clone();
        tokio::spawn(async move { runner.run(stopped).await });
        tokio::spawn(async move { keeper.keep_time(stop).await });
        let router = router(door.clone());
        let world = Self { door, ledger, router, work, encoding, listeners: BTreeMap::new() };
        for at in 1..=agents {
            world.add_agent(&format!("agent-{at}"));
        }
        world.settle().await;
        world
    }

    /// 4 CPUs, 4 GiB, 8 GiB of disk, ports 31000 to 32000.
    pub(crate) fn add_agent(&self, name: &str) {
        self.ledger.act(|books, now| {
            let mut total = Resources::new(4_000, 4 << 30, 8 << 30, 0);
            let ports = Kind { shape: Shape::Ranges, ..Kind::plain("ports") };
            total.set_items(books.kind(&ports).unwrap(), Ranges::interval(31_000, 32_000));
            books.step(now, Input::AddAgent { name: name.into(), total, availability: Availability::Open });
        });
    }

    /// Until nobody has anything left to do.
    pub(crate) async fn settle(&self) {
        tokio::time::sleep(Duration::from_millis(1)).await;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }

    /// Sends a request; `principal`: who the caller proved to be.
    pub(crate) async fn send(&self, request: Request<Body>, principal: Option<&str>) -> Response<Body> {
        let mut request = request;
        if let Some(principal) = principal {
            request.extensions_mut().insert(Principal(principal.to_owned()));
        }
        let response = self.router.clone().oneshot(request).await.unwrap();
        self.settle().await;
        response
    }

    /// Keeps the stream of an answer for a framework.
    pub(crate) async fn listen(&mut self, name: &str, response: Response<Body>) {
        let header = |name: &str| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        let stream_id = header("Mesos-Stream-Id").unwrap_or_default();
        let mut listener = Listener { stream_id, ..Listener::default() };
        let stream = response.into_body().into_data_stream();
        listener.stream = Some(stream);
        if let Some(old) = self.listeners.get(name) {
            listener.id.clone_from(&old.id);
        }
        self.listeners.insert(name.to_owned(), listener);
        self.settle().await;
    }

    /// What a framework heard since it was asked last, without heartbeats; "CLOSED" when the stream has ended.
    pub(crate) fn heard(&mut self, name: &str) -> Vec<Value> {
        let encoding = self.encoding;
        let Some(listener) = self.listeners.get_mut(name) else { return Vec::new() };
        let mut decoder = recordio::Decoder::new(1 << 30);
        let mut closed = false;
        while let Some(stream) = &mut listener.stream {
            match stream.next().now_or_never() {
                Some(Some(piece)) => decoder.push(&piece.unwrap()),
                Some(None) => {
                    closed = true;
                    listener.stream = None;
                }
                None => break,
            }
            while let Some(record) = decoder.record().unwrap() {
                listener.records.push(record);
            }
        }
        let mut heard: Vec<Value> = listener.records.drain(..).map(|record| read(encoding, &record)).collect();
        heard.retain(|event| event["type"] != "HEARTBEAT");
        if closed {
            heard.push(Value::String("CLOSED".to_owned()));
        }
        heard
    }

    /// The framework reads no more.
    pub(crate) async fn close(&mut self, name: &str) {
        self.listeners.get_mut(name).unwrap().stream = None;
        self.settle().await;
    }

    /// What the bridge was asked since it was looked at last.
    pub(crate) fn worked(&self) -> Vec<String> {
        std::mem::take(&mut self.work.lock())
    }
}

/// An event as JSON, whichever way it came.
fn read(encoding: Encoding, record: &[u8]) -> Value {
    let event = match encoding {
        Encoding::Json => {
            assert!(record.is_ascii() && !record.contains(&b'\n'), "{}", String::from_utf8_lossy(record));
            Event::from_json(record).unwrap()
        }
        Encoding::Protobuf => Event::decode(record).unwrap(),
    };
    serde_json::from_str(&event.to_json()).unwrap()
}

/// All of an answer that ends.
pub(crate) async fn said(response: Response<Body>) -> Said {
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    Said { status: parts.status.as_u16(), headers: parts.headers, text: String::from_utf8_lossy(&bytes).into_owned() }
}

/// Work in one line; `None` for what every subscription brings.
fn words(work: &Work) -> Option<String> {
    Some(match work {
        Work::FrameworkChanged { .. } => return None,
        Work::FrameworkRemoved { id } => format!("removed {id}"),
        Work::Launch(launch) => {
            let tasks: Vec<&str> = launch.tasks.iter().map(|task| task.task_id.value.as_str()).collect();
            let executor = launch.executor.as_ref().map(|executor| format!(" by {}", executor.executor_id.value));
            let group = if launch.group { " together" } else { "" };
            format!("launch {} on {}{}{group}", tasks.join(" "), launch.agent, executor.unwrap_or_default())
        }
        Work::Kill { task, agent, grace_ms, .. } => format!("kill {task} on {agent} in {grace_ms:?}"),
        Work::ShutdownExecutor { agent, executor, .. } => format!("shutdown {executor} on {agent}"),
        Work::ShutdownFramework { agent, .. } => format!("shutdown all on {agent}"),
        Work::Message { agent, executor, data, .. } => format!("message to {executor} on {agent}: {}", data.len()),
        Work::Acknowledge { task, agent, uuid, .. } => format!("acknowledge {task} on {agent}: {}", uuid[0]),
        Work::Checkpoint { agent, .. } => format!("checkpoint {agent}"),
        Work::Operator { what, .. } => format!("{what:?}"),
    })
}
