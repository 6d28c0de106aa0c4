//! The revisioned store: the only durable truth. One global, monotonic revision; compare-and-swap transactions; watch
//! from a revision; snapshots of past revisions until compaction.
//!
//! It keeps bytes and an index of labels and fields; it knows neither kinds nor JSON. Keys are
//! `/registry/<group>/<resource>/<namespace>/<name>` (without the namespace for cluster-scoped kinds; the core group is
//! `core`). Engines: [`Embedded`] for one machine,
//! [`Etcd`] for many servers.

mod archive;
mod cache;
mod embedded;
mod entry;
mod etcd;
mod history;
mod journal;
mod state;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use futures::future::BoxFuture;

pub use archive::Archive;
pub use embedded::Embedded;
pub use etcd::{Etcd, EtcdOptions, EtcdTls, Roster};

/// Reads labels and selectable fields of a saved object again, given its key and JSON: engines keep neither.
pub type Indexer = dyn Fn(&str, &[u8]) -> Index + Send + Sync;

/// The store's position: every committed change has one of its own, greater than all before it.
pub type Revision = u64;

/// A stored object as every reader shares it.
#[derive(Debug)]
pub struct Entry {
    /// The key.
    pub key: Arc<str>,
    /// The revision of the last change; the object's `resourceVersion`.
    pub revision: Revision,
    /// The object's JSON, `metadata.resourceVersion` in place: made once, copied to every reader.
    pub json: Bytes,
    /// What selectors look at.
    pub index: Index,
    /// Where in `json` the digits of the resourceVersion begin.
    pub hole: usize,
    /// The object in a second form (the API server's protobuf): made by who first needs it, then shared like `json`.
    pub binary: OnceLock<Bytes>,
}

/// What selectors look at, so that lists and watches never parse an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Index {
    /// `metadata.labels`, in key order.
    pub labels: Vec<(Box<str>, Box<str>)>,
    /// The kind's selectable fields: values in the order in which its descriptor names them.
    pub fields: Vec<Box<str>>,
    /// Under which shape of its kind the object was written, where shapes come and go (custom resources).
    pub stamp: Stamp,
}

/// The number of a shape; 0 is unknown, as it is after a restart, until a reader finds out.
#[derive(Debug, Default)]
pub struct Stamp(AtomicU64);

impl Stamp {
    /// The stamp of this number.
    pub fn new(number: u64) -> Self {
        Self(AtomicU64::new(number))
    }

    /// The number.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// What a reader found out: the object is, byte by byte, what it would be if it were written under this shape.
    pub fn set(&self, number: u64) {
        self.0.store(number, Ordering::Relaxed);
    }
}

impl Clone for Stamp {
    fn clone(&self) -> Self {
        Self::new(self.get())
    }
}

impl PartialEq for Stamp {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl Eq for Stamp {}

/// An object about to be written: its JSON with a hole where `metadata.resourceVersion` goes.
#[derive(Clone, Debug)]
pub struct Document {
    /// The JSON, with `"resourceVersion":""` in its metadata.
    pub json: Vec<u8>,
    /// The offset in `json` at which the digits of the revision go: between the two quotes.
    pub hole: usize,
    /// What selectors look at.
    pub index: Index,
}

/// What a write expects to find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// Nothing under the key.
    Absent,
    /// The object last changed at this revision.
    Revision(Revision),
}

/// One change of a transaction.
#[derive(Clone, Debug)]
pub enum Change {
    /// Writes an object.
    Put {
        /// The key.
        key: Arc<str>,
        /// What must be there.
        expect: Expect,
        /// What comes there.
        document: Document,
    },
    /// Takes an object away.
    Delete {
        /// The key.
        key: Arc<str>,
        /// The revision that must be there.
        revision: Revision,
    },
}

/// What a committed change did; also what a watcher sees.
#[derive(Debug)]
pub struct Event {
    /// The revision of the change.
    pub revision: Revision,
    /// The object after the change; for a deletion the last state with `resourceVersion` set to the deletion's.
    pub entry: Arc<Entry>,
    /// The object before the change; `None` means the change created it.
    pub previous: Option<Arc<Entry>>,
    /// The change took the object away.
    pub deleted: bool,
}

