//! Durability: where committed changes are written before anybody is told of them.
//!
//! All reads are served from memory, so a journal only has to load everything once and then append batches. Why fjall:
//! docs/adr/0001-embedded-engine.md.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};

use crate::{Revision, StoreError};

/// The engine's caches: everything is read once, at start.
const BLOCK_CACHE_BYTES: u64 = 1 << 20;
/// How much of the recent writes the engine keeps in memory before it writes a table.
const MEMTABLE_BYTES: u64 = 4 << 20;
/// The key under which the last revision is kept, because deletions leave no object to read it from.
const REVISION_KEY: &str = "revision";
/// The length of a record's head: revision and hole, each a big-endian u64.
const HEAD_LEN: usize = 16;

/// An object as it was saved.
pub(crate) struct Saved {
    pub(crate) key: Arc<str>,
    pub(crate) revision: Revision,
    pub(crate) hole: usize,
    /// The JSON, with the revision's digits in the hole.
    pub(crate) json: Vec<u8>,
}

/// A change to be saved.
pub(crate) enum Write<'a> {
    Put { key: &'a str, revision: Revision, hole: usize, json: &'a [u8] },
    Delete { key: &'a str },
}

/// The embedded engine's files.
pub(crate) struct Journal {
    database: Database,
    objects: Keyspace,
    meta: Keyspace,
}

/// The files, as who measures them sees them.
pub(crate) struct Files(Database);

impl Files {
    /// How much they take.
    pub(crate) fn bytes(&self) -> Option<u64> {
        self.0.disk_space().ok()
    }
}

impl Journal {
    /// The files.
    pub(crate) fn files(&self) -> Files {
        Files(self.database.clone())
    }

    /// Opens or creates the files in this folder; only one process can have it open.
    pub(crate) fn open(folder: &Path) -> Result<Self, StoreError> {
        let evidence = Evidence::gather(folder)?;
        let journal = Self::recover(folder)?;
        let revision = journal.load_revision()?;
        match evidence.missing_after(revision) {
            None => Ok(journal),
            Some(missing) => {
                drop(journal);
                evidence.put_back()?;
                Err(damaged(
                    folder,
                    &format!("transactions up to revision {missing} cannot be read, only {revision} can"),
                ))
            }
        }
    }

    fn recover(folder: &Path) -> Result<Self, StoreError> {
        let database = Database::builder(folder)
            .cache_size(BLOCK_CACHE_BYTES)
            .worker_threads(1)
            .open()
            .map_err(|error| explain_open(folder, &error))?;
        let options = || KeyspaceCreateOptions::default().max_memtable_size(MEMTABLE_BYTES);
        let objects = database.keyspace("objects", options).map_err(engine)?;
        let meta = database.keyspace("meta", options).map_err(engine)?;
        Ok(Self { database, objects, meta })
    }

    /// The last saved revision and every saved object.
    pub(crate) fn load(&self) -> Result<(Revision, Vec<Saved>), StoreError> {
        let mut objects = Vec::new();
        for item in self.objects.iter() {
            let (key, value) = item.into_inner().map_err(engine)?;
            objects.push(decode(&key, &value)?);
        }
        let newest = objects.iter().map(|saved| saved.revision).max().unwrap_or(0);
        Ok((self.load_revision()?.max(newest), objects))
    }

    fn load_revision(&self) -> Result<Revision, StoreError> {
        let noted = self.meta.get(REVISION_KEY).map_err(engine)?;
        Ok(noted.and_then(|bytes| bytes.get(..8)?.try_into().ok()).map_or(0, u64::from_be_bytes))
    }

