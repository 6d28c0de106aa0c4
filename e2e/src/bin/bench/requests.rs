//! How many requests of each kind a second are answered, in JSON and in protobuf.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::Method;
use tokio::task::JoinSet;

use crate::create::CLIENTS;
use crate::figures::{print_rate, print_spread};
use crate::objects::{CONFIG_MAPS, config_map, config_map_message};
use kubernel_e2e::Result;
use kubernel_e2e::client::{Client, JSON, Target, read};

const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";
/// How long each kind of request is sent.
const TIME: Duration = Duration::from_secs(2);
/// How many objects the requests are about; each client asks for another than its neighbour.
const OBJECTS: usize = 1_000;

/// A kind of request.
struct Kind {
    name: &'static str,
    method: Method,
    /// Of what is sent.
    content_type: &'static str,
    accept: &'static str,
    /// What comes behind the collection's path, and the body, of the request of this number.
    make: fn(usize) -> (String, Bytes),
}

/// Measures.
pub(crate) async fn run(target: &Target) -> Result<()> {
    let mut client = target.connect().await?;
    for number in 0..OBJECTS {
        client.post(CONFIG_MAPS, config_map(&name(number))).await?;
    }
    for kind in kinds() {
        let (count, elapsed, mut latencies) = load(target, &Arc::new(kind)).await?;
        print_rate(&count.0, count.1, elapsed);
        print_spread(&format!("{}, latency", count.0), &mut latencies);
    }
    Ok(())
}

fn kinds() -> Vec<Kind> {
    let get = |number: usize| (format!("/{}", name(number % OBJECTS)), Bytes::new());
    let list = |number: usize| (format!("?limit=10&labelSelector=app%3Dbench%2Cn!%3D{number}"), Bytes::new());
    let merge = |number: usize| {
        (format!("/{}", name(number % OBJECTS)), Bytes::from(format!(r#"{{"data":{{"n":"{number}"}}}}"#)))
    };
    let apply = |number: usize| {
        let of = name(number % OBJECTS);
        let body = format!(
            r#"{{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"name":"{of}"}},"data":{{"applied":"{number}"}}}}"#
        );
        (format!("/{of}?fieldManager=bench-{}&force=true", number % 2), Bytes::from(body))
    };
    let create_json = |number: usize| (String::new(), config_map(&format!("json-{number}")));
    let create_protobuf = |number: usize| (String::new(), config_map_message(&format!("protobuf-{number}")));
    let kind = |name, method, content_type, accept, make| Kind { name, method, content_type, accept, make };
    vec![
        kind("get in JSON", Method::GET, JSON, JSON, get),
        kind("get in protobuf", Method::GET, JSON, PROTOBUF, get),
        kind("list of 10 in JSON", Method::GET, JSON, JSON, list),
        kind("list of 10 in protobuf", Method::GET, JSON, PROTOBUF, list),
        kind("create in JSON", Method::POST, JSON, JSON, create_json),
        kind("create in protobuf", Method::POST, PROTOBUF, PROTOBUF, create_protobuf),
        kind("merge patch", Method::PATCH, "application/merge-patch+json", JSON, merge),
        kind("server-side apply", Method::PATCH, "application/apply-patch+yaml", JSON, apply),
    ]
}

fn name(number: usize) -> String {
    format!("asked-{number}")
}

/// Sends requests from all clients for a while: what the figures are called, how many, how long, and each one's time.
async fn load(target: &Target, kind: &Arc<Kind>) -> Result<((String, usize), Duration, Vec<Duration>)> {
    let next = Arc::new(AtomicUsize::new(0));
    let mut connections = Vec::new();
    for _ in 0..CLIENTS {
        connections.push(target.connect().await?);
    }
    let begin = Instant::now();
    let mut tasks = JoinSet::new();
    for client in connections {
        tasks.spawn(send(client, kind.clone(), next.clone(), begin));
    }
    let mut latencies = Vec::new();
    while let Some(done) = tasks.join_next().await {
        latencies.extend(done??);
    }
    Ok(((format!("{}, {CLIENTS} clients", kind.name), latencies.len()), begin.elapsed(), latencies))
}

async fn send(mut client: Client, kind: Arc<Kind>, next: Arc<AtomicUsize>, begin: Instant) -> Result<Vec<Duration>> {
    let mut latencies = Vec::new();
    while begin.elapsed() < TIME {
        let (rest, body) = (kind.make)(next.fetch_add(1, Ordering::Relaxed));
        let path = format!("{CONFIG_MAPS}{rest}");
        let sent = Instant::now();
        let response = client.send(kind.method.clone(), &path, kind.content_type, kind.accept, body).await?;
        read(response.into_body()).await?;
        latencies.push(sent.elapsed());
    }
    Ok(latencies)
}
