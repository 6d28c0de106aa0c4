//! Offers open and close, tasks start and end: every change of who holds what passes [`State::hold`].

use crate::{
    AgentId, FrameworkId, NewTask, Offer, OfferId, Resources, RoleId, State, Task, TaskId, TaskState, timer::Timer,
};

/// Which account of an agent a change goes to.
#[derive(Clone, Copy, PartialEq)]
enum Account {
    Offered,
    Allocated,
}

impl NewTask {
    /// The task as it is right after it came from an accepted offer.
    pub(super) fn born(
        &self,
        offer: OfferId,
        framework: FrameworkId,
        role: RoleId,
        agent: AgentId,
        state: TaskState,
    ) -> Task {
        let (name, resources) = (self.name.clone(), self.resources.clone());
        Task { name, framework, role, agent, offer, resources, state }
    }
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

    pub(super) fn accept(&mut self, offers: &[OfferId], tasks: &[NewTask]) {
        let taken: Vec<Offer> = offers.iter().filter_map(|id| self.take_offer(*id)).collect();
        let (Some(id), Some(offer)) = (offers.first(), taken.first()) else { return };
        for task in tasks {
            let born = task.born(*id, offer.framework, offer.role, offer.agent, TaskState::Staging);
            self.start(task.task, born, false);
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

    pub(super) fn start(&mut self, id: TaskId, task: Task, granted: bool) {
        self.last.task = self.last.task.max(id.0);
        self.last.offer = self.last.offer.max(task.offer.0);
        if let Some(agent) = self.agents.get_mut(&task.agent) {
            agent.tasks.insert(id);
        }
        if let Some(framework) = self.frameworks.get_mut(&task.framework) {
            framework.tasks += 1;
        }
        self.hold(task.framework, task.role, task.agent, &task.resources, Account::Allocated, granted);
        self.requeue(task.agent, false);
        self.task_names.insert((task.framework, task.name.clone()), id);
        self.tasks.insert(id, task);
    }

    pub(super) fn end(&mut self, id: TaskId) {
        let Some(task) = self.tasks.remove(&id) else { return };
        self.task_names.remove(&(task.framework, task.name.clone()));
        if let Some(agent) = self.agents.get_mut(&task.agent) {
            agent.tasks.remove(&id);
        }
        if let Some(framework) = self.frameworks.get_mut(&task.framework) {
            framework.tasks -= 1;
        }
        self.release(task.framework, task.role, task.agent, &task.resources, Account::Allocated);
        self.drop_unused(task.framework, task.role);
        self.requeue(task.agent, true);
    }

    /// Somebody holds this much of an agent. `granted`: the kernel gave it, which counts for the order of equals.
    fn hold(
        &mut self,
        framework: FrameworkId,
        role: RoleId,
        agent: AgentId,
        resources: &Resources,
        account: Account,
        granted: bool,
    ) {
        if let Some(agent) = self.agents.get_mut(&agent) {
            match account {
                Account::Offered => agent.offered.add(resources),
                Account::Allocated => agent.allocated.add(resources),
            }
        }
        self.roles.charge(role, resources);
        if granted {
            self.roles.count_grant(role);
        }
        self.change_subscription(framework, role, |sub| {
            sub.used.add(resources);
            if granted {
                sub.grants += 1;
                sub.slots = sub.slots.saturating_sub(1);
            }
        });
        if account == Account::Offered {
            self.requeue(agent, false);
        }
    }

    fn release(
        &mut self,
        framework: FrameworkId,
        role: RoleId,
        agent: AgentId,
        resources: &Resources,
        account: Account,
    ) {
        if let Some(agent) = self.agents.get_mut(&agent) {
            match account {
                Account::Offered => agent.offered.take(resources),
                Account::Allocated => agent.allocated.take(resources),
            }
        }
        self.roles.credit(role, resources);
        self.change_subscription(framework, role, |sub| sub.used.take(resources));
    }
}
