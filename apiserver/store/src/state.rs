//! The current state: a persistent map per resource, so that a snapshot is a pointer and holding one costs nothing.
//!
//! Knows nothing of durability or watchers; `embedded` puts the pieces together.

use std::ops::Bound;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use imbl::OrdMap;

use crate::{Entry, Event, Index, Revision, Snapshot, resource_of};

/// The objects of one resource by key.
pub(crate) type Table = OrdMap<Arc<str>, Arc<Entry>>;

/// Everything there is at one revision. Cloning copies two words.
#[derive(Clone, Default)]
pub(crate) struct State {
    /// The last revision that is part of it.
    pub(crate) revision: Revision,
    tables: OrdMap<Arc<str>, Table>,
}

impl State {
    /// The object under a key.
    pub(crate) fn find(&self, key: &str) -> Option<&Arc<Entry>> {
        self.tables.get(resource_of(key))?.get(key)
    }

    /// Puts an object in its place.
    pub(crate) fn put(&mut self, entry: Arc<Entry>) {
        let resource = resource_of(&entry.key);
        match self.tables.get_mut(resource) {
            Some(table) => {
                table.insert(entry.key.clone(), entry);
            }
            None => {
                let resource = resource.into();
                self.tables.insert(resource, Table::unit(entry.key.clone(), entry));
            }
        }
    }

    /// Puts an entry in the place of another one of the same object at the same revision; says whether that was there.
    pub(crate) fn learn(&mut self, entry: Arc<Entry>) -> bool {
        let same = self.find(&entry.key).is_some_and(|known| known.revision == entry.revision);
        if same {
            self.put(entry);
        }
        same
    }

    /// Takes an object away.
    pub(crate) fn take(&mut self, key: &str) {
        if let Some(table) = self.tables.get_mut(resource_of(key)) {
            table.remove(key);
        }
    }

    /// An object was written: it takes its place, and is what watchers hear.
    pub(crate) fn happened(&mut self, entry: Entry) -> Arc<Event> {
        let entry = Arc::new(entry);
        let (revision, previous) = (entry.revision, self.find(&entry.key).cloned());
        self.revision = revision;
        self.put(entry.clone());
        Arc::new(Event { revision, entry, previous, deleted: false })
    }

    /// An object was deleted at this revision; watchers are shown its last state.
    pub(crate) fn gone(&mut self, key: &Arc<str>, revision: Revision) -> Arc<Event> {
        let previous = self.find(key).cloned();
        self.revision = revision;
        self.take(key);
        let entry = match &previous {
            Some(last) => last.at_revision(revision),
            None => Entry {
                key: key.clone(),
                revision,
                json: Bytes::new(),
                index: Index::default(),
                hole: 0,
                binary: OnceLock::new(),
            },
        };
        Arc::new(Event { revision, entry: Arc::new(entry), previous, deleted: true })
    }

    /// How many objects a resource has.
    pub(crate) fn count(&self, resource: &str) -> usize {
        self.tables.get(resource).map_or(0, Table::len)
    }

    /// The objects of a resource.
    pub(crate) fn table(&self, resource: &str) -> Table {
        self.tables.get(resource).cloned().unwrap_or_default()
    }

    /// The state that has only this table.
    pub(crate) fn of_table(revision: Revision, resource: &str, table: Table) -> Self {
        Self { revision, tables: OrdMap::unit(resource.into(), table) }
    }
}

impl Snapshot for State {
    fn revision(&self) -> Revision {
        self.revision
    }

    fn get(&self, key: &str) -> Option<Arc<Entry>> {
        self.find(key).cloned()
    }

    fn range<'a>(&'a self, prefix: &'a str, after: &'a str) -> Box<dyn Iterator<Item = Arc<Entry>> + Send + 'a> {
        let from = |bound| (bound, Bound::<&str>::Unbounded);
        let start = if after > prefix { from(Bound::Excluded(after)) } else { from(Bound::Included(prefix)) };
        let resource = resource_of(prefix);
        if resource.matches('/').count() < 4 {
            let tables = self.tables.range::<_, str>(from(Bound::Included(resource)));
            let tables = tables.take_while(move |(name, _)| name.starts_with(prefix));
            let entries = tables.flat_map(|(_, table)| table.values().cloned());
            return Box::new(entries.skip_while(move |entry| !after.is_empty() && *entry.key <= *after));
        }
        match self.tables.get(resource) {
            None => Box::new(std::iter::empty()),
            Some(table) => Box::new(
                table
                    .range::<_, str>(start)
                    .take_while(move |(key, _)| key.starts_with(prefix))
                    .map(|(_, entry)| entry.clone()),
            ),
        }
    }
}