    /// Saves all writes or none; when it returns they are on the disk.
    pub(crate) fn save(&mut self, writes: &[Write<'_>], revision: Revision) -> Result<(), StoreError> {
        let mut batch = self.database.batch().durability(Some(PersistMode::SyncData));
        for write in writes {
            match *write {
                Write::Put { key, revision, hole, json } => {
                    let mut value = Vec::with_capacity(HEAD_LEN + json.len());
                    value.extend_from_slice(&revision.to_be_bytes());
                    value.extend_from_slice(&(hole as u64).to_be_bytes());
                    value.extend_from_slice(json);
                    batch.insert(&self.objects, key, value);
                }
                Write::Delete { key } => batch.remove(&self.objects, key),
            }
        }
        batch.insert(&self.meta, REVISION_KEY, revision.to_be_bytes());
        batch.commit().map_err(engine)
    }
}

/// What the engine's journals had before it opened them. It takes the first transaction that it cannot read for the last
/// one, torn by a crash, and cuts off everything behind it. But a transaction begins when the one before is on the disk: if
/// there were two, it is damage.
struct Evidence {
    journals: Vec<(PathBuf, Vec<u8>)>,
    /// The revisions that end transactions, the greatest two.
    last: Revision,
    last_but_one: Revision,
}

impl Evidence {
    fn gather(folder: &Path) -> Result<Self, StoreError> {
        // No JSON and no key has a byte of zero, and no other key begins like this: it is the record of a revision, between
        // a length and a number.
        let record: Vec<u8> = [&[0], REVISION_KEY.as_bytes(), &[0, 0]].concat();
        let finder = memchr::memmem::Finder::new(&record);
        let mut evidence = Self { journals: Vec::new(), last: 0, last_but_one: 0 };
        for file in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = file.path();
            if path.extension().is_none_or(|extension| extension != "jnl") {
                continue;
            }
            let bytes =
                std::fs::read(&path).map_err(|error| StoreError::Engine(format!("{}: {error}", path.display())))?;
            for at in finder.find_iter(&bytes) {
                let from = at + 1 + REVISION_KEY.len();
                let Some(revision) = bytes.get(from..from + 8).and_then(|bytes| bytes.try_into().ok()) else {
                    continue;
                };
                let revision = Revision::from_be_bytes(revision);
                if revision > evidence.last {
                    evidence.last_but_one = std::mem::replace(&mut evidence.last, revision);
                } else if revision < evidence.last {
                    evidence.last_but_one = evidence.last_but_one.max(revision);
                }
            }
            evidence.journals.push((path, bytes));
        }
        Ok(evidence)
    }

    /// The revision that must be there and is not, where only those up to `revision` are.
    fn missing_after(&self, revision: Revision) -> Option<Revision> {
        (revision < self.last_but_one).then_some(self.last)
    }

    /// Has the journals as they were: what somebody may still read must not be cut off, and the next start must notice too.
    fn put_back(&self) -> Result<(), StoreError> {
        for (path, bytes) in &self.journals {
            std::fs::write(path, bytes).map_err(|error| StoreError::Engine(format!("{}: {error}", path.display())))?;
        }
        Ok(())
    }
}

fn decode(key: &[u8], value: &[u8]) -> Result<Saved, StoreError> {
    let broken = || StoreError::Engine(format!("record of {} is damaged", String::from_utf8_lossy(key)));
    let number = |range: std::ops::Range<usize>| Some(u64::from_be_bytes(value.get(range)?.try_into().ok()?));
    let revision = number(0..8).ok_or_else(broken)?;
    let hole = number(8..HEAD_LEN).and_then(|hole| usize::try_from(hole).ok()).ok_or_else(broken)?;
    let json = value.get(HEAD_LEN..).filter(|json| hole <= json.len()).ok_or_else(broken)?.to_vec();
    let key = std::str::from_utf8(key).map_err(|_| broken())?.into();
    Ok(Saved { key, revision, hole, json })
}

fn explain_open(folder: &Path, error: &fjall::Error) -> StoreError {
    match error {
        fjall::Error::Locked => StoreError::Engine(format!("{} is in use by another process", folder.display())),
        fjall::Error::JournalRecovery(what) => damaged(folder, &what.to_string()),
        other => StoreError::Engine(format!("cannot open {}: {other}", folder.display())),
    }
}

fn damaged(folder: &Path, what: &str) -> StoreError {
    let folder = folder.display();
    StoreError::Engine(format!("{folder} is damaged: {what}; nothing was changed: restore a backup (kubernel restore)"))
}

fn engine(error: fjall::Error) -> StoreError {
    match error {
        fjall::Error::Io(error) => StoreError::Engine(error.to_string()),
        // It does not say of what.
        fjall::Error::Poisoned => {
            StoreError::Engine("a write in the background failed: perhaps the disk is full".to_owned())
        }
        other => StoreError::Engine(other.to_string()),
    }
}
