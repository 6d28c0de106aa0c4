//! PodDisruptionBudgets: how many of their Pods may be evicted now.
//!
//! The eviction subresource spends `disruptionsAllowed` and notes the Pod in `disruptedPods`; this controller counts
//! anew whenever Pods, budgets or the workloads above them change. <https://kubernetes.io/docs/concepts/workloads/pods/disruptions/>

mod plan;

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::Api;
use kube::api::PostParams;
use kube::core::{Selector, SelectorExt};

use crate::key::Key;
use crate::owner;
use crate::queue::{Next, Queue};
use crate::views::Pod;
use crate::{Context, Error};

/// How many budgets are worked on at once.
const WORKERS: usize = 4;
/// When to look again at Pods that were to be evicted and are still there.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// Listens from now on; works while the future is polled.
pub(crate) fn run(context: Context) -> impl Future<Output = ()> {
    let queue: Queue<Key> = context.queues.queue("disruption");
    let on_budgets = queue.clone();
    context.caches.budgets.listen(move |_, after| {
        if let Some(budget) = after {
            on_budgets.add(Key::of(&**budget));
        }
    });
    let on_pods = queue.clone();
    let caches = context.caches.clone();
    context.caches.pods.listen(move |before, after| {
        for pod in before.into_iter().chain(after) {
            let namespace = pod.metadata.namespace.as_deref().unwrap_or_default();
            for budget in caches.budgets.in_namespace(namespace) {
                if selector(&budget).is_ok_and(|selector| selects(&selector, pod)) {
                    on_pods.add(Key::of(&*budget));
                }
            }
        }
    });
    let on_deployments = queue.clone();
    let caches = context.caches.clone();
    context.caches.deployments.listen(move |before, after| {
        let replicas = |deployment: &k8s_openapi::api::apps::v1::Deployment| deployment.spec.as_ref()?.replicas;
        if before.map(|old| replicas(old)) != after.map(|new| replicas(new)) {
            let namespace = after.or(before).and_then(|deployment| deployment.metadata.namespace.as_deref());
            for budget in caches.budgets.in_namespace(namespace.unwrap_or_default()) {
                on_deployments.add(Key::of(&*budget));
            }
        }
    });
    async move {
        context.caches.budgets.synced().await;
        context.caches.pods.synced().await;
        context.caches.replicasets.synced().await;
        context.caches.deployments.synced().await;
        queue.run(WORKERS, |key| reconcile(&context, key)).await;
    }
}

async fn reconcile(context: &Context, key: Key) -> Result<Next, Error> {
    let Some(budget) = context.caches.budgets.get(&key) else { return Ok(Next::Done) };
    let selector = selector(&budget)?;
    let mut pods = context.caches.pods.in_namespace(&key.namespace);
    pods.retain(|pod| selects(&selector, pod));
    let wanted = plan::status(&budget, &pods, scale(context, &pods), jiff::Timestamp::now());
    let waits = wanted.disrupted_pods.as_ref().is_some_and(|pods| !pods.is_empty());
    if budget.status.as_ref() != Some(&wanted) {
        let api: Api<PodDisruptionBudget> = Api::namespaced(context.client.clone(), &key.namespace);
        let mut next = (*budget).clone();
        next.status = Some(wanted);
        // Held to the version that was looked at: an eviction that came between must not be forgotten.
        match api.replace_status(&key.name, &PostParams::default(), &next).await {
            Err(kube::Error::Api(status)) if status.code == 404 => return Ok(Next::Done),
            other => other.map(drop)?,
        }
    }
    Ok(if waits { Next::After(LOOK_AGAIN) } else { Next::Done })
}

/// A budget without a selector is about no Pod; one with an empty selector is about all.
fn selector(budget: &PodDisruptionBudget) -> Result<Option<Selector>, Error> {
    let selector = budget.spec.as_ref().and_then(|spec| spec.selector.as_ref());
    selector.map(|selector| owner::selector(Some(selector))).transpose()
}

fn selects(selector: &Option<Selector>, pod: &Pod) -> bool {
    let none = std::collections::BTreeMap::new();
    selector.as_ref().is_some_and(|selector| selector.matches(pod.metadata.labels.as_ref().unwrap_or(&none)))
}

/// How many Pods there should be: what the workloads above them ask for; Pods of others count as they are.
fn scale(context: &Context, pods: &[Arc<Pod>]) -> i32 {
    let mut workloads = std::collections::BTreeMap::new();
    let mut alone = 0;
    for pod in pods {
        let namespace = pod.metadata.namespace.as_deref().unwrap_or_default();
        let found = owner::controller_of(&pod.metadata).filter(|above| above.kind == "ReplicaSet").and_then(|above| {
            let set = context.caches.replicasets.get(&Key::new(namespace, &above.name))?;
            match owner::controller_of(&set.metadata).filter(|above| above.kind == "Deployment") {
                Some(above) => {
                    let deployment = context.caches.deployments.get(&Key::new(namespace, &above.name))?;
                    Some((above.uid.clone(), deployment.spec.as_ref()?.replicas.unwrap_or(1)))
                }
                None => Some((above.uid.clone(), set.spec.as_ref()?.replicas.unwrap_or(1))),
            }
        });
        match found {
            Some((uid, replicas)) => drop(workloads.insert(uid, replicas)),
            None => alone += 1,
        }
    }
    workloads.values().fold(alone, |sum: i32, replicas| sum.saturating_add(*replicas))
}
