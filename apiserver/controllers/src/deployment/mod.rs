//! Deployments: rollouts, rollbacks, pauses. `template` finds the new ReplicaSet, `rollout` says how many Pods each
//! ReplicaSet should have, `status` what users are told; this module observes and does it.

mod rollout;
mod status;
mod template;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{Deployment, DeploymentStatus, ReplicaSet, ReplicaSetSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta, OwnerReference};
use kube::api::{DeleteParams, Patch, PatchParams, PostParams, Preconditions};
use kube::core::SelectorExt;
use kube::{Api, Resource};
use serde_json::json;

use crate::events::Level;
use crate::key::Key;
use crate::owner::{self, controller_of};
use crate::queue::{Next, Queue};
use crate::{Context, Error};
use rollout::{Set, Size, Strategy};
use status::{Observed, Progress};
use template::{DESIRED, HASH_LABEL, MAX, REVISION};

/// How many Deployments are worked on at once.
const WORKERS: usize = 8;

struct Controller {
    context: Context,
    queue: Queue<Key>,
}

/// What one run knows.
struct Run<'a> {
    key: &'a Key,
    deployment: &'a Deployment,
    sets: Vec<Arc<ReplicaSet>>,
    strategy: Strategy,
}

/// Listens from now on; works while the future is polled.
pub(crate) fn run(context: Context) -> impl Future<Output = ()> {
    let queue = context.queues.queue("deployment");
    let controller = Arc::new(Controller { context, queue });
    controller.listen();
    async move {
        controller.context.caches.deployments.synced().await;
        controller.context.caches.replicasets.synced().await;
        let work = |key| {
            let controller = controller.clone();
            async move { controller.reconcile(&key).await }
        };
        controller.queue.run(WORKERS, work).await;
    }
}

impl Controller {
    fn listen(&self) {
        let queue = self.queue.clone();
        self.context.caches.deployments.listen(move |before, after| {
            queue.add(after.or(before).map(|deployment| Key::of(&**deployment)).unwrap_or_else(|| Key::new("", "")));
        });
        let queue = self.queue.clone();
        let deployments = self.context.caches.deployments.clone();
        self.context.caches.replicasets.listen(move |before, after| {
            let owners = before.into_iter().chain(after).filter_map(|set| {
                let owner = controller_of(&set.metadata).filter(|owner| owner.kind == "Deployment")?;
                Some(Key::new(set.metadata.namespace.as_deref()?, &owner.name))
            });
            owners.for_each(|owner| queue.add(owner));
            if let Some(orphan) = after.filter(|set| controller_of(&set.metadata).is_none()) {
                let namespace = orphan.metadata.namespace.as_deref().unwrap_or_default();
                deployments.in_namespace(namespace).iter().for_each(|deployment| queue.add(Key::of(&**deployment)));
            }
        });
        // Recreation waits for Pods to be gone, which their ReplicaSet's numbers do not tell.
        let queue = self.queue.clone();
        let replicasets = self.context.caches.replicasets.clone();
        self.context.caches.pods.listen(move |before, after| {
            let (Some(gone), None) = (before, after) else { return };
            let namespace = gone.metadata.namespace.as_deref().unwrap_or_default();
            let set =
                controller_of(&gone.metadata).and_then(|owner| replicasets.get(&Key::new(namespace, &owner.name)));
            let owner = set.as_ref().and_then(|set| controller_of(&set.metadata));
            if let Some(owner) = owner.filter(|owner| owner.kind == "Deployment") {
                queue.add(Key::new(namespace, &owner.name));
            }
        });
    }

