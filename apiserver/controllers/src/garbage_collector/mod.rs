//! The garbage collector: dependents follow their owners, in the background, in the foreground, or stay as orphans.
//!
//! It watches the metadata of every deletable resource; `graph` (pure) knows who owns whom; before anything is deleted
//! the API is asked again, because watches lag.

mod graph;

use std::collections::{HashMap, HashSet};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams, Preconditions, PropagationPolicy};
use kube::core::{DynamicObject, PartialObjectMeta};
use kube::runtime::{WatchStreamExt, watcher};
use parking_lot::{Mutex, RwLock};
use serde_json::json;

use crate::discovery::{self, Resource};
use crate::queue::{Next, Queue};
use crate::{Context, Error};
use graph::{FOREGROUND, Graph, ORPHAN, Place, Task, Uid};

/// How many objects are looked into at once.
const WORKERS: usize = 20;
/// How often new resources are looked for.
const DISCOVERY_PERIOD: Duration = Duration::from_secs(30);
/// Resources whose objects come and go too often to be worth watching; they have no owners.
const IGNORED: [(&str, &str); 2] = [("", "events"), ("events.k8s.io", "events")];

struct Collector {
    context: Context,
    graph: Mutex<Graph>,
    /// Every resource ever seen; a `Place` names one by its number.
    resources: RwLock<Vec<Resource>>,
    queue: Queue<Task>,
}

/// How the API answers the question after an owner.
enum Owner {
    Absent,
    Waiting,
    Solid,
}

/// Works while the future is polled.
pub(crate) fn run(context: Context) -> impl Future<Output = ()> {
    let queue = context.queues.queue("garbage_collector_attempt_to_delete");
    let collector =
        Arc::new(Collector { context, graph: Mutex::default(), resources: RwLock::default(), queue: queue.clone() });
    async move {
        let work = |task| {
            let collector = collector.clone();
            async move { collector.look_into(task).await }
        };
        tokio::join!(collector.clone().watch_all(), queue.run(WORKERS, work));
    }
}

impl Collector {
    /// Keeps one metadata watch per deletable resource.
    async fn watch_all(self: Arc<Self>) {
        let mut watches: HashMap<usize, tokio::task::AbortHandle> = HashMap::new();
        // Dropping the set ends all watches with the collector.
        let mut running = tokio::task::JoinSet::new();
        loop {
            match discovery::deletable(&self.context.client).await {
                Ok(found) => {
                    let watched = found.resources.into_iter().filter(is_worth_watching);
                    let numbers: HashSet<usize> = watched.map(|resource| self.number(resource)).collect();
                    // Objects of a server that is away are not gone.
                    let away: HashSet<usize> = {
                        let known = self.resources.read();
                        let is_away = |number: &usize| found.stale.contains(&known[*number].api.api_version);
                        watches.keys().copied().filter(is_away).collect()
                    };
                    watches.retain(|number, watch| {
                        let still_there = numbers.contains(number) || away.contains(number);
                        if !still_there {
                            watch.abort();
                        }
                        still_there
                    });
                    for number in numbers {
                        watches.entry(number).or_insert_with(|| {
                            let collector = self.clone();
                            running.spawn(async move { collector.watch(number).await })
                        });
                    }
                }
                Err(error) => tracing::debug!(%error, "discovery failed; it is tried again"),
            }
            tokio::time::sleep(DISCOVERY_PERIOD).await;
        }
    }

    async fn watch(&self, number: usize) {
        let resource = self.resources.read()[number].clone();
        let api: Api<PartialObjectMeta<DynamicObject>> = Api::all_with(self.context.client.clone(), &resource.api);
        let mut events = pin!(watcher(api, watcher::Config::default()).default_backoff());
        let mut listed: HashSet<Uid> = HashSet::new();
        while let Some(event) = events.next().await {
            match event {
                Ok(watcher::Event::Apply(object)) => self.seen(number, &object),
                Ok(watcher::Event::InitApply(object)) => {
                    listed.insert(object.metadata.uid.as_deref().unwrap_or_default().into());
                    self.seen(number, &object);
                }
                Ok(watcher::Event::Delete(object)) => self.gone(object.metadata.uid.as_deref().unwrap_or_default()),
                Ok(watcher::Event::Init) => listed.clear(),
                Ok(watcher::Event::InitDone) => {
                    let known = self.graph.lock().of_resource(number);
                    known.iter().filter(|uid| !listed.contains(*uid)).for_each(|uid| self.gone(uid));
                    listed = HashSet::new();
                }
                Err(error) => tracing::debug!(resource = %resource.api.plural, %error, "watch interrupted"),
            }
        }
    }

