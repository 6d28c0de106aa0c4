//! Amounts of named resources, in whole units: thousandths of a CPU, bytes, counts.

use std::{collections::BTreeMap, fmt, sync::Arc};

use crate::{ResourceId, limits::EXTENDED_RESOURCES_MAX};

/// How many resources every cluster has: their amounts lie inline.
const BASE: usize = 4;

/// Amounts by resource. What is not there is 0; two equal amounts are equal values.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Resources {
    base: [u64; BASE],
    /// The others: sorted, none of them 0. Most tasks have none, so that a value needs no allocation.
    extended: Vec<(ResourceId, u64)>,
}

impl ResourceId {
    /// CPU time in thousandths of a CPU.
    pub const CPU: Self = Self(0);
    /// Memory in bytes.
    pub const MEMORY: Self = Self(1);
    /// Local scratch space in bytes.
    pub const EPHEMERAL_STORAGE: Self = Self(2);
    /// Places for tasks.
    pub const PODS: Self = Self(3);
}

impl Resources {
    /// The amounts of the four resources that every cluster has.
    pub fn new(cpu_milli: u64, memory_bytes: u64, ephemeral_bytes: u64, pods: u64) -> Self {
        Self { base: [cpu_milli, memory_bytes, ephemeral_bytes, pods], extended: Vec::new() }
    }

    /// How much of a resource.
    pub fn get(&self, id: ResourceId) -> u64 {
        match self.base.get(usize::from(id.0)) {
            Some(amount) => *amount,
            None => self.extended.binary_search_by_key(&id, |e| e.0).map_or(0, |at| self.extended[at].1),
        }
    }

    /// Sets the amount of a resource.
    pub fn set(&mut self, id: ResourceId, amount: u64) {
        if let Some(slot) = self.base.get_mut(usize::from(id.0)) {
            *slot = amount;
            return;
        }
        match (self.extended.binary_search_by_key(&id, |e| e.0), amount) {
            (Ok(at), 0) => drop(self.extended.remove(at)),
            (Ok(at), _) => self.extended[at].1 = amount,
            (Err(_), 0) => {}
            (Err(at), _) => self.extended.insert(at, (id, amount)),
        }
    }

    /// Every resource of which there is some, in the order of the ids.
    pub fn iter(&self) -> impl Iterator<Item = (ResourceId, u64)> + '_ {
        let base = (0u16..).zip(self.base).map(|(at, amount)| (ResourceId(at), amount));
        base.filter(|(_, amount)| *amount > 0).chain(self.extended.iter().copied())
    }

    /// Nothing at all.
    pub fn is_zero(&self) -> bool {
        self.base == [0; BASE] && self.extended.is_empty()
    }

    /// Whether all of `other` is in here. Nothing of something that is not here is in here.
    pub fn contains(&self, other: &Self) -> bool {
        self.base.iter().zip(other.base).all(|(have, want)| *have >= want)
            && other.extended.iter().all(|(id, want)| self.get(*id) >= *want)
    }

    /// The sum; `None` where an amount does not fit.
    pub fn checked_add(&self, other: &Self) -> Option<Self> {
        let mut out = self.clone();
        for (id, amount) in other.iter() {
            out.set(id, out.get(id).checked_add(amount)?);
        }
        Some(out)
    }

    /// The difference; `None` unless all of `other` is in here.
    pub fn checked_sub(&self, other: &Self) -> Option<Self> {
        self.contains(other).then(|| self.saturating_sub(other))
    }

    /// The difference, each amount 0 rather than negative.
    #[must_use]
    pub fn saturating_sub(&self, other: &Self) -> Self {
        let mut out = self.clone();
        out.take(other);
        out
    }

    /// Adds in place, each amount the largest number rather than an overflow.
    pub fn add(&mut self, other: &Self) {
        for (have, more) in self.base.iter_mut().zip(other.base) {
            *have = have.saturating_add(more);
        }
        for (id, amount) in &other.extended {
            self.set(*id, self.get(*id).saturating_add(*amount));
        }
    }

    /// Subtracts in place, each amount 0 rather than negative.
    pub fn take(&mut self, other: &Self) {
        for (have, less) in self.base.iter_mut().zip(other.base) {
            *have = have.saturating_sub(less);
        }
        for (id, amount) in &other.extended {
            self.set(*id, self.get(*id).saturating_sub(*amount));
        }
    }
}

impl fmt::Debug for Resources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl FromIterator<(ResourceId, u64)> for Resources {
    /// Amounts of one resource add up.
    fn from_iter<T: IntoIterator<Item = (ResourceId, u64)>>(amounts: T) -> Self {
        let mut out = Self::default();
        for (id, amount) in amounts {
            out.set(id, out.get(id).saturating_add(amount));
        }
        out
    }
}

/// The names of resources, each with its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    by_id: Vec<Arc<str>>,
    by_name: BTreeMap<Arc<str>, ResourceId>,
}

impl Default for Names {
    fn default() -> Self {
        let mut names = Self { by_id: Vec::new(), by_name: BTreeMap::new() };
        for name in ["cpu", "memory", "ephemeral-storage", "pods"] {
            names.intern(name);
        }
        names
    }
}

impl Names {
    /// The number of a name, if it has one.
    pub fn id(&self, name: &str) -> Option<ResourceId> {
        self.by_name.get(name).copied()
    }

    /// The number of a name, given now if it has none; `None` when there are too many names.
    pub fn intern(&mut self, name: &str) -> Option<ResourceId> {
        if let Some(id) = self.id(name) {
            return Some(id);
        }
        if self.by_id.len() >= BASE + EXTENDED_RESOURCES_MAX {
            return None;
        }
        let id = ResourceId(u16::try_from(self.by_id.len()).ok()?);
        let name: Arc<str> = name.into();
        self.by_id.push(name.clone());
        self.by_name.insert(name, id);
        Some(id)
    }

    /// The name behind a number.
    pub fn name(&self, id: ResourceId) -> Option<&str> {
        self.by_id.get(usize::from(id.0)).map(|name| &**name)
    }
}
