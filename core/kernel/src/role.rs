//! The tree of roles: what each uses, and who in it wants more, in the order in which they are served.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    FrameworkId, Quota, ResourceId, Resources, RoleId, Share,
    limits::{ROLE_DEPTH_MAX, ROLE_PATH_BYTES_MAX, WEIGHT_MILLI_DEFAULT},
    quota::Reserved,
};

/// A role: a node of the tree.
#[derive(Clone, Debug, PartialEq)]
pub struct Role {
    /// Its path, for example `teams/web`.
    pub path: Arc<str>,
    /// The node above; the root has none.
    pub parent: Option<RoleId>,
    /// How much it may have compared with its siblings, in thousandths.
    pub weight_milli: u32,
    /// What is offered and allocated in this role and below.
    pub used: Resources,
    /// What is offered and allocated in this very role.
    pub used_here: Resources,
    /// What of `used` is reserved for somebody or may be taken back.
    pub aside: Resources,
    /// What it can always get, and the most it may have.
    pub quota: Option<Arc<Quota>>,
    /// Somebody keeps the role for its weight, used or not.
    pub kept: bool,
    /// Frameworks subscribed to this very role.
    pub frameworks: BTreeSet<FrameworkId>,
    pub(crate) children: BTreeSet<RoleId>,
    /// How many grants it and everything below ever got, and those it got itself: ties go to who got fewer.
    grants: u64,
    grants_here: u64,
    /// Who wants more: children, and the role itself if a framework in it wants more.
    hungry: BTreeSet<Rank<Member>>,
    /// Which frameworks of the role itself want more.
    hungry_here: BTreeSet<Rank<FrameworkId>>,
    /// Where the node stands in its parent's `hungry`, and where the role itself stands in its own.
    rank: Option<Rank<Member>>,
    rank_here: Option<Rank<Member>>,
}

/// Who competes below a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Member {
    /// The role itself, on a par with its children (Mesos' virtual leaf).
    Itself,
    /// A child.
    Child(RoleId),
}

/// How it is found who is served first among those whose guarantees are met alike.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Sorter {
    /// Who has the least weighted dominant share.
    #[default]
    Fair,
    /// By lot, weighted; the lots follow from the seed.
    Random {
        /// The seed.
        seed: u64,
    },
}

/// A place in an order: who is owed something by a guarantee first, then least share, least grants, the identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rank<T> {
    met: bool,
    share: Share,
    grants: u64,
    who: T,
}

/// All roles.
#[derive(Clone, Debug, PartialEq)]
pub struct Roles {
    nodes: BTreeMap<RoleId, Role>,
    by_path: BTreeMap<Arc<str>, RoleId>,
    /// All there is in the cluster: the whole that shares are parts of.
    total: Resources,
    /// Which of them have a quota.
    pub(crate) quotas: BTreeSet<RoleId>,
    /// What is reserved for whom.
    pub(crate) reserved: Reserved,
    sorter: Sorter,
    /// `total` or a weight changed, and the orders do not follow yet.
    stale: bool,
}

/// Whether a path is one that Mesos takes: components without dots only, stars, leading dashes or white space.
pub(crate) fn is_path(path: &str) -> bool {
    let component = |part: &str| {
        !part.is_empty()
            && !matches!(part, "." | "..")
            && !part.starts_with('-')
            && !part.chars().any(|c| c.is_whitespace() || c.is_control())
    };
    path == "*"
        || path.len() <= ROLE_PATH_BYTES_MAX
            && path.split('/').count() <= ROLE_DEPTH_MAX
            && path.split('/').all(|part| component(part) && part != "*")
}

impl Role {
    fn new(path: Arc<str>, parent: Option<RoleId>, weight_milli: u32) -> Self {
        Self {
            path,
            parent,
            weight_milli,
            kept: false,
            quota: None,
            aside: Resources::default(),
            used: Resources::default(),
            used_here: Resources::default(),
            frameworks: BTreeSet::new(),
            children: BTreeSet::new(),
            grants: 0,
            grants_here: 0,
            hungry: BTreeSet::new(),
            hungry_here: BTreeSet::new(),
            rank: None,
            rank_here: None,
        }
    }

    /// Whether nobody would miss it.
    pub(crate) fn is_idle(&self) -> bool {
        !self.kept
            && self.quota.is_none()
            && self.frameworks.is_empty()
            && self.children.is_empty()
            && self.used.is_zero()
    }
}

