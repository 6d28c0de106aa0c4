//! The embedded engine: one writer that groups commits, memory for every reader, files underneath.
//!
//! A commit goes: checked against the working state -> revisions given -> saved and synced -> published to readers ->
//! logged for watchers -> acknowledged. Persist, then speak: nothing is visible before it is on the disk.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use futures::future::BoxFuture;
use tokio::sync::{mpsc, oneshot};

use crate::cache::Cache;
use crate::journal::{Files, Journal, Write};
use crate::state::State;
use crate::{
    Archive, At, Change, Document, Entry, Event, Expect, Indexer, Revision, Snapshot, Store, StoreError, Watch,
};

/// How many transactions wait for the writer before callers wait themselves.
const QUEUE_MAX: usize = 4096;
/// How many objects of an archive share one sync of the disk.
const RESTORED_AT_ONCE: usize = 1000;
/// How many transactions share one sync of the disk.
const GROUP_MAX: usize = 512;

/// The store of one machine.
pub struct Embedded {
    shared: Arc<Shared>,
    queue: mpsc::Sender<Work>,
}

struct Shared {
    cache: Cache,
    /// Why nothing can be written any more: after a failed sync the disk's content is unknown.
    broken: OnceLock<String>,
    files: Option<Files>,
}

/// What the writer's thread is asked to do.
enum Work {
    Commit(Transaction),
    /// Entries of what is there already, indexed anew.
    Learn(Vec<Arc<Entry>>),
}

struct Transaction {
    changes: Vec<Change>,
    reply: oneshot::Sender<Result<Vec<Arc<Event>>, StoreError>>,
}

struct Writer {
    shared: Arc<Shared>,
    journal: Option<Journal>,
}

impl Embedded {
    /// Opens or creates the store in this folder. `indexer` reads again what selectors look at, so that a newer binary
    /// may select by other fields.
    ///
    /// # Errors
    /// [`StoreError::Engine`] where the files cannot be opened, are damaged, or belong to another running process.
    pub fn open(folder: &Path, indexer: &Indexer) -> Result<Arc<Self>, StoreError> {
        let journal = Journal::open(folder)?;
        let (revision, saved) = journal.load()?;
        let mut state = State::default();
        state.revision = revision;
        for object in saved {
            let index = indexer(&object.key, &object.json);
            let (key, revision, json) = (object.key, object.revision, Bytes::from(object.json));
            state.put(Arc::new(Entry { key, revision, json, index, hole: object.hole, binary: OnceLock::new() }));
        }
        Ok(Self::start(state, Some(journal)))
    }

    /// Writes an archive to a folder that does not exist yet. The store goes on counting at `revision`, which is none
    /// that the archive's cluster has gone beyond.
    ///
    /// # Errors
    /// [`StoreError::Engine`] where the folder exists, or cannot be written.
    pub fn restore(folder: &Path, archive: &Archive, revision: Revision) -> Result<(), StoreError> {
        if folder.exists() {
            return Err(StoreError::Engine(format!(
                "{} exists: an archive is restored to a new place",
                folder.display()
            )));
        }
        let draft = folder.with_extension("restoring");
        let failed = |error: std::io::Error| StoreError::Engine(format!("{}: {error}", draft.display()));
        if draft.exists() {
            std::fs::remove_dir_all(&draft).map_err(failed)?;
        }
        let mut journal = Journal::open(&draft)?;
        for objects in archive.objects.chunks(RESTORED_AT_ONCE) {
            let writes: Vec<Write<'_>> = objects
                .iter()
                .map(|object| Write::Put {
                    key: &object.key,
                    revision: object.revision,
                    hole: object.hole,
                    json: &object.json,
                })
                .collect();
            journal.save(&writes, revision.max(archive.revision))?;
        }
        if archive.is_empty() {
            journal.save(&[], revision.max(archive.revision))?;
        }
        drop(journal);
        std::fs::rename(&draft, folder).map_err(failed)
    }

    /// A store that forgets everything with the process: for tests and trials.
    pub fn ephemeral() -> Arc<Self> {
        Self::ephemeral_after(0)
    }

    /// The same with a past that nobody knows: the first change gets the revision after this one.
    pub fn ephemeral_after(revision: Revision) -> Arc<Self> {
        let mut state = State::default();
        state.revision = revision;
        Self::start(state, None)
    }

    fn start(state: State, journal: Option<Journal>) -> Arc<Self> {
        let files = journal.as_ref().map(Journal::files);
        let shared = Arc::new(Shared { cache: Cache::new(state), broken: OnceLock::new(), files });
        let (queue, transactions) = mpsc::channel(QUEUE_MAX);
        let writer = Writer { shared: shared.clone(), journal };
        std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || writer.run(transactions))
            .map(drop)
            .unwrap_or_else(|error| tracing::error!(%error, "the store's writer does not start: all writes will fail"));
        Arc::new(Self { shared, queue })
    }
}

