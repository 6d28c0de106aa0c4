//! Frameworks and their subscriptions: who is there, what they want, what they do not want to see.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    AgentId, Filter, Framework, FrameworkId, Millis, Mode, RoleId, Settings, State, Subscription, timer::Timer,
};

impl State {
    pub(super) fn add_framework(&mut self, id: FrameworkId, name: &Arc<str>, mode: Mode, failover_ms: Option<u64>) {
        self.last.framework = self.last.framework.max(id.0);
        let framework = Framework {
            name: name.clone(),
            mode,
            connected: true,
            failover_ms,
            remove_at: None,
            settings: Arc::default(),
            subscriptions: BTreeMap::new(),
            offers: BTreeSet::new(),
            inverse_offers: BTreeSet::new(),
            tasks: 0,
            unacknowledged: BTreeMap::new(),
        };
        self.rivals += usize::from(mode == Mode::Claims);
        self.frameworks.insert(id, framework);
    }

    /// What it says of itself counts for all agents, also those that it was shown.
    pub(super) fn configure(&mut self, id: FrameworkId, settings: &Arc<Settings>, failover_ms: Option<u64>) {
        let Some(framework) = self.frameworks.get_mut(&id) else { return };
        framework.settings = settings.clone();
        framework.failover_ms = failover_ms;
        let roles: Vec<RoleId> = framework.subscriptions.keys().copied().collect();
        for role in roles {
            self.look_again(id, role);
        }
    }

    /// Lets a subscription see every agent in the queue again.
    fn look_again(&mut self, id: FrameworkId, role: RoleId) {
        self.sated.remove(&(id, role));
        self.change_subscription(id, role, |sub| {
            sub.seen = 0;
            sub.sated = false;
        });
    }

    /// What held somebody back may not hold any more.
    pub(super) fn wake_all(&mut self) {
        for (framework, role) in std::mem::take(&mut self.sated) {
            self.change_subscription(framework, role, |sub| sub.sated = false);
        }
    }

    pub(super) fn set_connected(&mut self, id: FrameworkId, connected: bool, remove_at: Option<Millis>) {
        let Some(framework) = self.frameworks.get_mut(&id) else { return };
        framework.connected = connected;
        let old = std::mem::replace(&mut framework.remove_at, remove_at);
        let roles: Vec<RoleId> = framework.subscriptions.keys().copied().collect();
        if let Some(at) = old {
            self.timers.clear(at, Timer::Failover(id));
        }
        if let Some(at) = remove_at {
            self.timers.set(at, Timer::Failover(id));
        }
        for role in roles {
            self.revive(id, role);
            self.change_subscription(id, role, |sub| sub.slots = 0);
        }
    }

    pub(super) fn remove_framework(&mut self, id: FrameworkId) {
        let roles: Vec<RoleId> =
            self.frameworks.get(&id).map(|f| f.subscriptions.keys().copied().collect()).unwrap_or_default();
        for role in roles {
            self.leave_role(id, role);
        }
        let Some(framework) = self.frameworks.remove(&id) else { return };
        self.rivals -= usize::from(framework.mode == Mode::Claims);
        for end in framework.unacknowledged.values() {
            self.forget_untold(end.agent);
        }
        if let Some(at) = framework.remove_at {
            self.timers.clear(at, Timer::Failover(id));
        }
    }

    pub(super) fn join_role(&mut self, id: FrameworkId, role: RoleId) {
        let Some(framework) = self.frameworks.get_mut(&id) else { return };
        let takes = framework.mode == Mode::Offers;
        let was = std::mem::replace(&mut framework.subscriptions.entry(role).or_default().joined, true);
        self.rivals += usize::from(takes && !was);
        self.roles.subscribe(role, id, true);
        self.rank(id, role);
    }

    pub(super) fn leave_role(&mut self, id: FrameworkId, role: RoleId) {
        self.keep_filters(id, role, |_| false);
        let takes = self.frameworks.get(&id).is_some_and(|found| found.mode == Mode::Offers);
        let mut was = false;
        self.change_subscription(id, role, |sub| {
            was = std::mem::replace(&mut sub.joined, false);
            sub.suppressed = false;
            sub.slots = 0;
        });
        self.rivals -= usize::from(takes && was);
        self.roles.subscribe(role, id, false);
        self.drop_unused(id, role);
    }

