//! A world in which anything may happen at any time (`anything.rs`), and a replica that follows by events alone.

use std::{
    collections::HashSet,
    fmt,
    hash::Hasher,
    mem::{Discriminant, discriminant},
};

use kubernel_kernel::{
    Config, Event, Input, Kernel, Message, Millis, Refusal, Resources, State, Step, Turn, invariants,
};

use crate::{EventHash, Rng, anything::Kinds};

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
    /// Which kinds of events there were.
    pub seen: HashSet<Discriminant<Event>>,
}

/// A kind of world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Any input at any time ([`run`]).
    Anything,
    /// Masters, agents and frameworks on a network ([`crate::run_cluster`]).
    Cluster,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Anything => "anything",
            Self::Cluster => "cluster",
        })
    }
}

/// A run in which something did not hold.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The kind of world.
    pub world: Kind,
    /// The seed: the same run fails again.
    pub seed: u64,
    /// The step at which it failed.
    pub step: u64,
    /// What did not hold.
    pub what: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seed {} of world {} fails at step {}: {}", self.seed, self.world, self.step, self.what)
    }
}

impl std::error::Error for Failure {}

pub(crate) struct World {
    pub(crate) rng: Rng,
    now: Millis,
    pub(crate) kernel: Kernel,
    replica: State,
    pub(crate) kinds: Kinds,
    hash: EventHash,
    outcome: Outcome,
    pub(crate) named: u64,
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
    let outcome = Outcome { hash: 0, events: 0, started: 0, refused: 0, seen: HashSet::new() };
    let mut world = World {
        rng,
        now: Millis(0),
        kernel: Kernel::new(config),
        replica: State::default(),
        kinds: Kinds::default(),
        hash: EventHash::default(),
        outcome,
        named: 0,
        turn: None,
        wake_at: None,
    };
    let mut out = Step::default();
    world.name_kinds(&mut out);
    world.follow(&out).map_err(|what| Failure { world: Kind::Anything, seed, step: 0, what })?;
    for step in 0..steps {
        world.advance().map_err(|what| Failure { world: Kind::Anything, seed, step, what })?;
    }
    world.calm_down().map_err(|what| Failure { world: Kind::Anything, seed, step: steps, what })?;
    world.outcome.hash = world.hash.finish();
    Ok(world.outcome)
}

impl World {
    /// One thing happens, and all that follows from it at once.
    fn advance(&mut self) -> Result<(), String> {
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

    /// Lets time pass.
    pub(crate) fn tick_later(&mut self, ms: u64) -> Result<Step, String> {
        self.now = self.now.after_ms(ms);
        self.give(Input::Tick)
    }

    pub(crate) fn give(&mut self, input: Input) -> Result<Step, String> {
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
        self.follow(&step).map_err(|what| format!("{shown}: {what}"))?;
        Ok(step)
    }

    /// The replica follows event by event; nothing else than events may have changed the kernel.
    fn follow(&mut self, step: &Step) -> Result<(), String> {
        for event in &step.events {
            self.replica.apply(event);
            invariants::check(&self.replica).map_err(|violation| format!("after {event:?}: {violation}"))?;
            self.hash.add(event);
            self.outcome.events += 1;
            self.outcome.seen.insert(discriminant(event));
            match event {
                Event::Accepted { tasks, .. } => self.outcome.started += tasks.len() as u64,
                Event::Claimed { .. } => self.outcome.started += 1,
                _ => {}
            }
        }
        invariants::check_settled(&self.replica).map_err(|violation| violation.to_string())?;
        if self.replica != *self.kernel.state() {
            return Err("the replica differs: something changed without an event".to_owned());
        }
        Ok(())
    }
}

/// What goes on in a round, which a refused claim may be preceded by, or names that change nothing.
fn is_round(event: &Event) -> bool {
    use Event::{Offered, Ranked, ResourceNamed, Sated};
    matches!(event, Offered { .. } | Ranked | ResourceNamed { .. } | Sated { .. })
}
