//! EndpointSlices: what stands behind a Service, in slices of bounded size. `plan` is pure.

mod plan;

use std::sync::Arc;

use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::Api;
use kube::api::{DeleteParams, PostParams};

use crate::backends;
use crate::key::Key;
use crate::queue::Next;
use crate::{Context, Error};

/// How many Services are worked on at once.
const WORKERS: usize = 8;
/// The label that names the Service.
pub(crate) const SERVICE_NAME: &str = "kubernetes.io/service-name";
/// The label that says whose slice it is, and our name in it.
pub(crate) const MANAGED_BY: (&str, &str) =
    ("endpointslice.kubernetes.io/managed-by", "endpointslice-controller.k8s.io");

/// Listens from now on; works while the future is polled.
pub(crate) fn run(context: Context) -> impl Future<Output = ()> {
    let queue = context.queues.queue("endpoint_slice");
    backends::listen(&queue, &context.caches.services, &context.caches.pods);
    let on_slice = queue.clone();
    context.caches.endpointslices.listen(move |before, after| {
        if let Some(key) = after.or(before).filter(|slice| is_ours(slice)).and_then(|slice| service_of(slice)) {
            on_slice.add(key);
        }
    });
    async move {
        context.caches.services.synced().await;
        context.caches.pods.synced().await;
        context.caches.endpointslices.synced().await;
        queue.run(WORKERS, |key| reconcile(&context, key)).await;
    }
}

async fn reconcile(context: &Context, key: Key) -> Result<Next, Error> {
    // A Service that is gone takes its slices along: the garbage collector's work.
    let Some(service) = context.caches.services.get(&key) else { return Ok(Next::Done) };
    if !backends::is_managed(&service) || service.metadata.deletion_timestamp.is_some() {
        return Ok(Next::Done);
    }
    let current = slices_of(context, &service);
    let pods = context.caches.pods.in_namespace(&key.namespace);
    let nodes = |name: &str| {
        let node = context.caches.nodes.get(&Key::new("", name))?;
        node.metadata.labels.as_ref()?.get("topology.kubernetes.io/zone").cloned()
    };
    let plan = plan::slices(&service, &pods, &current, &nodes);
    let api: Api<EndpointSlice> = Api::namespaced(context.client.clone(), &key.namespace);
    for slice in &plan.create {
        api.create(&PostParams::default(), slice).await?;
    }
    for slice in &plan.update {
        api.replace(slice.metadata.name.as_deref().unwrap_or_default(), &PostParams::default(), slice).await?;
    }
    for name in &plan.delete {
        match api.delete(name, &DeleteParams::default()).await {
            Err(kube::Error::Api(status)) if status.code == 404 => {}
            other => other.map(drop)?,
        }
    }
    Ok(Next::Done)
}

fn slices_of(context: &Context, service: &Service) -> Vec<Arc<EndpointSlice>> {
    let uid = service.metadata.uid.as_deref().unwrap_or_default();
    let owned = context.caches.endpointslices.indexed(uid);
    owned.into_iter().filter(|slice| is_ours(slice) && slice.metadata.deletion_timestamp.is_none()).collect()
}

fn is_ours(slice: &EndpointSlice) -> bool {
    let labels = slice.metadata.labels.as_ref();
    labels.and_then(|all| all.get(MANAGED_BY.0)).is_some_and(|manager| manager == MANAGED_BY.1)
}

fn service_of(slice: &EndpointSlice) -> Option<Key> {
    let name = slice.metadata.labels.as_ref()?.get(SERVICE_NAME)?;
    Some(Key::new(slice.metadata.namespace.as_deref()?, name))
}
