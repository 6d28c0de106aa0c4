//! Follows the CRDs in the store, whoever writes them: settles their names and conditions, keeps the table of resources
//! in step, and starts the cleaning up after deleted ones.
//!
//! One task. What it writes goes through the API like anybody's write; a conflict means that a newer state is on its way.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::future;
use kubernel_kinds::custom::Names;
use kubernel_meta::{Object, time};
use kubernel_store::{At, Entry, Event, Revision};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::known::{Definitions, Known};
use super::{PREFIX, cleanup, register, status};
use crate::observe::{self, Observer};
use crate::resources::Resource;
use crate::{ApiServer, Error, document};

/// How long the answer to a write of a CRD waits for the table to show it. Clients that go on at once find it there.
const SETTLE_WAIT: Duration = Duration::from_secs(2);
/// How many steps a CRD takes from its creation to being served, at most; beyond that something fights over it.
const STEPS_MAX: usize = 8;

/// What the rest of the server sees of the follower.
pub(crate) struct Crds {
    /// The last revision of a CRD that the table of resources shows.
    shown: watch::Sender<Revision>,
}

struct Follower {
    server: ApiServer,
    known: Definitions,
    /// The highest revision of a CRD that is known.
    revision: Revision,
    /// The uids of deleted CRDs whose objects are being taken away.
    cleaning: HashSet<String>,
    /// The table has to be made anew.
    changed: bool,
    /// Resources that have no place in it any more.
    retired: Vec<Arc<Resource>>,
}

impl Default for Crds {
    fn default() -> Self {
        Self { shown: watch::Sender::new(0) }
    }
}

impl Crds {
    /// Waits until the CRD as it is in the store is served (or no longer), for a while.
    pub(crate) async fn settled(&self, server: &ApiServer, name: &str) {
        let key = format!("{PREFIX}{name}");
        let Ok(snapshot) = server.store().snapshot(&key, At::Latest).await else { return };
        let Some(revision) = snapshot.get(&key).map(|entry| entry.revision) else { return };
        let mut shown = self.shown.subscribe();
        // A cluster that is slower than that is still right, only later.
        let _ = tokio::time::timeout(SETTLE_WAIT, shown.wait_for(|shown| *shown >= revision)).await;
    }
}

/// Reads the CRDs that are there, and follows them from then on.
pub(crate) async fn start(server: &ApiServer) -> Result<(), Error> {
    let follower = Follower {
        server: server.clone(),
        known: Definitions::default(),
        revision: 0,
        cleaning: HashSet::new(),
        changed: false,
        retired: Vec::new(),
    };
    Ok(observe::start(server, follower).await?)
}

impl Observer for Follower {
    const PREFIX: &'static str = PREFIX;

    async fn all(&mut self, entries: &[Arc<Entry>], revision: Revision) {
        let there: HashSet<&str> = entries.iter().map(|entry| name_of(&entry.key)).collect();
        let gone: Vec<String> = self.known.names().filter(|name| !there.contains(name)).map(str::to_owned).collect();
        gone.iter().for_each(|name| self.remove(name));
        entries.iter().for_each(|entry| self.put(entry));
        self.settle(revision).await;
    }

    async fn some(&mut self, events: &[Arc<Event>]) {
        for event in events {
            if event.deleted {
                self.remove(name_of(&event.entry.key));
            } else {
                self.put(&event.entry);
            }
        }
        self.settle(events.last().map_or(0, |event| event.revision)).await;
    }
}

impl Follower {
    fn put(&mut self, entry: &Entry) {
        match document::parse(&entry.json) {
            Ok(crd) => self.put_object(crd, entry.revision),
            Err(error) => tracing::error!(key = %entry.key, %error, "a custom resource definition cannot be read"),
        }
    }

    /// Takes over a state of a CRD, unless a newer one is known (the answer to an own write comes before its event).
    fn put_object(&mut self, mut crd: Object, revision: Revision) {
        let name = crd.name().to_owned();
        let old = self.known.get(&name);
        if old.is_some_and(|old| old.revision >= revision) {
            return;
        }
        let served = status::holds(&crd, "NamesAccepted") || status::holds(&crd, "Established");
        let fingerprint = if served { fingerprint(&crd) } else { 0 };
        let resources = match old.filter(|old| old.fingerprint == fingerprint) {
            Some(old) => old.resources.clone(),
            None => {
                self.retired.extend(old.into_iter().flat_map(|old| old.resources.iter().cloned()));
                self.changed |= served || old.is_some_and(|old| !old.resources.is_empty());
                if served { register::resources(&crd) } else { Vec::new() }
            }
        };
        let terminating = status::holds(&crd, "Terminating");
        for custom in resources.iter().filter_map(|resource| resource.custom.as_ref()) {
            custom.terminating.store(terminating, Ordering::Relaxed);
        }
        crd.remove(&["spec", "versions"]);
        crd.remove(&["metadata", "managedFields"]);
        self.revision = self.revision.max(revision);
        let uid = crd.uid().to_owned();
        let old = self.known.put(&name, Known { revision, crd, fingerprint, resources });
        if let Some(old) = old.filter(|old| old.crd.uid() != uid) {
            self.cleaning.remove(old.crd.uid());
        }
    }

