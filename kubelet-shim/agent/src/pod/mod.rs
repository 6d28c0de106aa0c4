//! One Pod on this node: an actor that owns the Pod's state machine, and nothing else does.
//!
//! Whatever happens reaches the actor through its bounded mailbox: changes of the object, ends of containers, outcomes
//! of work. Work runs beside the actor and reports back, so the actor never waits for a container runtime.

mod actor;
mod patch;

use std::collections::HashMap;
use std::sync::Arc;

use kubernel_podlife::{Input, Restored};
use kubernel_runtime::labels;
use kubernel_volumes::PodVolumes;
use serde_json::Value;
use tokio::sync::{Mutex, mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::node::NodeContext;

/// Messages that wait for one Pod's actor.
const MAILBOX_MAX: usize = 64;

/// What reaches a Pod's actor.
#[derive(Debug)]
pub(crate) enum Message {
    /// The object as the API has it now.
    Object(Arc<Value>),
    /// The object is gone from the API.
    Gone,
    /// Something of the Pod's life happened.
    Life(Input),
    /// A container or sandbox may have ended: its id.
    Look(String),
    /// A status was written, or not; the answer is the object.
    Published(Result<Arc<Value>, String>),
    /// The object could not be removed yet.
    NotFinalized,
}

/// The way to a Pod's actor.
#[derive(Clone, Debug)]
pub(crate) struct Sender(mpsc::Sender<Message>);

impl Sender {
    pub(crate) async fn send(&self, message: Message) {
        // A closed mailbox belongs to a Pod that is over.
        let _ = self.0.send(message).await;
    }

    pub(crate) async fn input(&self, input: Input) {
        self.send(Message::Life(input)).await;
    }
}

/// What the node keeps of a running actor.
pub(crate) struct Handle {
    pub(crate) sender: Sender,
    /// What others may see of the Pod at any time.
    pub(crate) view: watch::Receiver<View>,
}

/// A look at a Pod from outside: for the kubelet API and for admission.
#[derive(Clone, Debug, Default)]
pub(crate) struct View {
    pub(crate) object: Arc<Value>,
    /// The latest status, which the API may not have yet.
    pub(crate) status: Arc<Value>,
    pub(crate) sandbox_id: Option<String>,
    /// Container name, runtime id, whether it runs.
    pub(crate) containers: Vec<(String, String, bool)>,
    /// Nothing runs and nothing will.
    pub(crate) finished: bool,
}

impl View {
    pub(crate) fn container(&self, name: &str) -> Option<(&str, bool)> {
        let found = self.containers.iter().find(|(known, _, _)| known == name);
        found.map(|(_, id, running)| (id.as_str(), *running))
    }
}

/// What the actor and its work share.
pub(crate) struct PodContext {
    pub(crate) node: Arc<NodeContext>,
    pub(crate) uid: String,
    pub(crate) volumes: Mutex<PodVolumes>,
    /// What was told last of each container's check.
    pub(crate) checks: parking_lot::Mutex<HashMap<String, Value>>,
    /// Cancelled when a start that waits for its image is to give up.
    pub(crate) abort: CancellationToken,
}

impl PodContext {
    /// Removes those runs of a container whose attempt number `which` picks.
    pub(crate) async fn remove_containers(&self, name: &str, which: impl Fn(u32) -> bool) {
        let Ok(containers) = self.node.runtime.containers().await else { return };
        for container in containers {
            let label = |key: &str| container.labels.get(key).map(String::as_str);
            let picked = container.metadata.as_ref().is_some_and(|meta| which(meta.attempt));
            if picked && label(labels::POD_UID) == Some(&self.uid) && label(labels::CONTAINER_NAME) == Some(name) {
                let _ = self.node.runtime.remove_container(&container.id).await;
                self.node.disown(&container.id);
            }
        }
    }

    /// Removes sandboxes that were replaced, once no container is left in them whose log can be asked for.
    pub(crate) async fn remove_replaced_sandboxes(&self, latest: &str) {
        let runtime = &self.node.runtime;
        let (Ok(sandboxes), Ok(containers)) = (runtime.sandboxes().await, runtime.containers().await) else { return };
        for sandbox in sandboxes {
            let ours = sandbox.labels.get(labels::POD_UID).is_some_and(|uid| *uid == self.uid);
            let used = containers.iter().any(|container| container.pod_sandbox_id == sandbox.id);
            if ours && !used && sandbox.id != latest && runtime.stop_sandbox(&sandbox.id).await.is_ok() {
                let _ = runtime.remove_sandbox(&sandbox.id).await;
            }
        }
    }
}

/// Starts the actor of a Pod. It ends by itself when the Pod is over.
pub(crate) fn start(
    node: Arc<NodeContext>,
    object: Arc<Value>,
    restored: Restored,
    reject: Option<(String, String)>,
) -> Handle {
    let (sender, mailbox) = mpsc::channel(MAILBOX_MAX);
    let (view, watcher) = watch::channel(View { object: object.clone(), ..View::default() });
    let uid = object["metadata"]["uid"].as_str().unwrap_or_default().to_owned();
    let volumes = Mutex::new(node.volumes(&uid));
    let context =
        PodContext { node, uid, volumes, checks: parking_lot::Mutex::default(), abort: CancellationToken::new() };
    let sender = Sender(sender);
    let actor = actor::Actor::new(Arc::new(context), sender.clone(), object, restored, view);
    tokio::spawn(actor.run(mailbox, reject));
    Handle { sender, view: watcher }
}
