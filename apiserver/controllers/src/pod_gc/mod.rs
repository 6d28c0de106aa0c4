//! Pods that nobody else takes away: on nodes that are gone, ended ones beyond a limit, and terminating ones that were
//! never placed.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Node as FullNode, Pod as FullPod};
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams, Preconditions};
use serde_json::json;

use crate::key::Key;
use crate::views::Pod;
use crate::{Context, Error};

/// How often the Pods are looked through.
const PERIOD: Duration = Duration::from_secs(20);
/// How many ended Pods may stay (kube-controller-manager's --terminated-pod-gc-threshold).
const ENDED_MAX: usize = 12_500;

/// Works while the future is polled.
pub(crate) async fn run(context: Context) {
    context.caches.pods.synced().await;
    context.caches.nodes.synced().await;
    let mut suspects = HashSet::new();
    loop {
        tokio::time::sleep(PERIOD).await;
        suspects = collect(&context, &suspects).await;
    }
}

/// One round. A node must be missing in two rounds, and from the API itself, before its Pods go. Returns the nodes
/// missing now.
async fn collect(context: &Context, suspects: &HashSet<String>) -> HashSet<String> {
    let pods = context.caches.pods.all();
    let missing: HashSet<String> = pods
        .iter()
        .map(|pod| &pod.spec.node_name)
        .filter(|node| !node.is_empty() && context.caches.nodes.get(&Key::new("", node)).is_none())
        .cloned()
        .collect();
    let mut gone = HashSet::new();
    let nodes: Api<FullNode> = Api::all(context.client.clone());
    for node in missing.intersection(suspects) {
        if matches!(nodes.get_metadata_opt(node).await, Ok(None)) {
            gone.insert(node.clone());
        }
    }
    for pod in &pods {
        let orphaned = gone.contains(&pod.spec.node_name);
        let never_placed = pod.spec.node_name.is_empty() && pod.is_terminating();
        if orphaned || never_placed {
            log(pod, delete(context, pod, orphaned && !pod.is_terminal()).await);
        }
    }
    let mut ended: Vec<&Arc<Pod>> = pods.iter().filter(|pod| pod.is_terminal() && !pod.is_terminating()).collect();
    ended.sort_by_key(|pod| pod.metadata.creation_timestamp.as_ref().map(|time| time.0));
    for pod in &ended[..ended.len().saturating_sub(ENDED_MAX)] {
        log(pod, delete(context, pod, false).await);
    }
    missing
}

fn log(pod: &Pod, outcome: Result<(), Error>) {
    if let Err(error) = outcome {
        tracing::debug!(pod = %Key::of(pod), %error, "pod not collected; it is tried again");
    }
}

/// Deletes a Pod at once; with `fail`, says first that it was lost with its node.
async fn delete(context: &Context, pod: &Pod, fail: bool) -> Result<(), Error> {
    let api: Api<FullPod> =
        Api::namespaced(context.client.clone(), pod.metadata.namespace.as_deref().unwrap_or_default());
    let name = pod.metadata.name.as_deref().unwrap_or_default();
    if fail {
        let patch = json!({"metadata": {"uid": pod.metadata.uid}, "status": {"phase": "Failed", "conditions": [{
            "type": "DisruptionTarget", "status": "True", "reason": "DeletionByPodGC",
            "message": "PodGC: node no longer exists", "lastTransitionTime": jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        }]}});
        match api.patch_status(name, &PatchParams::default(), &Patch::Strategic(&patch)).await {
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => return Ok(()),
            other => drop(other?),
        }
    }
    let preconditions = Some(Preconditions { uid: pod.metadata.uid.clone(), resource_version: None });
    let parameters = DeleteParams { preconditions, ..DeleteParams::default() }.grace_period(0);
    match api.delete(name, &parameters).await {
        Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Ok(()),
        other => other.map(drop).map_err(Error::from),
    }
}
