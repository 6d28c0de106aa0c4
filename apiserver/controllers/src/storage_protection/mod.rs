//! Claims, volumes and classes of volume attributes that are in use do not go before their users (upstream's
//! pvc-protection, pv-protection and vac-protection controllers): admission has given them a finalizer, which is taken
//! off here.

use std::fmt;

use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim};
use k8s_openapi::api::storage::v1::VolumeAttributesClass;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Api;
use kube::api::{Patch, PatchParams};
use kubernel_meta::Object;
use serde_json::{Value, json};

use crate::key::Key;
use crate::queue::{Next, Queue};
use crate::{Context, Error, trees};

/// How many objects are looked into at once.
const WORKERS: usize = 4;

/// What is protected.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Subject {
    Claim(Key),
    Volume(Key),
    Class(Key),
}

impl fmt::Display for Subject {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Claim(key) => write!(out, "claim {key}"),
            Self::Volume(key) => write!(out, "volume {key}"),
            Self::Class(key) => write!(out, "class {key}"),
        }
    }
}

/// Listens from now on; works while the future is polled.
pub(crate) fn run(context: Context) -> impl Future<Output = ()> {
    let queue = context.queues.queue("pvcprotection");
    listen(&queue, &context);
    async move {
        context.caches.claims.synced().await;
        context.caches.volumes.synced().await;
        context.caches.volume_classes.synced().await;
        queue.run(WORKERS, |subject| reconcile(&context, subject)).await;
    }
}

fn listen(queue: &Queue<Subject>, context: &Context) {
    let caches = &context.caches;
    let (on_claim, on_volume, on_class, on_pod) = (queue.clone(), queue.clone(), queue.clone(), queue.clone());
    let (classes, classes_too) = (caches.volume_classes.clone(), caches.volume_classes.clone());
    let going = |meta: &ObjectMeta| meta.deletion_timestamp.is_some();
    caches.claims.listen(move |_, after| {
        if let Some(claim) = after.filter(|claim| going(&claim.metadata)) {
            on_claim.add(Subject::Claim(Key::of(&**claim)));
        }
        let classes = classes.all();
        classes.iter().filter(|class| going(&class.metadata)).for_each(|c| on_claim.add(Subject::Class(Key::of(&**c))));
    });
    caches.volumes.listen(move |_, after| {
        if let Some(volume) = after.filter(|volume| going(&volume.metadata)) {
            on_volume.add(Subject::Volume(Key::of(&**volume)));
        }
        let classes = classes_too.all();
        classes
            .iter()
            .filter(|class| going(&class.metadata))
            .for_each(|c| on_volume.add(Subject::Class(Key::of(&**c))));
    });
    caches.volume_classes.listen(move |_, after| {
        if let Some(class) = after.filter(|class| going(&class.metadata)) {
            on_class.add(Subject::Class(Key::of(&**class)));
        }
    });
    let claims = caches.claims.clone();
    caches.pods.listen(move |before, after| {
        let Some(pod) = before.filter(|pod| after.is_none_or(|after| after.metadata.uid != pod.metadata.uid)) else {
            return;
        };
        let claims = claims.in_namespace(pod.metadata.namespace.as_deref().unwrap_or_default());
        claims.iter().filter(|claim| going(&claim.metadata)).for_each(|c| on_pod.add(Subject::Claim(Key::of(&**c))));
    });
}

async fn reconcile(context: &Context, subject: Subject) -> Result<Next, Error> {
    let (caches, client) = (&context.caches, &context.client);
    match &subject {
        Subject::Claim(key) => {
            let Some(claim) = caches.claims.get(key) else { return Ok(Next::Done) };
            let api: Api<PersistentVolumeClaim> = Api::namespaced(client.clone(), &key.namespace);
            let protected = guarded(&claim.metadata, "kubernetes.io/pvc-protection");
            if protected && !is_claim_used(context, key).await? {
                release(&api, &claim.metadata, "kubernetes.io/pvc-protection").await?;
            }
        }
        Subject::Volume(key) => {
            let Some(volume) = caches.volumes.get(key) else { return Ok(Next::Done) };
            let bound = volume.status.as_ref().and_then(|status| status.phase.as_deref()) == Some("Bound");
            if guarded(&volume.metadata, "kubernetes.io/pv-protection") && !bound {
                let api: Api<PersistentVolume> = Api::all(client.clone());
                release(&api, &volume.metadata, "kubernetes.io/pv-protection").await?;
            }
        }
        Subject::Class(key) => {
            let Some(class) = caches.volume_classes.get(key) else { return Ok(Next::Done) };
            if guarded(&class.metadata, "kubernetes.io/vac-protection") && !is_class_used(context, &key.name) {
                let api: Api<VolumeAttributesClass> = Api::all(client.clone());
                release(&api, &class.metadata, "kubernetes.io/vac-protection").await?;
            }
        }
    }
    Ok(Next::Done)
}