    fn seen(&self, resource: usize, object: &PartialObjectMeta<DynamicObject>) {
        let meta = &object.metadata;
        let place = Place {
            resource,
            namespace: meta.namespace.as_deref().unwrap_or_default().into(),
            name: meta.name.as_deref().unwrap_or_default().into(),
        };
        let tasks = self.graph.lock().seen(place, meta);
        tasks.into_iter().for_each(|task| self.queue.add(task));
    }

    fn gone(&self, uid: &str) {
        let place = self.graph.lock().place(uid);
        let tasks = self.graph.lock().gone(uid);
        if let Some(place) = place {
            let api = self.resources.read()[place.resource].api.clone();
            self.context.deletions.tell(&api.group, &api.plural, &place.namespace);
        }
        tasks.into_iter().for_each(|task| self.queue.add(task));
    }

    /// The number of a resource, given on first sight.
    fn number(&self, resource: Resource) -> usize {
        let mut resources = self.resources.write();
        if let Some(number) = resources.iter().position(|known| *known == resource) {
            return number;
        }
        resources.push(resource);
        resources.len() - 1
    }

    async fn look_into(&self, task: Task) -> Result<Next, Error> {
        match task {
            Task::Delete(uid) => self.attempt_delete(&uid).await?,
            Task::Orphan(uid) => self.orphan_dependents(&uid).await?,
        }
        Ok(Next::Done)
    }

    async fn attempt_delete(&self, uid: &Uid) -> Result<(), Error> {
        let Some(place) = self.graph.lock().place(uid) else { return Ok(()) };
        let api = self.api(&place);
        let Some(live) = api.get_metadata_opt(&place.name).await? else {
            // The watch will tell; until then dependents must not wait.
            return Ok(());
        };
        let meta = &live.metadata;
        if meta.uid.as_deref() != Some(&**uid) {
            return Ok(());
        }
        let has = |finalizer: &str| meta.finalizers.iter().flatten().any(|other| other == finalizer);
        if meta.deletion_timestamp.is_some() {
            if has(FOREGROUND) {
                self.finish_foreground(uid, &place, meta).await?;
            }
            return Ok(());
        }
        let owners = meta.owner_references.clone().unwrap_or_default();
        if owners.is_empty() {
            return Ok(());
        }
        let (mut solid, mut waiting) = (Vec::new(), 0);
        for owner in owners.iter() {
            match self.ask(owner, &place.namespace).await? {
                Owner::Solid => solid.push(owner.clone()),
                Owner::Waiting => waiting += 1,
                Owner::Absent => {}
            }
        }
        if solid.len() == owners.len() {
            return Ok(());
        }
        if !solid.is_empty() {
            return self.keep_owners(&api, meta, &solid).await;
        }
        let policy = if waiting > 0 && self.graph.lock().has_dependents(uid) {
            if self.graph.lock().has_waiting_dependent(uid) {
                // A circle of foreground deletions: nobody would ever be first.
                self.unblock(&api, meta, &owners).await?;
            }
            PropagationPolicy::Foreground
        } else if has(ORPHAN) {
            PropagationPolicy::Orphan
        } else if has(FOREGROUND) {
            PropagationPolicy::Foreground
        } else {
            PropagationPolicy::Background
        };
        let preconditions = Some(Preconditions { uid: meta.uid.clone(), resource_version: None });
        let parameters = DeleteParams { preconditions, propagation_policy: Some(policy), ..DeleteParams::default() };
        ignore_gone(api.delete(&place.name, &parameters).await.map(drop))
    }

    /// Lets an owner go that waited for its dependents, or sees to those that it still waits for.
    async fn finish_foreground(&self, uid: &Uid, place: &Place, meta: &ObjectMeta) -> Result<(), Error> {
        let blocking = self.graph.lock().blocking(uid);
        if blocking.is_empty() {
            return self.drop_finalizer(place, meta, FOREGROUND).await;
        }
        for (dependent, already_waits) in blocking {
            if !already_waits {
                self.queue.add(Task::Delete(dependent));
            }
        }
        Ok(())
    }

    async fn orphan_dependents(&self, uid: &Uid) -> Result<(), Error> {
        let (place, dependents) = {
            let graph = self.graph.lock();
            let Some(place) = graph.place(uid) else { return Ok(()) };
            (place, graph.dependents(uid))
        };
        for dependent in dependents {
            let api = self.api(&dependent);
            let Some(live) = api.get_metadata_opt(&dependent.name).await? else { continue };
            let owners = live.metadata.owner_references.clone().unwrap_or_default();
            let kept: Vec<OwnerReference> = owners.iter().filter(|owner| *owner.uid != **uid).cloned().collect();
            if kept.len() < owners.len() {
                self.keep_owners(&api, &live.metadata, &kept).await?;
            }
        }
        let live = self.api(&place).get_metadata_opt(&place.name).await?;
        match live.filter(|live| live.metadata.uid.as_deref() == Some(&**uid)) {
            Some(live) => self.drop_finalizer(&place, &live.metadata, ORPHAN).await,
            None => Ok(()),
        }
    }