    async fn reconcile(&self, key: &Key) -> Result<Next, Error> {
        let Some(deployment) = self.context.caches.deployments.get(key) else { return Ok(Next::Done) };
        let mut run = Run { key, deployment: &deployment, sets: Vec::new(), strategy: Strategy::of(&deployment) };
        run.sets = self.owned(&run).await?;
        let sets: Vec<&ReplicaSet> = run.sets.iter().map(|set| &**set).collect();
        let new = template::find_new(&deployment, &sets);
        let (mut progress, mut collisions) = (Progress::None, None);
        let mut created = None;
        if deployment.metadata.deletion_timestamp.is_none() {
            let old: Vec<&ReplicaSet> = sets.iter().copied().filter(|set| !is_same(new, set)).collect();
            let paused = deployment.spec.as_ref().and_then(|spec| spec.paused) == Some(true);
            let views: Vec<Set> = sets.iter().map(|set| Set::of(set)).collect();
            let old_views: Vec<Set> = old.iter().map(|set| Set::of(set)).collect();
            if paused || rollout::was_scaled(run.strategy, &views) {
                let latest = old.iter().max_by_key(|set| template::age(set)).map(|set| Set::of(set));
                let new_view = new.map(Set::of);
                let sizes = rollout::rescale(run.strategy, new_view.as_ref(), &old_views, latest.as_ref());
                self.scale(&run, &sets, &sizes).await?;
                self.note_sizes(&run, &sets, &sizes).await?;
            } else if run.strategy.recreate && !self.recreate_may_start(&run, &sets, &old, &old_views).await? {
                // The old Pods are still going.
            } else {
                (created, progress, collisions) = self.ensure_new(&run, new, &old, &old_views).await?;
                if let Some(current) = new {
                    let sizes = if run.strategy.recreate {
                        let set = Set::of(current);
                        let size = Size { name: set.name, from: set.replicas, to: run.strategy.replicas };
                        if size.from == size.to { Vec::new() } else { vec![size] }
                    } else {
                        rollout::roll(run.strategy, &Set::of(current), &old_views)
                    };
                    self.scale(&run, &sets, &sizes).await?;
                }
            }
            if deployment.status.as_ref().is_some_and(|status| status::is_complete(&deployment, status)) {
                self.clean_up(&run, &old).await?;
            }
        }
        let current = created.as_ref().or(new);
        let all: Vec<&ReplicaSet> = sets.iter().copied().chain(&created).collect();
        let collisions = collisions.or_else(|| deployment.status.as_ref().and_then(|status| status.collision_count));
        let failed = match &progress {
            Progress::Failed { error, .. } => Some(error.clone()),
            _ => None,
        };
        let observed =
            Observed { deployment: &deployment, new: current, all: &all, strategy: run.strategy, progress, collisions };
        let now = Timestamp::now();
        self.write_status(&run, status::status(&observed, now)).await?;
        match failed {
            Some(error) => Err(Error::Waiting(error)),
            None => Ok(wake_at_deadline(&deployment, now)),
        }
    }

    /// The ReplicaSets that the Deployment controls, after taking in and letting go.
    async fn owned(&self, run: &Run<'_>) -> Result<Vec<Arc<ReplicaSet>>, Error> {
        let uid = run.deployment.metadata.uid.as_deref().unwrap_or_default();
        let selector = owner::selector(run.deployment.spec.as_ref().map(|spec| &spec.selector))?;
        let api: Api<ReplicaSet> = Api::namespaced(self.context.client.clone(), &run.key.namespace);
        let mut owned = Vec::new();
        for set in self.context.caches.replicasets.in_namespace(&run.key.namespace) {
            let matches = selector.matches(set.metadata.labels.as_ref().unwrap_or(&Default::default()));
            match controller_of(&set.metadata) {
                Some(owner) if owner.uid == uid && matches => owned.push(set),
                Some(owner) if owner.uid == uid && set.metadata.deletion_timestamp.is_none() => {
                    owner::release(&api, &set.metadata, uid).await?;
                }
                None if matches
                    && run.deployment.metadata.deletion_timestamp.is_none()
                    && set.metadata.deletion_timestamp.is_none() =>
                {
                    let deployments: Api<Deployment> = Api::namespaced(self.context.client.clone(), &run.key.namespace);
                    let live = deployments.get_metadata(&run.key.name).await?;
                    if live.metadata.uid.as_deref() == Some(uid)
                        && live.metadata.deletion_timestamp.is_none()
                        && owner::adopt(&api, &set.metadata, &owner_reference(run.deployment)).await?
                    {
                        owned.push(set);
                    }
                }
                _ => {}
            }
        }
        Ok(owned)
    }