/// Whether an object is on its way out and still has the finalizer.
fn guarded(meta: &ObjectMeta, finalizer: &str) -> bool {
    meta.deletion_timestamp.is_some() && meta.finalizers.iter().flatten().any(|other| other == finalizer)
}

/// Takes the finalizer off, unless the object has changed since.
async fn release<K>(api: &Api<K>, meta: &ObjectMeta, finalizer: &str) -> Result<(), Error>
where
    K: Clone + serde::de::DeserializeOwned + fmt::Debug,
{
    let rest: Vec<&String> = meta.finalizers.iter().flatten().filter(|other| *other != finalizer).collect();
    let patch = json!({ "metadata": { "resourceVersion": meta.resource_version, "finalizers": rest } });
    let name = meta.name.as_deref().unwrap_or_default();
    match api.patch(name, &PatchParams::default(), &Patch::Merge(&patch)).await {
        // A conflict means that the cache will show something newer.
        Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Ok(()),
        other => other.map(drop).map_err(Error::from),
    }
}

/// Whether a Pod on a node uses the claim. The API itself is asked: a cache may lag, and data would be lost.
async fn is_claim_used(context: &Context, claim: &Key) -> Result<bool, Error> {
    let mut used = false;
    let path = format!("/api/v1/namespaces/{}/pods", claim.namespace);
    trees::each(&context.client, &path, |pod| used |= uses(&pod, &claim.name)).await?;
    Ok(used)
}

/// Whether the Pod is on a node and has the claim as a volume, by name or because the claim is made for it.
fn uses(pod: &Object, claim: &str) -> bool {
    let has_ended = matches!(pod.str_at(&["status", "phase"]), "Succeeded" | "Failed");
    let named =
        |volume: &Value| volume.pointer("/persistentVolumeClaim/claimName").and_then(Value::as_str) == Some(claim);
    let made = |volume: &Value| {
        let name = volume.get("name").and_then(Value::as_str).unwrap_or_default();
        !has_ended && volume.get("ephemeral").is_some() && format!("{}-{name}", pod.name()) == claim
    };
    let volumes = pod.list_at(&["spec", "volumes"]);
    !pod.str_at(&["spec", "nodeName"]).is_empty() && volumes.iter().any(|volume| named(volume) || made(volume))
}

/// Whether a claim or a volume has the class, wants it or is being given it.
fn is_class_used(context: &Context, class: &str) -> bool {
    let is = |name: Option<&String>| name.is_some_and(|name| name == class);
    let by_claim = |claim: &PersistentVolumeClaim| {
        let (spec, status) = (claim.spec.as_ref(), claim.status.as_ref());
        let modify = status.and_then(|status| status.modify_volume_status.as_ref());
        is(spec.and_then(|spec| spec.volume_attributes_class_name.as_ref()))
            || is(status.and_then(|status| status.current_volume_attributes_class_name.as_ref()))
            || is(modify.and_then(|modify| modify.target_volume_attributes_class_name.as_ref()))
    };
    let by_volume = |volume: &PersistentVolume| {
        is(volume.spec.as_ref().and_then(|spec| spec.volume_attributes_class_name.as_ref()))
    };
    context.caches.claims.all().iter().any(|claim| by_claim(claim))
        || context.caches.volumes.all().iter().any(|volume| by_volume(volume))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pods_use_claims() {
        let pod = |node: &str, phase: &str, volume: Value| {
            Object::from_value(json!({
                "metadata": { "name": "p" }, "spec": { "nodeName": node, "volumes": [volume] }, "status": { "phase": phase },
            }))
            .unwrap()
        };
        let named = json!({ "name": "v", "persistentVolumeClaim": { "claimName": "p-v" } });
        let made = json!({ "name": "v", "ephemeral": {} });
        for (pod, expect) in [
            (pod("n", "Running", named.clone()), true),
            (pod("n", "Succeeded", named.clone()), true),
            (pod("", "Pending", named), false),
            (pod("n", "Running", made.clone()), true),
            (pod("n", "Failed", made), false),
            (pod("n", "Running", json!({ "name": "v", "emptyDir": {} })), false),
        ] {
            assert_eq!(uses(&pod, "p-v"), expect, "{:?}", pod.map());
        }
    }
}
