//! Guarantees and limits of roles, also nested: what a role must be able to get, and what it may have at most.
//!
//! A role consumes what is reserved for it and below, used or not, and what it uses of the rest, but for what may be
//! taken back (Mesos' quota). `headroom` is what is free for anybody; `owed` is what of it guarantees still need.

use std::{collections::BTreeMap, sync::Arc};

use crate::{Names, ResourceId, Resources, RoleId, Roles};

/// What was settled for a role.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Quota {
    /// It can always get this much.
    pub guarantee: Resources,
    /// It gets no more than this. What is not named is not limited.
    pub limits: BTreeMap<ResourceId, u64>,
}

/// Sums that quotas need of the whole cluster.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Reserved {
    /// What is reserved for each role itself, by path, summed over agents.
    by_role: BTreeMap<Arc<str>, Resources>,
    /// All that is reserved or may be taken back.
    aside: Resources,
}

impl Reserved {
    /// An agent has this much more or less to give.
    pub(crate) fn change(&mut self, names: &Names, resources: &Resources, more: bool) {
        if resources.is_plain() {
            return;
        }
        let alter = |sum: &mut Resources, part: &Resources| if more { sum.add(part) } else { sum.take(part) };
        alter(&mut self.aside, &names.quantities(&names.set_aside(resources)));
        for id in resources.iter().map(|(id, _)| id) {
            let Some(kind) = names.kind(id).filter(|kind| !kind.revocable) else { continue };
            let Some(role) = kind.role() else { continue };
            let part = resources.only(|other| other == id);
            let sum = self.by_role.entry(role.clone()).or_default();
            alter(sum, &names.quantities(&part));
            if sum.is_zero() {
                self.by_role.remove(role);
            }
        }
    }

    /// What is reserved for a role and those below it.
    pub(crate) fn of(&self, path: &str) -> Resources {
        let mut sum = self.by_role.get(path).cloned().unwrap_or_default();
        let below = format!("{path}/");
        let first: Arc<str> = below.as_str().into();
        for (_, part) in self.by_role.range(first..).take_while(|(role, _)| role.starts_with(&below)) {
            sum.add(part);
        }
        sum
    }

    pub(crate) fn aside(&self) -> &Resources {
        &self.aside
    }
}

impl Roles {
    /// Whether anything was settled for any role. If not, nobody is held back, and nothing is counted for it.
    pub fn has_quotas(&self) -> bool {
        !self.quotas.is_empty()
    }

    /// What a role consumes of its quota.
    pub fn consumed(&self, role: RoleId) -> Resources {
        let Some(found) = self.get(role) else { return Resources::default() };
        let mut consumed = found.used.saturating_sub(&found.aside);
        consumed.add(&self.reserved.of(&found.path));
        consumed
    }

    /// What is reserved for a role and those below it.
    pub fn reserved(&self, path: &str) -> Resources {
        self.reserved.of(path)
    }

    /// What a role's own guarantee still lacks.
    pub(crate) fn unmet(&self, role: RoleId) -> Resources {
        let quota = self.get(role).and_then(|found| found.quota.as_ref());
        quota.map_or_else(Resources::default, |quota| quota.guarantee.saturating_sub(&self.consumed(role)))
    }

    /// What all guarantees together still lack: for each branch of the tree the most that it lacks at any height.
    pub(crate) fn owed(&self) -> Resources {
        let mut below: BTreeMap<RoleId, Resources> = BTreeMap::new();
        let mut deepest: Vec<(usize, RoleId)> = self.quotas.iter().map(|id| (self.depth(*id), *id)).collect();
        deepest.sort_unstable();
        let mut owed = Resources::default();
        for (_, role) in deepest.into_iter().rev() {
            let mut lacks = below.remove(&role).unwrap_or_default();
            for (id, amount) in self.unmet(role).iter() {
                lacks.set(id, lacks.get(id).max(amount));
            }
            let above = self.ancestors(role).find(|id| self.quotas.contains(id));
            above.map_or(&mut owed, |above| below.entry(above).or_default()).add(&lacks);
        }
        owed
    }

    /// What is free for anybody.
    pub(crate) fn headroom(&self) -> Resources {
        let mut taken = self.used();
        taken.add(self.reserved.aside());
        let Some(root) = self.get(RoleId::ROOT) else { return Resources::default() };
        let mut headroom = self.total().clone();
        headroom.add(&root.aside);
        headroom.take(&taken);
        headroom
    }

    /// As much of unreserved amounts as a role may get now.
    pub(crate) fn allowance(&self, role: RoleId, wanted: &Resources) -> Resources {
        if !self.has_quotas() {
            return wanted.clone();
        }
        let mut granted = Resources::default();
        for at in self.path_with_quota(role) {
            for (id, lacks) in self.unmet(at).iter() {
                granted.set(id, granted.get(id).max(lacks.min(wanted.get(id))));
            }
        }
        let mut extra = wanted.saturating_sub(&granted);
        extra.cap(&self.headroom().saturating_sub(&self.owed()));
        granted.add(&extra);
        for at in self.path_with_quota(role) {
            let consumed = self.consumed(at);
            let limits = self.get(at).and_then(|found| found.quota.as_ref()).map(|quota| &quota.limits);
            for (id, limit) in limits.into_iter().flatten() {
                granted.set(*id, granted.get(*id).min(limit.saturating_sub(consumed.get(*id))));
            }
        }
        granted
    }

    /// Whether a guarantee of the role itself is not met. Those are served first.
    pub(crate) fn is_owed(&self, role: RoleId) -> bool {
        self.quotas.contains(&role) && !self.unmet(role).is_zero()
    }

    fn path_with_quota(&self, role: RoleId) -> impl Iterator<Item = RoleId> + '_ {
        std::iter::once(role).chain(self.ancestors(role)).filter(|id| self.quotas.contains(id))
    }

    /// The nodes above a role, from its parent to the root.
    pub(crate) fn ancestors(&self, role: RoleId) -> impl Iterator<Item = RoleId> + '_ {
        std::iter::successors(self.get(role).and_then(|found| found.parent), |id| self.get(*id)?.parent)
    }

    fn depth(&self, role: RoleId) -> usize {
        self.ancestors(role).count()
    }
}
