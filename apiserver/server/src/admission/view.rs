//! What admission and authentication read of the store: objects of the latest state, parsed.

use std::sync::Arc;

use kubernel_meta::{ApiError, Object};
use kubernel_store::{At, Entry, Store};

/// The store, read by key. Every call reads the latest state.
pub struct View {
    store: Arc<dyn Store>,
}

impl View {
    /// A view of this store.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store }
    }

    /// The object under a key; what cannot be parsed counts as absent.
    pub async fn get(&self, key: &str) -> Result<Option<Object>, ApiError> {
        let snapshot = self.store.snapshot(key, At::Latest).await.map_err(ApiError::internal)?;
        Ok(snapshot.get(key).and_then(|entry| parse(&entry)))
    }

    /// The objects whose keys start with `prefix`, in key order.
    pub async fn list(&self, prefix: &str) -> Result<Vec<Object>, ApiError> {
        let snapshot = self.store.snapshot(prefix, At::Latest).await.map_err(ApiError::internal)?;
        Ok(snapshot.range(prefix, "").filter_map(|entry| parse(&entry)).collect())
    }
}

fn parse(entry: &Entry) -> Option<Object> {
    serde_json::from_slice(&entry.json).ok().map(Object::new)
}