impl Store for Embedded {
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
        self.shared.files.as_ref()?.bytes()
    }

    fn health(&self) -> Result<(), String> {
        match self.shared.broken.get() {
            Some(why) => Err(why.clone()),
            None if self.queue.is_closed() => Err("the store's writer has stopped".to_owned()),
            None => Ok(()),
        }
    }

    fn snapshot<'a>(&'a self, prefix: &'a str, at: At) -> BoxFuture<'a, Result<Arc<dyn Snapshot>, StoreError>> {
        // What was acknowledged is published before: whatever is at hand is the latest.
        Box::pin(self.shared.cache.snapshot(prefix, at))
    }

    fn commit(&self, changes: Vec<Change>) -> BoxFuture<'_, Result<Vec<Arc<Event>>, StoreError>> {
        Box::pin(async move {
            let stopped = || StoreError::Engine("the store's writer has stopped".to_owned());
            let (reply, answer) = oneshot::channel();
            self.queue.send(Work::Commit(Transaction { changes, reply })).await.map_err(|_| stopped())?;
            answer.await.map_err(|_| stopped())?
        })
    }

    fn learn(&self, entries: Vec<Arc<Entry>>) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            // A store that has stopped has nothing to learn.
            let _ = self.queue.send(Work::Learn(entries)).await;
        })
    }

    fn watch(&self, prefix: &str, after: Revision) -> Result<Box<dyn Watch>, StoreError> {
        self.shared.cache.watch(prefix, after)
    }
}

impl Writer {
    fn run(mut self, mut queue: mpsc::Receiver<Work>) {
        let mut group = Vec::new();
        while let Some(first) = queue.blocking_recv() {
            group.push(first);
            while group.len() < GROUP_MAX {
                match queue.try_recv() {
                    Ok(next) => group.push(next),
                    Err(_) => break,
                }
            }
            self.commit_group(&mut group);
        }
    }

    /// Commits what can be committed of a group with one sync, and answers everybody.
    fn commit_group(&mut self, group: &mut Vec<Work>) {
        let mut state = self.shared.cache.state();
        let mut events: Vec<Arc<Event>> = Vec::new();
        let mut answers = Vec::with_capacity(group.len());
        let mut learned = false;
        for work in group.drain(..) {
            let transaction = match work {
                Work::Commit(transaction) => transaction,
                Work::Learn(entries) => {
                    learned |= entries.into_iter().map(|entry| state.learn(entry)).fold(false, |any, new| any | new);
                    continue;
                }
            };
            let answer = match self.shared.broken.get() {
                Some(reason) => Err(StoreError::Engine(reason.clone())),
                None => check(&state, &transaction.changes).map(|()| {
                    let first = events.len();
                    events.extend(transaction.changes.into_iter().map(|change| apply(&mut state, change)));
                    first..events.len()
                }),
            };
            answers.push((transaction.reply, answer));
        }
        let saved = self.save(&events, state.revision);
        if saved.is_ok() && (learned || !events.is_empty()) {
            self.shared.cache.publish(state, &events);
        }
        for (reply, answer) in answers {
            let answer = match (answer, &saved) {
                (Err(error), _) => Err(error),
                (Ok(_), Err(reason)) => Err(StoreError::Engine(reason.clone())),
                (Ok(range), Ok(())) => Ok(events[range].to_vec()),
            };
            // A caller that went away has its write all the same.
            let _ = reply.send(answer);
        }
    }

    fn save(&mut self, events: &[Arc<Event>], revision: Revision) -> Result<(), String> {
        let Some(journal) = self.journal.as_mut().filter(|_| !events.is_empty()) else {
            return Ok(());
        };
        let writes: Vec<Write<'_>> = events
            .iter()
            .map(|event| match event.deleted {
                true => Write::Delete { key: &event.entry.key },
                false => Write::Put {
                    key: &event.entry.key,
                    revision: event.revision,
                    hole: event.entry.hole,
                    json: &event.entry.json,
                },
            })
            .collect();
        journal.save(&writes, revision).map_err(|error| {
            let reason =
                format!("read-only since a write failed ({error}): free or repair the disk, then restart the server");
            tracing::error!(%error, "the store cannot write any more");
            self.shared.broken.get_or_init(|| reason.clone());
            reason
        })
    }
}

/// Whether every change finds what it expects.
fn check(state: &State, changes: &[Change]) -> Result<(), StoreError> {
    for change in changes {
        let (key, expected) = match change {
            Change::Put { key, expect: Expect::Absent, .. } => (key, None),
            Change::Put { key, expect: Expect::Revision(revision), .. } | Change::Delete { key, revision } => {
                (key, Some(*revision))
            }
        };
        let current = state.find(key);
        if current.map(|entry| entry.revision) != expected {
            return Err(StoreError::Conflict { key: key.clone(), current: current.cloned() });
        }
    }
    Ok(())
}

/// Gives the change the next revision and makes it part of the working state.
fn apply(state: &mut State, change: Change) -> Arc<Event> {
    state.revision += 1;
    let revision = state.revision;
    match change {
        Change::Put { key, document: Document { json, hole, index }, .. } => {
            state.happened(Entry::written(key, revision, &json, hole, index))
        }
        Change::Delete { key, .. } => state.gone(&key, revision),
    }
}