    /// Brings the old ReplicaSets down; whether nothing of them runs any more.
    async fn recreate_may_start(
        &self,
        run: &Run<'_>,
        sets: &[&ReplicaSet],
        old: &[&ReplicaSet],
        views: &[Set],
    ) -> Result<bool, Error> {
        let down: Vec<Size> = views
            .iter()
            .filter(|set| set.replicas > 0)
            .map(|set| Size { name: set.name.clone(), from: set.replicas, to: 0 })
            .collect();
        if !down.is_empty() {
            self.scale(run, sets, &down).await?;
            return Ok(false);
        }
        let pods = &self.context.caches.pods;
        let uids = old.iter().filter_map(|set| set.metadata.uid.as_deref());
        Ok(!uids.flat_map(|uid| pods.indexed(uid)).any(|pod| !pod.is_terminal()))
    }

    /// Makes sure that the current template has its ReplicaSet, with the newest revision. Returns the one created, what
    /// to tell, and the new collision count where the name was taken.
    async fn ensure_new(
        &self,
        run: &Run<'_>,
        new: Option<&ReplicaSet>,
        old: &[&ReplicaSet],
        old_views: &[Set],
    ) -> Result<(Option<ReplicaSet>, Progress, Option<i32>), Error> {
        let newest = old.iter().map(|set| template::revision(set.metadata.annotations.as_ref())).max().unwrap_or(0);
        let revision = newest + 1;
        let deployment = run.deployment;
        let api: Api<ReplicaSet> = Api::namespaced(self.context.client.clone(), &run.key.namespace);
        if let Some(set) = new {
            let name = set.metadata.name.clone().unwrap_or_default();
            let min_ready_secs = deployment.spec.as_ref().and_then(|spec| spec.min_ready_seconds);
            let annotations = template::annotations(deployment, set.metadata.annotations.as_ref(), revision);
            let same_secs =
                set.spec.as_ref().and_then(|spec| spec.min_ready_seconds).unwrap_or(0) == min_ready_secs.unwrap_or(0);
            let effective = annotations.as_ref().or(set.metadata.annotations.as_ref());
            let shown = template::revision(effective);
            if annotations.is_some() || !same_secs {
                let patch = json!({
                    "metadata": {"annotations": annotations, "resourceVersion": set.metadata.resource_version},
                    "spec": {"minReadySeconds": min_ready_secs.unwrap_or(0)},
                });
                api.patch(&name, &PatchParams::default(), &Patch::Merge(&patch)).await?;
            }
            self.show_revision(run, shown).await?;
            return Ok((None, Progress::Found(name), None));
        }
        let collisions = deployment.status.as_ref().and_then(|status| status.collision_count);
        let set = new_set(deployment, collisions, revision, run.strategy, old_views);
        let name = set.metadata.name.clone().unwrap_or_default();
        match api.create(&PostParams::default(), &set).await {
            Ok(created) => {
                let to = set.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(0);
                if to > 0 {
                    self.tell_scaled(deployment, &Size { name: name.clone(), from: 0, to });
                }
                self.show_revision(run, revision).await?;
                Ok((Some(created), Progress::Created(name), None))
            }
            Err(kube::Error::Api(status)) if status.code == 409 && status.reason == "AlreadyExists" => {
                let taken = api.get(&name).await?;
                let uid = deployment.metadata.uid.as_deref();
                let mine = controller_of(&taken.metadata).map(|owner| owner.uid.as_str()) == uid;
                if mine && template::find_new(deployment, &[&taken]).is_some() {
                    // Our own, which the cache has not shown yet.
                    return Ok((Some(taken), Progress::None, None));
                }
                Ok((None, Progress::None, Some(collisions.unwrap_or(0) + 1)))
            }
            Err(error) => {
                let text = error.to_string();
                let told = format!("Failed to create new replica set \"{name}\": {text}");
                self.context.events.tell(deployment, Level::Warning, "ReplicaSetCreateError", told);
                Ok((None, Progress::Failed { name, error: text }, None))
            }
        }
    }

