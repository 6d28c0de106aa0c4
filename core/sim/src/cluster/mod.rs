//! A cluster as it is in the world: masters that fail, agents with disks, frameworks good and bad, and a network between
//! them that loses, doubles, delays and reorders what they say.
//!
//! First everything goes wrong that can; then the faults stop (but not the bad frameworks), and within a bounded time
//! every honest framework must have got what it wants, every end must be known, and agents that are emptied be empty. At
//! any time: what runs on an agent fits on it, no task is started twice, updates come in order and again until they are
//! acknowledged, offers keep within limits, and the kernel's invariants hold.
//!
//! Next: `message.rs`, `net.rs`, `master.rs` (with `durable.rs`), `agent.rs`, `framework.rs`, `truth.rs`.

mod agent;
mod durable;
mod framework;
mod master;
mod message;
mod net;
mod truth;

use std::hash::Hasher;

use kubernel_kernel::{Input, Millis, Quota, ResourceId, Resources};

use self::{
    agent::Agent,
    durable::Durable,
    framework::{Character, Framework},
    master::{Master, ROLES, name_of},
    message::{Address, Frame},
    net::{Net, Weather},
    truth::Truth,
};
use crate::{EventHash, Failure, Rng, world::Kind};

/// How long everything goes wrong.
const ROUGH_MS: u64 = 90_000;
/// How long it may take at most until all is well then.
const CALM_MS_MAX: u64 = 900_000;
/// How often everybody looks around.
const TICK_MS: u64 = 1_000;

/// What a run came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterOutcome {
    /// The hash of the events of all masters.
    pub hash: u64,
    /// How many tasks were started.
    pub started: u64,
    /// How many masters there were.
    pub masters: u64,
    /// How long it took until all was well, in virtual milliseconds.
    pub calm_ms: u64,
}

/// What everybody stands on.
struct Ground<'a> {
    rng: &'a mut Rng,
    now: Millis,
    net: &'a mut Net,
    truth: &'a mut Truth,
    /// Faults happen.
    rough: bool,
}

struct Cluster {
    rng: Rng,
    now: Millis,
    net: Net,
    truth: Truth,
    rough: bool,
    hash: EventHash,
    durable: Durable,
    master: Option<Master>,
    masters: u64,
    agents: Vec<Agent>,
    frameworks: Vec<Framework>,
    /// Who is down comes back then.
    back: Vec<(Millis, Address)>,
    tick_at: Millis,
    steps: u64,
}

/// Lets a cluster live through its faults and come to rest.
///
/// # Errors
/// The first thing that was wrong.
pub fn run_cluster(seed: u64) -> Result<ClusterOutcome, Failure> {
    let mut cluster = Cluster::new(seed);
    let result = cluster.live();
    let failure = |what| Failure {
        world: Kind::Cluster,
        seed,
        step: cluster.steps,
        what: format!("{} ms: {what}", cluster.now.0),
    };
    result.map_err(failure).map(|calm_ms| ClusterOutcome {
        hash: cluster.hash.finish(),
        started: cluster.truth.starts,
        masters: cluster.masters,
        calm_ms,
    })
}

impl Cluster {
    fn new(seed: u64) -> Self {
        use Character::{Decliner, Flooder, Forgetful, Greedy, Silent, Twice, Worker};
        let mut rng = Rng::new(seed ^ 0x5eed_c105_7e12);
        let total = |rng: &mut Rng| Resources::new((3 + rng.below(6)) * 1_000, 16 << 30, 0, 0);
        let agents = (0..2 + rng.below(4)).map(|_| total(&mut rng)).collect::<Vec<_>>();
        let mut characters = vec![Worker, Forgetful];
        let others = [Twice, Greedy, Decliner, Silent, Flooder, Worker];
        characters.extend(others.into_iter().filter(|_| rng.once_in(2)));
        let at = |(index, total)| Agent::new(index, total);
        let framework = |(index, character)| Framework::new(index, character);
        Self {
            net: Net::default(),
            truth: Truth::default(),
            now: Millis(1),
            rough: true,
            hash: EventHash::default(),
            durable: Durable::default(),
            master: None,
            masters: 0,
            agents: agents.into_iter().enumerate().map(at).collect(),
            frameworks: characters.into_iter().enumerate().map(framework).collect(),
            back: vec![(Millis(1), Address::Master)],
            tick_at: Millis(1),
            steps: 0,
            rng,
        }
    }

