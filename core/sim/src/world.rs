//! A world in which anything may happen at any time, and a replica that follows by events alone.

use std::{fmt, hash::Hasher, sync::Arc};

use kubernel_kernel::{
    Action, AgentId, Availability, Config, FrameworkId, Input, Kernel, Message, Millis, Mode, OfferId, Operation,
    Refusal, ResourceId, Resources, RoleId, State, Step, TaskId, TaskSpec, TaskState, Turn, invariants,
};

use crate::{EventHash, Rng};

/// Agents of a world at most; small, so that everything collides.
const AGENTS: usize = 12;
/// Frameworks of a world at most.
const FRAMEWORKS: usize = 6;
const PATHS: [&str; 8] = ["a", "b", "a/x", "a/y", "a/x/deep", "c", "*", "teams/web"];

/// What a run came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The hash of its events.
    pub hash: u64,
    /// How many events there were.
    pub events: u64,
    /// How many tasks were started on accepted offers and claims.
    pub started: u64,
    /// How many inputs were refused.
    pub refused: u64,
}

/// A run in which something did not hold.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The seed: the same run fails again.
    pub seed: u64,
    /// The step at which it failed.
    pub step: u64,
    /// What did not hold.
    pub what: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seed {} fails at step {}: {}", self.seed, self.step, self.what)
    }
}

impl std::error::Error for Failure {}

struct World {
    rng: Rng,
    now: Millis,
    kernel: Kernel,
    replica: State,
    gpu: Option<ResourceId>,
    hash: EventHash,
    outcome: Outcome,
    named: u64,
    turn: Option<Turn>,
    wake_at: Option<Millis>,
}

/// Lets a world run for some steps.
///
/// # Errors
/// The first thing that did not hold.
pub fn run(seed: u64, steps: u64) -> Result<Outcome, Failure> {
    let mut rng = Rng::new(seed);
    let offer_ms_max = rng.once_in(2).then_some(5_000);
    let config = Config { offer_ms_max, offer_min: Resources::new(10, 0, 0, 0), ..Config::default() };
    let outcome = Outcome { hash: 0, events: 0, started: 0, refused: 0 };
    let mut world = World {
        rng,
        now: Millis(0),
        kernel: Kernel::new(config),
        replica: State::default(),
        gpu: None,
        hash: EventHash::default(),
        outcome,
        named: 0,
        turn: None,
        wake_at: None,
    };
    for step in 0..steps {
        world.advance().map_err(|what| Failure { seed, step, what })?;
    }
    world.outcome.hash = world.hash.finish();
    Ok(world.outcome)
}

impl World {
    /// One thing happens, and all that follows from it at once.
    fn advance(&mut self) -> Result<(), String> {
        if self.gpu.is_none() {
            let mut out = Step::default();
            self.gpu = self.kernel.resource("example.com/gpu", &mut out);
            self.follow(out)?;
        }
        self.now = self.now.after_ms(self.rng.below(400));
        let input = self.anything();
        self.give(input)?;
        while self.wake_at.is_some_and(|at| at <= self.now) && self.turn.is_none() {
            self.give(Input::Tick)?;
        }
        let mut claims = self.rng.below(20);
        while let Some(turn) = self.turn {
            let input = if claims == 0 || self.rng.once_in(8) {
                Input::Demand { framework: turn.framework, role: turn.role, slots: 0 }
            } else {
                claims -= 1;
                self.claim(turn.framework, turn.role)
            };
            self.give(input)?;
            if self.rng.once_in(50) {
                break;
            }
        }
        Ok(())
    }