    fn remove(&mut self, name: &str) {
        if let Some(old) = self.known.remove(name) {
            self.changed |= !old.resources.is_empty();
            self.retired.extend(old.resources);
            self.cleaning.remove(old.crd.uid());
        }
    }

    /// Writes what follows from the present state until nothing does, then shows it.
    async fn settle(&mut self, revision: Revision) {
        let mut refused: HashSet<String> = HashSet::new();
        for _ in 0..STEPS_MAX {
            let now = time::format(jiff::Timestamp::now());
            let steps = self.steps(&now, &refused);
            if steps.is_empty() {
                let done = self.known.unsettled().into_iter().filter(|name| !refused.contains(name));
                done.for_each(|name| self.known.settle(&name));
                break;
            }
            let writes = steps.into_iter().map(|(name, patch)| {
                let server = self.server.clone();
                async move {
                    let outcome = cleanup::patch_status(&server, &name, &patch).await;
                    (name, outcome)
                }
            });
            for (name, outcome) in future::join_all(writes).await {
                match outcome {
                    Ok(crd) => {
                        let written = crd.resource_version().parse().unwrap_or(revision);
                        self.put_object(crd, written);
                    }
                    // Somebody else was faster: their event is on its way.
                    Err(code) => {
                        tracing::debug!(%name, %code, "a status was not written");
                        self.known.recount(&name);
                        refused.insert(name);
                    }
                }
            }
        }
        self.show();
        self.server.crds().shown.send_replace(self.revision.max(revision));
        self.clean_up();
    }

    /// The status patches that are due. Names are given in the order of the CRDs' names.
    fn steps(&mut self, now: &str, refused: &HashSet<String>) -> Vec<(String, Value)> {
        let mut steps = Vec::new();
        for name in self.known.unsettled().into_iter().filter(|name| !refused.contains(name)) {
            let Some((known, in_use)) = self.known.with_names(&name) else { continue };
            let Some(status) = status::next(&known.crd, in_use, now) else { continue };
            let version = known.crd.resource_version();
            let patch = json!({ "metadata": { "resourceVersion": version }, "status": status });
            in_use.add(&Names::read(patch["status"].get("acceptedNames")));
            steps.push((name, patch));
        }
        steps
    }

    /// Makes the table of resources anew where it has changed, and ends the watches of what has left it.
    fn show(&mut self) {
        if std::mem::take(&mut self.changed) {
            let old = self.server.resources();
            let mut all: Vec<Arc<Resource>> = old.iter().filter(|known| known.custom.is_none()).cloned().collect();
            let built_in: HashSet<(&str, &str)> =
                all.iter().map(|known| (known.gvr.group.as_str(), known.gvr.resource.as_str())).collect();
            let custom: Vec<Arc<Resource>> = self
                .known
                .served()
                .filter(|resource| !built_in.contains(&(resource.gvr.group.as_str(), resource.gvr.resource.as_str())))
                .cloned()
                .collect();
            all.extend(custom);
            self.server.set_resources(old.followed_by(all));
        }
        for custom in std::mem::take(&mut self.retired).iter().filter_map(|resource| resource.custom.as_ref()) {
            custom.retire();
        }
    }

    /// Starts to take away the objects of CRDs that are being deleted.
    fn clean_up(&mut self) {
        for known in self.known.leaving() {
            if self.cleaning.insert(known.crd.uid().to_owned()) {
                tokio::spawn(cleanup::run(self.server.clone(), known.crd.clone()));
            }
        }
    }
}

/// The name of a CRD by its key.
fn name_of(key: &str) -> &str {
    key.strip_prefix(PREFIX).unwrap_or_default()
}

/// Which resources a CRD makes: a hash of what they are made from; never 0.
fn fingerprint(crd: &Object) -> u64 {
    let mut hasher = DefaultHasher::new();
    crd.uid().hash(&mut hasher);
    for part in [crd.map().get("spec"), crd.at(&["status", "acceptedNames"])] {
        part.map(Value::to_string).hash(&mut hasher);
    }
    hasher.finish().max(1)
}