    fn live(&mut self) -> Result<u64, String> {
        self.net.weather = Weather {
            drop_permille: self.rng.below(30),
            twice_permille: self.rng.below(100),
            slow_permille: self.rng.below(50),
        };
        while self.now.0 < ROUGH_MS {
            self.advance(true)?;
        }
        self.calm_down();
        let begin = self.now;
        loop {
            self.advance(false)?;
            let Some(missing) = self.what_is_missing() else { return Ok(self.now.0 - begin.0) };
            if self.now.0 > begin.0 + CALM_MS_MAX {
                return Err(format!("all is well for {} s, and {missing}", CALM_MS_MAX / 1_000));
            }
        }
    }

    /// Goes on to the next thing that happens.
    fn advance(&mut self, rough: bool) -> Result<(), String> {
        self.steps += 1;
        let master = self.master.as_ref().and_then(Master::next_at);
        let next = [Some(self.tick_at), self.net.next_at(), master].into_iter().flatten().min();
        self.now = self.now.max(next.unwrap_or(self.tick_at));
        if self.tick_at <= self.now {
            self.tick_at = self.now.after_ms(TICK_MS / 2 + self.rng.below(TICK_MS));
            if rough {
                self.fault();
            }
            self.tick();
        }
        self.master_goes_on();
        while let Some((from, to, frame)) = self.net.arrive(self.now) {
            self.hear(from, to, frame);
            self.master_goes_on();
        }
        let full = self.agents.iter().find(|agent| {
            let mut sum = Resources::default();
            agent.running.values().for_each(|process| sum.add(&process.resources));
            !agent.total.contains(&sum)
        });
        if let Some(agent) = full {
            self.truth.fails(|| format!("more runs on {} than it has: {:?}", agent.name, agent.running));
        }
        self.truth.wrong.take().map_or(Ok(()), Err)
    }

    /// Those parts of the cluster that one needs to act, and the rest.
    fn split(
        &mut self,
    ) -> (Ground<'_>, &mut EventHash, &mut Option<Master>, &mut Durable, &mut [Agent], &mut [Framework]) {
        let ground =
            Ground { rng: &mut self.rng, now: self.now, net: &mut self.net, truth: &mut self.truth, rough: self.rough };
        let (agents, frameworks) = (&mut self.agents, &mut self.frameworks);
        (ground, &mut self.hash, &mut self.master, &mut self.durable, agents, frameworks)
    }

    fn tick(&mut self) {
        let due: Vec<Address> = self.back.extract_if(.., |(at, _)| *at <= self.now).map(|(_, who)| who).collect();
        for who in due {
            self.bring_back(who);
        }
        let (mut ground, hash, master, _, agents, frameworks) = self.split();
        agents.iter_mut().for_each(|agent| agent.tick(&mut ground));
        frameworks.iter_mut().for_each(|framework| framework.tick(&mut ground));
        if let Some(master) = master {
            master.tick(&mut ground, hash);
        }
    }

    fn bring_back(&mut self, who: Address) {
        self.masters += u64::from(who == Address::Master);
        let term = self.masters;
        let (mut ground, hash, master, durable, agents, frameworks) = self.split();
        match who {
            Address::Master => *master = Some(Master::new(&mut ground, hash, durable, term)),
            Address::Agent(index) => agents.iter_mut().skip(index).take(1).for_each(|agent| agent.restart(&mut ground)),
            Address::Framework(index) => frameworks.iter_mut().skip(index).take(1).for_each(|found| found.up = true),
        }
    }

    /// The master's timers and disk.
    fn master_goes_on(&mut self) {
        let (mut ground, hash, master, durable, ..) = self.split();
        let Some(master) = master else { return };
        while master.wake_at.is_some_and(|at| at <= ground.now) {
            master.give(&mut ground, hash, Input::Tick);
        }
        master.sync(&mut ground, durable);
    }

    fn hear(&mut self, from: Address, to: Address, frame: Frame) {
        let (mut ground, hash, master, _, agents, frameworks) = self.split();
        match to {
            Address::Master => {
                if let Some(master) = master {
                    master.hear(&mut ground, hash, from, frame);
                }
            }
            Address::Agent(index) => {
                if let Some(agent) = agents.get_mut(index) {
                    agent.hear(&mut ground, frame);
                }
            }
            Address::Framework(index) => {
                if let Some(framework) = frameworks.get_mut(index) {
                    framework.hear(&mut ground, frame);
                }
            }
        }
    }