    fn give(&mut self, input: Input) -> Result<(), String> {
        let shown = format!("{input:?}");
        let step = self.kernel.step(self.now, input);
        self.turn = step.turn;
        self.wake_at = step.wake_at;
        if let Some(refusal) = &step.refused {
            self.outcome.refused += 1;
            if *refusal != Refusal::InvalidOffers && step.events.iter().any(|event| !is_round(event)) {
                return Err(format!("{shown} was refused ({refusal}) and did something: {:?}", step.events));
            }
        }
        for send in &step.sends {
            if let Message::Offers(offers) = &send.message
                && !offers.iter().all(|id| self.kernel.state().offers().contains_key(id))
            {
                return Err(format!("{shown} sends offers that are not open"));
            }
        }
        self.follow(step).map_err(|what| format!("{shown}: {what}"))
    }

    /// The replica follows event by event; nothing else than events may have changed the kernel.
    fn follow(&mut self, step: Step) -> Result<(), String> {
        for event in &step.events {
            self.replica.apply(event);
            invariants::check(&self.replica).map_err(|violation| format!("after {event:?}: {violation}"))?;
            self.hash.add(event);
            self.outcome.events += 1;
            match event {
                kubernel_kernel::Event::Accepted { tasks, .. } => self.outcome.started += tasks.len() as u64,
                kubernel_kernel::Event::Claimed { .. } => self.outcome.started += 1,
                _ => {}
            }
        }
        invariants::check_settled(&self.replica).map_err(|violation| violation.to_string())?;
        if self.replica != *self.kernel.state() {
            return Err("the replica differs: something changed without an event".to_owned());
        }
        Ok(())
    }

    fn anything(&mut self) -> Input {
        let agents: Vec<AgentId> = self.kernel.state().agents().keys().copied().collect();
        let frameworks: Vec<FrameworkId> = self.kernel.state().frameworks().keys().copied().collect();
        let agent = self.rng.pick(&agents).copied().unwrap_or(AgentId(9_999));
        let framework = self.rng.pick(&frameworks).copied().unwrap_or(FrameworkId(9_999));
        let role = self.role_of(framework);
        match self.rng.below(40) {
            0..=3 if agents.len() < AGENTS => {
                let (total, availability) = (self.machine(), self.availability());
                Input::AddAgent { name: self.name("agent"), total, availability }
            }
            4 => Input::UpdateAgent { agent, total: self.machine(), availability: self.availability() },
            5 if self.rng.once_in(3) => Input::RemoveAgent { agent },
            6 => Input::SetRole { path: self.path(), weight_milli: self.rng.below(5_000) as u32 },
            7 => Input::ForgetRole { role },
            8..=9 if frameworks.len() < FRAMEWORKS => {
                let mode = if self.rng.once_in(3) { Mode::Claims } else { Mode::Offers };
                let failover_ms = self.rng.once_in(2).then_some(2_000);
                Input::Subscribe { name: self.name("framework"), mode, roles: self.paths(), failover_ms }
            }
            10 => Input::Resubscribe { framework, roles: self.paths() },
            11 => Input::JoinRole { framework, role: self.path() },
            12 => Input::LeaveRole { framework, role },
            13 if self.rng.once_in(3) => Input::Disconnect { framework },
            14 if self.rng.once_in(6) => Input::RemoveFramework { framework },
            15..=18 => Input::Demand { framework, role, slots: self.rng.below(9) as u32 },
            19 => self.claim(framework, role),
            20..=21 => {
                let task = self.task();
                Input::Adopt { framework, role, agent, task, state: TaskState::Running }
            }
            22..=26 => {
                let (offers, filter_ms) = (self.offers_of(framework), self.filter_ms());
                let tasks = (0..self.rng.below(4)).map(|_| self.task()).collect();
                Input::Accept {
                    framework,
                    offers,
                    operations: vec![Operation::silent(Action::Launch(tasks))],
                    filter_ms,
                }
            }
            27..=29 => Input::Decline { framework, offers: self.offers_of(framework), filter_ms: self.filter_ms() },
            30 => Input::Revive { framework, roles: Vec::new() },
            31 => Input::Suppress { framework, roles: vec![role] },
            _ => {
                let tasks: Vec<TaskId> = self.kernel.state().tasks().keys().copied().collect();
                let task = self.rng.pick(&tasks).copied().unwrap_or(TaskId(9_999));
                let states = [TaskState::Running, TaskState::Finished, TaskState::Failed, TaskState::Killed];
                Input::UpdateTask { task, state: self.rng.pick(&states).copied().unwrap_or(TaskState::Lost) }
            }
        }
    }

