//! What an input leads to: checks it against the state and says what happens. Nothing changes but by events.
//!
//! Next: `agents.rs`, `roles.rs`, `frameworks.rs`, `offers.rs` (the inputs by subject), `../allocator` (rounds).

mod agents;
mod frameworks;
mod offers;
mod roles;
mod tasks;

use crate::{
    Config, Event, FrameworkId, Input, Message, Millis, Mode, Names, Refusal, ResourceId, RoleId, Send, State, Step,
    Turn, limits::TURN_MS_MAX, timer::Timer,
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

    /// The number of a resource's name, given now if it has none; `None` when there are too many names.
    pub fn resource(&mut self, name: &str, out: &mut Step) -> Option<ResourceId> {
        if let Some(id) = self.state.names.id(name) {
            return Some(id);
        }
        let resource = Names::clone(&self.state.names).intern(name)?;
        self.emit(out, Event::ResourceNamed { resource, name: name.into() });
        Some(resource)
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
            Input::RemoveAgent { agent } => self.remove_agent(agent, out),
            Input::SetRole { path, weight_milli } => self.set_role(&path, weight_milli, out),
            Input::ForgetRole { role } => self.forget_role(role, out),
            Input::Subscribe { name, mode, roles, failover_ms } => self.subscribe(name, mode, &roles, failover_ms, out),
            Input::Resubscribe { framework, roles } => self.resubscribe(framework, &roles, out),
            Input::JoinRole { framework, role } => self.join_role(framework, &role, out),
            Input::LeaveRole { framework, role } => self.leave_role(framework, role, out),
            Input::Disconnect { framework } => self.disconnect(now, framework, out),
            Input::RemoveFramework { framework } => self.remove_framework(framework, out),
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
                self.adopt(framework, role, agent, task, state, out)
            }
            Input::Accept { framework, offers, tasks, filter_ms } => {
                self.accept(now, framework, offers, tasks, filter_ms, out)
            }
            Input::Decline { framework, offers, filter_ms } => self.decline(now, framework, &offers, filter_ms, out),
            Input::Revive { framework, roles } => self.revive(framework, roles, out),
            Input::Suppress { framework, roles } => self.suppress(framework, roles, out),
            Input::UpdateTask { task, state } => self.update_task(task, state, out),
        }
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
                Timer::Offer(offer) => self.close_offer(offer, crate::Closed::Expired, out),
                Timer::Filters(framework, role) => self.emit(out, Event::FiltersEnded { framework, role, now }),
                Timer::Failover(framework) => {
                    if self.remove_framework(framework, out).is_err() {
                        self.state.timers.clear(at, timer);
                    }
                }
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
