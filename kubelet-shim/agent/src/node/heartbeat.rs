//! Registration, node status and lease: what tells the cluster that this node lives.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use jiff::Timestamp;
use kube::Client;
use kube::api::{Api, DynamicObject, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::NodeContext;
use super::machine::Machine;
use super::object;
use crate::objects::{is_not_found, resource, tree};

/// How often the status is looked at, and the lease renewed.
const INTERVAL: Duration = Duration::from_secs(10);
/// While the node is not ready it looks more often.
const INTERVAL_UNREADY: Duration = Duration::from_millis(500);
/// An unchanged status is written again after this time.
const REPEAT: Duration = Duration::from_secs(300);
/// How long others may count on a lease, in seconds.
const LEASE_SECS: u32 = 40;
/// Pause before trying again to register.
const RETRY: Duration = Duration::from_millis(500);

/// Registers the node and keeps its status and lease fresh until `shutdown`.
pub(crate) async fn run(node: Arc<NodeContext>, machine: Machine, shutdown: CancellationToken) {
    let status = async {
        let fixed = register(&node, &machine).await;
        keep_status(&node, fixed).await;
    };
    tokio::select! {
        ((), ()) = async { tokio::join!(status, keep_lease(&node.client, &node.config.node_name)) } => {}
        () = shutdown.cancelled() => {}
    }
}

fn nodes(client: &Client) -> Api<DynamicObject> {
    Api::all_with(client.clone(), &resource("", "v1", "Node", "nodes"))
}

/// Makes the Node object, or brings labels of an old one up to date; tries until it succeeds. The answer is the fixed
/// part of the status.
async fn register(node: &NodeContext, machine: &Machine) -> Value {
    let api = nodes(&node.client);
    loop {
        let version = node.runtime.version().await;
        let version = match version {
            Ok(version) => version,
            Err(error) => {
                tracing::warn!(%error, "the container runtime does not answer");
                tokio::time::sleep(RETRY).await;
                continue;
            }
        };
        let fixed = object::fixed_status(&node.config, machine, &version);
        match create_or_relabel(&api, node, &fixed).await {
            Ok(()) => return fixed,
            Err(error) => tracing::warn!(%error, "the node could not be registered yet"),
        }
        tokio::time::sleep(RETRY).await;
    }
}

async fn create_or_relabel(api: &Api<DynamicObject>, node: &NodeContext, fixed: &Value) -> kube::Result<()> {
    let wanted = object::node(&node.config);
    let mut first = wanted.clone();
    first["status"] = fixed.clone();
    let first = serde_json::from_value(first).map_err(kube::Error::SerdeError)?;
    match api.create(&PostParams::default(), &first).await {
        Err(kube::Error::Api(status)) if status.code == 409 => {
            let patch = json!({"metadata": {"labels": wanted["metadata"]["labels"]}});
            api.patch(&node.config.node_name, &PatchParams::default(), &Patch::Merge(&patch)).await.map(|_| ())
        }
        other => other.map(|_| ()),
    }
}

async fn keep_status(node: &NodeContext, fixed: Value) {
    let api = nodes(&node.client);
    let name = &node.config.node_name;
    let mut known = Value::Null;
    let mut written: Option<(Value, Instant)> = None;
    let mut told: Vec<&str> = Vec::new();
    loop {
        if known.is_null() {
            known = api.get(name).await.map_or(Value::Null, |object| tree(object)["status"].clone());
        }
        let runtime = node.runtime.status().await.map_err(|error| error.to_string());
        let disk_full = node.disk_full.load(Ordering::Relaxed) || object::is_full(&node.config.data_dir);
        let drafts = object::conditions(disk_full, &runtime);
        let ready = drafts.iter().any(|(kind, status, ..)| *kind == "Ready" && *status);
        let news: Vec<&str> = drafts.iter().map(object::event_reason).collect();
        let mut status = fixed.clone();
        status["conditions"] = object::dated(drafts, &known["conditions"], Timestamp::now());
        status["images"] = object::images(node.runtime.images().await.unwrap_or_default());
        let plain = without_heartbeat(&status);
        let due = written.as_ref().is_none_or(|(old, at)| *old != plain || at.elapsed() >= REPEAT);
        if due {
            let patch = json!({"status": status});
            match api.patch_status(name, &PatchParams::default(), &Patch::Strategic(&patch)).await {
                Ok(object) => {
                    known = tree(object)["status"].clone();
                    written = Some((plain, Instant::now()));
                    for reason in news.iter().filter(|reason| !told.contains(reason)) {
                        node.recorder.node(name, false, reason, &format!("Node {name} status is now: {reason}"));
                        if matches!(*reason, "NodeHasDiskPressure" | "NodeHasInsufficientMemory") {
                            tracing::warn!("the node takes no new Pods: {reason}");
                        }
                    }
                    told = news;
                }
                Err(error) => {
                    tracing::warn!(%error, "the node's status could not be written");
                    written = None;
                    if is_not_found(&error) {
                        // Somebody deleted the Node; a living node comes back.
                        let _ = create_or_relabel(&api, node, &fixed).await;
                    }
                }
            }
        }
        let settled = ready && written.is_some();
        tokio::time::sleep(if settled { INTERVAL } else { INTERVAL_UNREADY }).await;
    }
}

/// The status without the times that change with every look.
fn without_heartbeat(status: &Value) -> Value {
    let mut status = status.clone();
    for condition in status["conditions"].as_array_mut().into_iter().flatten() {
        if let Some(fields) = condition.as_object_mut() {
            fields.remove("lastHeartbeatTime");
            fields.remove("lastTransitionTime");
        }
    }
    status
}

async fn keep_lease(client: &Client, name: &str) {
    let kind = resource("coordination.k8s.io", "v1", "Lease", "leases");
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), "kube-node-lease", &kind);
    loop {
        let wait = match renew(&api, client, name).await {
            Ok(()) => INTERVAL,
            Err(error) => {
                tracing::debug!(%error, "the node's lease could not be renewed");
                RETRY
            }
        };
        tokio::time::sleep(wait).await;
    }
}

async fn renew(api: &Api<DynamicObject>, client: &Client, name: &str) -> kube::Result<()> {
    let time = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string();
    let spec = json!({"holderIdentity": name, "leaseDurationSeconds": LEASE_SECS, "renewTime": time});
    let patch = json!({"spec": spec});
    match api.patch(name, &PatchParams::default(), &Patch::Merge(&patch)).await {
        Ok(_) => return Ok(()),
        Err(error) if is_not_found(&error) => {}
        Err(error) => return Err(error),
    }
    // The lease goes with its node, so it needs the node's uid.
    let node = nodes(client).get(name).await?;
    let lease = json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {
            "name": name, "namespace": "kube-node-lease",
            "ownerReferences": [
                {"apiVersion": "v1", "kind": "Node", "name": name, "uid": node.metadata.uid},
            ],
        },
        "spec": spec,
    });
    let lease = serde_json::from_value(lease).map_err(kube::Error::SerdeError)?;
    api.create(&PostParams::default(), &lease).await.map(|_| ())
}
