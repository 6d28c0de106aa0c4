//! Tasks and executors as the kernel counts them.
//!
//! Every task and every executor becomes a Pod, and an agent takes so many of them and no more. Mesos knows nothing of
//! that: offers do not show it, and each task takes one place besides what it asks for.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use kubernel_kernel::{AgentId, ExecutorSpec, ResourceId, Resources, TaskSpec};
use kubernel_ledger::Books;
use kubernel_mesos_proto::{
    Message,
    v1::{ExecutorInfo, Resource, TaskInfo},
};

use crate::resources::{Namer, read_all};

/// Whether an agent counts the Pods that it takes.
pub(crate) fn counts_pods(books: &Books, agent: AgentId) -> bool {
    books.state().agents().get(&agent).is_some_and(|agent| agent.total.get(ResourceId::PODS) > 0)
}

/// What a task or an executor takes.
///
/// # Errors
///
/// If it cannot be counted.
pub(crate) fn resources(
    resources: &[Resource],
    counts_pods: bool,
    namer: &mut impl Namer,
) -> Result<Resources, String> {
    let mut sum = read_all(resources, namer)?;
    if counts_pods && !sum.is_zero() {
        sum.set(ResourceId::PODS, sum.get(ResourceId::PODS) + 1);
    }
    Ok(sum)
}

/// An executor. Two are the same if all that was said of them is.
///
/// # Errors
///
/// If what it takes cannot be counted.
pub(crate) fn executor(
    info: &ExecutorInfo,
    counts_pods: bool,
    namer: &mut impl Namer,
) -> Result<Arc<ExecutorSpec>, String> {
    let mut sum = read_all(&info.resources, namer)?;
    if counts_pods {
        sum.set(ResourceId::PODS, sum.get(ResourceId::PODS) + 1);
    }
    let mut plain = info.clone();
    for resource in &mut plain.resources {
        resource.allocation_info = None;
    }
    let mut hasher = DefaultHasher::new();
    plain.encode().hash(&mut hasher);
    Ok(Arc::new(ExecutorSpec { name: info.executor_id.value.as_str().into(), resources: sum, digest: hasher.finish() }))
}

/// A task.
///
/// # Errors
///
/// If what it or its executor takes cannot be counted.
pub(crate) fn task(info: &TaskInfo, counts_pods: bool, namer: &mut impl Namer) -> Result<TaskSpec, String> {
    let taken = resources(&info.resources, counts_pods, namer)?;
    let mut spec = TaskSpec::new(info.task_id.value.as_str(), taken);
    if let Some(of) = &info.executor {
        spec.executor = Some(executor(of, counts_pods, namer)?);
    }
    Ok(spec)
}
