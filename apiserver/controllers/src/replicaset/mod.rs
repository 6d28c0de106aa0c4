//! ReplicaSets keep their number of Pods. `plan` says what to do; this module observes and does it.

mod plan;

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::ReplicaSet;
use k8s_openapi::api::core::v1::Pod as FullPod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::api::{DeleteParams, PostParams, Preconditions};
use kube::core::{Selector, SelectorExt};
use kube::{Api, Resource};

use crate::Context;
use crate::Error;
use crate::events::Level;
use crate::expectations::Expectations;
use crate::key::Key;
use crate::owner::{self, controller_of};
use crate::queue::{Next, Queue};
use crate::views::Pod;

/// How many ReplicaSets are worked on at once.
const WORKERS: usize = 16;
/// Creations go out in batches that double while they succeed, so that a quota is not hit five hundred times.
const FIRST_BATCH: usize = 1;

pub(crate) struct Controller {
    context: Context,
    queue: Queue<Key>,
    expectations: Expectations,
}

/// Listens from now on; works while the future is polled.
pub(crate) fn run(context: Context) -> impl Future<Output = ()> {
    let queue = context.queues.queue("replicaset");
    let controller = Arc::new(Controller { context, queue, expectations: Expectations::default() });
    controller.listen();
    async move {
        controller.context.caches.replicasets.synced().await;
        controller.context.caches.pods.synced().await;
        let work = |key| {
            let controller = controller.clone();
            async move { controller.reconcile(&key).await }
        };
        controller.queue.run(WORKERS, work).await;
    }
}

impl Controller {
    fn listen(self: &Arc<Self>) {
        let me = Arc::downgrade(self);
        self.context.caches.replicasets.listen(move |before, after| {
            let Some(me) = me.upgrade() else { return };
            let Some(set) = after.or(before) else { return };
            let key = Key::of(&**set);
            if after.is_none() {
                me.expectations.forget(&key);
            }
            me.queue.add(key);
        });
        let me = Arc::downgrade(self);
        self.context.caches.pods.listen(move |before, after| {
            if let Some(me) = me.upgrade() {
                me.pod_changed(before.map(|pod| &**pod), after.map(|pod| &**pod));
            }
        });
    }

    fn pod_changed(&self, before: Option<&Pod>, after: Option<&Pod>) {
        let owner_key = |pod: &Pod| {
            let owner = controller_of(&pod.metadata).filter(|owner| owner.kind == "ReplicaSet")?;
            Some(Key::new(pod.metadata.namespace.as_deref()?, &owner.name))
        };
        let old_owner = before.and_then(owner_key);
        let new_owner = after.and_then(owner_key);
        if let Some(owner) = &new_owner
            && before.is_none()
        {
            self.expectations.creation_seen(owner);
        }
        if let Some((pod, owner)) = before.zip(old_owner.as_ref())
            && after.is_none_or(Pod::is_terminating)
        {
            self.expectations.deletion_seen(owner, pod.metadata.uid.as_deref().unwrap_or_default());
        }
        let orphan = after.is_some_and(|pod| controller_of(&pod.metadata).is_none());
        if orphan {
            // Somebody may want to adopt it.
            let namespace = after.and_then(|pod| pod.metadata.namespace.as_deref()).unwrap_or_default();
            for set in self.context.caches.replicasets.in_namespace(namespace) {
                self.queue.add(Key::of(&*set));
            }
        }
        for owner in old_owner.into_iter().chain(new_owner) {
            self.queue.add(owner);
        }
    }

    async fn reconcile(&self, key: &Key) -> Result<Next, Error> {
        let Some(set) = self.context.caches.replicasets.get(key) else { return Ok(Next::Done) };
        let selector = owner::selector(set.spec.as_ref().map(|spec| &spec.selector))?;
        let mut owned = self.context.caches.pods.indexed(set.metadata.uid.as_deref().unwrap_or_default());
        if set.metadata.deletion_timestamp.is_none() {
            self.adopt_and_release(&set, &selector, &mut owned).await?;
        }
        let mut failure = None;
        if set.metadata.deletion_timestamp.is_none() && self.expectations.satisfied(key, Instant::now()) {
            failure = self.scale(key, &set, &owned).await;
        }
        let now = Timestamp::now();
        let told = failure.as_ref().map(|(reason, error)| (*reason, error.to_string()));
        self.write_status(&set, plan::status(&set, &owned, told, now)).await?;
        match failure {
            Some((_, error)) => Err(error),
            None => Ok(next_availability(&set, &owned, now)),
        }
    }

