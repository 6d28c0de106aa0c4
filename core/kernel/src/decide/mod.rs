//! What an input leads to: checks it against the state and says what happens. Nothing changes but by events.
//!
//! Next, the inputs by subject: `agents.rs`, `partitions.rs`, `roles.rs`, `quotas.rs`, `frameworks.rs`, `offers.rs`,
//! `launch.rs`, `operations.rs`, `volumes.rs`, `disks.rs`, `inverse.rs`, `tasks.rs`, `reconcile.rs`, `reclaim.rs`; rounds are in `../allocator`.

mod agents;
mod disks;
mod frameworks;
mod inverse;
mod launch;
mod offers;
mod operations;
mod partitions;
mod quotas;
mod reclaim;
mod reconcile;
mod roles;
mod tasks;
mod volumes;

use std::sync::Arc;

use crate::{
    AgentId, Config, Deed, Event, FrameworkId, Input, Kind, Message, Millis, Mode, OfferId, Order, Refusal, ResourceId,
    RoleId, Send, Shape, State, Step, Turn, limits::TURN_MS_MAX, timer::Timer,
};

/// The kernel: a state and how to get to the next.
#[derive(Clone, Debug, Default)]
pub struct Kernel {
    pub(crate) state: State,
    pub(crate) config: Config,
    /// Who was told that it may claim, and until when it may do nothing about it.
    turn: Option<(Turn, Millis)>,
}

impl Kernel {
    /// A kernel that knows nothing yet.
    pub fn new(config: Config) -> Self {
        Self { config, ..Self::default() }
    }

    /// All it knows.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The number of the plain kind of a name, given now if it has none; `None` when there are too many.
    pub fn resource(&mut self, name: &str, out: &mut Step) -> Option<ResourceId> {
        match self.state.names.id(name) {
            Some(id) => Some(id),
            None => self.kind(&Kind::plain(name), out),
        }
    }

    /// The number of a kind, given now if it has none; `None` when there are too many.
    pub fn kind(&mut self, kind: &Kind, out: &mut Step) -> Option<ResourceId> {
        if let Some(id) = self.state.names.kind_id(kind) {
            return Some(id);
        }
        if kind.shape == Shape::Scalar && !kind.is_plain() {
            self.resource(&kind.name, out)?;
        }
        let resource = self.state.names.next_id()?;
        self.emit(out, Event::ResourceNamed { resource, kind: Arc::new(kind.clone()) });
        Some(resource)
    }

    /// The number of a set's item, given now if it has none; `None` when there are too many.
    pub fn item(&mut self, name: &str, out: &mut Step) -> Option<u64> {
        if let Some(item) = self.state.names.item(name) {
            return Some(item);
        }
        let item = self.state.names.next_item()?;
        self.emit(out, Event::ItemNamed { item, name: name.into() });
        Some(item)
    }

    /// Takes one input. `now` must not go back.
    pub fn step(&mut self, now: Millis, input: Input) -> Step {
        let mut out = Step::default();
        if let Err(refusal) = self.decide(now, input, &mut out) {
            out.refused = Some(refusal);
        }
        out.turn = self.turn.map(|(turn, _)| turn);
        out.wake_at = self.wake_at(now);
        out
    }

    fn decide(&mut self, now: Millis, input: Input, out: &mut Step) -> Result<(), Refusal> {
        match input {
            Input::Tick => {
                self.run_timers(now, out);
                self.round(now, out);
                Ok(())
            }
            Input::AddAgent { name, total, availability } => self.add_agent(name, total, availability, out),
            Input::UpdateAgent { agent, total, availability } => self.update_agent(agent, total, availability, out),
            Input::SetSorter { sorter } => {
                self.emit(out, Event::SorterChosen { sorter });
                Ok(())
            }
            Input::DescribeAgent { agent, traits } => self.describe_agent(agent, traits, out),
            Input::DisconnectAgent { agent } => self.disconnect_agent(agent, out),
            Input::ReconnectAgent { agent } => self.reconnect_agent(agent, out),
            Input::LoseAgent { agent } => self.lose_agent(now, agent, out),
            Input::RegisterAgent { name, total, traits, tasks } => self.register_agent(name, total, traits, tasks, out),
            Input::MarkGone { name } => self.mark_gone(now, &name, out),
            Input::ScheduleAgent { agent, unavailability } => self.schedule_agent(agent, unavailability, out),
            Input::DrainAgent { agent, grace_ms, mark_gone } => self.drain_agent(now, agent, grace_ms, mark_gone, out),
            Input::ReactivateAgent { agent } => self.reactivate_agent(agent, out),
            Input::Operate { agent, operation } => self.operate(agent, operation, out),
            Input::RemoveAgent { agent } => self.remove_agent(agent, out),
            Input::SetQuota { path, quota, force } => self.set_quota(&path, quota, force, out),
            Input::RecoverFramework { framework, name, mode, failover_ms } => {
                self.recover_framework(now, framework, name, mode, failover_ms, out)
            }
            Input::Configure { framework, settings, failover_ms } => {
                self.configure(now, framework, settings, failover_ms, out)
            }
            Input::Request { framework, role, wish } => self.request(framework, role, wish, out),
            Input::AnswerInverse { framework, offers, accept, filter_ms } => {
                self.answer_inverse(now, framework, &offers, accept, filter_ms, out)
            }
            Input::Report { agent, framework, name, update } => self.report(now, agent, framework, &name, update, out),
            Input::Acknowledge { framework, agent, name, uuid } => {
                self.acknowledge(now, framework, agent, &name, uuid, out)
            }
            Input::Kill { framework, name, agent, grace_ms } => self.kill(framework, &name, agent, grace_ms, out),
            Input::Shutdown { framework, agent, executor } => self.shutdown(framework, agent, executor, out),
            Input::ExecutorExited { framework, agent, executor, status } => {
                self.executor_exited(framework, agent, &executor, status, out)
            }
            Input::Reconcile { framework, tasks } => self.reconcile(framework, &tasks, out),
            Input::Reclaim { role, agent, needs, priority, notice_ms } => {
                self.reclaim(now, role, agent, &needs, priority, notice_ms, out)
            }
            Input::SetRole { path, weight_milli } => self.set_role(&path, weight_milli, out),
            Input::ForgetRole { role } => self.forget_role(role, out),
            Input::Subscribe { name, mode, roles, failover_ms } => self.subscribe(name, mode, &roles, failover_ms, out),
            Input::Resubscribe { framework, roles } => self.resubscribe(now, framework, &roles, out),
            Input::JoinRole { framework, role } => self.join_role(framework, &role, out),
            Input::LeaveRole { framework, role } => self.leave_role(now, framework, role, out),
            Input::Disconnect { framework } => self.disconnect(now, framework, out),
            Input::RemoveFramework { framework } => self.remove_framework(now, framework, out),
            Input::Demand { framework, role, slots } => {
                self.demand(framework, role, slots, out)?;
                self.go_on(now, out);
                Ok(())
            }
            Input::Claim { framework, role, agent, task } => {
                self.round(now, out);
                self.claim(framework, role, agent, task, out)?;
                self.round(now, out);
                Ok(())
            }
            Input::Adopt { framework, role, agent, task, state } => {
                self.subscribed(framework, role)?;
                self.adopt(framework, role, agent, task, state, out).map(drop)
            }
            Input::Accept { framework, offers, operations, filter_ms } => {
                self.accept(now, framework, offers, operations, filter_ms, out)
            }
            Input::Decline { framework, offers, filter_ms } => self.decline(now, framework, &offers, filter_ms, out),
            Input::Revive { framework, roles } => self.revive(framework, roles, out),
            Input::Suppress { framework, roles } => self.suppress(framework, roles, out),
            Input::UpdateTask { task, state } => self.update_task(now, task, state, out),
        }
    }

