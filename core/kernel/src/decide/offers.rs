//! Answers to offers, and claims.

use std::sync::Arc;

use super::send;
use crate::{
    AgentId, Availability, Closed, Event, FrameworkId, Kernel, Message, Millis, Mode, NewTask, Offer, OfferId, Refusal,
    Resources, RoleId, Step, TaskId, TaskSpec, TaskState,
    limits::{FILTER_GRAIN_MS, FILTER_MS_MAX, FILTERS_MAX, TASKS_MAX},
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
        if found.availability == Availability::Draining {
            return Err(Refusal::AgentDraining);
        }
        if !found.free().contains(&task.resources) {
            return Err(Refusal::Insufficient);
        }
        let task = self.new_task(framework, task)?;
        let offer = OfferId(self.state.last.offer + 1);
        self.emit(out, Event::Claimed { offer, framework, role, agent, task });
        self.refresh_turn();
        Ok(())
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
        let in_the_way = !found.free().contains(&task.resources);
        self.state.roles.used().checked_add(&task.resources).ok_or(Refusal::TooLarge)?;
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
        tasks: Vec<TaskSpec>,
        filter_ms: u64,
        out: &mut Step,
    ) -> Result<(), Refusal> {
        self.connected(framework, Mode::Offers)?;
        let named = offers.len();
        offers.sort_unstable();
        offers.dedup();
        let Some(first) = self.common(framework, &offers).filter(|_| offers.len() == named).cloned() else {
            self.void(framework, &offers, &tasks, out);
            return Err(Refusal::InvalidOffers);
        };
        let mut rest = Resources::default();
        for offer in offers.iter().filter_map(|id| self.state.offers.get(id)) {
            rest.add(&offer.resources);
        }
        let mut accepted: Vec<NewTask> = Vec::new();
        for spec in tasks {
            let name = spec.name.clone();
            let twice = accepted.iter().any(|task| task.name == name);
            match (rest.checked_sub(&spec.resources), self.new_task(framework, spec)) {
                (Some(left), Ok(mut task)) if !twice => {
                    rest = left;
                    task.task.0 += accepted.len() as u64;
                    accepted.push(task);
                }
                _ => send(out, framework, Message::Task { name, state: TaskState::Error }),
            }
        }
        if !rest.is_zero() {
            self.filter(now, framework, first.role, first.agent, rest, filter_ms, out);
        }
        self.emit(out, Event::Accepted { offers, tasks: accepted });
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

    /// What Mesos does with an answer to offers that are not valid together: those that are open are given back, and
    /// the tasks are lost.
    fn void(&mut self, framework: FrameworkId, offers: &[OfferId], tasks: &[TaskSpec], out: &mut Step) {
        for id in offers {
            if self.state.offers.get(id).is_some_and(|offer| offer.framework == framework) {
                self.emit(out, Event::OfferClosed { offer: *id, why: Closed::Declined });
            }
        }
        for task in tasks {
            send(out, framework, Message::Task { name: task.name.clone(), state: TaskState::Lost });
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

    fn new_task(&self, framework: FrameworkId, spec: TaskSpec) -> Result<NewTask, Refusal> {
        if self.state.tasks.len() >= TASKS_MAX {
            return Err(Refusal::TooMany("tasks"));
        }
        let key: (FrameworkId, Arc<str>) = (framework, spec.name);
        if self.state.task_names.contains_key(&key) {
            return Err(Refusal::DuplicateTask);
        }
        let task = TaskId(self.state.last.task + 1);
        Ok(NewTask { task, name: key.1, resources: spec.resources })
    }
}