    /// Now and then something goes wrong, or an operator does something.
    fn fault(&mut self) {
        let agent = self.rng.below(self.agents.len() as u64) as usize;
        let framework = self.rng.below(self.frameworks.len() as u64) as usize;
        let later = |ms: u64, rng: &mut Rng| self.now.after_ms(500 + rng.below(ms));
        match self.rng.below(100) {
            0..=2 if self.master.is_some() => {
                self.master = None;
                self.net.hang_up(Address::Master);
                self.back.push((later(5_000, &mut self.rng), Address::Master));
            }
            3..=7 if self.agents[agent].up => {
                self.agents[agent].crash(self.rng.once_in(3));
                self.net.hang_up(Address::Agent(agent));
                self.back.push((later(15_000, &mut self.rng), Address::Agent(agent)));
            }
            8..=10 if self.frameworks[framework].up => {
                self.frameworks[framework].crash();
                self.net.hang_up(Address::Framework(framework));
                self.back.push((later(25_000, &mut self.rng), Address::Framework(framework)));
            }
            11..=14 => self.net.cut_off(Address::Agent(agent), later(25_000, &mut self.rng)),
            15..=16 => self.net.cut_off(Address::Framework(framework), later(25_000, &mut self.rng)),
            17 => self.net.cut_off(Address::Master, later(4_000, &mut self.rng)),
            18..=21 => self.operate(agent),
            _ => {}
        }
    }

    fn operate(&mut self, agent: usize) {
        let path = self.rng.pick(&ROLES[..3]).copied().unwrap_or("a").into();
        let (deed, limit) = (self.rng.below(8), self.rng.below(8) * 1_000);
        let weight_milli = 1_000 * (1 + self.rng.below(4) as u32);
        let gone = self.agents.iter().filter(|agent| agent.gone).count();
        let (mut ground, hash, master, ..) = self.split();
        let Some(master) = master else { return };
        let id = master.kernel.state().agent_id(&name_of(agent));
        let quota = |limit| Quota { limits: [(ResourceId::CPU, limit)].into(), ..Quota::default() };
        let input = match (deed, id) {
            (0..=1, _) => Input::SetRole { path, weight_milli },
            (2, _) => Input::SetQuota { path, quota: Some(quota(limit)), force: false },
            (3, _) => Input::SetQuota { path, quota: None, force: true },
            (4..=5, Some(agent)) => Input::DrainAgent { agent, grace_ms: None, mark_gone: false },
            (6, Some(agent)) => Input::ReactivateAgent { agent },
            (7, _) if gone == 0 => Input::MarkGone { name: name_of(agent) },
            _ => return,
        };
        master.give(&mut ground, hash, input);
    }

    /// All faults stop. What an operator settled is taken back, but agents that are emptied stay so, if not all are.
    fn calm_down(&mut self) {
        self.net.heal();
        self.rough = false;
        for who in std::mem::take(&mut self.back) {
            self.bring_back(who.1);
        }
        self.frameworks.iter_mut().for_each(Framework::calm_down);
        let whole = Resources::new(8_000, 16 << 30, 0, 0);
        let mut spare = Agent::new(self.agents.len(), whole);
        spare.up = true;
        self.agents.push(spare);
        for path in &ROLES[..3] {
            let (mut ground, hash, master, ..) = self.split();
            if let Some(master) = master {
                let input = Input::SetQuota { path: (*path).into(), quota: None, force: true };
                master.give(&mut ground, hash, input);
            }
        }
    }

    /// What is not yet as it should be.
    fn what_is_missing(&self) -> Option<String> {
        let Some(master) = &self.master else { return Some("there is no master".to_owned()) };
        let state = master.kernel.state();
        if let Some(poor) = self.frameworks.iter().find(|framework| framework.is_honest() && !framework.is_content()) {
            return Some(format!("one has not got what it wants: {poor:?}"));
        }
        let honest = self.frameworks.iter().filter(|framework| framework.is_honest()).filter_map(|found| found.id);
        for id in honest {
            let Some(found) = state.frameworks().get(&id) else { return Some(format!("{id} is not there")) };
            if found.tasks > 0 || !found.unacknowledged.is_empty() {
                return Some(format!("{id} has {} tasks, unknown ends {:?}", found.tasks, found.unacknowledged));
            }
        }
        for (id, agent) in state.agents() {
            let silent_ones = || agent.tasks.iter().filter_map(|task| state.tasks().get(task)).count();
            if agent.drain.is_some() && silent_ones() > 0 {
                return Some(format!("{id} is not empty: {:?}", agent.tasks));
            }
        }
        for agent in &self.agents {
            let known = state.agent_id(&agent.name).and_then(|id| state.agents().get(&id));
            match known {
                Some(found) if agent.up && !found.connected => return Some(format!("{} is not connected", agent.name)),
                None if agent.up => {
                    let away = state.absent().get(&agent.name);
                    return Some(format!("{} is not known (away: {away:?}): {agent:?}", agent.name));
                }
                _ => {}
            }
            let runs = agent.running.keys().find(|(framework, name)| state.task_id(*framework, name).is_none());
            if let Some(key) = runs {
                return Some(format!("{key:?} runs on {} and nobody knows of it", agent.name));
            }
        }
        None
    }
}
