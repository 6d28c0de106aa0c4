//! What happened lately: one bounded log of events per resource, from which watchers are served and past states are
//! worked out.
//!
//! A watcher is a cursor into the shared log, never a queue of its own: ten thousand watchers cost ten thousand numbers,
//! and none is dropped for being slow as long as it keeps within the log.

use std::collections::{HashMap, VecDeque};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use parking_lot::{Mutex, RwLock};
use tokio::sync::watch;

use crate::state::Table;
use crate::{Event, Revision, StoreError, Watch, resource_of};

/// How long events are kept: list tokens and watches of this age still work.
pub(crate) const KEEP: Duration = Duration::from_secs(5 * 60);
/// How many bytes of objects a resource's log keeps alive at most, whatever their age.
pub(crate) const LOG_BYTES_MAX: usize = 24 << 20;
/// How many events a watcher is given at once.
const BATCH_MAX: usize = 512;

/// The logs of all resources.
#[derive(Default)]
pub(crate) struct History {
    logs: RwLock<HashMap<Arc<str>, Arc<Log>>>,
    /// Every event up to this revision is in its log.
    logged: Arc<AtomicU64>,
    /// Before this nothing is known: the revision at which the store was opened, or opened again.
    origin: RwLock<Revision>,
}

struct Log {
    events: Mutex<Events>,
    grown: watch::Sender<()>,
}

struct Events {
    kept: VecDeque<(Instant, Arc<Event>)>,
    /// How many events were dropped from the front; `kept[0]` is event number `dropped`.
    dropped: u64,
    /// The revision of the last dropped event, or the origin.
    compacted: Revision,
    bytes: usize,
}

struct Cursor {
    log: Arc<Log>,
    grown: watch::Receiver<()>,
    logged: Arc<AtomicU64>,
    prefix: Box<str>,
    after: Revision,
    position: u64,
    progress: Revision,
}

impl History {
    /// Logs that begin after this revision.
    pub(crate) fn starting_at(origin: Revision) -> Self {
        Self { logs: RwLock::default(), logged: Arc::new(AtomicU64::new(origin)), origin: RwLock::new(origin) }
    }

    /// Adds committed events, in order, which are all up to this revision; then wakes the watchers.
    pub(crate) fn append(&self, events: &[Arc<Event>], revision: Revision, now: Instant) {
        let mut grown: Vec<Arc<Log>> = Vec::new();
        for event in events {
            let log = self.log(resource_of(&event.entry.key));
            log.events.lock().push(now, event.clone());
            if !grown.iter().any(|other| Arc::ptr_eq(other, &log)) {
                grown.push(log);
            }
        }
        self.logged.store(revision, Ordering::Release);
        for log in grown {
            log.grown.send_replace(());
        }
    }

    /// The events of a prefix after a revision.
    pub(crate) fn watch(&self, prefix: &str, after: Revision) -> Result<Box<dyn Watch>, StoreError> {
        let log = self.log(resource_of(prefix));
        let grown = log.grown.subscribe();
        let position = {
            let events = log.events.lock();
            if after < events.compacted {
                return Err(StoreError::Compacted { requested: after, oldest: events.compacted });
            }
            events.dropped + events.kept.partition_point(|(_, event)| event.revision <= after) as u64
        };
        let logged = self.logged.clone();
        Ok(Box::new(Cursor { log, grown, logged, prefix: prefix.into(), after, position, progress: after }))
    }

    /// The table as it was at an earlier revision: the current one with all later events undone.
    pub(crate) fn rewind(&self, resource: &str, mut table: Table, to: Revision) -> Result<Table, StoreError> {
        let log = self.log(resource);
        let events = log.events.lock();
        if to < events.compacted {
            return Err(StoreError::Compacted { requested: to, oldest: events.compacted });
        }
        for (_, event) in events.kept.iter().rev().take_while(|(_, event)| event.revision > to) {
            match &event.previous {
                Some(previous) => table.insert(previous.key.clone(), previous.clone()),
                None => table.remove(&event.entry.key),
            };
        }
        Ok(table)
    }

    /// The event of a key at one of these revisions, while it is kept.
    pub(crate) fn find(&self, key: &str, revisions: &RangeInclusive<Revision>) -> Option<Arc<Event>> {
        let log = self.logs.read().get(resource_of(key)).cloned()?;
        let events = log.events.lock();
        let from = events.kept.partition_point(|(_, event)| event.revision < *revisions.start());
        let within = events.kept.range(from..).take_while(|(_, event)| event.revision <= *revisions.end());
        within.map(|(_, event)| event).find(|event| *event.entry.key == *key).cloned()
    }

