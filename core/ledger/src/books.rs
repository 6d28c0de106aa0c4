//! The kernel and its post: each step's messages, orders and events are put where those whom they concern find them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use kubernel_kernel::{
    AgentId, Config, Event, FrameworkId, Input, Kernel, Kind, Millis, Mode, ResourceId, State, Step, Turn,
};

use crate::post::{Delivery, QUEUED_MAX, is_told};

/// Agents that are gone and whose names are still known.
const FORMER_MAX: usize = 10_000;

/// A kernel whose steps are passed on to all whom they concern.
#[derive(Debug, Default)]
pub struct Books {
    kernel: Kernel,
    /// Frameworks that claim.
    claimers: BTreeSet<FrameworkId>,
    /// For those who claim.
    claims: Vec<Delivery>,
    /// For those who take offers; `None`: nobody takes it away.
    offers: Option<Vec<Delivery>>,
    /// Names of agents, those that went lately among them.
    agents: BTreeMap<AgentId, Arc<str>>,
    former: VecDeque<AgentId>,
    wake_at: Option<Millis>,
    turn: Option<Turn>,
}

impl Books {
    /// The books of a kernel that knows nothing yet.
    pub fn new(config: Config) -> Self {
        Self { kernel: Kernel::new(config), ..Self::default() }
    }

    /// All that the kernel knows.
    pub fn state(&self) -> &State {
        self.kernel.state()
    }

    /// Takes one input, and passes on what it leads to. `now` must not go back.
    pub fn step(&mut self, now: Millis, input: Input) -> Step {
        let claimed = self.is_claimed(&input);
        let step = self.kernel.step(now, input);
        self.wake_at = step.wake_at;
        self.turn = step.turn;
        self.pass_on(&step, claimed);
        step
    }

    /// The number of the plain kind of a name, given now if it has none; `None` when there are too many.
    pub fn resource(&mut self, name: &str) -> Option<ResourceId> {
        self.kernel.resource(name, &mut Step::default())
    }

    /// The number of a kind, given now if it has none; `None` when there are too many.
    pub fn kind(&mut self, kind: &Kind) -> Option<ResourceId> {
        self.kernel.kind(kind, &mut Step::default())
    }

    /// The number of a set's item, given now if it has none; `None` when there are too many.
    pub fn item(&mut self, name: &str) -> Option<u64> {
        self.kernel.item(name, &mut Step::default())
    }

    /// The name of an agent that is there, or went not long ago.
    pub fn agent_name(&self, agent: AgentId) -> Option<&Arc<str>> {
        self.agents.get(&agent)
    }

    /// What has come for those who claim: messages, orders, and demands that were taken away from them.
    pub fn take_claims(&mut self) -> Vec<Delivery> {
        std::mem::take(&mut self.claims)
    }

    /// When the kernel is to be given a tick.
    pub fn wake_at(&self) -> Option<Millis> {
        self.wake_at
    }

    /// Something has come for those who claim, or it is their turn.
    pub(crate) fn concerns_claimers(&self) -> bool {
        !self.claims.is_empty() || self.turn.is_some()
    }

    pub(crate) fn concerns_others(&self) -> bool {
        self.offers.as_ref().is_some_and(|offers| !offers.is_empty())
    }

    pub(crate) fn take_offers(&mut self) -> Vec<Delivery> {
        self.offers.as_mut().map(std::mem::take).unwrap_or_default()
    }

    pub(crate) fn attach(&mut self, attached: bool) {
        self.offers = attached.then(|| self.take_offers());
    }

    /// Whether an input is about the work of somebody who claims: nobody else is told what it leads to.
    fn is_claimed(&self, input: &Input) -> bool {
        let framework = match input {
            Input::Claim { framework, .. } | Input::Adopt { framework, .. } | Input::Demand { framework, .. } => {
                Some(*framework)
            }
            Input::UpdateTask { task, .. } => self.state().tasks().get(task).map(|task| task.framework),
            _ => None,
        };
        framework.is_some_and(|framework| self.claimers.contains(&framework))
    }

    fn pass_on(&mut self, step: &Step, claimed: bool) {
        for event in &step.events {
            self.know(event);
            if let Event::Demanded { framework, slots: 0, .. } = event
                && self.claimers.contains(framework)
                && !claimed
            {
                self.claims.push(Delivery::Event(event.clone()));
            } else if !claimed
                && is_told(event)
                && let Some(offers) = self.offers.as_mut().filter(|offers| offers.len() < QUEUED_MAX)
            {
                offers.push(Delivery::Event(event.clone()));
            }
        }
        let sends = step.sends.iter().map(|send| (send.to, Delivery::Send(send.clone())));
        let orders = step.orders.iter().map(|order| (order.framework, Delivery::Order(order.clone())));
        for (framework, delivery) in sends.chain(orders) {
            match self.claimers.contains(&framework) {
                true => self.claims.push(delivery),
                false => self.offers.iter_mut().for_each(|offers| offers.push(delivery.clone())),
            }
        }
    }

    /// Keeps what others look up after the state has forgotten it.
    fn know(&mut self, event: &Event) {
        match event {
            Event::AgentAdded { agent, name, .. } => drop(self.agents.insert(*agent, name.clone())),
            Event::AgentRemoved { agent } | Event::AgentAway { agent, .. } => {
                self.former.push_back(*agent);
                if self.former.len() > FORMER_MAX
                    && let Some(oldest) = self.former.pop_front()
                {
                    self.agents.remove(&oldest);
                }
            }
            Event::FrameworkAdded { framework, mode: Mode::Claims, .. } => drop(self.claimers.insert(*framework)),
            Event::FrameworkRemoved { framework } => drop(self.claimers.remove(framework)),
            _ => {}
        }
    }
}