impl Default for Roles {
    fn default() -> Self {
        let root = Role::new("".into(), None, WEIGHT_MILLI_DEFAULT);
        Self {
            nodes: BTreeMap::from([(RoleId::ROOT, root)]),
            by_path: BTreeMap::new(),
            total: Resources::default(),
            quotas: BTreeSet::new(),
            reserved: Reserved::default(),
            sorter: Sorter::default(),
            stale: false,
        }
    }
}

impl Roles {
    /// A role by its identifier.
    pub fn get(&self, id: RoleId) -> Option<&Role> {
        self.nodes.get(&id)
    }

    /// The identifier of a path.
    pub fn id(&self, path: &str) -> Option<RoleId> {
        self.by_path.get(path).copied()
    }

    /// Every role but the root, by identifier.
    pub fn iter(&self) -> impl Iterator<Item = (RoleId, &Role)> {
        self.nodes.iter().skip(1).map(|(id, role)| (*id, role))
    }

    /// How many there are, without the root.
    pub fn len(&self) -> usize {
        self.nodes.len() - 1
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All there is in the cluster.
    pub fn total(&self) -> &Resources {
        &self.total
    }

    /// What everybody together uses.
    pub fn used(&self) -> Resources {
        self.nodes.get(&RoleId::ROOT).map(|root| root.used.clone()).unwrap_or_default()
    }

    /// The weighted dominant share of a role.
    pub fn share(&self, id: RoleId) -> Share {
        self.get(id).map_or(Share::ZERO, |role| Share::of(&role.used, &self.total, role.weight_milli))
    }

    /// The resource of which a role has the largest part, and that part in millionths, not weighed.
    pub fn dominant(&self, id: RoleId) -> Option<(ResourceId, u64)> {
        let role = self.get(id)?;
        let resource = Share::dominant(&role.used, &self.total)?;
        Some((resource, Share::of(&role.used, &self.total, WEIGHT_MILLI_DEFAULT).millionths()))
    }

    pub(crate) fn is_stale(&self) -> bool {
        self.stale
    }

    /// Whose turn it is: from the root always to the least share among those that want more.
    pub(crate) fn first(&self) -> Option<(RoleId, FrameworkId)> {
        let mut at = RoleId::ROOT;
        loop {
            let role = self.nodes.get(&at)?;
            match role.hungry.first()?.who {
                Member::Child(child) => at = child,
                Member::Itself => return Some((at, role.hungry_here.first()?.who)),
            }
        }
    }

    pub(crate) fn insert(&mut self, id: RoleId, path: &Arc<str>, parent: RoleId, weight_milli: u32) {
        self.nodes.insert(id, Role::new(path.clone(), Some(parent), weight_milli));
        self.by_path.insert(path.clone(), id);
        if let Some(parent) = self.nodes.get_mut(&parent) {
            parent.children.insert(id);
        }
    }

    pub(crate) fn remove(&mut self, id: RoleId) {
        let Some(role) = self.nodes.remove(&id) else { return };
        self.by_path.remove(&role.path);
        if let Some(parent) = role.parent.and_then(|parent| self.nodes.get_mut(&parent)) {
            parent.children.remove(&id);
            if let Some(rank) = role.rank {
                parent.hungry.remove(&rank);
            }
        }
    }

    pub(crate) fn set_weight(&mut self, id: RoleId, weight_milli: u32, kept: bool) {
        if let Some(role) = self.nodes.get_mut(&id) {
            role.weight_milli = weight_milli;
            role.kept = kept;
            self.stale = true;
        }
    }

    pub(crate) fn set_quota(&mut self, id: RoleId, quota: Option<Arc<Quota>>) {
        let Some(role) = self.nodes.get_mut(&id) else { return };
        if quota.is_some() {
            self.quotas.insert(id);
        } else {
            self.quotas.remove(&id);
        }
        role.quota = quota;
        self.stale = true;
    }

    pub(crate) fn set_sorter(&mut self, sorter: Sorter) {
        self.sorter = sorter;
        self.stale = true;
    }

    /// What is reserved has changed: guarantees may be met now that were not, or the other way round.
    pub(crate) fn outdate(&mut self) {
        self.stale |= !self.quotas.is_empty();
    }

    pub(crate) fn set_total(&mut self, total: Resources) {
        self.total = total;
        self.stale = true;
    }

    pub(crate) fn subscribe(&mut self, id: RoleId, framework: FrameworkId, subscribed: bool) {
        if let Some(role) = self.nodes.get_mut(&id) {
            if subscribed {
                role.frameworks.insert(framework);
            } else {
                role.frameworks.remove(&framework);
            }
        }
    }

    /// A grant was made: it counts for the order of those with equal shares.
    pub(crate) fn count_grant(&mut self, id: RoleId) {
        if let Some(role) = self.nodes.get_mut(&id) {
            role.grants_here += 1;
        }
        let mut at = Some(id);
        while let Some(role) = at.and_then(|id| self.nodes.get_mut(&id)) {
            role.grants += 1;
            at = role.parent;
        }
    }

    /// The role uses this much more, of which `aside` is reserved or may be taken back. Ranks follow with the next
    /// [`Roles::place`].
    pub(crate) fn charge(&mut self, id: RoleId, resources: &Resources, aside: &Resources) {
        self.change_use(id, aside.is_zero(), |used| used.add(resources), |sum| sum.add(aside));
    }

    /// The role uses this much less. Ranks follow with the next [`Roles::place`].
    pub(crate) fn credit(&mut self, id: RoleId, resources: &Resources, aside: &Resources) {
        self.change_use(id, aside.is_zero(), |used| used.take(resources), |sum| sum.take(aside));
    }

    fn change_use(
        &mut self,
        id: RoleId,
        all_plain: bool,
        change: impl Fn(&mut Resources),
        change_aside: impl Fn(&mut Resources),
    ) {
        if let Some(role) = self.nodes.get_mut(&id) {
            change(&mut role.used_here);
        }
        let mut at = Some(id);
        while let Some(role) = at.and_then(|id| self.nodes.get_mut(&id)) {
            change(&mut role.used);
            if !all_plain {
                change_aside(&mut role.aside);
            }
            at = role.parent;
        }
    }

    /// Says where a framework stands in its role; `None`: it wants nothing. `old` is what was said last.
    pub(crate) fn place(&mut self, id: RoleId, old: Option<Rank<FrameworkId>>, new: Option<Rank<FrameworkId>>) {
        let Some(role) = self.nodes.get_mut(&id) else { return };
        if old != new {
            if let Some(old) = old {
                role.hungry_here.remove(&old);
            }
            if let Some(new) = new {
                role.hungry_here.insert(new);
            }
        }
        self.rank_path(id);
    }

    /// The rank of a framework that uses `used` in a role.
    pub(crate) fn framework_rank(&self, framework: FrameworkId, used: &Resources, grants: u64) -> Rank<FrameworkId> {
        let share = match self.sorter {
            Sorter::Fair => Share::of(used, &self.total, WEIGHT_MILLI_DEFAULT),
            Sorter::Random { seed } => Share::lot([seed, u64::from(framework.0), grants], WEIGHT_MILLI_DEFAULT),
        };
        Rank { met: true, share, grants, who: framework }
    }

    /// Ranks every node anew.
    pub(crate) fn rank_all(&mut self) {
        self.stale = false;
        let ids: Vec<RoleId> = self.nodes.keys().copied().collect();
        for id in ids {
            self.rank_path(id);
        }
    }

    /// Ranks a node and those above it anew.
    fn rank_path(&mut self, id: RoleId) {
        let (sorter, total) = (self.sorter, &self.total);
        let share = |used: &Resources, id: RoleId, here: bool, grants: u64, weight_milli: u32| match sorter {
            Sorter::Fair => Share::of(used, total, weight_milli),
            Sorter::Random { seed } => {
                Share::lot([seed, u64::from(id.0) << 33 | u64::from(here) << 32, grants], weight_milli)
            }
        };
        let Some(role) = self.nodes.get_mut(&id) else { return };
        let here = (!role.hungry_here.is_empty()).then(|| Rank {
            met: true,
            share: share(&role.used_here, id, true, role.grants_here, WEIGHT_MILLI_DEFAULT),
            grants: role.grants_here,
            who: Member::Itself,
        });
        replace(&mut role.hungry, &mut role.rank_here, here);
        let mut at = id;
        while let Some(role) = self.nodes.get(&at) {
            let Some(parent_id) = role.parent else { break };
            let new = role.hungry.first().map(|first| Rank {
                met: first.met && !self.is_owed(at),
                share: share(&role.used, at, false, role.grants, role.weight_milli),
                grants: role.grants,
                who: Member::Child(at),
            });
            let mut rank = role.rank;
            if let Some(parent) = self.nodes.get_mut(&parent_id) {
                replace(&mut parent.hungry, &mut rank, new);
            }
            if let Some(role) = self.nodes.get_mut(&at) {
                role.rank = rank;
            }
            at = parent_id;
        }
    }
}

fn replace(set: &mut BTreeSet<Rank<Member>>, old: &mut Option<Rank<Member>>, new: Option<Rank<Member>>) {
    if *old == new {
        return;
    }
    if let Some(old) = *old {
        set.remove(&old);
    }
    if let Some(new) = new {
        set.insert(new);
    }
    *old = new;
}