    fn claim(&mut self, framework: FrameworkId, role: RoleId) -> Input {
        let agents: Vec<AgentId> = self.kernel.state().agents().keys().copied().collect();
        let agent = self.rng.pick(&agents).copied().unwrap_or(AgentId(9_999));
        let task = self.task();
        Input::Claim { framework, role, agent, task }
    }

    fn role_of(&mut self, framework: FrameworkId) -> RoleId {
        let roles: Vec<RoleId> = self
            .kernel
            .state()
            .frameworks()
            .get(&framework)
            .map_or_else(Vec::new, |f| f.subscriptions.keys().copied().collect());
        self.rng.pick(&roles).copied().unwrap_or(RoleId(9_999))
    }

    /// Some offers of a framework: mostly one, now and then several, foreign or unknown ones.
    fn offers_of(&mut self, framework: FrameworkId) -> Vec<OfferId> {
        let all: Vec<OfferId> = self.kernel.state().offers().keys().copied().collect();
        let own: Vec<OfferId> = self
            .kernel
            .state()
            .frameworks()
            .get(&framework)
            .map_or_else(Vec::new, |found| found.offers.iter().copied().collect());
        match self.rng.below(10) {
            0 => self.rng.pick(&all).copied().into_iter().collect(),
            1 => own,
            2 => vec![OfferId(999_999)],
            _ => self.rng.pick(&own).copied().into_iter().collect(),
        }
    }

    fn machine(&mut self) -> Resources {
        let mut total = Resources::new(
            self.rng.below(16) * 1_000,
            self.rng.below(64) << 30,
            self.rng.below(4) << 30,
            self.rng.below(20),
        );
        if let Some(gpu) = self.gpu.filter(|_| self.rng.once_in(3)) {
            total.set(gpu, self.rng.below(5));
        }
        if self.rng.once_in(200) {
            total = Resources::new(u64::MAX, u64::MAX, 0, 10);
        }
        total
    }

    fn task(&mut self) -> TaskSpec {
        let mut resources = Resources::new(self.rng.below(30) * 100, self.rng.below(8) << 29, 0, 1);
        if let Some(gpu) = self.gpu.filter(|_| self.rng.once_in(6)) {
            resources.set(gpu, 1);
        }
        let name = if self.rng.once_in(20) { "again".into() } else { self.name("task") };
        TaskSpec::new(name, resources)
    }

    fn availability(&mut self) -> Availability {
        match self.rng.below(8) {
            0 => Availability::Cordoned,
            1 => Availability::Draining,
            _ => Availability::Open,
        }
    }

    fn filter_ms(&mut self) -> u64 {
        [0, 1_000, 5_000, u64::MAX].get(self.rng.below(4) as usize).copied().unwrap_or(0)
    }

    fn path(&mut self) -> Arc<str> {
        if self.rng.once_in(30) {
            return "-not/a role".into();
        }
        self.rng.pick(&PATHS).copied().unwrap_or("a").into()
    }

    fn paths(&mut self) -> Vec<Arc<str>> {
        (0..=self.rng.below(3)).map(|_| self.path()).collect()
    }

    fn name(&mut self, of: &str) -> Arc<str> {
        self.named += 1;
        format!("{of}-{}", self.named).into()
    }
}

/// What goes on in a round, which a refused claim may be preceded by.
fn is_round(event: &kubernel_kernel::Event) -> bool {
    use kubernel_kernel::Event::{Offered, Ranked, Sated};
    matches!(event, Offered { .. } | Ranked | Sated { .. })
}
