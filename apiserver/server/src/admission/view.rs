//! What admission and authentication read of the store: objects, parsed.
//!
//! The same few small objects (a namespace, its ServiceAccount, the priority classes) are wanted for every Pod: those are
//! parsed once for as long as they do not change.

use std::collections::HashMap;
use std::sync::Arc;

use kubernel_meta::{ApiError, Object};
use kubernel_store::{At, Entry, Snapshot, Store};
use parking_lot::RwLock;

use crate::ApiServer;
use crate::verbs::store_error;

/// How many parsed objects are kept.
const OBJECTS_MAX: usize = 4096;
/// Objects with more JSON than this are parsed each time.
const OBJECT_BYTES_MAX: usize = 16 * 1024;
/// What is kept: resources that are read often and written seldom.
const KEPT: [&str; 7] = [
    "/registry/core/limitranges/",
    "/registry/core/namespaces/",
    "/registry/core/serviceaccounts/",
    "/registry/networking.k8s.io/ingressclasses/",
    "/registry/node.k8s.io/runtimeclasses/",
    "/registry/scheduling.k8s.io/priorityclasses/",
    "/registry/storage.k8s.io/storageclasses/",
];

/// Whatever there is.
const AT_HAND: At = At::NotOlderThan(0);

/// The store, read by key: what this server has at hand. Where several servers write, that may be some milliseconds old, as
/// upstream's informers are; what is missing is looked for in the latest state before it counts as absent.
pub struct View<'a> {
    store: &'a dyn Store,
    parsed: &'a ParsedObjects,
}

/// Objects that were parsed already, each beside the entry that it was parsed from.
#[derive(Debug, Default)]
pub struct ParsedObjects(RwLock<HashMap<Arc<str>, Parsed>>);

type Parsed = (Arc<Entry>, Arc<Object>);

impl<'a> View<'a> {
    /// A view of the server's store.
    pub fn new(server: &'a ApiServer) -> Self {
        Self { store: &**server.store(), parsed: server.parsed_objects() }
    }

    /// The object under a key; what cannot be parsed counts as absent.
    pub async fn get(&self, key: &str) -> Result<Option<Arc<Object>>, ApiError> {
        Ok(self.entry(key).await?.and_then(|entry| self.parsed.object(&entry)))
    }

    /// The labels of the object under a key, which need no parsing; none where there is none.
    pub async fn labels(&self, key: &str) -> Result<Vec<(String, String)>, ApiError> {
        let entry = self.entry(key).await?;
        let labels = entry.iter().flat_map(|entry| &entry.index.labels);
        Ok(labels.map(|(key, value)| (key.to_string(), value.to_string())).collect())
    }

    /// The objects whose keys start with `prefix`, in key order.
    pub async fn list(&self, prefix: &str) -> Result<Vec<Arc<Object>>, ApiError> {
        let snapshot = self.snapshot(prefix).await?;
        Ok(snapshot.range(prefix, "").filter_map(|entry| self.parsed.object(&entry)).collect())
    }

    /// The objects whose keys start with `prefix`, as they are stored.
    pub async fn entries(&self, prefix: &str) -> Result<Vec<Arc<Entry>>, ApiError> {
        Ok(self.snapshot(prefix).await?.range(prefix, "").collect())
    }

    /// The object under a key, as it is stored.
    pub async fn entry(&self, key: &str) -> Result<Option<Arc<Entry>>, ApiError> {
        if let Some(entry) = self.snapshot(key).await?.get(key) {
            return Ok(Some(entry));
        }
        let latest = self.store.snapshot(key, At::Latest).await.map_err(store_error)?;
        Ok(latest.get(key))
    }

    /// The first objects whose keys start with `prefix`, in key order, and how many there are in all.
    pub async fn list_first(&self, prefix: &str, count_max: usize) -> Result<(Vec<Arc<Object>>, usize), ApiError> {
        let snapshot = self.snapshot(prefix).await?;
        let entries: Vec<Arc<Entry>> = snapshot.range(prefix, "").collect();
        let first = entries.iter().take(count_max).filter_map(|entry| self.parsed.object(entry)).collect();
        Ok((first, entries.len()))
    }

    async fn snapshot(&self, prefix: &str) -> Result<Arc<dyn Snapshot>, ApiError> {
        self.store.snapshot(prefix, AT_HAND).await.map_err(store_error)
    }
}

impl ParsedObjects {
    fn object(&self, entry: &Arc<Entry>) -> Option<Arc<Object>> {
        if entry.json.len() > OBJECT_BYTES_MAX || !KEPT.iter().any(|prefix| entry.key.starts_with(prefix)) {
            return parse(entry).map(Arc::new);
        }
        if let Some((from, object)) = self.0.read().get(&entry.key)
            && Arc::ptr_eq(from, entry)
        {
            return Some(object.clone());
        }
        let object = Arc::new(parse(entry)?);
        let mut kept = self.0.write();
        if kept.len() >= OBJECTS_MAX {
            kept.clear();
        }
        kept.insert(entry.key.clone(), (entry.clone(), object.clone()));
        Some(object)
    }
}

fn parse(entry: &Entry) -> Option<Object> {
    serde_json::from_slice(&entry.json).ok().map(Object::new)
}
