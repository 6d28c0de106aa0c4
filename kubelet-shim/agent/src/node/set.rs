//! The set of Pods of a node: follows the API, starts an actor for each new Pod, takes over what ran before, removes
//! what the API no longer knows, and tells actors about ends of containers.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use kube::runtime::{WatchStreamExt as _, watcher};
use kubernel_runtime::{RuntimeEvent, cri};
use serde_json::Value;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use super::recover::{self, Found};
use super::{NodeContext, admit};
use crate::Result;
use crate::objects::{all_pods, tree};
use crate::pod::{self, Message};
use crate::work::cleanup;

/// Events are reliable; this finds what they missed while the runtime was restarted.
const RELIST_INTERVAL: Duration = Duration::from_secs(60);
/// Pause before looking for left-overs again after it failed.
const RETRY: Duration = Duration::from_secs(2);

/// Runs the Pods of a node until `shutdown`. Containers keep running after that.
pub(crate) async fn run(node: Arc<NodeContext>, shutdown: CancellationToken) -> Result<()> {
    let mut found = recover::find(&node).await?;
    tokio::spawn(dispatch(node.clone(), shutdown.clone()));
    let config = watcher::Config::default().fields(&format!("spec.nodeName={}", node.config.node_name));
    let events = watcher(all_pods(&node.client), config).default_backoff();
    let mut events = pin!(events.take_until(shutdown.cancelled()));
    let mut listed: Vec<Arc<Value>> = Vec::new();
    let mut first = true;
    while let Some(event) = events.next().await {
        match event {
            Ok(watcher::Event::Init) => listed.clear(),
            Ok(watcher::Event::InitApply(object)) => {
                listed.push(Arc::new(tree(object)));
            }
            Ok(watcher::Event::InitDone) => {
                relist(&node, std::mem::take(&mut listed), &mut found).await;
                if std::mem::take(&mut first) {
                    remove_orphans(&node, std::mem::take(&mut found));
                }
            }
            Ok(watcher::Event::Apply(object)) => apply(&node, Arc::new(tree(object)), None).await,
            Ok(watcher::Event::Delete(object)) => gone(&node, &uid(&tree(object))).await,
            Err(error) => tracing::debug!(%error, "watching pods"),
        }
    }
    Ok(())
}

pub(crate) fn uid(object: &Value) -> String {
    object["metadata"]["uid"].as_str().unwrap_or_default().to_owned()
}

/// A complete list: everything in it is news, everything not in it is gone. Oldest first, so that of two Pods that
/// cannot both stay the older one does.
pub(crate) async fn relist(node: &Arc<NodeContext>, listed: Vec<Arc<Value>>, found: &mut HashMap<String, Found>) {
    let known: Vec<String> = node.pods.lock().keys().cloned().collect();
    let uids: HashSet<String> = listed.iter().map(|object| uid(object)).collect();
    node.guests.keep(&uids);
    for uid in known.iter().filter(|uid| !uids.contains(*uid)) {
        gone(node, uid).await;
    }
    let mut objects = listed;
    objects.sort_by(|a, b| {
        let key = |object: &Value| object["metadata"]["creationTimestamp"].as_str().map(str::to_owned);
        key(a).cmp(&key(b))
    });
    for object in objects {
        let found = found.remove(&uid(&object));
        apply(node, object, found).await;
    }
}

/// A new or changed Pod.
pub(crate) async fn apply(node: &Arc<NodeContext>, object: Arc<Value>, found: Option<Found>) {
    let uid = uid(&object);
    if !node.hollow && node.guests.take(&uid, &object) {
        return;
    }
    let known = node.pods.lock().get(&uid).map(|handle| handle.sender.clone());
    if let Some(sender) = known {
        sender.send(Message::Object(object)).await;
        return;
    }
    let mut restored = Default::default();
    let mut ids = Vec::new();
    let reject = match found {
        Some(found) => {
            restored = found.restored;
            ids = found.ids;
            None
        }
        None => refusal(node, &object),
    };
    restored.status = object["status"].clone();
    if object["spec"]["hostNetwork"] == true
        && let Some((_, ips, _)) = &mut restored.sandbox
    {
        *ips = vec![node.config.node_ip.to_string()];
    }
    let handle = pod::start(node.clone(), object, restored, reject);
    for id in ids {
        node.own(&id, &handle.sender);
    }
    node.pods.lock().insert(uid, handle);
}

