//! What a controller has just done and its cache has not shown yet.
//!
//! Caches lag behind writes. A ReplicaSet that created a Pod must not create another because the first has not come
//! round; so it counts what it expects to see and waits for it (client-go's ControllerExpectations).

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::key::Key;

/// After this time a controller stops waiting: the event was missed while the watch was interrupted.
const WAIT_MAX: Duration = Duration::from_secs(5 * 60);

/// What each owner waits for.
#[derive(Default)]
pub(crate) struct Expectations {
    pending: Mutex<HashMap<Key, Pending>>,
}

struct Pending {
    creations: usize,
    /// The uids of Pods that were told to go.
    deletions: HashSet<String>,
    since: Instant,
}

impl Expectations {
    /// Notes creations about to be asked for.
    pub(crate) fn expect_creations(&self, owner: &Key, count: usize, now: Instant) {
        let mut pending = self.pending.lock();
        let entry = pending.entry(owner.clone()).or_insert_with(|| Pending::new(now));
        entry.creations += count;
        entry.since = now;
    }

    /// Notes deletions about to be asked for, by uid.
    pub(crate) fn expect_deletions(&self, owner: &Key, uids: impl IntoIterator<Item = String>, now: Instant) {
        let mut pending = self.pending.lock();
        let entry = pending.entry(owner.clone()).or_insert_with(|| Pending::new(now));
        entry.deletions.extend(uids);
        entry.since = now;
    }

    /// A creation was seen, or failed.
    pub(crate) fn creation_seen(&self, owner: &Key) {
        self.change(owner, |pending| pending.creations = pending.creations.saturating_sub(1));
    }

    /// A deletion was seen, or failed.
    pub(crate) fn deletion_seen(&self, owner: &Key, uid: &str) {
        self.change(owner, |pending| {
            pending.deletions.remove(uid);
        });
    }

    /// Whether the cache shows all that was done, or has had its time.
    pub(crate) fn satisfied(&self, owner: &Key, now: Instant) -> bool {
        self.pending.lock().get(owner).is_none_or(|pending| now.duration_since(pending.since) > WAIT_MAX)
    }

    /// Forgets an owner that is gone.
    pub(crate) fn forget(&self, owner: &Key) {
        self.pending.lock().remove(owner);
    }

    fn change(&self, owner: &Key, change: impl FnOnce(&mut Pending)) {
        let mut pending = self.pending.lock();
        if let Some(entry) = pending.get_mut(owner) {
            change(entry);
            if entry.creations == 0 && entry.deletions.is_empty() {
                pending.remove(owner);
            }
        }
    }
}

impl Pending {
    fn new(now: Instant) -> Self {
        Self { creations: 0, deletions: HashSet::new(), since: now }
    }
}