    /// What is used in a role counts there, whether its framework has joined it or not.
    pub(super) fn open_account(&mut self, id: FrameworkId, role: RoleId) {
        if let Some(framework) = self.frameworks.get_mut(&id) {
            framework.subscriptions.entry(role).or_default();
        }
    }

    /// Forgets a subscription that was left and of which nothing is used any more.
    pub(super) fn drop_unused(&mut self, id: FrameworkId, role: RoleId) {
        if let Some(framework) = self.frameworks.get_mut(&id)
            && framework.subscriptions.get(&role).is_some_and(|sub| !sub.joined && sub.used.is_zero())
        {
            framework.subscriptions.remove(&role);
        }
    }

    pub(super) fn filter(&mut self, id: FrameworkId, role: RoleId, agent: AgentId, filter: Filter) {
        let Some(sub) = self.frameworks.get_mut(&id).and_then(|f| f.subscriptions.get_mut(&role)) else { return };
        let until = filter.until;
        if sub.filters.insert(agent, filter).is_none() {
            self.filters += 1;
        }
        if sub.filters_end.is_none_or(|end| until < end) {
            let timer = Timer::Filters(id, role);
            if let Some(end) = sub.filters_end.replace(until) {
                self.timers.clear(end, timer);
            }
            self.timers.set(until, timer);
        }
    }

    pub(super) fn end_filters(&mut self, id: FrameworkId, role: RoleId, now: Millis) {
        self.keep_filters(id, role, |filter| filter.until > now);
    }

    pub(super) fn revive(&mut self, id: FrameworkId, role: RoleId) {
        self.keep_filters(id, role, |filter| {
            filter.until = filter.kept_until;
            filter.kept_until > Millis(0)
        });
        self.change_subscription(id, role, |sub| sub.suppressed = false);
    }

    fn keep_filters(&mut self, id: FrameworkId, role: RoleId, keep: impl Fn(&mut Filter) -> bool) {
        let Some(sub) = self.frameworks.get_mut(&id).and_then(|f| f.subscriptions.get_mut(&role)) else { return };
        let before = sub.filters.len();
        sub.filters.retain(|_, filter| keep(filter));
        self.filters -= before - sub.filters.len();
        let end = sub.filters.values().map(|filter| filter.until).min();
        let timer = Timer::Filters(id, role);
        if let Some(old) = std::mem::replace(&mut sub.filters_end, end) {
            self.timers.clear(old, timer);
        }
        if let Some(end) = end {
            self.timers.set(end, timer);
        }
        sub.seen = 0;
        sub.sated = false;
        self.sated.remove(&(id, role));
        self.rank(id, role);
    }

    /// Changes a subscription and its rank with it.
    pub(super) fn change_subscription(
        &mut self,
        id: FrameworkId,
        role: RoleId,
        change: impl FnOnce(&mut Subscription),
    ) {
        if let Some(sub) = self.frameworks.get_mut(&id).and_then(|f| f.subscriptions.get_mut(&role)) {
            change(sub);
        }
        self.rank(id, role);
    }

    /// Ranks a subscription, its role and the roles above by what they use now.
    pub(super) fn rank(&mut self, id: FrameworkId, role: RoleId) {
        let Some(framework) = self.frameworks.get_mut(&id) else { return };
        let Some(sub) = framework.subscriptions.get(&role) else {
            self.roles.place(role, None, None);
            return;
        };
        let new = framework.wants(sub).then(|| self.roles.framework_rank(id, &sub.used, sub.grants));
        let old = sub.rank;
        if let Some(sub) = framework.subscriptions.get_mut(&role) {
            sub.rank = new;
        }
        self.roles.place(role, old, new);
    }

    pub(crate) fn rank_all(&mut self) {
        let pairs: Vec<(FrameworkId, RoleId)> = self
            .frameworks
            .iter()
            .flat_map(|(id, framework)| framework.subscriptions.keys().map(|role| (*id, *role)))
            .collect();
        for (framework, role) in pairs {
            self.rank(framework, role);
        }
        self.roles.rank_all();
    }
}
