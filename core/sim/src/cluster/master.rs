//! A master: the kernel, its connections, and a disk on which everything stands before it is said to anybody.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use kubernel_kernel::{
    Action, AgentId, Capabilities, Config, Deed, Event, FrameworkId, Input, Kernel, Message, Millis, Mode, OfferId,
    Operation, Order, Resources, RoleId, Send, Settings, Step, TaskSpec, invariants,
};

use super::{
    Ground,
    durable::Durable,
    message::{Address, Body, Call, Frame, Link},
};
use crate::EventHash;

/// How long a master waits for a sign of an agent before nothing of it is offered, and before it is given up.
const DOUBT_MS: u64 = 4_000;
const LOST_MS: u64 = 9_000;
/// How long it waits for a sign of a framework.
const AWAY_MS: u64 = 9_000;
/// How long a framework may stay away before it is removed.
const FAILOVER_MS: u64 = 40_000;
/// How long an offer stays open.
const LEASE_MS: u64 = 5_000;
/// Roles of the frameworks of a cluster, one for each in turn.
pub(crate) const ROLES: [&str; 4] = ["a", "b", "a/x", "*"];

/// A master.
#[derive(Debug)]
pub(crate) struct Master {
    pub(crate) kernel: Kernel,
    /// What is to be on the disk once all is written that is on its way.
    books: Durable,
    writes: VecDeque<(Millis, Option<Box<Durable>>, Vec<Effect>)>,
    agents: BTreeMap<usize, Link>,
    clients: BTreeMap<FrameworkId, (usize, Link)>,
    /// The latest session of each: earlier ones are over.
    sessions: BTreeMap<Address, u64>,
    pub(crate) wake_at: Option<Millis>,
    /// When each agent gave the last sign.
    heard: BTreeMap<usize, Millis>,
}

/// Something to be said when it is written down.
#[derive(Debug)]
struct Effect {
    to: Address,
    session: u64,
    body: Body,
}

impl Master {
    /// A master that goes on where the last one ended. `term` counts them.
    pub(crate) fn new(ground: &mut Ground<'_>, hash: &mut EventHash, durable: &Durable, term: u64) -> Self {
        let config = Config {
            offer_ms_max: Some(LEASE_MS),
            removal_ms_min: 500,
            offer_min: Resources::new(10, 0, 0, 0),
            offers_after: term << 32,
            ..Config::default()
        };
        let mut master = Self {
            kernel: Kernel::new(config),
            books: Durable::default(),
            writes: VecDeque::new(),
            agents: BTreeMap::new(),
            clients: BTreeMap::new(),
            sessions: BTreeMap::new(),
            wake_at: None,
            heard: BTreeMap::new(),
        };
        for input in durable.frameworks_again() {
            master.give(ground, hash, input);
        }
        for again in durable.agents_again() {
            master.give(ground, hash, again.register);
            let Some(agent) = master.kernel.state().agent_id(&again.name) else { continue };
            master.heard.insert(index_of(&again.name), ground.now);
            for ((framework, name), update) in again.ended {
                master.give(ground, hash, Input::Report { agent, framework, name, update });
            }
            if again.drains {
                master.give(ground, hash, Input::DrainAgent { agent, grace_ms: None, mark_gone: false });
            }
            master.give(ground, hash, Input::DisconnectAgent { agent });
            if again.unreachable {
                master.give(ground, hash, Input::LoseAgent { agent });
            }
            if again.gone {
                master.give(ground, hash, Input::MarkGone { name: again.name });
            }
        }
        // What the last one wrote stays until all of it is known again: a master may also end while it begins.
        master.writes.clear();
        master.write(ground, true, Vec::new());
        master
    }

    /// Takes a step of the kernel, holds it against what must be true, and has it written down with what it leads to.
    pub(crate) fn give(&mut self, ground: &mut Ground<'_>, hash: &mut EventHash, input: Input) -> Step {
        let given = input.clone();
        let gone = self.links_of_gone(&given);
        let step = self.kernel.step(ground.now, input);
        self.wake_at = step.wake_at;
        step.events.iter().for_each(|event| hash.add(event));
        self.check(ground, &given, &step);
        let mut noted = self.books.note(&step, self.kernel.state());
        if matches!(given, Input::SetRole { .. } | Input::SetQuota { .. }) && step.refused.is_none() {
            self.books.settle(&given);
            noted = true;
        }
        let mut effects: Vec<Effect> = step.orders.iter().flat_map(|order| self.order(order)).collect();
        effects.extend(step.sends.iter().filter_map(|send| self.message(send)));
        effects.extend(gone);
        self.write(ground, noted, effects);
        step
    }

