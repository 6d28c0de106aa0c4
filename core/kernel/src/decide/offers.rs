//! Answers to offers, and claims.

use std::borrow::Cow;

use super::send;
use crate::{
    Agent, AgentId, Availability, Closed, Event, FrameworkId, Kernel, Message, Millis, Mode, NewTask, Offer, OfferId,
    Operation, Reason, Refusal, Resources, RoleId, Status, Step, TaskSpec, TaskState,
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
        let offer = OfferId(self.state.last.offer + 1);
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

    pub(super) fn adopt(
        &mut self,
        framework: FrameworkId,
        role: RoleId,
        agent: AgentId,
        task: TaskSpec,
        state: TaskState,
        out: &mut Step,
    ) -> Result<(), Refusal> {
        self.subscribed(framework, role)?;
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
        let offer = OfferId(self.state.last.offer + 1);
        self.emit(out, Event::Adopted { offer, framework, role, agent, task, state });
        Ok(())
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
            self.void(framework, &offers, operations, out);
            return Err(Refusal::InvalidOffers);
        };
        if operations.is_empty() {
            return self.decline(now, framework, &offers, filter_ms, out);
        }
        let mut rest = Resources::default();
        for offer in offers.iter().filter_map(|id| self.state.offers.get(id)) {
            rest.add(&offer.resources);
        }
        let mut remaining = Remaining::new(framework, first.agent, rest);
        for operation in operations {
            self.perform(operation, &mut remaining, out);
        }
        let Remaining { rest, conversions, tasks, launches, .. } = remaining;
        if !rest.is_zero() {
            self.filter(now, framework, first.role, first.agent, rest, filter_ms, out);
        }
        let converted = !conversions.is_empty();
        self.emit(out, Event::Accepted { offers, conversions, tasks });
        self.order_launches(framework, first.agent, launches, converted, out);
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
            let Some(offer) = self.state.offers.get(id).filter(|offer| offer.framework == framework).cloned() else {
                continue;
            };
            let filter_ms = filter_ms.max(DECLINED_MS_MIN);
            self.filter(now, framework, offer.role, offer.agent, offer.resources, filter_ms, out);
            self.emit(out, Event::OfferClosed { offer: *id, why: Closed::Declined });
        }
        Ok(())
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
    fn void(&mut self, framework: FrameworkId, offers: &[OfferId], operations: Vec<Operation>, out: &mut Step) {
        for id in offers {
            if self.state.offers.get(id).is_some_and(|offer| offer.framework == framework) {
                self.emit(out, Event::OfferClosed { offer: *id, why: Closed::Declined });
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
        if filter_ms == 0 || self.state.filters >= FILTERS_MAX {
            return;
        }
        let until = now.after_ms(filter_ms.min(FILTER_MS_MAX)).0.div_ceil(FILTER_GRAIN_MS) * FILTER_GRAIN_MS;
        self.emit(out, Event::Filtered { framework, role, agent, resources, until: Millis(until) });
    }

    pub(super) fn new_task(&self, framework: FrameworkId, spec: TaskSpec) -> Result<NewTask, Refusal> {
        if self.state.tasks.len() >= TASKS_MAX {
            return Err(Refusal::TooMany("tasks"));
        }
        let TaskSpec { name, resources, executor, priority } = spec;
        let key = (framework, name);
        if self.state.task_names.contains_key(&key) {
            return Err(Refusal::DuplicateTask);
        }
        let task = crate::TaskId(self.state.last.task + 1);
        Ok(NewTask { task, name: key.1, resources, executor, priority })
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
