//! Pods that come and go meanwhile: each is bound once, and none is left over.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::{Method, StatusCode};
use kubernel_e2e::Result;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::cluster::{Cluster, Session};
use crate::record::Record;

const PODS: &str = "/api/v1/namespaces/faults/pods";
/// How long a Pod may take to be bound, and to be gone, whatever is broken.
const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(10);
const PAUSE: Duration = Duration::from_millis(100);

/// Makes Pods one after the other, looks where they go, and deletes them, or only every other one where some are kept to
/// the end; says what is wrong.
pub(crate) async fn run(
    cluster: Arc<Cluster>,
    record: Arc<Record>,
    keep: bool,
    stop: CancellationToken,
) -> Result<Vec<String>> {
    let mut wrong = Vec::new();
    let mut session = Session::new(&cluster, 0);
    let mut places: BTreeMap<String, String> = BTreeMap::new();
    let mut count = 0;
    while !stop.is_cancelled() {
        count += 1;
        let name = format!("p{count}");
        let made = Instant::now();
        until(&mut session, Method::POST, PODS, &pod(&name), |status| {
            matches!(status, StatusCode::CREATED | StatusCode::CONFLICT)
        })
        .await?;
        let path = format!("{PODS}/{name}");
        loop {
            if let Some((StatusCode::OK, pod)) = session.call(Method::GET, &path, Bytes::new()).await {
                look(&pod, &mut places, &mut wrong);
                if pod["spec"]["nodeName"].is_string() {
                    record.place(made.elapsed());
                    break;
                }
            }
            if made.elapsed() > PATIENCE {
                wrong.push(format!("{name} was not bound within {PATIENCE:?}"));
                break;
            }
            tokio::time::sleep(POLL).await;
        }
        if !keep || count % 2 == 0 {
            until(&mut session, Method::DELETE, &path, &Value::Null, |status| {
                matches!(status, StatusCode::OK | StatusCode::NOT_FOUND | StatusCode::ACCEPTED)
            })
            .await?;
        }
        tokio::time::sleep(PAUSE).await;
    }
    until(&mut session, Method::DELETE, PODS, &Value::Null, |status| status == StatusCode::OK).await?;
    let began = Instant::now();
    loop {
        if let Some((StatusCode::OK, list)) = session.call(Method::GET, PODS, Bytes::new()).await {
            let left = list["items"].as_array().map_or(&[][..], Vec::as_slice);
            left.iter().for_each(|pod| look(pod, &mut places, &mut wrong));
            if left.is_empty() {
                break;
            }
            if began.elapsed() > PATIENCE {
                wrong.push(format!("{} Pods are left over, {} for one", left.len(), left[0]["metadata"]["name"]));
                break;
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(wrong)
}

/// A Pod has one place for its life.
fn look(pod: &Value, places: &mut BTreeMap<String, String>, wrong: &mut Vec<String>) {
    let (Some(uid), Some(node)) = (pod["metadata"]["uid"].as_str(), pod["spec"]["nodeName"].as_str()) else { return };
    let place = places.entry(uid.to_owned()).or_insert_with(|| node.to_owned());
    if place != node {
        wrong.push(format!("{} was bound to {place}, then to {node}", pod["metadata"]["name"]));
    }
}

/// Asks until the answer is one of those that do.
async fn until(
    session: &mut Session<'_>,
    method: Method,
    path: &str,
    object: &Value,
    does: impl Fn(StatusCode) -> bool,
) -> Result<()> {
    let began = Instant::now();
    loop {
        let body = if object.is_null() { Bytes::new() } else { Bytes::from(object.to_string()) };
        let last = session.call(method.clone(), path, body).await;
        if last.as_ref().is_some_and(|(status, _)| does(*status)) {
            return Ok(());
        }
        if began.elapsed() > PATIENCE {
            return Err(format!("{method} {path}: {last:?}").into());
        }
        tokio::time::sleep(POLL).await;
    }
}

fn pod(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name, "namespace": "faults" },
        "spec": {
            "terminationGracePeriodSeconds": 0,
            "containers": [{ "name": "c", "image": "x", "resources": { "requests": { "cpu": "10m" } } }],
        },
    })
}
