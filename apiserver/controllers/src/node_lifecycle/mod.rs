//! Nodes: who is silent, which taints follow, which Pods have to leave. `plan` is pure.

mod plan;

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Node as FullNode, Pod as FullPod};
use kube::api::{DeleteParams, Patch, PatchParams, Preconditions};
use kube::{Api, Resource as _};
use serde_json::json;

use crate::events::Level;
use crate::key::Key;
use crate::queue::Next;
use crate::views::{Node, Pod, on_node};
use crate::{Context, Error};

/// How many nodes are worked on at once.
const WORKERS: usize = 16;
const LEASES: &str = "kube-node-lease";

/// Listens from now on; works while the future is polled.
pub(crate) fn run(context: Context) -> impl Future<Output = ()> {
    let queue = context.queues.queue("node_lifecycle_controller");
    let on_change = queue.clone();
    context.caches.nodes.listen(move |_, after| {
        if let Some(node) = after {
            on_change.add(Key::of(&**node));
        }
    });
    let on_pod = queue.clone();
    context.caches.pods.listen(move |before, after| {
        // A Pod bound to a node that it cannot stay on.
        let node = after.filter(|pod| before.is_none_or(|before| before.spec.node_name != pod.spec.node_name));
        if let Some(pod) = node.filter(|pod| !pod.spec.node_name.is_empty()) {
            on_pod.add(Key::new("", &pod.spec.node_name));
        }
    });
    async move {
        context.caches.nodes.synced().await;
        context.caches.node_leases.synced().await;
        context.caches.pods.synced().await;
        queue.run(WORKERS, |key| reconcile(&context, key)).await;
    }
}

async fn reconcile(context: &Context, key: Key) -> Result<Next, Error> {
    let Some(node) = context.caches.nodes.get(&key) else { return Ok(Next::Done) };
    let now = Timestamp::now();
    let lease = context.caches.node_leases.get(&Key::new(LEASES, &key.name));
    let renewed = lease.and_then(|lease| lease.spec.as_ref()?.renew_time.as_ref().map(|time| time.0));
    let api: Api<FullNode> = Api::all(context.client.clone());
    if let Some(conditions) = plan::silence(&node, renewed, now) {
        let patch = json!({"status": {"conditions": conditions}});
        drop(api.patch_status(&key.name, &PatchParams::default(), &Patch::Strategic(&patch)).await?);
        let text = format!("Node {} status is now: NodeNotReady", key.name);
        context.events.tell(&*node, Level::Normal, "NodeNotReady", text);
        mark_pods_unready(context, &key).await?;
        return Ok(Next::Done);
    }
    if let Some(taints) = plan::taints(&node, now) {
        let version = &node.metadata.resource_version;
        let patch = json!({"metadata": {"resourceVersion": version}, "spec": {"taints": taints}});
        drop(api.patch(&key.name, &PatchParams::default(), &Patch::Merge(&patch)).await?);
    }
    let next_leave = evict(context, &node, now).await?;
    let silent_at = plan::last_heard(&node, renewed)
        .map_or(0, |heard| (plan::GRACE_SECS + 1 - now.duration_since(heard).as_secs()).max(1));
    let wake = next_leave.map_or(silent_at, |secs| secs.min(silent_at));
    Ok(Next::After(Duration::from_secs(wake.max(1).unsigned_abs())))
}

/// Deletes the Pods that may not stay; returns in how many seconds the next has to leave.
async fn evict(context: &Context, node: &Node, now: Timestamp) -> Result<Option<i64>, Error> {
    if !node.spec.taints.iter().any(|taint| taint.effect == "NoExecute") {
        return Ok(None);
    }
    let mut next: Option<i64> = None;
    let name = node.metadata.name.as_deref().unwrap_or_default();
    for pod in context.caches.pods.indexed(&on_node(name)) {
        if pod.is_terminating() {
            continue;
        }
        let Some(at) = plan::leaves_at(&pod, &node.spec.taints, now) else { continue };
        if at <= now {
            delete(context, &pod).await?;
        } else {
            let secs = at.duration_since(now).as_secs() + 1;
            next = Some(next.map_or(secs, |other| other.min(secs)));
        }
    }
    Ok(next)
}

async fn delete(context: &Context, pod: &Pod) -> Result<(), Error> {
    let key = Key::of(pod);
    let api: Api<FullPod> = Api::namespaced(context.client.clone(), &key.namespace);
    let patch = json!({"metadata": {"uid": pod.metadata.uid}, "status": {"conditions": [{
        "type": "DisruptionTarget", "status": "True", "reason": "DeletionByTaintManager",
        "message": "Taint manager: deleting due to NoExecute taint",
        "lastTransitionTime": Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
    }]}});
    let told = api.patch_status(&key.name, &PatchParams::default(), &Patch::Strategic(&patch)).await;
    ignore_gone(told.map(drop))?;
    context.events.tell_about(
        pod.object_ref(&()),
        Level::Normal,
        "TaintManagerEviction",
        format!("Marking for deletion Pod {key}"),
    );
    let preconditions = Some(Preconditions { uid: pod.metadata.uid.clone(), resource_version: None });
    let parameters = DeleteParams { preconditions, ..DeleteParams::default() };
    ignore_gone(api.delete(&key.name, &parameters).await.map(drop))
}

/// Pods on a node that nobody hears from are not ready, whatever their last status said.
async fn mark_pods_unready(context: &Context, node: &Key) -> Result<(), Error> {
    for pod in context.caches.pods.indexed(&on_node(&node.name)).iter().filter(|pod| pod.is_ready()) {
        let key = Key::of(&**pod);
        let api: Api<FullPod> = Api::namespaced(context.client.clone(), &key.namespace);
        let patch = json!({"metadata": {"uid": pod.metadata.uid}, "status": {"conditions": [{
            "type": "Ready", "status": "False",
            "lastTransitionTime": Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        }]}});
        ignore_gone(api.patch_status(&key.name, &PatchParams::default(), &Patch::Strategic(&patch)).await.map(drop))?;
    }
    Ok(())
}

fn ignore_gone(outcome: Result<(), kube::Error>) -> Result<(), Error> {
    match outcome {
        Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Ok(()),
        other => other.map_err(Error::from),
    }
}
