//! Answers to offers, and claims.

use std::borrow::Cow;

use super::{order, send};
use crate::{
    Agent, AgentId, Availability, Closed, Deed, Event, FrameworkId, Kernel, Message, Millis, Mode, NewTask, Offer,
    OfferId, Operation, Reason, Refusal, Resources, RoleId, Status, Step, TaskId, TaskSpec, TaskState,
    decide::launch::Remaining,
    limits::{ANSWER_MAX, DECLINED_MS_MIN, FILTER_GRAIN_MS, FILTER_MS_MAX, FILTERS_MAX, TASKS_MAX},
    operation::Action,
};

impl Kernel {
    pub(super) fn claim(
        &mut self,
        framework: FrameworkId,
        role: RoleId,
        agent: AgentId,
        task: TaskSpec,
        out: &mut Step,
    ) -> Result<(), Refusal> {
        self.connected(framework, Mode::Claims)?;
        self.subscribed(framework, role)?;
        if self.state.roles.first() != Some((role, framework)) {
            return Err(Refusal::NotYourTurn);
        }
        let found = self.state.agents.get(&agent).ok_or(Refusal::UnknownAgent)?;
        if found.availability == Availability::Draining || !found.connected {
            return Err(Refusal::AgentDraining);
        }
        let needs = needs(found, framework, &task);
        if !found.free().contains(&needs) {
            return Err(Refusal::Insufficient);
        }
        if self.state.roles.has_quotas() && !self.within_quota(role, &needs) {
            return Err(Refusal::OverQuota);
        }
        let task = self.new_task(framework, task)?;
        let offer = self.next_offer();
        self.emit(out, Event::Claimed { offer, framework, role, agent, task });
        self.refresh_turn();
        Ok(())
    }

    fn within_quota(&self, role: RoleId, resources: &Resources) -> bool {
        let aside = self.state.names.set_aside(resources);
        let open = resources.saturating_sub(&aside);
        let wanted = self.state.names.quantities(&open);
        self.state.roles.allowance(role, &wanted).contains(&wanted)
    }

    /// Writes down a task that runs, also where its framework has left the role: it counts there all the same.
    pub(super) fn adopt(
        &mut self,
        framework: FrameworkId,
        role: RoleId,
        agent: AgentId,
        task: TaskSpec,
        state: TaskState,
        out: &mut Step,
    ) -> Result<TaskId, Refusal> {
        let found = self.state.agents.get(&agent).ok_or(Refusal::UnknownAgent)?;
        let needs = needs(found, framework, &task);
        if needs.iter_items().any(|(id, items)| found.allocated.items(id).overlaps(items)) {
            return Err(Refusal::Insufficient);
        }
        let in_the_way = !found.free().contains(&needs);
        self.state.roles.used().checked_add(&self.state.names.quantities(&needs)).ok_or(Refusal::TooLarge)?;
        let task = self.new_task(framework, task)?;
        if in_the_way {
            self.rescind_all(agent, out);
        }
        let (offer, id) = (self.next_offer(), task.task);
        self.emit(out, Event::Adopted { offer, framework, role, agent, task, state });
        Ok(id)
    }

    pub(super) fn accept(
        &mut self,
        now: Millis,
        framework: FrameworkId,
        mut offers: Vec<OfferId>,
        operations: Vec<Operation>,
        filter_ms: u64,
        out: &mut Step,
    ) -> Result<(), Refusal> {
        self.connected(framework, Mode::Offers)?;
        if offers.len() > ANSWER_MAX || operations.len() > ANSWER_MAX {
            return Err(Refusal::TooMany("offers and operations in one answer"));
        }
        let named = offers.len();
        offers.sort_unstable();
        offers.dedup();
        let Some(first) = self.common(framework, &offers).filter(|_| offers.len() == named).cloned() else {
            self.void(now, framework, &offers, operations, out);
            return Err(Refusal::InvalidOffers);
        };
        let mut rest = Resources::default();
        for offer in offers.iter().filter_map(|id| self.state.offers.get(id)) {
            rest.add(&offer.resources);
        }
        let mut remaining = Remaining::new(framework, first.agent, rest);
        for operation in operations {
            self.perform(operation, &mut remaining, out);
        }
        let Remaining { rest, conversions, tasks, launches, .. } = remaining;
        if conversions.is_empty() && tasks.is_empty() {
            return self.decline(now, framework, &offers, filter_ms, out);
        }
        if !rest.is_zero() {
            self.filter(now, framework, first.role, first.agent, rest, filter_ms, out);
        }
        if !conversions.is_empty() {
            let destroyed = self.destroyed(&conversions);
            order(out, first.agent, framework, Deed::Checkpoint { destroyed });
        }
        self.emit(out, Event::Accepted { offers, conversions, tasks });
        self.order_launches(framework, first.agent, launches, out);
        Ok(())
    }

    pub(super) fn decline(
        &mut self,
        now: Millis,
        framework: FrameworkId,
        offers: &[OfferId],
        filter_ms: u64,
        out: &mut Step,
    ) -> Result<(), Refusal> {
        self.connected(framework, Mode::Offers)?;
        for id in offers {
            if self.state.offers.get(id).is_some_and(|offer| offer.framework == framework) {
                self.give_back(now, *id, filter_ms.max(DECLINED_MS_MIN), Closed::Declined, out);
            }
        }
        Ok(())
    }

