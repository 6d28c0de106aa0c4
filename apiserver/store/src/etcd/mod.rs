//! The engine for many servers: etcd keeps the objects, every server has all of them in memory and follows etcd's watch.
//!
//! A commit is an etcd transaction that compares the keys' `mod_revision`, alone or together with others; it is
//! acknowledged when this server's own watch has shown it, so that later reads here see it. A read of the latest state asks etcd for its revision and waits
//! until the watch has come that far: fresh without reading any object from etcd. Everybody who asks meanwhile shares
//! one question.
//!
//! What lies where under the prefix: `registry/…` the objects ([`record`]), `shared/…` what all servers have in common,
//! `servers/…` which of them live ([`roster`]), `compacted` who compacts, `mark` an empty key that is written where the watch has to move, `restored` what is added to
//! etcd's revisions, `restoring` that an archive is being written.
//!
//! Where to go next: [`link`] talks to the members, [`follow`] keeps the memory up to date, [`commit`] writes, [`fresh`]
//! reads the latest, [`keep`] compacts and measures. Why it is so: docs/adr/0004-etcd-engine.md.

mod commit;
mod follow;
mod fresh;
mod keep;
mod link;
mod record;
mod restore;
mod roster;
mod shared;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use etcd_client::{GetOptions, KeyValue};
use futures::future::BoxFuture;
use parking_lot::Mutex;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;

use crate::cache::Cache;
use crate::state::State;
use crate::{Archive, At, Change, Entry, Event, Indexer, Revision, Snapshot, Store, StoreError, Watch, resource_of};

use commit::{Pending, Work};
use fresh::Fresh;
use link::Link;
use shared::Origin;

pub use roster::Roster;

/// How long a write or read waits until the watch has shown a revision that has happened: longer than a member's
/// failure takes to be noticed.
const WATCH_PATIENCE: Duration = Duration::from_secs(10);
/// How many revisions of the past a server reads when it starts, so that watches which began at another one go on here.
const PAST: Revision = 10_000;
/// How many objects are read at once.
const PAGE: i64 = 500;
/// How many bits of a revision are a change's place in its transaction.
const SLOT_BITS: u32 = u8::BITS;
/// How many transactions wait before callers wait themselves.
const QUEUE_MAX: usize = 4096;

/// How to reach an etcd cluster, and what of it is ours.
#[derive(Clone, Debug)]
pub struct EtcdOptions {
    /// URLs of its members, such as `http://127.0.0.1:2379`.
    pub endpoints: Vec<String>,
    /// What all keys begin with, such as `/kubernel`.
    pub prefix: String,
    /// Certificates, where the URLs are `https`.
    pub tls: Option<EtcdTls>,
    /// How long past revisions are kept; several servers compact as one.
    pub compact_every: Duration,
}

/// Certificates for the way to etcd, as PEM.
#[derive(Clone, Debug)]
pub struct EtcdTls {
    /// Authorities of the members.
    pub authorities: Vec<u8>,
    /// Our certificate and key.
    pub identity: Option<(Vec<u8>, Vec<u8>)>,
}

/// The store of many servers.
pub struct Etcd {
    shared: Arc<Shared>,
    learned: mpsc::Sender<Vec<Arc<Entry>>>,
    fresh: Fresh,
    commits: mpsc::Sender<Work>,
    /// What follows, asks and keeps; ends with the store.
    _tasks: Mutex<JoinSet<()>>,
}

/// What the engine's tasks share.
struct Shared {
    link: Link,
    cache: Cache,
    indexer: Box<Indexer>,
    prefix: String,
    /// What is added to etcd's revisions: a cluster that moved here goes on counting where it was.
    offset: u64,
    /// Etcd's revision before which nothing is of this cluster.
    since: i64,
    pending: Pending,
    /// A revision that is known to have happened under the prefix.
    happened: AtomicU64,
    /// Servers have come or gone.
    moved: Notify,
    /// How large the database is; 0 before it was asked.
    disk_bytes: AtomicU64,
    /// Why etcd cannot be written, where it cannot.
    trouble: Mutex<Option<String>>,
}

