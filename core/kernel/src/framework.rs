//! A framework: who asks for resources, and in which roles.

use std::{collections::BTreeMap, collections::BTreeSet, sync::Arc};

use crate::{AgentId, FrameworkId, Millis, OfferId, Resources, RoleId, Settings, Unacknowledged, role::Rank};

/// How a framework takes resources.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// It answers offers, as Mesos frameworks do.
    Offers,
    /// It says how many slots each role wants and claims them when it is told that it is its turn.
    Claims,
}

/// A framework.
#[derive(Clone, Debug, PartialEq)]
pub struct Framework {
    /// Its name, for people.
    pub name: Arc<str>,
    /// How it takes resources.
    pub mode: Mode,
    /// Whether somebody listens.
    pub connected: bool,
    /// How long it may be away before it is removed; `None`: for ever.
    pub failover_ms: Option<u64>,
    /// When it is removed, if it does not come back.
    pub remove_at: Option<Millis>,
    /// What it says of itself.
    pub settings: Arc<Settings>,
    /// Its roles.
    pub subscriptions: BTreeMap<RoleId, Subscription>,
    /// Its open offers.
    pub offers: BTreeSet<OfferId>,
    /// Agents it was asked to leave.
    pub inverse_offers: BTreeSet<OfferId>,
    /// How many tasks it has.
    pub tasks: usize,
    /// Ends of tasks that it was told of and has not said that it knows, by their names.
    pub unacknowledged: BTreeMap<Arc<str>, Unacknowledged>,
}

/// A framework in a role.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Subscription {
    /// `false`: the framework has left the role, and only what it used there is still to end.
    pub joined: bool,
    /// What is offered and allocated to the framework in the role.
    pub used: Resources,
    /// What of it is in open offers, by name alone.
    pub offered: Resources,
    /// How many more slots it wants ([`Mode::Claims`]).
    pub slots: u32,
    /// How much it asked for; nothing: whatever comes ([`Mode::Offers`]).
    pub wish: Resources,
    /// How much it has taken of offers since it asked.
    pub granted: Resources,
    /// It asked for no more offers ([`Mode::Offers`]).
    pub suppressed: bool,
    /// What it does not want to see again yet.
    pub filters: BTreeMap<AgentId, Filter>,
    /// When to look for filters that ended: when the first does, or before.
    pub(crate) filters_end: Option<Millis>,
    /// It was shown every agent up to this place in the queue of free agents, and there is nothing for it there.
    pub(crate) seen: u64,
    /// Nothing in the queue is for it.
    pub(crate) sated: bool,
    pub(crate) grants: u64,
    /// Where it stands among the role's frameworks that want more.
    pub(crate) rank: Option<Rank<FrameworkId>>,
}

/// Keeps offers of an agent away that are no more than what was declined.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter {
    /// What was declined.
    pub resources: Resources,
    /// Until when.
    pub until: Millis,
    /// Until when it stays even if the framework wants offers again: so long, others have not had the chance yet.
    pub kept_until: Millis,
}

impl Subscription {
    /// Tasks took this much. Who has all it asked for is as one who never asked.
    pub(crate) fn grant(&mut self, used: &Resources) {
        if self.wish.is_zero() {
            return;
        }
        self.granted.add(used);
        if self.granted.contains(&self.wish) {
            self.wish = Resources::default();
            self.granted = Resources::default();
        }
    }

    /// Whether the filters let an offer through.
    pub(crate) fn admits(&self, agent: AgentId, resources: &Resources) -> bool {
        self.filters.get(&agent).is_none_or(|filter| !filter.resources.contains(resources))
    }
}

impl Framework {
    /// Whether it wants something in a role, as far as is known.
    pub(crate) fn wants(&self, subscription: &Subscription) -> bool {
        self.connected
            && subscription.joined
            && match self.mode {
                Mode::Claims => subscription.slots > 0,
                Mode::Offers => !subscription.suppressed && !subscription.sated,
            }
    }
}