    /// Writes the revision onto the Deployment, where `kubectl rollout` looks.
    async fn show_revision(&self, run: &Run<'_>, revision: i64) -> Result<(), Error> {
        if template::revision(run.deployment.metadata.annotations.as_ref()) == revision || revision == 0 {
            return Ok(());
        }
        let api: Api<Deployment> = Api::namespaced(self.context.client.clone(), &run.key.namespace);
        let patch = json!({"metadata": {"annotations": {REVISION: revision.to_string()}}});
        api.patch(&run.key.name, &PatchParams::default(), &Patch::Merge(&patch)).await?;
        Ok(())
    }

    async fn scale(&self, run: &Run<'_>, sets: &[&ReplicaSet], sizes: &[Size]) -> Result<(), Error> {
        for size in sizes {
            let set = sets.iter().find(|set| set.metadata.name.as_deref() == Some(&size.name));
            self.patch_size(run, set.copied(), &size.name, Some(size.to)).await?;
            self.tell_scaled(run.deployment, size);
        }
        Ok(())
    }

    /// Writes what the Deployment wants now onto ReplicaSets whose own number stays.
    async fn note_sizes(&self, run: &Run<'_>, sets: &[&ReplicaSet], sizes: &[Size]) -> Result<(), Error> {
        for set in sets.iter().filter(|set| Set::of(set).replicas > 0) {
            let name = set.metadata.name.as_deref().unwrap_or_default();
            let desired = set.metadata.annotations.as_ref().and_then(|all| all.get(DESIRED));
            let stale = desired != Some(&run.strategy.replicas.to_string());
            if stale && !sizes.iter().any(|size| size.name == name) {
                self.patch_size(run, Some(set), name, None).await?;
            }
        }
        Ok(())
    }

    async fn patch_size(
        &self,
        run: &Run<'_>,
        set: Option<&ReplicaSet>,
        name: &str,
        to: Option<i32>,
    ) -> Result<(), Error> {
        let api: Api<ReplicaSet> = Api::namespaced(self.context.client.clone(), &run.key.namespace);
        let mut patch = json!({"metadata": {
            "resourceVersion": set.and_then(|set| set.metadata.resource_version.clone()),
            "annotations": {
                DESIRED: run.strategy.replicas.to_string(),
                MAX: run.strategy.max_replicas().to_string(),
            },
        }});
        if let Some(to) = to {
            patch["spec"] = json!({"replicas": to});
        }
        api.patch(name, &PatchParams::default(), &Patch::Merge(&patch)).await?;
        Ok(())
    }

    fn tell_scaled(&self, deployment: &Deployment, size: &Size) {
        let direction = if size.to > size.from { "up" } else { "down" };
        let text = format!("Scaled {direction} replica set {} from {} to {}", size.name, size.from, size.to);
        self.context.events.tell(deployment, Level::Normal, "ScalingReplicaSet", text);
    }

