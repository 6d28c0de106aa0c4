//! Large clusters, for the benchmark: worlds to build and work to do in them. Who measures brings the clock.

use std::sync::Arc;

use kubernel_kernel::{
    Action, AgentId, Availability, Config, FrameworkId, Input, Kernel, Kind, Millis, Mode, Operation, Ranges,
    ResourceId, Resources, RoleId, Running, Shape, Source, Step, TaskSpec, TaskState, Turn, Update,
};

/// A cluster in which one framework wants tasks placed for many roles.
#[derive(Debug)]
pub struct Placements {
    kernel: Kernel,
    agents: u32,
    turn: Option<Turn>,
    placed: u64,
}

/// A cluster in which many frameworks wait for offers.
#[derive(Debug)]
pub struct Round {
    kernel: Kernel,
}

/// A cluster of this many machines, roles, and slots that each role wants.
pub fn placements(agents: u32, roles: u32, slots: u32) -> Placements {
    let mut kernel = with_agents(agents);
    let paths: Vec<Arc<str>> = (0..roles).map(|at| format!("role-{at}").into()).collect();
    for (path, weight) in paths.iter().zip(1u32..) {
        kernel.step(Millis(0), Input::SetRole { path: path.clone(), weight_milli: 1_000 + weight % 3 * 500 });
    }
    let subscribe = Input::Subscribe { name: "pods".into(), mode: Mode::Claims, roles: paths, failover_ms: None };
    kernel.step(Millis(0), subscribe);
    let pairs: Vec<_> = kernel
        .state()
        .frameworks()
        .iter()
        .flat_map(|(framework, found)| found.subscriptions.keys().map(|role| (*framework, *role)))
        .collect();
    for (framework, role) in pairs {
        kernel.step(Millis(0), Input::Demand { framework, role, slots });
    }
    let turn = kernel.step(Millis(0), Input::Tick).turn;
    Placements { kernel, agents, turn, placed: 0 }
}

impl Placements {
    /// Places up to this many tasks, round robin over the machines; returns how many it placed.
    pub fn place(&mut self, tasks: u64) -> u64 {
        let before = self.placed;
        while let Some(turn) = self.turn {
            if self.placed - before == tasks {
                break;
            }
            let agent = AgentId(1 + u32::try_from(self.placed % u64::from(self.agents)).unwrap_or(0));
            let name: Arc<str> = format!("task-{}", self.placed).into();
            let task = TaskSpec::new(name, Resources::new(100, 128 << 20, 0, 1));
            let step =
                self.kernel.step(Millis(0), Input::Claim { framework: turn.framework, role: turn.role, agent, task });
            self.turn = step.turn;
            self.placed += u64::from(step.refused.is_none());
            if step.refused.is_some() {
                break;
            }
        }
        self.placed - before
    }
}

/// A cluster of this many machines and frameworks, each framework in a role of its own when `own_roles`, else all in `*`.
pub fn round(agents: u32, frameworks: u32, own_roles: bool) -> Round {
    let mut kernel = with_agents(agents);
    for at in 0..frameworks {
        let role: Arc<str> = if own_roles { format!("role-{at}").into() } else { "*".into() };
        let subscribe = Input::Subscribe {
            name: format!("framework-{at}").into(),
            mode: Mode::Offers,
            roles: vec![role],
            failover_ms: None,
        };
        kernel.step(Millis(0), subscribe);
    }
    Round { kernel }
}

impl Round {
    /// One allocation round; returns how many offers it made.
    pub fn run(&mut self) -> usize {
        self.kernel.step(Millis(0), Input::Tick);
        self.kernel.state().offers().len()
    }

    /// Every framework declines all it was offered, and does not want to see it again soon.
    pub fn decline_all(&mut self) {
        let held: Vec<_> = self
            .kernel
            .state()
            .frameworks()
            .iter()
            .map(|(framework, found)| (*framework, found.offers.iter().copied().collect::<Vec<_>>()))
            .collect();
        for (framework, offers) in held {
            self.kernel.step(Millis(0), Input::Decline { framework, offers, filter_ms: 3_600_000 });
        }
    }
}

/// A cluster as `HierarchicalAllocator_BENCHMARK_Test.DeclineOffers` of Mesos has it: two thirds of each agent in use, the
/// ports with holes, all frameworks in `*`.
pub fn decline_offers(agents: u32, frameworks: u32) -> Round {
    let mut kernel = Kernel::new(Config::default());
    let ports = Kind { shape: Shape::Ranges, ..Kind::plain("ports") };
    let ports = kernel.kind(&ports, &mut Step::default()).unwrap_or(ResourceId::PODS);
    let mut total = Resources::new(24_000, 4096 << 20, 4096 << 20, 0);
    total.set_items(ports, Ranges::interval(31_000, 32_000));
    let mut used = Resources::new(16_000, 2014 << 20, 1024 << 20, 0);
    used.set_items(ports, (0..16).map(|at| (31_000 + at * 50, 31_010 + at * 50)).collect());
    for at in 0..frameworks {
        let name = format!("framework-{at}").into();
        let roles = vec!["*".into()];
        kernel.step(Millis(0), Input::Subscribe { name, mode: Mode::Offers, roles, failover_ms: None });
    }
    let role = kernel.state().roles().id("*").unwrap_or(RoleId::ROOT);
    for at in 0..agents {
        let (name, total) = (format!("agent-{at}").into(), total.clone());
        kernel.step(Millis(0), Input::AddAgent { name, total, availability: Availability::Open });
        let framework = FrameworkId(1 + at % frameworks);
        let (task, agent) = (TaskSpec::new(format!("task-{at}"), used.clone()), AgentId(1 + at));
        kernel.step(Millis(0), Input::Adopt { framework, role, agent, task, state: TaskState::Running });
    }
    Round { kernel }
}