    /// Takes in Pods that match and have no controller, lets go of those that no longer match.
    async fn adopt_and_release(
        &self,
        set: &ReplicaSet,
        selector: &Selector,
        owned: &mut Vec<Arc<Pod>>,
    ) -> Result<(), Error> {
        let namespace = set.metadata.namespace.as_deref().unwrap_or_default();
        let pods: Api<FullPod> = Api::namespaced(self.context.client.clone(), namespace);
        let uid = set.metadata.uid.as_deref().unwrap_or_default();
        let labels = |pod: &Pod| pod.metadata.labels.clone().unwrap_or_default();
        let mut kept = Vec::with_capacity(owned.len());
        for pod in owned.drain(..) {
            let mine = controller_of(&pod.metadata).is_some_and(|owner| owner.uid == uid);
            if !mine {
                continue;
            }
            if selector.matches(&labels(&pod)) {
                kept.push(pod);
            } else if !pod.is_terminating() {
                owner::release(&pods, &pod.metadata, uid).await?;
            }
        }
        *owned = kept;
        if self.context.caches.pods.is_empty() {
            return Ok(());
        }
        let orphans =
            self.context.caches.pods.in_namespace(namespace).into_iter().filter(|pod| {
                controller_of(&pod.metadata).is_none() && pod.is_active() && selector.matches(&labels(pod))
            });
        for pod in orphans {
            // The cache may be behind: never adopt for a ReplicaSet that is gone or on its way out.
            let sets: Api<ReplicaSet> = Api::namespaced(self.context.client.clone(), namespace);
            let live = sets.get_metadata(set.metadata.name.as_deref().unwrap_or_default()).await?;
            if live.metadata.uid.as_deref() != Some(uid) || live.metadata.deletion_timestamp.is_some() {
                break;
            }
            if owner::adopt(&pods, &pod.metadata, &owner_reference(set)).await? {
                owned.push(pod);
            }
        }
        Ok(())
    }

    async fn scale(&self, key: &Key, set: &ReplicaSet, owned: &[Arc<Pod>]) -> Option<(&'static str, Error)> {
        let active: Vec<Arc<Pod>> = owned.iter().filter(|pod| pod.is_active()).cloned().collect();
        let related = self.related(set);
        let plan = plan::replicas(set, &active, &related);
        if plan.create > 0 {
            return self.create(key, set, plan.create).await.err().map(|error| ("FailedCreate", error));
        }
        if !plan.delete.is_empty() {
            return self.delete(key, set, plan.delete).await.err().map(|error| ("FailedDelete", error));
        }
        None
    }

    /// The Pods of all ReplicaSets with the same controller.
    fn related(&self, set: &ReplicaSet) -> Vec<Arc<Pod>> {
        let caches = &self.context.caches;
        let sets = match controller_of(&set.metadata) {
            Some(owner) => caches.replicasets.indexed(&owner.uid),
            None => return caches.pods.indexed(set.metadata.uid.as_deref().unwrap_or_default()),
        };
        sets.iter().flat_map(|set| caches.pods.indexed(set.metadata.uid.as_deref().unwrap_or_default())).collect()
    }

    async fn create(&self, key: &Key, set: &ReplicaSet, count: usize) -> Result<(), Error> {
        let pods: Api<FullPod> = Api::namespaced(self.context.client.clone(), &key.namespace);
        let pod = pod_from(set);
        let parameters = PostParams::default();
        self.expectations.expect_creations(key, count, Instant::now());
        let mut left = count;
        let mut batch = FIRST_BATCH;
        let mut error = None;
        while left > 0 && error.is_none() {
            let size = batch.min(left);
            let results = futures::future::join_all((0..size).map(|_| pods.create(&parameters, &pod))).await;
            for result in results {
                match result {
                    Ok(created) => {
                        let name = created.metadata.name.unwrap_or_default();
                        self.context.events.tell(
                            set,
                            Level::Normal,
                            "SuccessfulCreate",
                            format!("Created pod: {name}"),
                        );
                    }
                    Err(failed) => {
                        self.expectations.creation_seen(key);
                        error = Some(failed);
                    }
                }
            }
            left -= size;
            batch *= 2;
        }
        let Some(error) = error else { return Ok(()) };
        for _ in 0..left {
            self.expectations.creation_seen(key);
        }
        let terminating = matches!(&error, kube::Error::Api(status)
            if status.details.iter().flat_map(|d| &d.causes).any(|cause| cause.reason == "NamespaceTerminating"));
        if terminating {
            // Everything here is about to go: no use in trying again.
            return Ok(());
        }
        self.context.events.tell(set, Level::Warning, "FailedCreate", format!("Error creating: {error}"));
        Err(error.into())
    }

