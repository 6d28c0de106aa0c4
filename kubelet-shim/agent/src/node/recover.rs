//! Finding again what runs on this node after the agent was away.

use std::collections::HashMap;

use kubernel_podlife::{Restored, RestoredContainer};
use kubernel_runtime::{Result, cri, labels};

use super::NodeContext;
use crate::work::{outcome, sandbox};

/// What was found of one Pod.
#[derive(Default)]
pub(crate) struct Found {
    pub(crate) restored: Restored,
    /// What of it runs, to be watched.
    pub(crate) ids: Vec<String>,
    /// Namespace and name, for the folder of its logs.
    pub(crate) namespace: String,
    pub(crate) name: String,
    created_at: i64,
}

/// All Pods of this node that the runtime knows, by uid.
pub(crate) async fn find(node: &NodeContext) -> Result<HashMap<String, Found>> {
    let mut all: HashMap<String, Found> = HashMap::new();
    let mut by_sandbox = HashMap::new();
    for sandbox in node.runtime.sandboxes().await? {
        let Some(meta) = &sandbox.metadata else { continue };
        let ours = sandbox.annotations.get(labels::NODE_NAME) == Some(&node.config.node_name);
        if !ours || !sandbox.labels.contains_key(labels::POD_UID) {
            continue;
        }
        by_sandbox.insert(sandbox.id.clone(), meta.uid.clone());
        let found = all.entry(meta.uid.clone()).or_default();
        found.namespace.clone_from(&meta.namespace);
        found.name.clone_from(&meta.name);
        found.restored.sandbox_attempts = found.restored.sandbox_attempts.max(meta.attempt + 1);
        if sandbox.created_at < found.created_at {
            continue;
        }
        found.created_at = sandbox.created_at;
        let ready = sandbox.state == cri::PodSandboxState::SandboxReady as i32;
        if ready {
            found.ids.push(sandbox.id.clone());
        }
        let ips = match node.runtime.sandbox_status(&sandbox.id).await {
            Ok(status) => sandbox::ips(&status),
            Err(_) => Vec::new(),
        };
        found.restored.sandbox = Some((sandbox.id, ips, ready));
    }
    for container in node.runtime.containers().await? {
        let Some(uid) = by_sandbox.get(&container.pod_sandbox_id) else { continue };
        let Some(found) = all.get_mut(uid) else { continue };
        if container.state == cri::ContainerState::ContainerRunning as i32 {
            found.ids.push(container.id.clone());
        }
        if let Some(restored) = restore(node, container).await {
            found.restored.containers.push(restored);
        }
    }
    Ok(all)
}

async fn restore(node: &NodeContext, container: cri::Container) -> Option<RestoredContainer> {
    let name = container.labels.get(labels::CONTAINER_NAME)?.clone();
    let attempt = container.metadata.as_ref()?.attempt;
    let status = match node.runtime.container_status(&container.id).await {
        Ok(status) => status,
        Err(error) => {
            tracing::warn!(id = %container.id, %error, "a container could not be taken over");
            return None;
        }
    };
    if status.state == cri::ContainerState::ContainerCreated as i32 {
        // Its start was cut short; the next attempt makes another.
        let _ = node.runtime.remove_container(&container.id).await;
    }
    let end = outcome::of(&status);
    Some(RestoredContainer {
        name,
        attempt,
        image: status.image.as_ref().map(|image| image.image.clone()).unwrap_or_default(),
        image_id: status.image_ref.clone(),
        started_at: outcome::time(status.started_at).filter(|_| end.is_none()),
        end,
        id: container.id,
    })
}