impl Etcd {
    /// Connects and reads everything. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] where no member answers, [`StoreError::Engine`] where options do not fit, or somebody
    /// else's data is under the prefix.
    pub async fn open(options: EtcdOptions, indexer: Box<Indexer>) -> Result<Arc<Self>, StoreError> {
        let link = Link::connect(&options).await?;
        let prefix = options.prefix.trim_end_matches('/').to_owned();
        let Origin { offset, since } = shared::origin(&link, &prefix).await?;
        let mut shared = Shared {
            link,
            cache: Cache::new(State::default()),
            indexer,
            prefix,
            offset,
            since,
            pending: Pending::default(),
            happened: AtomicU64::new(0),
            moved: Notify::new(),
            disk_bytes: AtomicU64::new(0),
            trouble: Mutex::default(),
        };
        shared.cache = Cache::new(shared.load(PAST).await?);
        let shared = Arc::new(shared);
        let (learned, to_learn) = mpsc::channel(64);
        let mut tasks = JoinSet::new();
        tasks.spawn(follow::follow(shared.clone(), to_learn));
        let fresh = Fresh::start(shared.clone(), &mut tasks);
        let (commits, to_commit) = mpsc::channel(QUEUE_MAX);
        tasks.spawn(commit::run(shared.clone(), to_commit));
        tasks.spawn(keep::measure(shared.clone()));
        tasks.spawn(keep::compact(shared.clone(), options.compact_every));
        fresh.revision().await?;
        Ok(Arc::new(Self { shared, learned, fresh, commits, _tasks: Mutex::new(tasks) }))
    }

    /// Writes an archive to where no cluster is yet.
    ///
    /// # Errors
    /// [`StoreError::Engine`] where there is one; those of [`Etcd::open`].
    pub async fn restore(options: &EtcdOptions, archive: &Archive) -> Result<(), StoreError> {
        restore::restore(options, archive).await
    }

    /// The list of the cluster's servers.
    pub fn roster(&self) -> Roster {
        Roster::new(self.shared.clone())
    }

    /// What all servers of the cluster have in common under this name: what is there, or else this.
    pub async fn agree(&self, name: &str, value: Vec<u8>) -> Result<Vec<u8>, StoreError> {
        shared::agree(&self.shared.link, &self.shared.prefix, name, value).await
    }

    /// What all servers of the cluster have in common under this name, where anything is.
    pub async fn agreed(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        shared::agreed(&self.shared.link, &self.shared.prefix, name).await
    }
}

impl Shared {
    /// The revision of a change: etcd's, and its place in the transaction.
    fn revision_of(&self, etcd: i64, slot: u8) -> Revision {
        (u64::try_from(etcd).unwrap_or(0) << SLOT_BITS | u64::from(slot)) + self.offset
    }

    /// The first revision that may go with one of etcd's.
    fn first_of(&self, etcd: i64) -> Revision {
        self.revision_of(etcd, 0)
    }

    /// The last revision that goes with one of etcd's: that of a state which has all of it.
    fn last_of(&self, etcd: i64) -> Revision {
        self.revision_of(etcd, u8::MAX)
    }

    /// Etcd's revision that goes with one of ours; 0 for what was before etcd.
    fn etcd_of(&self, revision: Revision) -> i64 {
        i64::try_from(revision.saturating_sub(self.offset) >> SLOT_BITS).unwrap_or(i64::MAX)
    }

    /// The object of one of etcd's values.
    fn entry(&self, key: Arc<str>, kv: &KeyValue) -> Result<Entry, StoreError> {
        let index =
            |key: &str, json: &[u8]| self.pending.index(key, kv.value()).unwrap_or_else(|| (self.indexer)(key, json));
        record::entry(key, |slot| self.revision_of(kv.mod_revision(), slot), kv.value(), index)
    }

    /// The key in etcd.
    fn etcd_key(&self, key: &str) -> Vec<u8> {
        [self.prefix.as_bytes(), key.as_bytes()].concat()
    }

    /// The key of an object whose key in etcd this is; `None` for everything else.
    fn object_key(&self, etcd_key: &[u8]) -> Option<Arc<str>> {
        let key = etcd_key.strip_prefix(self.prefix.as_bytes())?;
        key.starts_with(b"/registry/").then(|| std::str::from_utf8(key).ok().map(Arc::from))?
    }

    /// All objects as they were up to so many revisions ago, or now where that is compacted.
    async fn load(&self, ago: Revision) -> Result<State, StoreError> {
        let (key, _) = self.range("/mark");
        let options = GetOptions::new().with_count_only();
        let now = self.link.call("read", |mut kv| {
            let (key, options) = (key.clone(), options.clone());
            async move { kv.get(key, Some(options)).await }
        });
        let now = now.await?.answer.header().map_or(0, |header| header.revision());
        let back = i64::try_from(ago).unwrap_or(0);
        match self.load_at("/registry/", (now - back).max(self.since).max(1)).await {
            Err(StoreError::Compacted { .. }) => self.load_at("/registry/", now).await,
            loaded => loaded,
        }
    }

