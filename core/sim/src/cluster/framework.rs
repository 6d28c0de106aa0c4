//! A framework: answers offers, acknowledges, asks; each according to its character.

use std::{collections::BTreeMap, sync::Arc};

use kubernel_kernel::{FrameworkId, Millis, OfferId, Resources, Status, TaskState};

use super::{
    Ground,
    message::{Address, Body, Call, Frame, Key, Link},
    truth::Heard,
};

/// How long a framework waits for a sign of the master.
const SILENCE_MS_MAX: u64 = 8_000;
/// How long it waits for an answer to a task that it launched, and between two questions.
const PATIENCE_MS: u64 = 10_000;
/// Tasks that an honest framework has at a time.
const TASKS: usize = 3;
/// Tasks that each honest framework has finished when all is well.
const GOAL: u32 = 3;

/// How a framework behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Character {
    /// Runs a few tasks at a time.
    Worker,
    /// As a worker, and subscribes again and again while it is subscribed.
    Twice,
    /// As a worker, and loses its memory when it crashes.
    Forgetful,
    /// Takes all it can get.
    Greedy,
    /// Holds what it is offered for a while, declines it, and asks for more.
    Decliner,
    /// Answers nothing and acknowledges nothing.
    Silent,
    /// Says whatever comes to its mind.
    Flooder,
}

/// A framework.
#[derive(Debug)]
pub(crate) struct Framework {
    index: usize,
    pub(crate) character: Character,
    pub(crate) id: Option<FrameworkId>,
    pub(crate) up: bool,
    sessions: u64,
    link: Option<Link>,
    subscribed: bool,
    named: u64,
    tasks: BTreeMap<Arc<str>, View>,
    /// What it heard of its tasks, also of those that have ended; for the truth to compare.
    heard: BTreeMap<Arc<str>, Heard>,
    held: Vec<(Millis, OfferId)>,
    asked_at: Millis,
    offered_at: Millis,
    /// Tasks that have finished since all is well.
    pub(crate) finished: u32,
}

/// What a framework believes of a task.
#[derive(Clone, Debug)]
struct View {
    state: TaskState,
    agent: Option<Arc<str>>,
    since: Millis,
}

impl Framework {
    pub(crate) fn new(index: usize, character: Character) -> Self {
        Self {
            index,
            character,
            id: None,
            up: true,
            sessions: 0,
            link: None,
            subscribed: false,
            named: 0,
            tasks: BTreeMap::new(),
            heard: BTreeMap::new(),
            held: Vec::new(),
            asked_at: Millis(0),
            offered_at: Millis(0),
            finished: 0,
        }
    }

    /// Whether it does what it should.
    pub(crate) fn is_honest(&self) -> bool {
        matches!(self.character, Character::Worker | Character::Twice | Character::Forgetful)
    }

    /// Whether an honest framework has what it wants, and knows of no task that has not ended.
    pub(crate) fn is_content(&self) -> bool {
        self.finished >= GOAL && self.tasks.is_empty()
    }

    pub(crate) fn crash(&mut self) {
        self.up = false;
        self.hang_up();
        if self.character == Character::Forgetful {
            self.tasks.clear();
            self.heard.clear();
        }
    }

    fn hang_up(&mut self) {
        (self.link, self.subscribed) = (None, false);
        self.held.clear();
    }

    /// All is well from now on.
    pub(crate) fn calm_down(&mut self) {
        self.up = true;
        self.finished = 0;
    }

    /// Time passes.
    pub(crate) fn tick(&mut self, ground: &mut Ground<'_>) {
        if !self.up {
            return;
        }
        let silent = self.link.as_ref().is_none_or(|link| link.heard_at.after_ms(SILENCE_MS_MAX) < ground.now);
        if silent || ground.rough && self.character == Character::Twice && ground.rng.once_in(10) {
            self.hang_up();
            self.sessions += 1;
            self.link = Some(Link::new(self.sessions, ground.now));
            self.tell(ground, Body::Subscribe(self.id));
            return;
        }
        if !self.subscribed {
            return;
        }
        self.tell(ground, Body::Beat);
        match self.character {
            Character::Silent => {}
            Character::Decliner => self.decline_held(ground),
            Character::Flooder => self.flood(ground),
            Character::Greedy => self.ask(ground),
            Character::Worker | Character::Twice | Character::Forgetful => {
                self.ask(ground);
                if self.wanted(ground) == 0 {
                    self.call(ground, Call::Suppress);
                } else if self.offered_at.after_ms(PATIENCE_MS) < ground.now {
                    self.offered_at = ground.now;
                    self.call(ground, Call::Revive);
                }
            }
        }
    }

    /// Asks how the tasks are of which nothing was heard for long, and now and then of all.
    fn ask(&mut self, ground: &mut Ground<'_>) {
        if self.asked_at.after_ms(PATIENCE_MS) > ground.now {
            return;
        }
        self.asked_at = ground.now;
        let all = ground.rng.once_in(4);
        let asked = self.tasks.iter().map(|(name, view)| (name.clone(), view.agent.clone()));
        let tasks = if all { Vec::new() } else { asked.collect() };
        if all || !tasks.is_empty() {
            self.call(ground, Call::Reconcile(tasks));
        }
    }

    fn decline_held(&mut self, ground: &mut Ground<'_>) {
        let now = ground.now;
        let due: Vec<OfferId> = self.held.extract_if(.., |(at, _)| *at <= now).map(|(_, offer)| offer).collect();
        for offer in due {
            self.call(ground, Call::Decline { offer, filter_ms: 0 });
            self.call(ground, Call::Revive);
        }
    }