/// A kernel that has just started and knows its frameworks, and agents that tell it what they run.
#[derive(Debug)]
pub struct Registrations {
    kernel: Kernel,
    inputs: Vec<Input>,
}

/// So many agents, each with so many tasks of ten frameworks.
pub fn registrations(agents: u32, tasks: u32) -> Registrations {
    let mut kernel = Kernel::new(Config::default());
    for at in 1..=10 {
        let (framework, name) = (FrameworkId(at), format!("framework-{at}").into());
        let input = Input::RecoverFramework { framework, name, mode: Mode::Offers, failover_ms: None };
        kernel.step(Millis(0), input);
    }
    let role: Arc<str> = "*".into();
    let running = |agent: u32, at: u32| Running {
        framework: FrameworkId(1 + at % 10),
        role: role.clone(),
        task: TaskSpec::new(format!("task-{agent}-{at}"), Resources::new(100, 64 << 20, 0, 0)),
        state: TaskState::Running,
    };
    let input = |agent: u32| Input::RegisterAgent {
        name: format!("agent-{agent}").into(),
        total: Resources::new(24_000, 64 << 30, 100 << 30, 0),
        traits: Arc::default(),
        tasks: (0..tasks).map(|at| running(agent, at)).collect(),
    };
    Registrations { kernel, inputs: (0..agents).map(input).collect() }
}

impl Registrations {
    /// Every agent registers; returns how many tasks there are then.
    pub fn run(&mut self) -> usize {
        for input in self.inputs.drain(..) {
            self.kernel.step(Millis(0), input);
        }
        self.kernel.state().tasks().len()
    }
}

fn with_agents(agents: u32) -> Kernel {
    let mut kernel = Kernel::new(Config::default());
    for at in 0..agents {
        let total = Resources::new(24_000, 64 << 30, 100 << 30, 110);
        let name = format!("agent-{at}").into();
        kernel.step(Millis(0), Input::AddAgent { name, total, availability: Availability::Open });
    }
    kernel
}

/// A framework that launches tasks on offers, in answers of so many at a time, has them run and end, and acknowledges.
#[derive(Debug)]
pub struct Launches {
    kernel: Kernel,
    per_answer: u32,
    named: u64,
}

/// A cluster of so many machines and one framework that launches so many tasks in each answer.
pub fn launches(agents: u32, per_answer: u32) -> Launches {
    let mut kernel = with_agents(agents);
    let (name, roles) = ("launcher".into(), vec!["*".into()]);
    kernel.step(Millis(0), Input::Subscribe { name, mode: Mode::Offers, roles, failover_ms: None });
    Launches { kernel, per_answer, named: 0 }
}

impl Launches {
    /// Launches at least so many tasks; each starts, ends and is acknowledged. Returns how many it launched.
    pub fn run(&mut self, tasks: u64) -> u64 {
        let before = self.named;
        let one = Resources::new(100, 128 << 20, 0, 0);
        while self.named - before < tasks {
            self.kernel.step(Millis(0), Input::Tick);
            let open: Vec<_> = self.kernel.state().offers().iter().map(|(id, offer)| (*id, offer.agent)).collect();
            if open.is_empty() {
                break;
            }
            for (offer, agent) in open {
                let names: Vec<Arc<str>> =
                    (0..self.per_answer).map(|at| format!("task-{}", self.named + u64::from(at)).into()).collect();
                self.named += u64::from(self.per_answer);
                let specs = names.iter().map(|name| TaskSpec::new(name.clone(), one.clone())).collect();
                self.kernel.step(
                    Millis(0),
                    Input::Accept {
                        framework: FrameworkId(1),
                        offers: vec![offer],
                        operations: vec![Operation::silent(Action::Launch(specs))],
                        filter_ms: 0,
                    },
                );
                for (name, uuid) in names.iter().zip(1u128..) {
                    self.live(agent, name, uuid);
                }
            }
        }
        self.named - before
    }

    fn live(&mut self, agent: AgentId, name: &Arc<str>, uuid: u128) {
        let framework = FrameworkId(1);
        for (state, uuid) in [(TaskState::Running, uuid), (TaskState::Finished, uuid << 64)] {
            let update = Update { state, source: Source::Executor, reason: None, message: None, uuid: Some(uuid) };
            self.kernel.step(Millis(0), Input::Report { agent, framework, name: name.clone(), update });
            self.kernel.step(Millis(0), Input::Acknowledge { framework, agent, name: name.clone(), uuid });
        }
    }
}