/// Why the store said no.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A key did not hold what the transaction expected; nothing was written.
    #[error("{key}: not what was expected")]
    Conflict {
        /// The first such key.
        key: Arc<str>,
        /// What is there.
        current: Option<Arc<Entry>>,
    },
    /// The revision is older than what is kept.
    #[error("revision {requested} has been compacted; the oldest kept is {oldest}")]
    Compacted {
        /// The revision asked for.
        requested: Revision,
        /// The oldest revision that still can be read.
        oldest: Revision,
    },
    /// The revision has not happened (within the time that the store waits for it).
    #[error("revision {requested} is in the future; the current one is {current}")]
    Future {
        /// The revision asked for.
        requested: Revision,
        /// The current one.
        current: Revision,
    },
    /// Larger than the engine takes; nothing was written.
    #[error("{0}")]
    TooLarge(String),
    /// The engine does not answer at the moment; nothing was written.
    #[error("the store does not answer: {0}")]
    Unavailable(String),
    /// The engine failed; what was not acknowledged may or may not be there.
    #[error("storage engine: {0}")]
    Engine(String),
}

/// The part of a key or prefix that names its resource: `/registry/<group>/<resource>/`. What is shorter than that is
/// taken as it is.
pub(crate) fn resource_of(key: &str) -> &str {
    match key.match_indices('/').nth(3) {
        Some((end, _)) => &key[..=end],
        None => key,
    }
}

/// Which state a snapshot shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// All that was acknowledged before the call.
    Latest,
    /// Whatever is at hand, but no older than this revision; waits up to 3 s for it.
    NotOlderThan(Revision),
    /// Exactly this revision.
    Exact(Revision),
}

/// A consistent state, cheap to hold.
pub trait Snapshot: Send + Sync {
    /// The revision whose state this is.
    fn revision(&self) -> Revision;

    /// The object under a key.
    fn get(&self, key: &str) -> Option<Arc<Entry>>;

    /// The objects whose keys start with `prefix` and are greater than `after` (empty: from the first), in key order.
    fn range<'a>(&'a self, prefix: &'a str, after: &'a str) -> Box<dyn Iterator<Item = Arc<Entry>> + Send + 'a>;
}

/// The events of a prefix from a revision on, in order, each once.
pub trait Watch: Send {
    /// The next events, at least one, as many as are there up to a bound; waits for the first. After
    /// [`StoreError::Compacted`] the watcher was slower than compaction and has to list again.
    fn next(&mut self) -> BoxFuture<'_, Result<Vec<Arc<Event>>, StoreError>>;

    /// The revision up to which everything was handed out: what a bookmark may say.
    fn progress(&mut self) -> Revision;
}

/// The store, whatever engine it runs on.
pub trait Store: Send + Sync + 'static {
    /// The last committed revision.
    fn revision(&self) -> Revision;

    /// How many objects there are now under `/registry/<group>/<resource>/`.
    fn count(&self, prefix: &str) -> usize;

    /// How many events of a resource there were since the store was opened.
    fn events(&self, prefix: &str) -> u64;

    /// How much its files take; `None` where it has none.
    fn disk_bytes(&self) -> Option<u64>;

    /// Whether it takes writes, or why it does not.
    fn health(&self) -> Result<(), String>;

    /// A consistent state of at least everything under `prefix`, which is a key or
    /// `/registry/<group>/<resource>/` or deeper.
    fn snapshot<'a>(&'a self, prefix: &'a str, at: At) -> BoxFuture<'a, Result<Arc<dyn Snapshot>, StoreError>>;

    /// Writes all changes or none, each with a revision of its own, in order. No key is in it twice. When it returns, they are durable and
    /// every later read shows them.
    fn commit(&self, changes: Vec<Change>) -> BoxFuture<'_, Result<Vec<Arc<Event>>, StoreError>>;

    /// Keeps these entries in the place of those of the same objects at the same revisions: what selectors look at has
    /// become another (a custom resource has other selectable fields than when the object was written), the objects
    /// have not. Nothing is written, and nobody who watches hears of it.
    fn learn(&self, entries: Vec<Arc<Entry>>) -> BoxFuture<'_, ()>;

    /// The events under `prefix` (as for [`Store::snapshot`]) with revisions greater than `after`.
    fn watch(&self, prefix: &str, after: Revision) -> Result<Box<dyn Watch>, StoreError>;
}
