//! Every namespace has a ConfigMap `kube-root-ca.crt` with the CA by which its Pods know the API server.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Api;
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::json;

use crate::key::Key;
use crate::queue::Next;
use crate::serviceaccount::{is_active, is_terminating};
use crate::{Context, Error};

/// How many namespaces are worked on at once.
const WORKERS: usize = 4;
const NAME: &str = "kube-root-ca.crt";
const FILE: &str = "ca.crt";
const DESCRIPTION: (&str, &str) = (
    "kubernetes.io/description",
    "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the \
     internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes \
     clusters.",
);

/// Listens from now on; works while the future is polled.
pub(crate) fn run(context: Context) -> impl Future<Output = ()> {
    let queue = context.queues.queue("root_ca_cert_publisher");
    let on_namespace = queue.clone();
    context.caches.namespaces.listen(move |_, after| {
        if let Some(namespace) = after {
            on_namespace.add(Key::of(&**namespace));
        }
    });
    let on_map = queue.clone();
    context.caches.root_cas.listen(move |before, after| {
        let namespace = after.or(before).and_then(|map| map.metadata.namespace.as_deref());
        on_map.add(Key::new("", namespace.unwrap_or_default()));
    });
    async move {
        context.caches.namespaces.synced().await;
        context.caches.root_cas.synced().await;
        queue.run(WORKERS, |key| reconcile(&context, key)).await;
    }
}

async fn reconcile(context: &Context, key: Key) -> Result<Next, Error> {
    if !context.caches.namespaces.get(&key).is_some_and(|namespace| is_active(&namespace)) {
        return Ok(Next::Done);
    }
    let api: Api<ConfigMap> = Api::namespaced(context.client.clone(), &key.name);
    let data = BTreeMap::from([(FILE.to_owned(), context.config.root_ca.clone())]);
    let outcome = match context.caches.root_cas.get(&Key::new(&key.name, NAME)) {
        Some(current) if current.data.as_ref() == Some(&data) => return Ok(Next::Done),
        Some(_) => {
            let patch = json!({"data": data, "metadata": {"annotations": {DESCRIPTION.0: DESCRIPTION.1}}});
            api.patch(NAME, &PatchParams::default(), &Patch::Merge(&patch)).await
        }
        None => {
            let metadata = ObjectMeta {
                name: Some(NAME.to_owned()),
                annotations: Some(BTreeMap::from([(DESCRIPTION.0.to_owned(), DESCRIPTION.1.to_owned())])),
                ..ObjectMeta::default()
            };
            let map = ConfigMap { metadata, data: Some(data), ..ConfigMap::default() };
            api.create(&PostParams::default(), &map).await
        }
    };
    match outcome {
        Err(kube::Error::Api(status)) if status.code == 404 || is_terminating(&status) => Ok(Next::Done),
        other => other.map(|_| Next::Done).map_err(Error::from),
    }
}
