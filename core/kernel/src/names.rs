//! The numbers of kinds of resources and of the items of sets, and what the accounts need to know of each number.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use crate::{
    Kind, ResourceId, Resources, Shape,
    limits::{ITEMS_MAX, KINDS_MAX},
};

/// The kinds of resources, each with its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    by_id: Vec<Entry>,
    by_kind: BTreeMap<Arc<Kind>, ResourceId>,
    by_name: BTreeMap<Arc<str>, ResourceId>,
    items: Vec<Arc<str>>,
    by_item: BTreeMap<Arc<str>, u64>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    kind: Arc<Kind>,
    /// What it counts as in shares and quotas: the plain kind of its name; nothing for what has no amount.
    counts_as: Option<ResourceId>,
}

impl Default for Names {
    fn default() -> Self {
        let mut names = Self {
            by_id: Vec::new(),
            by_kind: BTreeMap::new(),
            by_name: BTreeMap::new(),
            items: Vec::new(),
            by_item: BTreeMap::new(),
        };
        for name in ["cpu", "memory", "ephemeral-storage", "pods"] {
            names.add(Arc::new(Kind::plain(name)));
        }
        names
    }
}

impl Names {
    /// The number of the plain kind of a name, if it has one.
    pub fn id(&self, name: &str) -> Option<ResourceId> {
        self.by_name.get(name).copied()
    }

    /// The number of a kind, if it has one.
    pub fn kind_id(&self, kind: &Kind) -> Option<ResourceId> {
        self.by_kind.get(kind).copied()
    }

    /// The name behind a number.
    pub fn name(&self, id: ResourceId) -> Option<&str> {
        self.kind(id).map(|kind| &*kind.name)
    }

    /// The kind behind a number.
    pub fn kind(&self, id: ResourceId) -> Option<&Kind> {
        self.entry(id).map(|entry| &*entry.kind)
    }

    /// The number of a set's item, if it has one.
    pub fn item(&self, name: &str) -> Option<u64> {
        self.by_item.get(name).copied()
    }

    /// The item behind a number.
    pub fn item_name(&self, item: u64) -> Option<&str> {
        self.items.get(usize::try_from(item).ok()?).map(|name| &**name)
    }

    /// What amounts come to by name alone, whatever they are reserved for: what shares and quotas count. Items do not.
    pub fn quantities<'a>(&self, resources: &'a Resources) -> Cow<'a, Resources> {
        if resources.is_plain() {
            return Cow::Borrowed(resources);
        }
        let counted = |(id, amount)| Some((self.entry(id)?.counts_as?, amount));
        Cow::Owned(resources.iter().filter_map(counted).collect())
    }

    /// The plain kind as which a kind counts in shares and quotas; `None` for items.
    pub(crate) fn counts_as(&self, id: ResourceId) -> Option<ResourceId> {
        self.entry(id)?.counts_as
    }

    /// The part that is reserved for somebody or may be taken back: what no guarantee counts as free.
    pub fn set_aside<'a>(&self, resources: &'a Resources) -> Cow<'a, Resources> {
        if resources.is_plain() {
            return Cow::Owned(Resources::default());
        }
        Cow::Owned(resources.only(|id| self.kind(id).is_some_and(|kind| kind.revocable || kind.role().is_some())))
    }

    /// The part that only one task can hold at a time.
    pub fn exclusive<'a>(&self, resources: &'a Resources) -> Cow<'a, Resources> {
        let shared = |id| self.kind(id).is_some_and(|kind| kind.shared);
        if resources.is_plain() || !resources.ids().any(shared) {
            return Cow::Borrowed(resources);
        }
        Cow::Owned(resources.only(|id| !shared(id)))
    }

    /// Resources in words: `cpu:1500; ports:[31000-31001]`.
    pub fn show(&self, resources: &Resources) -> String {
        let unknown = |id: ResourceId| self.kind(id).map_or_else(|| id.to_string(), ToString::to_string);
        let amounts = resources.iter().map(|(id, amount)| format!("{}:{amount}", unknown(id)));
        let items = resources.iter_items().map(|(id, items)| format!("{}:{items:?}", unknown(id)));
        let all: Vec<String> = amounts.chain(items).collect();
        if all.is_empty() { "{}".to_owned() } else { all.join("; ") }
    }

    /// The number that a new kind gets; `None` when there are too many.
    pub(crate) fn next_id(&self) -> Option<ResourceId> {
        (self.by_id.len() < KINDS_MAX).then(|| ResourceId(u32::try_from(self.by_id.len()).unwrap_or(u32::MAX)))
    }

    /// The number that a new item gets; `None` when there are too many.
    pub(crate) fn next_item(&self) -> Option<u64> {
        (self.items.len() < ITEMS_MAX).then_some(self.items.len() as u64)
    }

    /// Gives a kind its number. The plain kind of its name must have one already.
    pub(crate) fn add(&mut self, kind: Arc<Kind>) {
        if self.by_kind.contains_key(&kind) {
            return;
        }
        let id = ResourceId(u32::try_from(self.by_id.len()).unwrap_or(u32::MAX));
        if kind.is_plain() {
            self.by_name.insert(kind.name.clone(), id);
        }
        let counts_as = if kind.shape == Shape::Scalar { self.id(&kind.name) } else { None };
        self.by_kind.insert(kind.clone(), id);
        self.by_id.push(Entry { kind, counts_as });
    }

    pub(crate) fn add_item(&mut self, name: &Arc<str>) {
        if !self.by_item.contains_key(name) {
            self.by_item.insert(name.clone(), self.items.len() as u64);
            self.items.push(name.clone());
        }
    }

    /// The number of a plain kind, given now if it has none; `None` when there are too many names. For tables apart
    /// from a kernel.
    pub fn intern(&mut self, name: &str) -> Option<ResourceId> {
        if let Some(id) = self.id(name) {
            return Some(id);
        }
        let id = self.next_id()?;
        self.add(Arc::new(Kind::plain(name)));
        Some(id)
    }

    fn entry(&self, id: ResourceId) -> Option<&Entry> {
        self.by_id.get(id.0 as usize)
    }
}