fn refusal(node: &NodeContext, object: &Value) -> Option<(String, String)> {
    let terminal = matches!(object["status"]["phase"].as_str(), Some("Succeeded" | "Failed"));
    if node.hollow || terminal || object["metadata"]["deletionTimestamp"].is_string() {
        return None;
    }
    let others: Vec<_> = node.pods.lock().values().map(|handle| handle.view.borrow().clone()).collect();
    admit::admit(node, object, &others).err()
}

pub(crate) async fn gone(node: &NodeContext, uid: &str) {
    node.guests.remove(uid);
    let sender = node.pods.lock().get(uid).map(|handle| handle.sender.clone());
    if let Some(sender) = sender {
        sender.send(Message::Gone).await;
    }
}

/// Pods that ran here and are no longer in the API, and folders of Pods that are neither here nor there.
fn remove_orphans(node: &Arc<NodeContext>, found: HashMap<String, Found>) {
    let node = node.clone();
    tokio::spawn(async move {
        let mut orphans: Vec<(String, PathBuf)> = Vec::new();
        for (uid, pod) in found {
            tracing::info!(namespace = pod.namespace, name = pod.name, uid, "removing a pod the API no longer knows");
            let folder = format!("{}_{}_{uid}", pod.namespace, pod.name);
            orphans.push((uid, node.config.log_dir.join(folder)));
        }
        for entry in std::fs::read_dir(node.config.data_dir.join("pods")).into_iter().flatten().flatten() {
            let uid = entry.file_name().to_string_lossy().into_owned();
            if !node.pods.lock().contains_key(&uid) && !orphans.iter().any(|(orphan, _)| *orphan == uid) {
                // A name no folder has: the logs' folder cannot be told from the uid alone.
                orphans.push((uid, node.config.data_dir.join("pods").join("none")));
            }
        }
        for (uid, log_dir) in orphans {
            while let Err(error) = cleanup::remove(&node, &uid, &log_dir).await {
                tracing::warn!(uid, error, "an orphaned pod could not be removed");
                tokio::time::sleep(RETRY).await;
            }
        }
    });
}

/// Tells actors about containers that ended.
pub(crate) async fn dispatch(node: Arc<NodeContext>, shutdown: CancellationToken) {
    let mut events = node.runtime.events();
    let mut timer = tokio::time::interval(RELIST_INTERVAL);
    loop {
        let relist = tokio::select! {
            event = events.recv() => match event {
                Ok(RuntimeEvent::Exited(id)) => {
                    if let Some(owner) = node.owner(&id) {
                        owner.send(Message::Look(id)).await;
                    }
                    false
                }
                Ok(RuntimeEvent::Relist) | Err(RecvError::Lagged(_)) => true,
                Err(RecvError::Closed) => return,
            },
            _ = timer.tick() => true,
            () = shutdown.cancelled() => return,
        };
        if relist && !node.hollow {
            look_at_all(&node).await;
        }
    }
}

async fn look_at_all(node: &NodeContext) {
    // Owners first: what is started after this is not missed, only not looked at.
    let owned = node.owned();
    let (Ok(containers), Ok(sandboxes)) = (node.runtime.containers().await, node.runtime.sandboxes().await) else {
        return;
    };
    let running = cri::ContainerState::ContainerRunning as i32;
    let ready = cri::PodSandboxState::SandboxReady as i32;
    let alive: HashSet<&str> = containers
        .iter()
        .filter(|container| container.state == running)
        .map(|container| container.id.as_str())
        .chain(sandboxes.iter().filter(|sandbox| sandbox.state == ready).map(|sandbox| sandbox.id.as_str()))
        .collect();
    for (id, sender) in owned {
        if !alive.contains(id.as_str()) {
            sender.send(Message::Look(id)).await;
        }
    }
}
