//! Observing: one shared cache per kind, fed by one watch, however many controllers look at it.
//!
//! Controllers register listeners that turn a change into keys on their queues; a listener must not block. A cache
//! keeps views (see `views`), not whole objects, where objects are many.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Debug;
use std::sync::Arc;

use futures::{StreamExt, pin_mut};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, Resource};
use parking_lot::RwLock;
use serde::de::DeserializeOwned;
use tokio::sync::watch;

use crate::key::Key;

/// The kinds of objects a cache can hold.
pub trait Cached: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + Sync + 'static {
    /// Drops what nobody looks at, before the object is kept.
    fn shrink(&mut self) {
        self.meta_mut().managed_fields = None;
    }

    /// Values by which objects can be found besides their key, for example the uids of their owners.
    fn index(&self) -> Vec<Arc<str>> {
        Vec::new()
    }
}

type Listener<K> = Box<dyn Fn(Option<&Arc<K>>, Option<&Arc<K>>) + Send + Sync>;

/// All objects of a kind, as last seen.
pub struct Cache<K> {
    content: RwLock<Content<K>>,
    listeners: RwLock<Vec<Listener<K>>>,
    synced: watch::Sender<bool>,
}

struct Content<K> {
    objects: BTreeMap<Key, Arc<K>>,
    index: HashMap<Arc<str>, BTreeSet<Key>>,
}

impl<K: Cached> Cache<K> {
    /// An empty cache.
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            content: RwLock::new(Content { objects: BTreeMap::new(), index: HashMap::new() }),
            listeners: RwLock::default(),
            synced: watch::Sender::new(false),
        })
    }

    /// Calls this for every change: the object before (none: it is new) and after (none: it is gone).
    pub fn listen(&self, listener: impl Fn(Option<&Arc<K>>, Option<&Arc<K>>) + Send + Sync + 'static) {
        self.listeners.write().push(Box::new(listener));
    }

    /// Follows the API until the future is dropped. Errors are logged and retried with back-off.
    pub async fn follow(self: Arc<Self>, client: Client, config: watcher::Config) {
        let stream = watcher(Api::<K>::all(client), config.streaming_lists()).default_backoff();
        pin_mut!(stream);
        let mut listed = BTreeSet::new();
        while let Some(event) = stream.next().await {
            match event {
                Ok(watcher::Event::Apply(object)) => self.put(object),
                Ok(watcher::Event::Delete(object)) => self.take(&Key::of(&object)),
                Ok(watcher::Event::Init) => listed.clear(),
                Ok(watcher::Event::InitApply(object)) => {
                    listed.insert(Key::of(&object));
                    self.put(object);
                }
                Ok(watcher::Event::InitDone) => {
                    self.retain(&listed);
                    listed.clear();
                    self.synced.send_replace(true);
                }
                Err(error) => tracing::debug!(kind = %K::kind(&()), %error, "watch interrupted"),
            }
        }
    }

    /// Waits until everything that existed at the start has been seen.
    pub async fn synced(&self) {
        // The sender lives as long as self.
        let _ = self.synced.subscribe().wait_for(|synced| *synced).await;
    }

    /// The object of this key.
    pub fn get(&self, key: &Key) -> Option<Arc<K>> {
        self.content.read().objects.get(key).cloned()
    }

    /// The objects of a namespace, by name.
    pub fn in_namespace(&self, namespace: &str) -> Vec<Arc<K>> {
        let content = self.content.read();
        let from = Key::new(namespace, "");
        let range = content.objects.range(from..).take_while(|(key, _)| *key.namespace == *namespace);
        range.map(|(_, object)| object.clone()).collect()
    }

    /// The objects whose [`Cached::index`] has this value.
    pub fn indexed(&self, value: &str) -> Vec<Arc<K>> {
        let content = self.content.read();
        let keys = content.index.get(value).into_iter().flatten();
        keys.filter_map(|key| content.objects.get(key).cloned()).collect()
    }

    /// All objects, by key.
    pub fn all(&self) -> Vec<Arc<K>> {
        self.content.read().objects.values().cloned().collect()
    }

    /// How many objects there are.
    pub fn len(&self) -> usize {
        self.content.read().objects.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn put(&self, mut object: K) {
        object.shrink();
        let key = Key::of(&object);
        let object = Arc::new(object);
        let before = {
            let mut content = self.content.write();
            let before = content.objects.insert(key.clone(), object.clone());
            if let Some(before) = &before {
                content.unindex(&key, &before.index());
            }
            for value in object.index() {
                content.index.entry(value).or_default().insert(key.clone());
            }
            before
        };
        let unchanged = before.as_ref().is_some_and(|before| {
            before.meta().resource_version.is_some() && before.meta().resource_version == object.meta().resource_version
        });
        if !unchanged {
            self.tell(before.as_ref(), Some(&object));
        }
    }

    fn take(&self, key: &Key) {
        let before = {
            let mut content = self.content.write();
            let before = content.objects.remove(key);
            if let Some(before) = &before {
                content.unindex(key, &before.index());
            }
            before
        };
        if before.is_some() {
            self.tell(before.as_ref(), None);
        }
    }

    /// Takes away what a fresh list did not name.
    fn retain(&self, listed: &BTreeSet<Key>) {
        let gone: Vec<Key> = self.content.read().objects.keys().filter(|key| !listed.contains(key)).cloned().collect();
        for key in gone {
            self.take(&key);
        }
    }

    fn tell(&self, before: Option<&Arc<K>>, after: Option<&Arc<K>>) {
        for listener in self.listeners.read().iter() {
            listener(before, after);
        }
    }
}

impl<K> Content<K> {
    fn unindex(&mut self, key: &Key, values: &[Arc<str>]) {
        for value in values {
            if let Some(keys) = self.index.get_mut(value) {
                keys.remove(key);
                if keys.is_empty() {
                    self.index.remove(value);
                }
            }
        }
    }
}

/// The uids of an object's owners: what dependents are found by.
pub fn owner_uids(meta: &k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta) -> Vec<Arc<str>> {
    meta.owner_references.iter().flatten().map(|owner| owner.uid.as_str().into()).collect()
}
