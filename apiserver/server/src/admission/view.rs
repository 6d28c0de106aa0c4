//! What admission reads of the store: objects of one state, parsed once each.

use std::sync::Arc;

use kubernel_meta::Object;
use kubernel_store::{Entry, Snapshot};

/// One state of the store, read by key.
pub struct View {
    snapshot: Arc<dyn Snapshot>,
}

impl View {
    /// A view of this state.
    pub fn new(snapshot: Arc<dyn Snapshot>) -> Self {
        Self { snapshot }
    }

    /// The object under a key; what cannot be parsed counts as absent.
    pub fn get(&self, key: &str) -> Option<Object> {
        parse(&*self.snapshot.get(key)?)
    }

    /// The objects whose keys start with `prefix`, in key order.
    pub fn list<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = Object> + 'a {
        self.snapshot.range(prefix, "").filter_map(|entry| parse(&entry))
    }
}

fn parse(entry: &Entry) -> Option<Object> {
    serde_json::from_slice(&entry.json).ok().map(Object::new)
}