    fn flood(&mut self, ground: &mut Ground<'_>) {
        for _ in 0..5 {
            let offer = OfferId(ground.rng.below(2_000));
            let offer = self.held.last().map_or(offer, |(_, held)| *held);
            let name: Arc<str> = format!("f{}-{}", self.index, ground.rng.below(9)).into();
            let call = match ground.rng.below(7) {
                0 => Call::Revive,
                1 => Call::Reconcile(Vec::new()),
                2 => Call::Reconcile(vec![(name, Some("a0".into())), ("never".into(), None)]),
                3 => Call::Kill(name),
                4 => Call::Acknowledge { agent: "a0".into(), name, uuid: u128::from(ground.rng.below(9)) },
                5 => Call::Decline { offer, filter_ms: 0 },
                _ => {
                    // Names that live are refused, and names that were may be used again.
                    self.named += 1;
                    let name =
                        if ground.rng.once_in(4) { name } else { format!("f{}-x{}", self.index, self.named).into() };
                    let cpus = ground.rng.below(9) * 1_000;
                    Call::Accept { offer, tasks: vec![(name, Resources::new(cpus, 0, 0, 0))], filter_ms: 0 }
                }
            };
            self.call(ground, call);
        }
    }

    /// How many more tasks it would launch now.
    fn wanted(&self, ground: &Ground<'_>) -> usize {
        let most = match self.character {
            Character::Greedy => usize::MAX,
            _ if ground.rough => TASKS,
            _ => usize::try_from(GOAL.saturating_sub(self.finished)).unwrap_or(0),
        };
        most.saturating_sub(self.tasks.values().filter(|view| view.state != TaskState::Unreachable).count())
    }

    /// What the master says.
    pub(crate) fn hear(&mut self, ground: &mut Ground<'_>, frame: Frame) {
        let Some(link) = self.link.as_mut().filter(|link| self.up && link.session == frame.session) else { return };
        if !link.hear(&frame, ground.now) {
            self.hang_up();
            return;
        }
        match frame.body {
            Body::Subscribed(id) => {
                if self.id != Some(id) {
                    // All that it had is gone with what it was before.
                    self.tasks.clear();
                }
                (self.id, self.subscribed) = (Some(id), true);
                if self.character == Character::Flooder {
                    ground.truth.is_careless(id);
                }
            }
            Body::Removed => {
                self.id = None;
                self.tasks.clear();
                self.hang_up();
            }
            Body::Offers(offers) => {
                self.offered_at = ground.now;
                for (offer, resources) in offers {
                    self.answer(ground, offer, &resources);
                }
            }
            Body::Rescinded(offer) => self.held.retain(|(_, held)| *held != offer),
            Body::Status(status, agent) => self.learn(ground, &status, agent),
            _ => {}
        }
    }

    fn answer(&mut self, ground: &mut Ground<'_>, offer: OfferId, resources: &Resources) {
        match self.character {
            Character::Silent | Character::Flooder | Character::Decliner => {
                let due = ground.now.after_ms(ground.rng.below(4_000));
                self.held.push((due, offer));
            }
            _ => {
                let one = Resources::new(500 + ground.rng.below(4) * 500, 256 << 20, 0, 0);
                let mut left = resources.clone();
                let mut tasks = Vec::new();
                let wanted = self.wanted(ground);
                while tasks.len() < wanted && tasks.len() < 8 && left.contains(&one) {
                    left.take(&one);
                    self.named += 1;
                    let name: Arc<str> = format!("f{}-{}", self.index, self.named).into();
                    let view = View { state: TaskState::Staging, agent: None, since: ground.now };
                    self.tasks.insert(name.clone(), view);
                    tasks.push((name, one.clone()));
                }
                let filter_ms = ground.rng.below(4) * 1_000;
                let call = match tasks.is_empty() {
                    true => Call::Decline { offer, filter_ms },
                    false => Call::Accept { offer, tasks, filter_ms },
                };
                self.call(ground, call);
            }
        }
    }

    fn learn(&mut self, ground: &mut Ground<'_>, status: &Status, agent: Option<Arc<str>>) {
        let Some(id) = self.id else { return };
        let (key, name): (Key, Arc<str>) = ((id, status.name.clone()), status.name.clone());
        ground.truth.hears(&key, status, self.heard.entry(name.clone()).or_default());
        if self.character == Character::Silent {
            return;
        }
        if let (Some(uuid), Some(agent)) = (status.uuid, agent.clone()) {
            self.call(ground, Call::Acknowledge { agent, name: name.clone(), uuid });
        }
        let known = self.tasks.get(&name);
        // A task of which nobody knows yet may still be on its way.
        let lost = status.state == TaskState::Unknown
            && known.is_some_and(|view| view.since.after_ms(PATIENCE_MS) < ground.now);
        if status.state.is_terminal() || lost {
            let had = self.tasks.remove(&name).is_some();
            self.finished += u32::from(had && status.state == TaskState::Finished && !ground.rough);
        } else if status.state != TaskState::Unknown {
            if known.is_none() && self.is_honest() && ground.rng.once_in(2) {
                self.call(ground, Call::Kill(name.clone()));
            }
            self.tasks.insert(name, View { state: status.state, agent, since: ground.now });
        }
    }

    fn call(&mut self, ground: &mut Ground<'_>, call: Call) {
        self.tell(ground, Body::Call(call));
    }

    /// Calls are requests of their own: one may overtake another, be lost, or come twice.
    fn tell(&mut self, ground: &mut Ground<'_>, body: Body) {
        let Some(link) = &self.link else { return };
        let frame = Frame { session: link.session, number: None, body };
        ground.net.send(ground.rng, ground.now, Address::Framework(self.index), Address::Master, frame);
    }
}