    /// An agent that is marked gone while it is there is told to end.
    fn links_of_gone(&self, input: &Input) -> Option<Effect> {
        let Input::MarkGone { name } = input else { return None };
        let (to, link) = (index_of(name), self.agents.get(&index_of(name))?);
        Some(Effect { to: Address::Agent(to), session: link.session, body: Body::Shutdown })
    }

    /// Holds what a step led to against what must be true.
    fn check(&self, ground: &mut Ground<'_>, given: &Input, step: &Step) {
        if step.events.is_empty() {
            return;
        }
        let state = self.kernel.state();
        let checked = invariants::check(state).and_then(|()| invariants::check_settled(state));
        if let Err(violation) = checked {
            ground.truth.fails(|| format!("after {given:?}: {violation}"));
        }
        for event in &step.events {
            if let Event::Offered { role, resources, .. } = event {
                self.check_limits(ground, *role, resources);
            }
        }
    }

    /// What is offered is within every limit above it.
    fn check_limits(&self, ground: &mut Ground<'_>, role: RoleId, offered: &Resources) {
        let roles = self.kernel.state().roles();
        let mut at = Some(role);
        while let Some((id, found)) = at.and_then(|id| Some((id, roles.get(id)?))) {
            let limits = found.quota.iter().flat_map(|quota| &quota.limits);
            for (resource, limit) in limits {
                let consumed = roles.consumed(id).get(*resource);
                if offered.get(*resource) > 0 && consumed > *limit {
                    ground.truth.fails(|| format!("{} is offered {consumed} of {limit}", found.path));
                }
            }
            at = found.parent;
        }
    }

    fn write(&mut self, ground: &mut Ground<'_>, noted: bool, effects: Vec<Effect>) {
        if !noted && effects.is_empty() {
            return;
        }
        let slowest_ms = if ground.rough && ground.rng.once_in(30) { 2_000 } else { 5 };
        let due = ground.now.after_ms(if noted { ground.rng.below(slowest_ms) } else { 0 });
        let due = self.writes.back().map_or(due, |(last, ..)| due.max(*last));
        self.writes.push_back((due, noted.then(|| Box::new(self.books.clone())), effects));
    }

    /// When something is to be done next.
    pub(crate) fn next_at(&self) -> Option<Millis> {
        let written = self.writes.front().map(|(due, ..)| *due);
        [self.wake_at, written].into_iter().flatten().min()
    }

    /// What is written down is said.
    pub(crate) fn sync(&mut self, ground: &mut Ground<'_>, durable: &mut Durable) {
        while let Some((_, books, effects)) = self.writes.pop_front_if(|(due, ..)| *due <= ground.now) {
            if let Some(books) = books {
                *durable = *books;
            }
            for Effect { to, session, body } in effects {
                let link = match to {
                    Address::Agent(index) => self.agents.get_mut(&index),
                    _ => self.clients.values_mut().find(|(index, _)| Address::Framework(*index) == to).map(|(_, l)| l),
                };
                if let Some(link) = link.filter(|link| link.session == session) {
                    let frame = link.frame(body);
                    ground.net.send(ground.rng, ground.now, Address::Master, to, frame);
                }
            }
        }
    }

    /// Time passes: everybody gets a sign, and who gave none for too long is away.
    pub(crate) fn tick(&mut self, ground: &mut Ground<'_>, hash: &mut EventHash) {
        let now = ground.now;
        let names: Vec<(AgentId, usize, bool)> = self
            .kernel
            .state()
            .agents()
            .iter()
            .map(|(id, agent)| (*id, index_of(&agent.name), agent.connected))
            .collect();
        for (agent, index, connected) in names {
            let heard_at = self.heard.get(&index).copied().unwrap_or_default();
            if heard_at.after_ms(LOST_MS) < now {
                self.agents.remove(&index);
                self.give(ground, hash, Input::LoseAgent { agent });
            } else if connected && (!self.agents.contains_key(&index) || heard_at.after_ms(DOUBT_MS) < now) {
                self.give(ground, hash, Input::DisconnectAgent { agent });
            }
        }
        let silent = |link: &Link, ms: u64| link.heard_at.after_ms(ms) < now;
        let away = self.clients.iter().filter(|(_, (_, link))| silent(link, AWAY_MS));
        let away: Vec<FrameworkId> = away.map(|(id, _)| *id).collect();
        for framework in away {
            self.clients.remove(&framework);
            self.give(ground, hash, Input::Disconnect { framework });
        }
        let agents = self.agents.iter().map(|(index, link)| (Address::Agent(*index), link.session));
        let clients = self.clients.values().map(|(index, link)| (Address::Framework(*index), link.session));
        let beat = |(to, session)| Effect { to, session, body: Body::Beat };
        let beats: Vec<Effect> = agents.chain(clients).map(beat).collect();
        self.write(ground, false, beats);
    }

