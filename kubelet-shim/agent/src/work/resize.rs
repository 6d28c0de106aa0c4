//! Giving a running container other resources.

use kubernel_podlife::Qos;
use serde_json::Value;

use super::{container, pod_cgroup, resources};
use crate::pod::PodContext;

/// Changes the limits of a container, and of its Pod around it; the error is a text for the event.
pub(crate) async fn run(context: &PodContext, pod: &Value, name: &str, id: &str, qos: Qos) -> Result<(), String> {
    let Some(spec) = container::find(pod, name) else { return Err(format!("container {name} not found")) };
    let node = &context.node;
    let cgroup = pod_cgroup(&node.config.cgroup_root, qos, &context.uid);
    let limits = resources::of_pod(pod, qos);
    // Growing needs the Pod's room first, shrinking needs the container out of it first; a write too early is refused
    // by the kernel and does no harm.
    node.cgroups.limit(&cgroup, &limits);
    let wanted = resources::of_container(spec, qos, node.facts.memory_bytes);
    node.runtime.update_container(id, wanted).await.map_err(|error| error.to_string())?;
    node.cgroups.limit(&cgroup, &limits);
    Ok(())
}
