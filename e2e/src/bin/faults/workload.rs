//! Clients that write, read and delete a few objects, and write down what they are told.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::{Method, StatusCode};
use kubernel_e2e::Result;
use kubernel_e2e::history::Outcome;
use rand::RngExt as _;
use rand::rngs::SmallRng;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::OBJECTS;
use crate::cluster::{Cluster, Session};
use crate::record::Record;

/// The objects.
pub(crate) const COLLECTION: &str = "/api/v1/namespaces/faults/configmaps";
/// How long a client goes on asking before it calls itself refused.
const PATIENCE: Duration = Duration::from_secs(30);

/// Makes the namespace; the revision after which everything is of interest.
pub(crate) async fn prepare(cluster: &Cluster) -> Result<u64> {
    let namespace = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "faults" } });
    let mut session = Session::new(cluster, 0);
    let answer = session.call(Method::POST, "/api/v1/namespaces", body(&namespace)).await;
    match answer {
        Some((StatusCode::CREATED, made)) => Ok(revision(&made)),
        other => Err(format!("the namespace cannot be made: {other:?}").into()),
    }
}

/// Writes an object that nobody else does; its revision.
pub(crate) async fn write_last(cluster: &Cluster) -> Result<u64> {
    let mut session = Session::new(cluster, 0);
    let object = object("last", None, 0);
    match session.call(Method::POST, COLLECTION, body(&object)).await {
        Some((StatusCode::CREATED, made)) => Ok(revision(&made)),
        other => Err(format!("nothing can be written: {other:?}").into()),
    }
}

/// One client.
pub(crate) async fn run(
    cluster: Arc<Cluster>,
    record: Arc<Record>,
    number: usize,
    mut random: SmallRng,
    stop: CancellationToken,
) {
    let mut session = Session::new(&cluster, number);
    let mut answered = Instant::now();
    while !stop.is_cancelled() {
        let key = format!("x{}", random.random_range(0..OBJECTS));
        let path = format!("{COLLECTION}/{key}");
        let called = record.now();
        let Some((status, found)) = session.call(Method::GET, &path, Bytes::new()).await else {
            if answered.elapsed() > PATIENCE {
                record.refuse(format!("client {number} had no answer for {PATIENCE:?}"));
                answered = Instant::now();
            }
            continue;
        };
        answered = Instant::now();
        let found = match status {
            StatusCode::OK => {
                record.ended(&key, called, Outcome::Read(value(&found), revision(&found)));
                Some(revision(&found))
            }
            StatusCode::NOT_FOUND => {
                record.ended(&key, called, Outcome::ReadNothing);
                None
            }
            other => {
                record.refuse(format!("client {number} reads {key}: {other} {found}"));
                continue;
            }
        };
        match random.random_range(0..10) {
            0..3 => {}
            3..5 if found.is_some() => remove(&mut session, &record, &key, found.unwrap_or(0)).await,
            _ => write(&mut session, &record, &key, found).await,
        }
    }
}

async fn write(session: &mut Session<'_>, record: &Record, key: &str, found: Option<u64>) {
    let value = record.value();
    let object = object(key, found, value);
    let (method, path) = match found {
        Some(_) => (Method::PUT, format!("{COLLECTION}/{key}")),
        None => (Method::POST, COLLECTION.to_owned()),
    };
    let called = record.now();
    match session.call(method, &path, body(&object)).await {
        Some((StatusCode::OK | StatusCode::CREATED, made)) => {
            record.ended(key, called, Outcome::Wrote(value, revision(&made)));
        }
        // Somebody was faster.
        Some((StatusCode::CONFLICT | StatusCode::NOT_FOUND, _)) => {}
        Some((other, text)) => record.refuse(format!("{key} is not written: {other} {text}")),
        None => record.ended(key, called, Outcome::MayHaveWritten(value)),
    }
}

async fn remove(session: &mut Session<'_>, record: &Record, key: &str, found: u64) {
    let options = json!({
        "apiVersion": "v1", "kind": "DeleteOptions", "preconditions": { "resourceVersion": found.to_string() },
    });
    let called = record.now();
    match session.call(Method::DELETE, &format!("{COLLECTION}/{key}"), body(&options)).await {
        Some((StatusCode::OK, _)) => record.ended(key, called, Outcome::Deleted(found)),
        Some((StatusCode::CONFLICT | StatusCode::NOT_FOUND, _)) => {}
        Some((other, text)) => record.refuse(format!("{key} is not deleted: {other} {text}")),
        None => record.ended(key, called, Outcome::MayHaveDeleted(found)),
    }
}

/// An object with this value; of a revision that it replaces, where it replaces one.
pub(crate) fn object(name: &str, revision: Option<u64>, value: u64) -> Value {
    let mut metadata = json!({ "name": name, "namespace": "faults" });
    if let Some(revision) = revision {
        metadata["resourceVersion"] = revision.to_string().into();
    }
    json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": { "value": value.to_string() } })
}

/// What is sent.
pub(crate) fn body(object: &Value) -> Bytes {
    Bytes::from(object.to_string())
}

/// An object's revision.
pub(crate) fn revision(object: &Value) -> u64 {
    object["metadata"]["resourceVersion"].as_str().and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// The value that a client wrote into it.
pub(crate) fn value(object: &Value) -> u64 {
    object["data"]["value"].as_str().and_then(|text| text.parse().ok()).unwrap_or(0)
}