    /// What agents and frameworks say.
    pub(crate) fn hear(&mut self, ground: &mut Ground<'_>, hash: &mut EventHash, from: Address, frame: Frame) {
        let latest = self.sessions.get(&from).copied().unwrap_or_default();
        match (from, &frame.body) {
            (Address::Agent(index), Body::Register { .. }) if frame.session > latest => {
                self.sessions.insert(from, frame.session);
                self.register(ground, hash, index, frame);
            }
            (Address::Agent(index), _) => self.hear_agent(ground, hash, index, frame),
            (Address::Framework(index), Body::Subscribe(id)) if frame.session > latest => {
                self.sessions.insert(from, frame.session);
                self.subscribe(ground, hash, index, frame.session, *id);
            }
            (Address::Framework(index), _) => self.hear_framework(ground, hash, index, frame),
            (Address::Master, _) => {}
        }
    }

    fn register(&mut self, ground: &mut Ground<'_>, hash: &mut EventHash, index: usize, frame: Frame) {
        let mut link = Link::new(frame.session, ground.now);
        link.hear(&frame, ground.now);
        let session = frame.session;
        let Body::Register { total, tasks } = frame.body else { return };
        self.agents.insert(index, link);
        self.heard.insert(index, ground.now);
        let to = Address::Agent(index);
        self.write(ground, false, vec![Effect { to, session, body: Body::Registered }]);
        let input = Input::RegisterAgent { name: name_of(index), total, traits: Arc::default(), tasks };
        if self.give(ground, hash, input).refused.is_some() {
            self.write(ground, false, vec![Effect { to, session, body: Body::Shutdown }]);
        }
    }

    fn hear_agent(&mut self, ground: &mut Ground<'_>, hash: &mut EventHash, index: usize, frame: Frame) {
        let Some(link) = self.agents.get_mut(&index).filter(|link| link.session == frame.session) else { return };
        if !link.hear(&frame, ground.now) {
            self.agents.remove(&index);
            return;
        }
        self.heard.insert(index, ground.now);
        let Some(agent) = self.kernel.state().agent_id(&name_of(index)) else { return };
        if self.kernel.state().agents().get(&agent).is_some_and(|found| !found.connected) {
            self.give(ground, hash, Input::ReconnectAgent { agent });
        }
        if let Body::Report { key: (framework, name), update } = frame.body {
            self.give(ground, hash, Input::Report { agent, framework, name, update: *update });
        }
    }

    fn subscribe(
        &mut self,
        ground: &mut Ground<'_>,
        hash: &mut EventHash,
        index: usize,
        session: u64,
        id: Option<FrameworkId>,
    ) {
        let (to, now) = (Address::Framework(index), ground.now);
        let others = self.clients.iter().filter(|(other, (client, _))| *client == index && Some(**other) != id);
        let others: Vec<FrameworkId> = others.map(|(other, _)| *other).collect();
        for framework in others {
            self.clients.remove(&framework);
            self.give(ground, hash, Input::Disconnect { framework });
        }
        let roles: Vec<Arc<str>> = ROLES.get(index % ROLES.len()).map(|role| Arc::from(*role)).into_iter().collect();
        let framework = match id {
            None => {
                let (name, failover_ms) = (format!("f{index}").into(), Some(FAILOVER_MS));
                self.give(ground, hash, Input::Subscribe { name, mode: Mode::Offers, roles, failover_ms });
                let Some(id) = self.kernel.state().frameworks().keys().last().copied() else { return };
                let capabilities = Capabilities { partition_aware: true, ..Capabilities::default() };
                let settings = Arc::new(Settings { capabilities, ..Settings::default() });
                self.give(ground, hash, Input::Configure { framework: id, settings, failover_ms });
                id
            }
            Some(id) => {
                if !self.kernel.state().frameworks().contains_key(&id) {
                    // It is told on a connection that ends with that.
                    let frame = Link::new(session, now).frame(Body::Removed);
                    ground.net.send(ground.rng, now, Address::Master, to, frame);
                    return;
                }
                self.give(ground, hash, Input::Resubscribe { framework: id, roles });
                id
            }
        };
        self.clients.insert(framework, (index, Link::new(session, now)));
        self.write(ground, false, vec![Effect { to, session, body: Body::Subscribed(framework) }]);
    }

