//! What every engine keeps in memory: the current state, what happened lately, and who waits for a revision. All reads
//! and watches are served from here; an engine only decides what is published, and when.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Mutex, RwLock};
use tokio::sync::oneshot;

use crate::history::History;
use crate::state::State;
use crate::{At, Event, Revision, Snapshot, StoreError, Watch, resource_of};

/// How long a reader waits for a revision that has not happened.
pub(crate) const FUTURE_WAIT: Duration = Duration::from_secs(3);
/// How many past states are kept at hand for the pages of running lists.
const PAST_MAX: usize = 8;

/// The state as its readers see it.
pub(crate) struct Cache {
    state: RwLock<State>,
    history: History,
    /// Held while state and history change together: who needs both as they belong together holds it too.
    publishing: Mutex<()>,
    /// Who waits for which revision; each is woken once, when it is there.
    waiting: Mutex<BTreeMap<Revision, Vec<oneshot::Sender<()>>>>,
    /// States of the past that a list is paging through: (resource, state), newest last.
    past: Mutex<Vec<(Arc<str>, State)>>,
}

impl Cache {
    /// This state, with no past.
    pub(crate) fn new(state: State) -> Self {
        let history = History::starting_at(state.revision);
        Self {
            state: RwLock::new(state),
            history,
            publishing: Mutex::default(),
            waiting: Mutex::default(),
            past: Mutex::default(),
        }
    }

    /// The current state.
    pub(crate) fn state(&self) -> State {
        self.state.read().clone()
    }

    /// The last published revision.
    pub(crate) fn revision(&self) -> Revision {
        self.state.read().revision
    }

    /// How many objects a resource has.
    pub(crate) fn count(&self, prefix: &str) -> usize {
        self.state.read().count(prefix)
    }

    /// How many events of a resource were published.
    pub(crate) fn events(&self, prefix: &str) -> u64 {
        self.history.events(resource_of(prefix))
    }

    /// The published event of a key at one of these revisions, while it is kept.
    pub(crate) fn event(&self, key: &str, revisions: RangeInclusive<Revision>) -> Option<Arc<Event>> {
        self.history.find(key, &revisions)
    }

    /// The first event of a key after a revision that is what is looked for; an error where not all of them are kept.
    pub(crate) fn search(
        &self,
        key: &str,
        after: Revision,
        is_it: impl Fn(&Event) -> bool,
    ) -> Result<Option<Arc<Event>>, StoreError> {
        self.history.search(key, after, is_it)
    }

    /// Shows a new state, which these events led to, to readers, then to watchers, then to those who wait for it.
    pub(crate) fn publish(&self, state: State, events: &[Arc<Event>]) {
        let revision = state.revision;
        {
            let _together = self.publishing.lock();
            *self.state.write() = state;
            self.history.append(events, revision, Instant::now());
        }
        self.wake(revision);
    }

    /// Shows a state of which nobody knows how it came about: watchers have to list again.
    pub(crate) fn replace(&self, state: State) {
        let revision = state.revision;
        {
            let _together = self.publishing.lock();
            *self.state.write() = state;
            self.history.restart_at(revision);
        }
        self.wake(revision);
    }

    /// Waits until this revision is published.
    ///
    /// # Errors
    /// [`StoreError::Future`] where that takes longer than `patience`.
    pub(crate) async fn wait_for(&self, revision: Revision, patience: Duration) -> Result<(), StoreError> {
        let (reached, waiter) = oneshot::channel();
        {
            let mut waiting = self.waiting.lock();
            // Looked at under the lock: a publisher wakes after it has published.
            if self.revision() >= revision {
                return Ok(());
            }
            waiting.entry(revision).or_default().push(reached);
        }
        if tokio::time::timeout(patience, waiter).await.is_ok_and(|woken| woken.is_ok()) {
            return Ok(());
        }
        let mut waiting = self.waiting.lock();
        if let Some(waiters) = waiting.get_mut(&revision) {
            waiters.retain(|waiter| !waiter.is_closed());
            if waiters.is_empty() {
                waiting.remove(&revision);
            }
        }
        Err(StoreError::Future { requested: revision, current: self.revision() })
    }

    /// A state as wanted; `At::Latest` is what is at hand.
    pub(crate) async fn snapshot(&self, prefix: &str, at: At) -> Result<Arc<dyn Snapshot>, StoreError> {
        if let At::NotOlderThan(revision) | At::Exact(revision) = at {
            self.wait_for(revision, FUTURE_WAIT).await?;
        }
        let state = self.state();
        match at {
            At::Exact(revision) if revision != state.revision => Ok(Arc::new(self.past(prefix, revision)?)),
            _ => Ok(Arc::new(state)),
        }
    }

    /// The events under `prefix` after a revision.
    pub(crate) fn watch(&self, prefix: &str, after: Revision) -> Result<Box<dyn Watch>, StoreError> {
        self.history.watch(prefix, after)
    }

    /// Keeps a past state of one resource at hand.
    pub(crate) fn remember(&self, resource: &str, state: State) {
        let mut past = self.past.lock();
        if past.len() == PAST_MAX {
            past.remove(0);
        }
        past.push((resource.into(), state));
    }

    fn past(&self, prefix: &str, revision: Revision) -> Result<State, StoreError> {
        let resource = resource_of(prefix);
        let is_it = |known: &&(Arc<str>, State)| *known.0 == *resource && known.1.revision == revision;
        if let Some((_, state)) = self.past.lock().iter().find(is_it) {
            return Ok(state.clone());
        }
        let table = {
            let _together = self.publishing.lock();
            self.history.rewind(resource, self.state().table(resource), revision)?
        };
        let state = State::of_table(revision, resource, table);
        self.remember(resource, state.clone());
        Ok(state)
    }

    fn wake(&self, revision: Revision) {
        let mut waiting = self.waiting.lock();
        let later = waiting.split_off(&(revision + 1));
        for waiter in std::mem::replace(&mut *waiting, later).into_values().flatten() {
            // A waiter that went away does not mind.
            let _ = waiter.send(());
        }
    }
}