    /// Deletes the oldest of the ReplicaSets that are kept only for rollbacks.
    async fn clean_up(&self, run: &Run<'_>, old: &[&ReplicaSet]) -> Result<(), Error> {
        let limit = run.deployment.spec.as_ref().and_then(|spec| spec.revision_history_limit).unwrap_or(10);
        if limit == i32::MAX {
            return Ok(());
        }
        let idle = |set: &&&ReplicaSet| {
            let status = set.status.as_ref();
            set.metadata.deletion_timestamp.is_none()
                && Set::of(set).replicas == 0
                && status.is_none_or(|status| status.replicas == 0)
                && status.and_then(|status| status.observed_generation) >= set.metadata.generation
        };
        let mut kept: Vec<&ReplicaSet> = old.iter().filter(idle).copied().collect();
        kept.sort_by_key(|set| template::revision(set.metadata.annotations.as_ref()));
        let surplus = kept.len().saturating_sub(usize::try_from(limit).unwrap_or(0));
        let api: Api<ReplicaSet> = Api::namespaced(self.context.client.clone(), &run.key.namespace);
        for set in &kept[..surplus] {
            let preconditions = Some(Preconditions { uid: set.metadata.uid.clone(), resource_version: None });
            let parameters = DeleteParams { preconditions, ..DeleteParams::background() };
            match api.delete(set.metadata.name.as_deref().unwrap_or_default(), &parameters).await {
                Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => {}
                other => other.map(drop)?,
            }
        }
        Ok(())
    }

    async fn write_status(&self, run: &Run<'_>, status: DeploymentStatus) -> Result<(), Error> {
        if run.deployment.status.as_ref() == Some(&status) {
            return Ok(());
        }
        let api: Api<Deployment> = Api::namespaced(self.context.client.clone(), &run.key.namespace);
        let mut changed = run.deployment.clone();
        changed.status = Some(status);
        // The revision may have been written a moment ago; the status does not depend on it.
        changed.metadata.resource_version = None;
        match api.replace_status(&run.key.name, &PostParams::default(), &changed).await {
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
            other => other.map(drop).map_err(Error::from),
        }
    }
}

fn is_same(new: Option<&ReplicaSet>, set: &ReplicaSet) -> bool {
    new.is_some_and(|new| new.metadata.uid == set.metadata.uid)
}

fn wake_at_deadline(deployment: &Deployment, now: Timestamp) -> Next {
    let Some(deadline) = status::deadline(deployment) else { return Next::Done };
    let left = deadline.duration_since(now).as_secs().max(0);
    Next::After(Duration::from_secs(left.unsigned_abs() + 1))
}

fn owner_reference(deployment: &Deployment) -> OwnerReference {
    deployment.controller_owner_ref(&()).map_or_else(OwnerReference::default, |mut owner| {
        owner.block_owner_deletion = Some(true);
        owner
    })
}

fn new_set(
    deployment: &Deployment,
    collisions: Option<i32>,
    revision: i64,
    strategy: Strategy,
    old: &[Set],
) -> ReplicaSet {
    let spec = deployment.spec.clone().unwrap_or_default();
    let mut template = spec.template;
    let hash = template::hash(&template, collisions);
    let labels = template.metadata.get_or_insert_default().labels.get_or_insert_default();
    labels.insert(HASH_LABEL.to_owned(), hash.clone());
    let labels = labels.clone();
    let mut selector: LabelSelector = spec.selector;
    selector.match_labels.get_or_insert_default().insert(HASH_LABEL.to_owned(), hash.clone());
    let mut annotations = template::annotations(deployment, None, revision).unwrap_or_default();
    annotations.insert(DESIRED.to_owned(), strategy.replicas.to_string());
    annotations.insert(MAX.to_owned(), strategy.max_replicas().to_string());
    let name = deployment.metadata.name.as_deref().unwrap_or_default();
    ReplicaSet {
        metadata: ObjectMeta {
            name: Some(format!("{name}-{hash}")),
            namespace: deployment.metadata.namespace.clone(),
            labels: Some(labels),
            annotations: Some(annotations),
            owner_references: Some(vec![owner_reference(deployment)]),
            ..ObjectMeta::default()
        },
        spec: Some(ReplicaSetSpec {
            replicas: Some(rollout::initial(strategy, old)),
            min_ready_seconds: spec.min_ready_seconds,
            selector,
            template: Some(template),
        }),
        status: None,
    }
}