    fn hear_framework(&mut self, ground: &mut Ground<'_>, hash: &mut EventHash, index: usize, frame: Frame) {
        let now = ground.now;
        let client = self.clients.iter_mut().find(|(_, (client, _))| *client == index);
        let Some((framework, (_, link))) = client.filter(|(_, (_, link))| link.session == frame.session) else {
            return;
        };
        let framework = *framework;
        link.heard_at = now;
        let Body::Call(call) = frame.body else { return };
        let state = self.kernel.state();
        let input = match call {
            Call::Accept { offer, tasks, filter_ms } => {
                let tasks = tasks.into_iter().map(|(name, resources)| TaskSpec::new(name, resources)).collect();
                let operations = vec![Operation::silent(Action::Launch(tasks))];
                Input::Accept { framework, offers: vec![offer], operations, filter_ms }
            }
            Call::Decline { offer, filter_ms } => Input::Decline { framework, offers: vec![offer], filter_ms },
            Call::Acknowledge { agent, name, uuid } => {
                let agent = state.agent_id(&agent).unwrap_or(AgentId(0));
                Input::Acknowledge { framework, agent, name, uuid }
            }
            Call::Kill(name) => Input::Kill { framework, name, agent: None, grace_ms: None },
            Call::Reconcile(tasks) => Input::Reconcile { framework, tasks },
            Call::Revive => Input::Revive { framework, roles: Vec::new() },
            Call::Suppress => Input::Suppress { framework, roles: Vec::new() },
        };
        self.give(ground, hash, input);
    }

    fn order(&self, order: &Order) -> Vec<Effect> {
        let state = self.kernel.state();
        let Some(index) = state.agents().get(&order.agent).map(|agent| index_of(&agent.name)) else {
            return Vec::new();
        };
        let Some(session) = self.agents.get(&index).map(|link| link.session) else { return Vec::new() };
        let key = |name: &Arc<str>| (order.framework, name.clone());
        let launch = |task| {
            let task = state.tasks().get(task)?;
            let role = state.roles().get(task.role)?.path.clone();
            Some(Body::Launch { key: key(&task.name), role, resources: task.resources.clone() })
        };
        let bodies = match &order.deed {
            Deed::Launch { tasks, .. } => tasks.iter().filter_map(launch).collect(),
            Deed::Kill { name, .. } => vec![Body::Kill(key(name))],
            Deed::Acknowledge { name, uuid } => vec![Body::Acknowledged { key: key(name), uuid: *uuid }],
            Deed::ShutdownFramework => vec![Body::ShutdownFramework(order.framework)],
            Deed::ShutdownExecutor(_) | Deed::Checkpoint { .. } => Vec::new(),
        };
        bodies.into_iter().map(|body| Effect { to: Address::Agent(index), session, body }).collect()
    }

    fn message(&self, send: &Send) -> Option<Effect> {
        let (index, link) = self.clients.get(&send.to)?;
        let state = self.kernel.state();
        let body = match &send.message {
            Message::Offers(offers) => {
                let known = |id: &OfferId| Some((*id, state.offers().get(id)?.resources.clone()));
                Body::Offers(offers.iter().filter_map(known).collect())
            }
            Message::Rescinded(offer) => Body::Rescinded(*offer),
            Message::Task(status) => {
                let agent = status.agent.and_then(|id| state.agents().get(&id)).map(|agent| agent.name.clone());
                Body::Status(status.clone(), agent)
            }
            Message::Removed => Body::Removed,
            _ => return None,
        };
        Some(Effect { to: Address::Framework(*index), session: link.session, body })
    }
}

pub(crate) fn name_of(agent: usize) -> Arc<str> {
    format!("a{agent}").into()
}

fn index_of(name: &str) -> usize {
    name.trim_start_matches('a').parse().unwrap_or(usize::MAX)
}