    /// Ends an open offer that its framework did not use, by its own doing or for want of an answer.
    ///
    /// The like of it stays away for as long as it was held, times those who may want it: a framework can keep an agent
    /// from all others for no more than its part of the time, whatever it says, so that nobody waits for ever. (Where
    /// offers are taken back after a time: who never answers is never done with.)
    pub(super) fn give_back(&mut self, now: Millis, id: OfferId, filter_ms: u64, why: Closed, out: &mut Step) {
        let Some(offer) = self.state.offers.get(&id).cloned() else { return };
        let held_ms = now.0.saturating_sub(offer.since.0);
        let others = u64::try_from(self.state.rivals).unwrap_or(u64::MAX).saturating_sub(1);
        let kept_ms = held_ms.saturating_mul(others);
        let Offer { framework, role, agent, resources, .. } = offer;
        self.filter_for(now, framework, role, agent, resources, [filter_ms, kept_ms], out);
        self.emit(out, Event::OfferClosed { offer: id, why });
        if why != Closed::Declined {
            send(out, framework, Message::Rescinded(id));
        }
    }

    /// Ends an open offer and tells its framework.
    pub(super) fn close_offer(&mut self, offer: OfferId, why: Closed, out: &mut Step) {
        if let Some(found) = self.state.offers.get(&offer) {
            let framework = found.framework;
            self.emit(out, Event::OfferClosed { offer, why });
            send(out, framework, Message::Rescinded(offer));
        }
    }

    /// The first of some offers, if all are the framework's and of the same agent in the same role.
    fn common(&self, framework: FrameworkId, offers: &[OfferId]) -> Option<&Offer> {
        let first = self.state.offers.get(offers.first()?)?;
        let alike =
            |offer: &Offer| offer.framework == framework && offer.agent == first.agent && offer.role == first.role;
        offers.iter().all(|id| self.state.offers.get(id).is_some_and(alike)).then_some(first)
    }

    /// What Mesos does with an answer to offers that are not valid together: those that are open are given back, the
    /// tasks are lost, and of other operations it is said that they were not done.
    fn void(
        &mut self,
        now: Millis,
        framework: FrameworkId,
        offers: &[OfferId],
        operations: Vec<Operation>,
        out: &mut Step,
    ) {
        for id in offers {
            if self.state.offers.get(id).is_some_and(|offer| offer.framework == framework) {
                self.give_back(now, *id, 0, Closed::Declined, out);
            }
        }
        let words = "Task launched with invalid offers: the offers are no longer valid";
        for operation in operations {
            match operation.action {
                Action::Launch(tasks) | Action::LaunchGroup { tasks, .. } => {
                    for task in tasks {
                        let status = Status::of(&task.name, TaskState::Dropped, Some(Reason::InvalidOffers));
                        self.tell_task(framework, status.with(words), out);
                    }
                }
                _ => {
                    if let Some(id) = operation.id {
                        let error = Some("Operation attempted with invalid offers".into());
                        send(out, framework, Message::Operation { id, error });
                    }
                }
            }
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one filter")]
    fn filter(
        &mut self,
        now: Millis,
        framework: FrameworkId,
        role: RoleId,
        agent: AgentId,
        resources: Resources,
        filter_ms: u64,
        out: &mut Step,
    ) {
        self.filter_for(now, framework, role, agent, resources, [filter_ms, 0], out);
    }

    /// Filters for as long as the framework wishes, and for as long as others have to have the chance.
    #[expect(clippy::too_many_arguments, reason = "the parts of one filter")]
    fn filter_for(
        &mut self,
        now: Millis,
        framework: FrameworkId,
        role: RoleId,
        agent: AgentId,
        resources: Resources,
        wished_and_kept_ms: [u64; 2],
        out: &mut Step,
    ) {
        let end = |ms: u64| {
            Millis(now.after_ms(ms.min(FILTER_MS_MAX)).0.div_ceil(FILTER_GRAIN_MS).saturating_mul(FILTER_GRAIN_MS))
        };
        let [wished_ms, kept_ms] = wished_and_kept_ms;
        let sub = self.state.frameworks.get(&framework).and_then(|found| found.subscriptions.get(&role));
        let before = sub.and_then(|sub| sub.filters.get(&agent)).map_or(Millis(0), |filter| filter.kept_until);
        let kept_until = if kept_ms == 0 { before } else { before.max(end(kept_ms)) };
        if wished_ms == 0 && kept_until <= now || self.state.filters >= FILTERS_MAX {
            return;
        }
        let until = end(wished_ms).max(kept_until);
        self.emit(out, Event::Filtered { framework, role, agent, resources, until, kept_until });
    }

    pub(super) fn new_task(&self, framework: FrameworkId, spec: TaskSpec) -> Result<NewTask, Refusal> {
        if self.state.tasks.len() >= TASKS_MAX {
            return Err(Refusal::TooMany("tasks"));
        }
        let TaskSpec { name, resources, executor, priority } = spec;
        if self.state.task_id(framework, &name).is_some() {
            return Err(Refusal::DuplicateTask);
        }
        let task = crate::TaskId(self.state.last.task + 1);
        Ok(NewTask { task, name, resources, executor, priority })
    }
}

/// What a task takes of an agent, with its executor unless that is there.
fn needs<'a>(agent: &Agent, framework: FrameworkId, task: &'a TaskSpec) -> Cow<'a, Resources> {
    match &task.executor {
        Some(executor) if !agent.executors.contains_key(&(framework, executor.name.clone())) => {
            let mut sum = task.resources.clone();
            sum.add(&executor.resources);
            Cow::Owned(sum)
        }
        _ => Cow::Borrowed(&task.resources),
    }
}
