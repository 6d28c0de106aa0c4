//! Every namespace has a ServiceAccount `default`.

use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Api;
use kube::api::PostParams;

use crate::key::Key;
use crate::queue::{Next, Queue};
use crate::{Context, Error};

/// How many namespaces are worked on at once.
const WORKERS: usize = 4;
const NAME: &str = "default";

/// Listens from now on; works while the future is polled.
pub(crate) fn run(context: Context) -> impl Future<Output = ()> {
    let queue = context.queues.queue("serviceaccount");
    listen(&queue, &context);
    async move {
        context.caches.namespaces.synced().await;
        context.caches.serviceaccounts.synced().await;
        queue.run(WORKERS, |key| reconcile(&context, key)).await;
    }
}

fn listen(queue: &Queue<Key>, context: &Context) {
    let on_namespace = queue.clone();
    context.caches.namespaces.listen(move |_, after| {
        if let Some(namespace) = after {
            on_namespace.add(Key::of(&**namespace));
        }
    });
    let on_account = queue.clone();
    context.caches.serviceaccounts.listen(move |before, after| {
        if let (Some(gone), None) = (before, after) {
            on_account.add(Key::new("", gone.metadata.namespace.as_deref().unwrap_or_default()));
        }
    });
}

/// Whether objects can still be made in the namespace.
pub(crate) fn is_active(namespace: &Namespace) -> bool {
    namespace.metadata.deletion_timestamp.is_none()
        && namespace.status.as_ref().and_then(|status| status.phase.as_deref()) != Some("Terminating")
}

async fn reconcile(context: &Context, key: Key) -> Result<Next, Error> {
    let active = context.caches.namespaces.get(&key).is_some_and(|namespace| is_active(&namespace));
    if !active || context.caches.serviceaccounts.get(&Key::new(&key.name, NAME)).is_some() {
        return Ok(Next::Done);
    }
    let api: Api<ServiceAccount> = Api::namespaced(context.client.clone(), &key.name);
    let metadata = ObjectMeta { name: Some(NAME.to_owned()), ..ObjectMeta::default() };
    let account = ServiceAccount { metadata, ..ServiceAccount::default() };
    match api.create(&PostParams::default(), &account).await {
        Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) || is_terminating(&status) => Ok(Next::Done),
        other => other.map(|_| Next::Done).map_err(Error::from),
    }
}

/// The namespace is on its way out, which the cache did not show yet.
pub(crate) fn is_terminating(status: &kube::core::Status) -> bool {
    let mut causes = status.details.iter().flat_map(|details| &details.causes);
    status.code == 403 && causes.any(|cause| cause.reason == "NamespaceTerminating")
}
