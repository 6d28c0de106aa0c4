//! Amounts and items of resources, in whole units: thousandths of a CPU, bytes, counts, ports.
//!
//! Two tiers: the four resources that every cluster has lie inline, everything else (named, reserved, revocable, volumes,
//! ranges, sets) in a box that most values have not got, and that equal values share: an offer, what an agent holds for
//! it and the filter that it leaves are one box. What a number stands for says [`crate::Kinds`].

use std::{fmt, sync::Arc};

use crate::{Ranges, ResourceId};

/// How many resources every cluster has: their amounts lie inline.
pub(crate) const BASE: usize = 4;

static NO_ITEMS: Ranges = Ranges::EMPTY;

/// Amounts and items by resource. What is not there is 0 or nothing; two equal amounts are equal values.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Resources {
    base: [u64; BASE],
    /// `None` rather than an empty one.
    rest: Option<Arc<Rest>>,
}

/// What has no place of its own. Sorted; nothing in it is 0 or empty.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
struct Rest {
    amounts: Vec<(ResourceId, u64)>,
    items: Vec<(ResourceId, Ranges)>,
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
    pub const fn new(cpu_milli: u64, memory_bytes: u64, ephemeral_bytes: u64, pods: u64) -> Self {
        Self { base: [cpu_milli, memory_bytes, ephemeral_bytes, pods], rest: None }
    }

    /// How much of a resource.
    pub fn get(&self, id: ResourceId) -> u64 {
        match self.base.get(id.0 as usize) {
            Some(amount) => *amount,
            None => find(self.amounts(), id).map_or(0, |at| self.amounts()[at].1),
        }
    }

    /// Sets the amount of a resource.
    pub fn set(&mut self, id: ResourceId, amount: u64) {
        if let Some(slot) = self.base.get_mut(id.0 as usize) {
            *slot = amount;
            return;
        }
        if self.rest.is_none() && amount == 0 {
            return;
        }
        let rest = self.rest_mut();
        match (find(&rest.amounts, id), amount) {
            (Ok(at), 0) => drop(rest.amounts.remove(at)),
            (Ok(at), _) => rest.amounts[at].1 = amount,
            (Err(_), 0) => {}
            (Err(at), _) => rest.amounts.insert(at, (id, amount)),
        }
        self.settle();
    }

    /// Which items of a resource.
    pub fn items(&self, id: ResourceId) -> &Ranges {
        let all = self.all_items();
        find(all, id).map_or(&NO_ITEMS, |at| &all[at].1)
    }

    /// Sets the items of a resource.
    pub fn set_items(&mut self, id: ResourceId, items: Ranges) {
        if self.rest.is_none() && items.is_empty() {
            return;
        }
        let rest = self.rest_mut();
        match (find(&rest.items, id), items.is_empty()) {
            (Ok(at), true) => drop(rest.items.remove(at)),
            (Ok(at), false) => rest.items[at].1 = items,
            (Err(_), true) => {}
            (Err(at), false) => rest.items.insert(at, (id, items)),
        }
        self.settle();
    }