    async fn delete(&self, key: &Key, set: &ReplicaSet, victims: Vec<(String, String)>) -> Result<(), Error> {
        let pods: Api<FullPod> = Api::namespaced(self.context.client.clone(), &key.namespace);
        let uids = victims.iter().map(|(_, uid)| uid.clone());
        self.expectations.expect_deletions(key, uids, Instant::now());
        let deletions = victims.iter().map(|(name, uid)| {
            let preconditions = Some(Preconditions { uid: Some(uid.clone()), resource_version: None });
            let parameters = DeleteParams { preconditions, ..DeleteParams::default() };
            let pods = &pods;
            async move { (name, uid, pods.delete(name, &parameters).await) }
        });
        let mut error = None;
        for (name, uid, result) in futures::future::join_all(deletions).await {
            match result {
                Ok(_) => {
                    let text = format!("Deleted pod: {name}");
                    self.context.events.tell(set, Level::Normal, "SuccessfulDelete", text);
                }
                Err(failed) => {
                    self.expectations.deletion_seen(key, uid);
                    let gone = matches!(&failed, kube::Error::Api(status) if matches!(status.code, 404 | 409));
                    if !gone {
                        let text = format!("Error deleting: {failed}");
                        self.context.events.tell(set, Level::Warning, "FailedDelete", text);
                        error = Some(failed);
                    }
                }
            }
        }
        error.map_or(Ok(()), |error| Err(error.into()))
    }

    async fn write_status(
        &self,
        set: &ReplicaSet,
        status: k8s_openapi::api::apps::v1::ReplicaSetStatus,
    ) -> Result<(), Error> {
        if set.status.as_ref() == Some(&status) {
            return Ok(());
        }
        let namespace = set.metadata.namespace.as_deref().unwrap_or_default();
        let sets: Api<ReplicaSet> = Api::namespaced(self.context.client.clone(), namespace);
        let mut changed = set.clone();
        changed.status = Some(status);
        let name = set.metadata.name.as_deref().unwrap_or_default();
        match sets.replace_status(name, &PostParams::default(), &changed).await {
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
            other => other.map(drop).map_err(Error::from),
        }
    }
}

/// When a Pod that is ready now becomes available.
fn next_availability(set: &ReplicaSet, owned: &[Arc<Pod>], now: Timestamp) -> Next {
    let min_ready_secs = set.spec.as_ref().and_then(|spec| spec.min_ready_seconds).unwrap_or(0);
    let waiting = owned.iter().any(|pod| pod.is_ready() && !pod.is_available(min_ready_secs, now));
    if waiting {
        Next::After(Duration::from_secs(u64::try_from(min_ready_secs).unwrap_or(1).max(1)))
    } else {
        Next::Done
    }
}

fn owner_reference(set: &ReplicaSet) -> OwnerReference {
    set.controller_owner_ref(&()).map_or_else(OwnerReference::default, |mut owner| {
        owner.block_owner_deletion = Some(true);
        owner
    })
}

fn pod_from(set: &ReplicaSet) -> FullPod {
    let template = set.spec.as_ref().and_then(|spec| spec.template.clone()).unwrap_or_default();
    let meta = template.metadata.unwrap_or_default();
    FullPod {
        metadata: ObjectMeta {
            generate_name: set.metadata.name.as_ref().map(|name| format!("{name}-")),
            labels: meta.labels,
            annotations: meta.annotations,
            finalizers: meta.finalizers,
            owner_references: Some(vec![owner_reference(set)]),
            ..ObjectMeta::default()
        },
        spec: template.spec,
        status: None,
    }
}
