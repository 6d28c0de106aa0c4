//! Offers open and close, and every change of who holds what passes [`State::hold`] and [`State::release`].

use crate::{
    AgentId, Conversion, FrameworkId, InverseOffer, NewTask, Offer, OfferId, Resources, RoleId, State, TaskState,
    timer::Timer,
};

/// Which account of an agent a change goes to.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Account {
    Offered,
    Allocated,
}

impl State {
    pub(super) fn open_offer(&mut self, id: OfferId, offer: Offer, seen: u64) {
        self.last.offer = self.last.offer.max(id.0);
        if let Some(at) = offer.expires_at {
            self.timers.set(at, Timer::Offer(id));
        }
        if let Some(agent) = self.agents.get_mut(&offer.agent) {
            agent.offers.insert(id);
        }
        if let Some(framework) = self.frameworks.get_mut(&offer.framework) {
            framework.offers.insert(id);
            if let Some(sub) = framework.subscriptions.get_mut(&offer.role) {
                sub.seen = seen;
            }
        }
        self.hold(offer.framework, offer.role, offer.agent, &offer.resources, Account::Offered, true);
        self.offers.insert(id, offer);
    }

    pub(super) fn close_offer(&mut self, id: OfferId) {
        if let Some(offer) = self.take_offer(id) {
            self.requeue(offer.agent, true);
        }
    }

    pub(super) fn accept(&mut self, offers: &[OfferId], conversions: &[Conversion], tasks: &[NewTask]) {
        let taken: Vec<Offer> = offers.iter().filter_map(|id| self.take_offer(*id)).collect();
        let (Some(id), Some(offer)) = (offers.first(), taken.first()) else { return };
        for conversion in conversions {
            self.convert(offer.agent, conversion);
        }
        for task in tasks {
            let born = task.born(*id, offer.framework, offer.role, offer.agent, TaskState::Staging);
            let used = self.names.quantities(&task.resources).into_owned();
            self.start(task.task, born, false);
            self.change_subscription(offer.framework, offer.role, |sub| sub.grant(&used));
        }
        self.requeue(offer.agent, true);
    }

    /// Takes an offer away. The agent is not put back in the queue yet.
    fn take_offer(&mut self, id: OfferId) -> Option<Offer> {
        let offer = self.offers.remove(&id)?;
        if let Some(at) = offer.expires_at {
            self.timers.clear(at, Timer::Offer(id));
        }
        if let Some(agent) = self.agents.get_mut(&offer.agent) {
            agent.offers.remove(&id);
        }
        if let Some(framework) = self.frameworks.get_mut(&offer.framework) {
            framework.offers.remove(&id);
        }
        self.release(offer.framework, offer.role, offer.agent, &offer.resources, Account::Offered);
        Some(offer)
    }

    pub(super) fn open_inverse(&mut self, id: OfferId, inverse: InverseOffer) {
        self.close_inverse(id);
        self.last.offer = self.last.offer.max(id.0);
        if let Some(framework) = self.frameworks.get_mut(&inverse.framework) {
            framework.inverse_offers.insert(id);
        }
        if let Some(at) = inverse.again_at {
            self.timers.set(at, Timer::Inverse(id));
        }
        self.inverse.insert(id, inverse);
    }

    pub(super) fn close_inverse(&mut self, id: OfferId) {
        let Some(inverse) = self.inverse.remove(&id) else { return };
        if let Some(framework) = self.frameworks.get_mut(&inverse.framework) {
            framework.inverse_offers.remove(&id);
        }
        if let Some(at) = inverse.again_at {
            self.timers.clear(at, Timer::Inverse(id));
        }
    }

    /// Somebody holds this much of an agent. `granted`: the kernel gave it, which counts for the order of equals.
    pub(super) fn hold(
        &mut self,
        framework: FrameworkId,
        role: RoleId,
        agent: AgentId,
        resources: &Resources,
        account: Account,
        granted: bool,
    ) {
        let held = self.held(resources, account);
        if let Some(agent) = self.agents.get_mut(&agent) {
            match account {
                Account::Offered => agent.offered.add(&held.there),
                Account::Allocated => agent.allocate(&held.there),
            }
        }
        self.roles.charge(role, &held.used, &held.aside);
        if granted {
            self.roles.count_grant(role);
        }
        self.change_subscription(framework, role, |sub| {
            sub.used.add(&held.used);
            if account == Account::Offered {
                sub.offered.add(&held.used);
            }
            if granted {
                sub.grants += 1;
                sub.slots = sub.slots.saturating_sub(1);
            }
        });
        if account == Account::Offered {
            self.requeue(agent, false);
        }
    }

    pub(super) fn release(
        &mut self,
        framework: FrameworkId,
        role: RoleId,
        agent: AgentId,
        resources: &Resources,
        account: Account,
    ) {
        let held = self.held(resources, account);
        if let Some(agent) = self.agents.get_mut(&agent) {
            match account {
                Account::Offered => agent.offered.take(&held.there),
                Account::Allocated => agent.free_up(&held.there),
            }
        }
        self.roles.credit(role, &held.used, &held.aside);
        self.change_subscription(framework, role, |sub| {
            sub.used.take(&held.used);
            if account == Account::Offered {
                sub.offered.take(&held.used);
            }
        });
    }

    /// What holding resources comes to. Tasks share what is shared: it stays free and counts for nobody.
    fn held(&self, resources: &Resources, account: Account) -> Held {
        let there = match account {
            Account::Offered => resources.clone(),
            Account::Allocated => self.names.exclusive(resources).into_owned(),
        };
        let used = self.names.quantities(&there).into_owned();
        let aside = self.names.quantities(&self.names.set_aside(&there)).into_owned();
        Held { there, used, aside }
    }
}

/// What holding resources comes to.
struct Held {
    /// On the agent.
    there: Resources,
    /// In shares, by name alone.
    used: Resources,
    /// The part of `used` that is reserved or may be taken back.
    aside: Resources,
}