    async fn ask(&self, owner: &OwnerReference, namespace: &str) -> Result<Owner, Error> {
        let resource = self.resources.read().iter().find(|resource| is_kind(resource, owner)).cloned();
        let Some(resource) = resource else {
            // Not known yet, or no longer: nothing is deleted for an owner that we cannot ask for.
            return Err(Error::Waiting(format!("unknown owner kind {} {}", owner.api_version, owner.kind)));
        };
        let client = self.context.client.clone();
        let api: Api<DynamicObject> = if !resource.namespaced {
            Api::all_with(client, &resource.api)
        } else if namespace.is_empty() {
            // A cluster-scoped object cannot be owned by a namespaced one: such an owner does not exist.
            return Ok(Owner::Absent);
        } else {
            Api::namespaced_with(client, namespace, &resource.api)
        };
        Ok(match api.get_metadata_opt(&owner.name).await? {
            Some(live) if live.metadata.uid.as_deref() == Some(&owner.uid) => {
                let meta = &live.metadata;
                let foreground = meta.finalizers.iter().flatten().any(|finalizer| finalizer == FOREGROUND);
                if meta.deletion_timestamp.is_some() && foreground { Owner::Waiting } else { Owner::Solid }
            }
            _ => Owner::Absent,
        })
    }

    fn api(&self, place: &Place) -> Api<DynamicObject> {
        let resource = self.resources.read()[place.resource].clone();
        let client = self.context.client.clone();
        if resource.namespaced {
            Api::namespaced_with(client, &place.namespace, &resource.api)
        } else {
            Api::all_with(client, &resource.api)
        }
    }

    async fn keep_owners(
        &self,
        api: &Api<DynamicObject>,
        meta: &ObjectMeta,
        kept: &[OwnerReference],
    ) -> Result<(), Error> {
        let owners = if kept.is_empty() { serde_json::Value::Null } else { json!(kept) };
        let patch = json!({"metadata": {"resourceVersion": meta.resource_version, "ownerReferences": owners}});
        self.patch(api, meta, &patch).await
    }

    async fn unblock(
        &self,
        api: &Api<DynamicObject>,
        meta: &ObjectMeta,
        owners: &[OwnerReference],
    ) -> Result<(), Error> {
        let unblocked: Vec<OwnerReference> =
            owners.iter().map(|owner| OwnerReference { block_owner_deletion: Some(false), ..owner.clone() }).collect();
        let patch = json!({"metadata": {"resourceVersion": meta.resource_version, "ownerReferences": unblocked}});
        self.patch(api, meta, &patch).await
    }

    async fn drop_finalizer(&self, place: &Place, meta: &ObjectMeta, finalizer: &str) -> Result<(), Error> {
        let all = meta.finalizers.clone().unwrap_or_default();
        let kept: Vec<&String> = all.iter().filter(|other| *other != finalizer).collect();
        if kept.len() == all.len() {
            return Ok(());
        }
        let finalizers = if kept.is_empty() { serde_json::Value::Null } else { json!(kept) };
        let patch = json!({"metadata": {"resourceVersion": meta.resource_version, "finalizers": finalizers}});
        self.patch(&self.api(place), meta, &patch).await
    }

    async fn patch(&self, api: &Api<DynamicObject>, meta: &ObjectMeta, patch: &serde_json::Value) -> Result<(), Error> {
        let name = meta.name.as_deref().unwrap_or_default();
        match api.patch_metadata(name, &PatchParams::default(), &Patch::Merge(patch)).await {
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
            other => other.map(drop).map_err(Error::from),
        }
    }
}

fn is_worth_watching(resource: &Resource) -> bool {
    resource.watchable && !IGNORED.contains(&(resource.api.group.as_str(), resource.api.plural.as_str()))
}

fn is_kind(resource: &Resource, owner: &OwnerReference) -> bool {
    let group = owner.api_version.split_once('/').map_or("", |(group, _)| group);
    resource.api.kind == owner.kind && resource.api.group == group
}

fn ignore_gone(outcome: Result<(), kube::Error>) -> Result<(), Error> {
    match outcome {
        Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Ok(()),
        other => other.map_err(Error::from),
    }
}