    /// The number that a new offer gets.
    pub(crate) fn next_offer(&self) -> OfferId {
        OfferId(self.state.last.offer.max(self.config.offers_after) + 1)
    }

    /// Goes on with a round that waits for somebody's claim, in case it no longer waits.
    fn go_on(&mut self, now: Millis, out: &mut Step) {
        if self.turn.is_some() {
            self.round(now, out);
        }
    }

    /// Applies an event and writes it down.
    pub(crate) fn emit(&mut self, out: &mut Step, event: Event) {
        self.state.apply(&event);
        out.events.push(event);
    }

    pub(crate) fn set_turn(&mut self, now: Millis, turn: Option<Turn>) {
        let kept = self.turn.filter(|(old, _)| Some(*old) == turn);
        self.turn = turn.map(|turn| kept.unwrap_or((turn, now.after_ms(TURN_MS_MAX))));
    }

    /// A claim was made: the time to make one begins anew.
    pub(crate) fn refresh_turn(&mut self) {
        self.turn = None;
    }

    /// The mode of a framework that is connected.
    fn connected(&self, framework: FrameworkId, mode: Mode) -> Result<(), Refusal> {
        let found = self.state.frameworks.get(&framework).ok_or(Refusal::UnknownFramework)?;
        if found.connected && found.mode == mode { Ok(()) } else { Err(Refusal::WrongMode) }
    }

    fn subscribed(&self, framework: FrameworkId, role: RoleId) -> Result<(), Refusal> {
        let found = self.state.frameworks.get(&framework).ok_or(Refusal::UnknownFramework)?;
        let joined = found.subscriptions.get(&role).is_some_and(|sub| sub.joined);
        if joined { Ok(()) } else { Err(Refusal::UnknownRole) }
    }

    fn run_timers(&mut self, now: Millis, out: &mut Step) {
        while let Some((at, timer)) = self.state.timers.next() {
            if at > now {
                break;
            }
            match timer {
                Timer::Offer(offer) => self.give_back(now, offer, 0, crate::Closed::Expired, out),
                Timer::Filters(framework, role) => self.emit(out, Event::FiltersEnded { framework, role, now }),
                Timer::Failover(framework) => {
                    if self.remove_framework(now, framework, out).is_err() {
                        self.state.timers.clear(at, timer);
                    }
                }
                Timer::Removal(agent) => self.send_away(now, agent, false, out),
                Timer::Inverse(offer) => self.ask_again(offer, out),
                Timer::Notice(task) => self.notice_ends(now, task, out),
            }
        }
        if let Some((turn, _)) = self.turn.filter(|(_, until)| *until <= now) {
            self.emit(out, Event::Demanded { framework: turn.framework, role: turn.role, slots: 0 });
        }
    }

    fn wake_at(&self, now: Millis) -> Option<Millis> {
        let timer = self.state.timers.next().map(|(at, _)| at);
        let round = match self.turn {
            Some((_, until)) => Some(until),
            None => self.state.roles.first().map(|_| now),
        };
        [timer, round].into_iter().flatten().min()
    }
}

/// Tells a framework something.
fn send(out: &mut Step, to: FrameworkId, message: Message) {
    out.sends.push(Send { to, message });
}

/// Has an agent do something.
fn order(out: &mut Step, agent: AgentId, framework: FrameworkId, deed: Deed) {
    out.orders.push(Order { agent, framework, deed });
}