    /// The first event of a key after a revision that is what is looked for; an error where not all of them are kept.
    pub(crate) fn search(
        &self,
        key: &str,
        after: Revision,
        is_it: impl Fn(&Event) -> bool,
    ) -> Result<Option<Arc<Event>>, StoreError> {
        let log = self.log(resource_of(key));
        let events = log.events.lock();
        if after < events.compacted {
            return Err(StoreError::Compacted { requested: after, oldest: events.compacted });
        }
        let from = events.kept.partition_point(|(_, event)| event.revision <= after);
        let mut of_key = events.kept.range(from..).map(|(_, event)| event).filter(|event| *event.entry.key == *key);
        Ok(of_key.find(|event| is_it(event)).cloned())
    }

    /// Begins anew after this revision: what happened up to it is not known, and every watcher has to list again.
    pub(crate) fn restart_at(&self, origin: Revision) {
        *self.origin.write() = origin;
        for log in self.logs.read().values() {
            log.events.lock().forget(origin);
        }
        self.logged.store(origin, Ordering::Release);
        for log in self.logs.read().values() {
            log.grown.send_replace(());
        }
    }

    /// How many events of a resource there were.
    pub(crate) fn events(&self, resource: &str) -> u64 {
        let Some(log) = self.logs.read().get(resource).cloned() else { return 0 };
        let events = log.events.lock();
        events.dropped + events.kept.len() as u64
    }

    fn log(&self, resource: &str) -> Arc<Log> {
        if let Some(log) = self.logs.read().get(resource) {
            return log.clone();
        }
        let fresh = || {
            let events = Events { kept: VecDeque::new(), dropped: 0, compacted: *self.origin.read(), bytes: 0 };
            Arc::new(Log { events: Mutex::new(events), grown: watch::Sender::new(()) })
        };
        self.logs.write().entry(resource.into()).or_insert_with(fresh).clone()
    }
}

impl Events {
    /// Drops everything, and one more than there was, so that no cursor is up to date.
    fn forget(&mut self, compacted: Revision) {
        self.dropped += self.kept.len() as u64 + 1;
        self.kept.clear();
        self.compacted = compacted;
        self.bytes = 0;
    }

    fn push(&mut self, now: Instant, event: Arc<Event>) {
        self.bytes += weight(&event);
        self.kept.push_back((now, event));
        while let Some((at, oldest)) = self.kept.front() {
            let aged = now.duration_since(*at) > KEEP;
            if self.kept.len() == 1 || !(aged || self.bytes > LOG_BYTES_MAX) {
                break;
            }
            self.bytes -= weight(oldest);
            self.compacted = oldest.revision;
            self.dropped += 1;
            self.kept.pop_front();
        }
    }
}

/// What an event keeps in memory that the current state does not.
fn weight(event: &Event) -> usize {
    let superseded = event.previous.as_ref().map_or(0, |previous| previous.json.len());
    let own = if event.deleted { event.entry.json.len() } else { 0 };
    size_of::<Event>() + superseded + own
}

impl Cursor {
    /// Looks once: the next events, or none.
    fn take(&mut self) -> Result<Vec<Arc<Event>>, StoreError> {
        let logged = self.logged.load(Ordering::Acquire);
        let events = self.log.events.lock();
        if self.position < events.dropped {
            return Err(StoreError::Compacted { requested: self.progress, oldest: events.compacted });
        }
        let from = usize::try_from(self.position - events.dropped).unwrap_or(usize::MAX);
        let mut taken = Vec::new();
        let mut looked_at = 0;
        for (_, event) in events.kept.range(from.min(events.kept.len())..) {
            looked_at += 1;
            if event.revision > self.after && event.entry.key.starts_with(&*self.prefix) {
                taken.push(event.clone());
            }
            self.progress = self.progress.max(event.revision);
            if taken.len() == BATCH_MAX {
                self.position += looked_at;
                return Ok(taken);
            }
        }
        self.position += looked_at;
        self.progress = self.progress.max(logged);
        Ok(taken)
    }
}

impl Watch for Cursor {
    fn next(&mut self) -> BoxFuture<'_, Result<Vec<Arc<Event>>, StoreError>> {
        Box::pin(async {
            loop {
                self.grown.borrow_and_update();
                let events = self.take()?;
                if !events.is_empty() {
                    return Ok(events);
                }
                if self.grown.changed().await.is_err() {
                    return Err(StoreError::Engine("the store was closed".to_owned()));
                }
            }
        })
    }

    fn progress(&mut self) -> Revision {
        // Nothing unseen in this resource's log means that everything logged so far was handed out.
        let logged = self.logged.load(Ordering::Acquire);
        let events = self.log.events.lock();
        if self.position == events.dropped + events.kept.len() as u64 {
            self.progress = self.progress.max(logged);
        }
        self.progress
    }
}
