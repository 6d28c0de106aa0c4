//! Removing what a Pod leaves behind: containers, sandboxes, volumes, logs, its cgroup.

use std::path::Path;

use kubernel_podlife::Qos;
use kubernel_runtime::labels::POD_UID;

use super::pod_cgroup;
use crate::node::NodeContext;

/// Ends and removes everything of a Pod by its uid. Idempotent; an error means that something is still there.
pub(crate) async fn remove(node: &NodeContext, uid: &str, log_dir: &Path) -> Result<(), String> {
    remove_from_runtime(node, uid).await.map_err(|error| error.to_string())?;
    if node.hollow {
        return Ok(());
    }
    node.volumes(uid).remove().map_err(|error| error.to_string())?;
    let _ = std::fs::remove_dir_all(log_dir);
    for qos in [Qos::Guaranteed, Qos::Burstable, Qos::BestEffort] {
        node.cgroups.remove(&pod_cgroup(&node.config.cgroup_root, qos, uid));
    }
    Ok(())
}

async fn remove_from_runtime(node: &NodeContext, uid: &str) -> kubernel_runtime::Result<()> {
    let runtime = &node.runtime;
    for container in runtime.containers().await? {
        if container.labels.get(POD_UID).is_some_and(|owner| owner == uid) {
            runtime.remove_container(&container.id).await?;
            node.disown(&container.id);
        }
    }
    for sandbox in runtime.sandboxes().await? {
        if sandbox.labels.get(POD_UID).is_some_and(|owner| owner == uid) {
            runtime.stop_sandbox(&sandbox.id).await?;
            runtime.remove_sandbox(&sandbox.id).await?;
            node.disown(&sandbox.id);
        }
    }
    Ok(())
}