    /// Every resource of which there is an amount, in the order of the ids.
    pub fn iter(&self) -> impl Iterator<Item = (ResourceId, u64)> + '_ {
        let base = (0u32..).zip(self.base).map(|(at, amount)| (ResourceId(at), amount));
        base.filter(|(_, amount)| *amount > 0).chain(self.amounts().iter().copied())
    }

    /// Every resource of which there are items, in the order of the ids.
    pub fn iter_items(&self) -> impl Iterator<Item = (ResourceId, &Ranges)> + '_ {
        self.all_items().iter().map(|(id, items)| (*id, items))
    }

    /// Every resource of which there is anything.
    pub fn ids(&self) -> impl Iterator<Item = ResourceId> + '_ {
        self.iter().map(|(id, _)| id).chain(self.iter_items().map(|(id, _)| id))
    }

    /// Nothing at all.
    pub fn is_zero(&self) -> bool {
        self.base == [0; BASE] && self.rest.is_none()
    }

    /// Whether there is nothing but the resources that every cluster has: the cheap case.
    pub fn is_plain(&self) -> bool {
        self.rest.is_none()
    }

    /// Whether all of `other` is in here. Nothing of something that is not here is in here.
    pub fn contains(&self, other: &Self) -> bool {
        self.base.iter().zip(other.base).all(|(have, want)| *have >= want) && self.contains_rest(other)
    }

    fn contains_rest(&self, other: &Self) -> bool {
        self.same_rest(other)
            || other.amounts().iter().all(|(id, want)| self.get(*id) >= *want)
                && other.all_items().iter().all(|(id, want)| self.items(*id).contains(want))
    }

    /// Whether the rest of both is one box, or neither has any. Boxes apart may be equal as well.
    fn same_rest(&self, other: &Self) -> bool {
        match (&self.rest, &other.rest) {
            (Some(own), Some(other)) => Arc::ptr_eq(own, other),
            (own, other) => own.is_none() && other.is_none(),
        }
    }

    /// The sum; `None` where an amount does not fit.
    pub fn checked_add(&self, other: &Self) -> Option<Self> {
        other.iter().all(|(id, amount)| self.get(id).checked_add(amount).is_some()).then(|| {
            let mut out = self.clone();
            out.add(other);
            out
        })
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
        if self.rest.is_none() {
            self.rest.clone_from(&other.rest);
            return;
        }
        for (id, amount) in other.amounts() {
            self.set(*id, self.get(*id).saturating_add(*amount));
        }
        for (id, items) in other.all_items() {
            let mut sum = self.items(*id).clone();
            sum.add(items);
            self.set_items(*id, sum);
        }
    }

    /// Subtracts in place, each amount 0 rather than negative.
    pub fn take(&mut self, other: &Self) {
        for (have, less) in self.base.iter_mut().zip(other.base) {
            *have = have.saturating_sub(less);
        }
        if self.same_rest(other) {
            self.rest = None;
            return;
        }
        let (Some(_), Some(less)) = (&self.rest, &other.rest) else { return };
        let rest = self.rest_mut();
        for (id, amount) in &less.amounts {
            if let Ok(at) = find(&rest.amounts, *id) {
                rest.amounts[at].1 = rest.amounts[at].1.saturating_sub(*amount);
            }
        }
        for (id, items) in &less.items {
            if let Ok(at) = find(&rest.items, *id) {
                rest.items[at].1.take(items);
            }
        }
        rest.amounts.retain(|(_, amount)| *amount > 0);
        rest.items.retain(|(_, items)| !items.is_empty());
        self.settle();
    }

    /// Each amount no more than in `most`; items stay.
    pub fn cap(&mut self, most: &Self) {
        let over: Vec<_> = self.iter().filter(|(id, amount)| *amount > most.get(*id)).map(|(id, _)| id).collect();
        for id in over {
            self.set(id, most.get(id));
        }
    }

    /// The part that consists of these resources.
    #[must_use]
    pub fn only(&self, keep: impl Fn(ResourceId) -> bool) -> Self {
        if self.ids().all(&keep) {
            return self.clone();
        }
        let mut out = Self::default();
        for (id, amount) in self.iter().filter(|(id, _)| keep(*id)) {
            out.set(id, amount);
        }
        for (id, items) in self.iter_items().filter(|(id, _)| keep(*id)) {
            out.set_items(id, items.clone());
        }
        out
    }

    fn amounts(&self) -> &[(ResourceId, u64)] {
        self.rest.as_ref().map_or(&[], |rest| &rest.amounts)
    }

    fn all_items(&self) -> &[(ResourceId, Ranges)] {
        self.rest.as_ref().map_or(&[], |rest| &rest.items)
    }

    /// The rest, for itself alone.
    fn rest_mut(&mut self) -> &mut Rest {
        Arc::make_mut(self.rest.get_or_insert_default())
    }

    fn settle(&mut self) {
        if self.rest.as_ref().is_some_and(|rest| rest.amounts.is_empty() && rest.items.is_empty()) {
            self.rest = None;
        }
    }
}

fn find<T>(sorted: &[(ResourceId, T)], id: ResourceId) -> Result<usize, usize> {
    sorted.binary_search_by_key(&id, |entry| entry.0)
}

impl fmt::Debug for Resources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).entries(self.iter_items()).finish()
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
