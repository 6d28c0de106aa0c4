//! Events: what happened to a Pod, for people. Best effort: a full queue or a failed write loses an event, never a Pod.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use kube::Client;
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::objects::core_api;

/// Events waiting to be written.
const QUEUE_MAX: usize = 1024;
/// Remembered events, so that a repetition counts up instead of making another object.
const KNOWN_MAX: usize = 4096;
/// A repetition after this time is a new event.
const REPEAT_WINDOW_SECS: i64 = 600;

/// Where events of one node go.
#[derive(Clone)]
pub(crate) struct Recorder {
    queue: Option<mpsc::Sender<Entry>>,
}

#[derive(Clone, Debug)]
struct Entry {
    at: Timestamp,
    about: Value,
    warning: bool,
    reason: String,
    message: String,
}

impl Recorder {
    /// Starts the writer; it ends with the last recorder.
    pub(crate) fn start(client: Client, node_name: &str) -> Self {
        let (queue, entries) = mpsc::channel(QUEUE_MAX);
        tokio::spawn(write_all(client, node_name.to_owned(), entries));
        Self { queue: Some(queue) }
    }

    /// A recorder that tells nobody: a simulated node's Pods are not what the simulation is about.
    pub(crate) fn none() -> Self {
        Self { queue: None }
    }

    /// An event about a Pod, or about one of its containers.
    pub(crate) fn pod(&self, pod: &Value, container: Option<&str>, warning: bool, reason: &str, message: &str) {
        let metadata = &pod["metadata"];
        let mut about = json!({
            "apiVersion": "v1", "kind": "Pod",
            "namespace": metadata["namespace"], "name": metadata["name"], "uid": metadata["uid"],
            "resourceVersion": metadata["resourceVersion"],
        });
        if let Some(name) = container {
            let lists = ["containers", "initContainers", "ephemeralContainers"];
            let holds = |list: &&&str| {
                pod["spec"][**list].as_array().is_some_and(|all| all.iter().any(|entry| entry["name"] == name))
            };
            let list = lists.iter().find(holds).unwrap_or(&"containers");
            about["fieldPath"] = format!("spec.{list}{{{name}}}").into();
        }
        self.push(about, warning, reason, message);
    }

    /// An event about the node itself.
    pub(crate) fn node(&self, name: &str, warning: bool, reason: &str, message: &str) {
        let about = json!({"apiVersion": "v1", "kind": "Node", "name": name, "uid": name, "namespace": ""});
        self.push(about, warning, reason, message);
    }

    fn push(&self, about: Value, warning: bool, reason: &str, message: &str) {
        let Some(queue) = &self.queue else { return };
        let at = Timestamp::now();
        let entry = Entry { at, about, warning, reason: reason.to_owned(), message: message.to_owned() };
        if queue.try_send(entry).is_err() {
            tracing::debug!(reason, message, "an event was dropped");
        }
    }
}

struct Known {
    name: String,
    count: u32,
    last: Timestamp,
}

async fn write_all(client: Client, node: String, mut entries: mpsc::Receiver<Entry>) {
    let mut known: HashMap<String, Known> = HashMap::new();
    while let Some(entry) = entries.recv().await {
        // The version of the object differs each time, the story does not.
        let mut subject = entry.about.clone();
        subject["resourceVersion"] = Value::Null;
        let key = format!("{subject}{}{}{}", entry.warning, entry.reason, entry.message);
        let namespace = entry.about["namespace"].as_str().filter(|text| !text.is_empty()).unwrap_or("default");
        let api = core_api(&client, "Event", "events", namespace);
        let time = entry.at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let window = SignedDuration::from_secs(REPEAT_WINDOW_SECS);
        if let Some(old) = known.get_mut(&key).filter(|old| entry.at.duration_since(old.last) < window) {
            old.count += 1;
            old.last = entry.at;
            let patch = json!({"count": old.count, "lastTimestamp": time});
            let patched = api.patch(&old.name, &PatchParams::default(), &Patch::Merge(&patch)).await;
            if patched.is_ok() {
                continue;
            }
        }
        let object_name = entry.about["name"].as_str().unwrap_or_default();
        let name = format!("{object_name}.{:x}", entry.at.as_nanosecond());
        let event = json!({
            "apiVersion": "v1", "kind": "Event",
            "metadata": {"name": name, "namespace": namespace},
            "involvedObject": entry.about,
            "reason": entry.reason, "message": entry.message,
            "type": if entry.warning { "Warning" } else { "Normal" },
            "source": {"component": "kubelet", "host": node},
            "firstTimestamp": time, "lastTimestamp": time, "count": 1,
            "reportingComponent": "kubelet", "reportingInstance": node,
        });
        let Ok(event) = serde_json::from_value(event) else { continue };
        if let Err(error) = api.create(&PostParams::default(), &event).await {
            tracing::debug!(%error, "an event was not written");
            continue;
        }
        if known.len() >= KNOWN_MAX {
            known.clear();
        }
        known.insert(key, Known { name, count: 1, last: entry.at });
    }
}