    /// The objects under a prefix of keys as they were at one of etcd's revisions.
    async fn load_at(&self, prefix: &str, at: i64) -> Result<State, StoreError> {
        let mut state = State::default();
        let (mut from, end) = self.range(prefix);
        loop {
            let page = self.link.call("read", |mut kv| {
                let options = GetOptions::new().with_range(end.clone()).with_limit(PAGE).with_revision(at);
                let from = from.clone();
                async move { kv.get(from, Some(options)).await }
            });
            let page = page.await.map_err(|error| self.while_reading(error, at))?.answer;
            for kv in page.kvs() {
                let Some(key) = self.object_key(kv.key()) else { continue };
                state.put(Arc::new(self.entry(key, kv)?));
            }
            match page.kvs().last() {
                Some(last) if page.more() => from = [last.key(), &[0]].concat(),
                _ => break,
            }
        }
        state.revision = self.last_of(at);
        Ok(state)
    }

    /// The first key and the one after the last that begin with this.
    fn range(&self, prefix: &str) -> (Vec<u8>, Vec<u8>) {
        let from = self.etcd_key(prefix);
        let mut end = from.clone();
        if let Some(last) = end.last_mut() {
            // Our keys are text: no byte is 0xff.
            *last += 1;
        }
        (from, end)
    }

    fn while_reading(&self, error: link::Failure, at: i64) -> StoreError {
        if error.is_compacted() {
            StoreError::Compacted { requested: self.last_of(at), oldest: self.cache.revision() }
        } else {
            error.into()
        }
    }

    /// Waits until the watch has shown this revision of etcd's, which has happened.
    async fn shown(&self, etcd: i64) -> Result<(), StoreError> {
        let revision = self.first_of(etcd);
        self.happened.fetch_max(revision, Ordering::Relaxed);
        self.cache.wait_for(revision, WATCH_PATIENCE).await.map_err(|_| {
            StoreError::Engine(format!(
                "etcd's watch has come to revision {} of {revision} only; the write happened",
                self.cache.revision()
            ))
        })
    }
}

impl Store for Etcd {
    fn revision(&self) -> Revision {
        self.shared.cache.revision()
    }

    fn count(&self, prefix: &str) -> usize {
        self.shared.cache.count(prefix)
    }

    fn events(&self, prefix: &str) -> u64 {
        self.shared.cache.events(prefix)
    }

    fn disk_bytes(&self) -> Option<u64> {
        Some(self.shared.disk_bytes.load(Ordering::Relaxed)).filter(|bytes| *bytes > 0)
    }

    fn health(&self) -> Result<(), String> {
        self.shared.trouble.lock().clone().map_or(Ok(()), Err)
    }

    fn snapshot<'a>(&'a self, prefix: &'a str, at: At) -> BoxFuture<'a, Result<Arc<dyn Snapshot>, StoreError>> {
        Box::pin(async move {
            if at == At::Latest {
                self.fresh.revision().await?;
            }
            let cache = &self.shared.cache;
            match (cache.snapshot(prefix, at).await, at) {
                // Older than this server's memory, but perhaps not than etcd's.
                (Err(StoreError::Compacted { .. }), At::Exact(revision)) if revision > self.shared.offset => {
                    let resource = resource_of(prefix);
                    let state = self.shared.load_at(resource, self.shared.etcd_of(revision)).await?;
                    cache.remember(resource, state.clone());
                    Ok(Arc::new(state) as Arc<dyn Snapshot>)
                }
                (answer, _) => answer,
            }
        })
    }

    fn commit(&self, changes: Vec<Change>) -> BoxFuture<'_, Result<Vec<Arc<Event>>, StoreError>> {
        Box::pin(commit::commit(&self.shared, &self.commits, changes))
    }

    fn learn(&self, entries: Vec<Arc<Entry>>) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            // A store that has stopped has nothing to learn.
            let _ = self.learned.send(entries).await;
        })
    }

    fn watch(&self, prefix: &str, after: Revision) -> Result<Box<dyn Watch>, StoreError> {
        self.shared.cache.watch(prefix, after)
    }
}
