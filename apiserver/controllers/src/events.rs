//! Events: what controllers tell users about their objects.
//!
//! Telling never blocks a controller: a bounded queue and one task; what does not fit is dropped, as events are a
//! courtesy. The same event again raises the count of the first (core/v1 events, as upstream's recorder).

use std::collections::HashMap;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Event, EventSource, ObjectReference};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Client, Resource};
use serde_json::json;
use tokio::sync::mpsc;

/// How many events wait to be written.
const QUEUE_MAX: usize = 1024;
/// How many events are remembered, to count repetitions.
const REMEMBERED_MAX: usize = 4096;

/// Whether something went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Level {
    /// All is well.
    Normal,
    /// It is not.
    Warning,
}

/// Where controllers tell. Clones share the queue.
#[derive(Clone)]
pub struct Events {
    queue: mpsc::Sender<Told>,
    component: &'static str,
}

struct Told {
    component: &'static str,
    about: ObjectReference,
    level: Level,
    reason: &'static str,
    message: String,
}

type Identity = (String, &'static str, String);

impl Events {
    /// A teller and the task that writes, which runs until it is dropped.
    pub fn new(client: Client) -> (Self, impl Future<Output = ()>) {
        let (queue, told) = mpsc::channel(QUEUE_MAX);
        (Self { queue, component: "" }, write(client, told))
    }

    /// The same queue under the name of a component, for example `deployment-controller`.
    pub fn of(&self, component: &'static str) -> Self {
        Self { queue: self.queue.clone(), component }
    }

    /// Tells users something about an object.
    pub fn tell<K: Resource<DynamicType = ()>>(&self, object: &K, level: Level, reason: &'static str, message: String) {
        self.tell_about(object.object_ref(&()), level, reason, message);
    }

    /// Tells users something about the object of this reference.
    pub fn tell_about(&self, about: ObjectReference, level: Level, reason: &'static str, message: String) {
        let told = Told { component: self.component, about, level, reason, message };
        if self.queue.try_send(told).is_err() {
            tracing::debug!(reason, "event dropped: too many at once");
        }
    }
}

async fn write(client: Client, mut queue: mpsc::Receiver<Told>) {
    let mut remembered: HashMap<Identity, (String, i32)> = HashMap::new();
    while let Some(told) = queue.recv().await {
        let namespace =
            told.about.namespace.clone().filter(|ns| !ns.is_empty()).unwrap_or_else(|| "default".to_owned());
        let events: Api<Event> = Api::namespaced(client.clone(), &namespace);
        let identity = (told.about.uid.clone().unwrap_or_default(), told.reason, told.message.clone());
        let now = Timestamp::now();
        if let Some((name, count)) = remembered.get_mut(&identity) {
            *count += 1;
            let patch = json!({"count": *count, "lastTimestamp": Time(now)});
            if events.patch(name, &PatchParams::default(), &Patch::Merge(&patch)).await.is_ok() {
                continue;
            }
        }
        let event = first(told, &namespace, now);
        let name = event.metadata.name.clone().unwrap_or_default();
        if remembered.len() >= REMEMBERED_MAX {
            remembered.clear();
        }
        match events.create(&PostParams::default(), &event).await {
            Ok(_) => {
                remembered.insert(identity, (name, 1));
            }
            Err(error) => tracing::debug!(%error, "event not written"),
        }
    }
}

fn first(told: Told, namespace: &str, now: Timestamp) -> Event {
    let name = format!("{}.{:x}", told.about.name.as_deref().unwrap_or_default(), now.as_nanosecond());
    Event {
        metadata: ObjectMeta { name: Some(name), namespace: Some(namespace.to_owned()), ..ObjectMeta::default() },
        involved_object: told.about,
        type_: Some(format!("{:?}", told.level)),
        reason: Some(told.reason.to_owned()),
        message: Some(told.message),
        count: Some(1),
        first_timestamp: Some(Time(now)),
        last_timestamp: Some(Time(now)),
        source: Some(EventSource { component: Some(told.component.to_owned()), host: None }),
        reporting_component: Some(told.component.to_owned()),
        ..Event::default()
    }
}
