//! An index in memory that follows some resources of the store: what was committed in this process counts from the next
//! look at it on.
//!
//! Nothing is scanned per request: a look takes over the events since the last one. Where the store has forgotten some
//! of them, the resource is read again.

use std::sync::Arc;

use futures::FutureExt;
use kubernel_store::{At, Entry, Event, Store, StoreError, Watch};
use parking_lot::{Mutex, RwLock, RwLockReadGuard};

/// What is kept of the followed objects.
pub(crate) trait Index: Default {
    /// What the keys of the followed resources start with, in the order in which they are read at the start.
    const PREFIXES: &'static [&'static str];

    /// Takes over an object as the store holds it.
    fn put(&mut self, entry: &Entry);

    /// Forgets an object.
    fn remove(&mut self, key: &str);

    /// Forgets all objects of a resource.
    fn remove_all(&mut self, prefix: &str);
}

/// An index and what it has not seen yet.
#[derive(Default)]
pub(crate) struct Followed<I> {
    index: RwLock<I>,
    feeds: Mutex<Vec<Feed>>,
}

/// The events of one resource that the index has not seen yet.
struct Feed {
    prefix: &'static str,
    /// `None` where the store has forgotten some of them: everything has to be read again.
    watch: Option<Box<dyn Watch>>,
}

impl<I: Index> Followed<I> {
    /// Follows with an index that already knows something.
    pub(crate) fn with(index: I) -> Self {
        Self { index: RwLock::new(index), feeds: Mutex::default() }
    }

    /// Reads everything for the first time.
    pub(crate) async fn start(&self, store: &dyn Store) -> Result<(), StoreError> {
        self.feeds.lock().clear();
        for prefix in I::PREFIXES {
            let watch = Some(self.load(prefix, store).await?);
            self.feeds.lock().push(Feed { prefix, watch });
        }
        Ok(())
    }

    /// Reads again what a watch could not tell; to be called before [`Followed::now`].
    pub(crate) async fn repair(&self, store: &dyn Store) -> Result<(), StoreError> {
        while let Some(prefix) = self.broken() {
            let watch = self.load(prefix, store).await?;
            if let Some(feed) = self.feeds.lock().iter_mut().find(|feed| feed.prefix == prefix) {
                feed.watch = Some(watch);
            }
        }
        Ok(())
    }

    /// The index as of now.
    pub(crate) fn now(&self) -> RwLockReadGuard<'_, I> {
        self.catch_up();
        self.index.read()
    }

    /// Puts another index in its place.
    #[cfg(test)]
    pub(crate) fn set(&self, index: I) {
        *self.index.write() = index;
    }

    /// Takes over the events that are there.
    fn catch_up(&self) {
        for feed in self.feeds.lock().iter_mut() {
            while let Some(outcome) = feed.watch.as_mut().and_then(|watch| watch.next().now_or_never()) {
                match outcome {
                    Ok(events) => apply(&mut *self.index.write(), &events),
                    Err(error) => {
                        tracing::warn!(%error, prefix = feed.prefix, "to be read again");
                        feed.watch = None;
                    }
                }
            }
        }
    }

    fn broken(&self) -> Option<&'static str> {
        self.feeds.lock().iter().find(|feed| feed.watch.is_none()).map(|feed| feed.prefix)
    }

    async fn load(&self, prefix: &str, store: &dyn Store) -> Result<Box<dyn Watch>, StoreError> {
        let snapshot = store.snapshot(prefix, At::Latest).await?;
        let mut index = self.index.write();
        index.remove_all(prefix);
        for entry in snapshot.range(prefix, "") {
            index.put(&entry);
        }
        drop(index);
        store.watch(prefix, snapshot.revision())
    }
}

/// Takes over changes, in order.
pub(crate) fn apply<I: Index>(index: &mut I, events: &[Arc<Event>]) {
    for event in events {
        if event.deleted {
            index.remove(&event.entry.key);
        } else {
            index.put(&event.entry);
        }
    }
}
