//! The things that may happen in a [`crate::world`]: any input at any time, sensible or not.

use std::sync::Arc;

use kubernel_kernel::{
    Action, AgentId, Attribute, Availability, Capabilities, Constraint, Constraints, Disk, DiskSource, Domain,
    ExecutorSpec, FrameworkId, Input, Kind, Lacks, Mode, OfferId, Operation, Pattern, Predicate, Quota, Ranges,
    Reservation, ResourceId, Resources, RoleId, Running, Selector, Settings, Shape, Sorter, Source, SourceForm, Step,
    TaskId, TaskSpec, TaskState, Traits, Unavailability, Update, Volume,
};

use crate::world::World;

/// Agents of a world at most; small, so that everything collides.
const AGENTS: usize = 12;
/// Frameworks of a world at most.
const FRAMEWORKS: usize = 6;
const PATHS: [&str; 8] = ["a", "b", "a/x", "a/y", "a/x/deep", "c", "*", "teams/web"];

/// The resources of a world besides those that every cluster has.
#[derive(Clone, Debug, Default)]
pub(crate) struct Kinds {
    gpu: Option<ResourceId>,
    ports: Option<ResourceId>,
    /// CPU, and what it is with one and two reservations, and what may be taken back.
    cpus: Vec<ResourceId>,
    /// A reserved disk, and volumes on it.
    disk: Option<ResourceId>,
    volumes: Vec<ResourceId>,
}

impl World {
    /// Gives the resources of this world their numbers.
    pub(crate) fn name_kinds(&mut self, out: &mut Step) {
        let reservation =
            |role: &str, dynamic| Reservation { dynamic, role: role.into(), principal: None, labels: Vec::new() };
        let kernel = &mut self.kernel;
        let mut kind = |kind: Kind| kernel.kind(&kind, out);
        let own = reservation("a", true);
        let kept = Kind { reservations: vec![reservation("a", false)], ..Kind::plain("cpu") };
        let reserved = Kind { reservations: vec![own.clone()], ..Kind::plain("cpu") };
        let refined = Kind { reservations: vec![own.clone(), reservation("a/x", true)], ..Kind::plain("cpu") };
        let spare = Kind { revocable: true, ..Kind::plain("cpu") };
        let source = DiskSource { form: SourceForm::Path, root: Some("/mnt".into()), id: None, profile: None };
        let disk = |volume| Disk { volume, source: Some(source.clone()) };
        let bare = Kind { reservations: vec![own], disk: Some(disk(None)), ..Kind::plain("ephemeral-storage") };
        let volume = |id: &str| {
            let (id, container_path) = (id.into(), "data".into());
            let volume = Volume { id, principal: None, container_path, read_only: false };
            Kind { disk: Some(disk(Some(volume))), ..bare.clone() }
        };
        self.kinds = Kinds {
            gpu: kind(Kind::plain("example.com/gpu")),
            ports: kind(Kind { shape: Shape::Ranges, ..Kind::plain("ports") }),
            cpus: [kept, reserved, refined, spare].into_iter().filter_map(&mut kind).collect(),
            disk: kind(bare.clone()),
            volumes: [volume("v1"), volume("v2"), Kind { shared: true, ..volume("v3") }]
                .into_iter()
                .filter_map(&mut kind)
                .collect(),
        };
    }

    pub(crate) fn anything(&mut self) -> Input {
        let agents: Vec<AgentId> = self.kernel.state().agents().keys().copied().collect();
        let frameworks: Vec<FrameworkId> = self.kernel.state().frameworks().keys().copied().collect();
        let agent = self.rng.pick(&agents).copied().unwrap_or(AgentId(9_999));
        let framework = self.rng.pick(&frameworks).copied().unwrap_or(FrameworkId(9_999));
        let role = self.role_of(framework);
        match self.rng.below(60) {
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
            22..=28 => {
                let (offers, filter_ms) = (self.offers_of(framework), self.filter_ms());
                let operations = (0..self.rng.below(3)).map(|_| self.operation(&offers)).collect();
                Input::Accept { framework, offers, operations, filter_ms }
            }
            29..=30 => Input::Decline { framework, offers: self.offers_of(framework), filter_ms: self.filter_ms() },
            31 => Input::Revive { framework, roles: Vec::new() },
            32 => Input::Suppress { framework, roles: vec![role] },
            33..=35 => Input::Configure { framework, settings: Arc::new(self.settings()), failover_ms: Some(2_000) },
            36..=37 => self.quota(),
            38 => Input::Request { framework, role, wish: self.some(6) },
            39 => Input::DescribeAgent { agent, traits: Arc::new(self.traits()) },
            40..=48 => self.life(framework, agent),
            49..=50 => self.partition(agent),
            _ => {
                let tasks: Vec<TaskId> = self.kernel.state().tasks().keys().copied().collect();
                let task = self.rng.pick(&tasks).copied().unwrap_or(TaskId(9_999));
                Input::UpdateTask { task, state: self.task_state() }
            }
        }
    }

    pub(crate) fn claim(&mut self, framework: FrameworkId, role: RoleId) -> Input {
        let agents: Vec<AgentId> = self.kernel.state().agents().keys().copied().collect();
        let agent = self.rng.pick(&agents).copied().unwrap_or(AgentId(9_999));
        let task = self.task();
        Input::Claim { framework, role, agent, task }
    }

    /// What goes on with tasks, executors and maintenance.
    fn life(&mut self, framework: FrameworkId, agent: AgentId) -> Input {
        let (name, there, executor) = self.some_task(framework);
        let agent = if self.rng.once_in(10) { agent } else { there.unwrap_or(agent) };
        let uuid = u128::from(self.rng.below(4));
        match self.rng.below(14) {
            0..=3 => {
                let uuid = self.rng.once_in(2).then_some(uuid);
                let update =
                    Update { state: self.task_state(), source: Source::Executor, reason: None, message: None, uuid };
                Input::Report { agent, framework, name, update }
            }
            4..=5 => Input::Acknowledge { framework, agent, name, uuid },
            6 => Input::Kill { framework, name, agent: Some(agent), grace_ms: None },
            7 => Input::ExecutorExited { framework, agent, executor, status: 256 },
            8 => Input::Reconcile { framework, tasks: Vec::new() },
            9 => Input::Reconcile { framework, tasks: vec![(name, None), ("never".into(), Some("agent-1".into()))] },
            10 => {
                let (needs, role, priority) = (self.some(8), self.role_of(framework), self.rng.below(5) as i32);
                Input::Reclaim { role, agent, needs, priority, notice_ms: self.filter_ms() }
            }
            11 => {
                let unavailability = Unavailability { start_ns: 1, duration_ns: None };
                Input::ScheduleAgent { agent, unavailability: self.rng.once_in(2).then_some(unavailability) }
            }
            12 => {
                let open: Vec<OfferId> = self.kernel.state().inverse_offers().keys().copied().collect();
                let offers = self.rng.pick(&open).copied().into_iter().collect();
                Input::AnswerInverse { framework, offers, accept: true, filter_ms: self.filter_ms() }
            }
            _ => Input::Shutdown { framework, agent, executor },
        }
    }

    /// What goes on with agents and the network.
    fn partition(&mut self, agent: AgentId) -> Input {
        let name =
            self.kernel.state().agents().get(&agent).map_or_else(|| "agent-1".into(), |found| found.name.clone());
        let away: Vec<Arc<str>> = self.kernel.state().absent().keys().cloned().collect();
        match self.rng.below(12) {
            0 => Input::DisconnectAgent { agent },
            1 => Input::ReconnectAgent { agent },
            2..=3 => Input::LoseAgent { agent },
            4 if self.rng.once_in(2) => Input::MarkGone { name },
            5..=6 => {
                let name = self.rng.pick(&away).cloned().unwrap_or(name);
                let tasks = self.running(&name);
                Input::RegisterAgent { name, total: self.machine(), traits: Arc::default(), tasks }
            }
            7 => Input::DrainAgent { agent, grace_ms: Some(1_000), mark_gone: self.rng.once_in(3) },
            8..=9 => Input::ReactivateAgent { agent },
            10 => {
                let seed = self.rng.below(9);
                Input::SetSorter { sorter: if seed < 5 { Sorter::Fair } else { Sorter::Random { seed } } }
            }
            _ => {
                let operation = self.operation(&[]);
                Input::Operate { agent, operation }
            }
        }
    }

    /// What an agent may say that it runs: some of what ran on it, and something that nobody knows.
    fn running(&mut self, name: &Arc<str>) -> Vec<Running> {
        let state = self.kernel.state();
        let known = state.absent().get(name).map(|absent| absent.tasks.values().cloned().collect::<Vec<_>>());
        let here = || {
            let agent = state.agents().get(&state.agent_id(name)?)?;
            Some(agent.tasks.iter().filter_map(|id| state.tasks().get(id)).cloned().collect())
        };
        let tasks = known.or_else(here).unwrap_or_default();
        let mut running: Vec<Running> = Vec::new();
        for task in tasks {
            if self.rng.once_in(4) {
                continue;
            }
            let mut spec = TaskSpec::new(task.name.clone(), task.resources.clone());
            spec.executor.clone_from(&task.executor);
            running.push(Running {
                framework: task.framework,
                role: self.path(),
                task: spec,
                state: self.task_state(),
            });
        }
        if self.rng.once_in(3) {
            let (framework, role) = (FrameworkId(self.rng.below(8) as u32), self.path());
            running.push(Running { framework, role, task: self.task(), state: TaskState::Running });
        }
        running
    }

    fn operation(&mut self, offers: &[OfferId]) -> Operation {
        let held = offers.first().and_then(|id| self.kernel.state().offers().get(id)).map(|o| o.resources.clone());
        let id = self.rng.once_in(3).then(|| self.name("operation"));
        let volume = self.rng.pick(&self.kinds.volumes.clone()).copied().unwrap_or(ResourceId::CPU);
        let amount = self.rng.below(3) << 29;
        let action = match self.rng.below(14) {
            0 => Action::Reserve(self.of(1 + self.rng.clone().below(2) as usize, 1_000)),
            1 => Action::Unreserve(self.of(1 + self.rng.clone().below(2) as usize, 1_000)),
            2 => Action::Create([(volume, 1 << 29)].into_iter().collect()),
            3 => {
                let size = held.as_ref().map_or(1 << 29, |held| held.get(volume));
                Action::Destroy([(volume, size)].into_iter().collect())
            }
            4 => {
                let addition = self.kinds.disk.map(|disk| (disk, amount)).into_iter().collect();
                Action::Grow { volume, addition }
            }
            5 => Action::Shrink { volume, less: amount / 2 },
            6 => {
                let executor = self.executor();
                Action::LaunchGroup { executor, tasks: (0..self.rng.below(3)).map(|_| self.task()).collect() }
            }
            7 => {
                let mut task = self.task();
                task.resources = held.unwrap_or_default();
                Action::Launch(vec![task])
            }
            _ => Action::Launch((0..self.rng.below(4)).map(|_| self.task()).collect()),
        };
        Operation { id, action }
    }

    /// Some of one of the kinds of CPU.
    fn of(&self, which: usize, amount: u64) -> Resources {
        self.kinds.cpus.get(which).map(|id| (*id, amount)).into_iter().collect()
    }

    fn quota(&mut self) -> Input {
        let path = self.path();
        let guarantee = if self.rng.once_in(2) { self.some(3) } else { Resources::default() };
        let limits = [(ResourceId::CPU, self.rng.below(20) * 1_000)].into_iter().take(self.rng.below(2) as usize);
        let quota = Quota { guarantee, limits: limits.collect() };
        let quota = (!self.rng.once_in(3)).then_some(quota);
        Input::SetQuota { path, quota, force: self.rng.once_in(3) }
    }

    fn settings(&mut self) -> Settings {
        let mut yes = || !self.rng.once_in(4);
        let capabilities = Capabilities {
            revocable_resources: yes(),
            task_killing_state: yes(),
            gpu_resources: yes(),
            shared_resources: yes(),
            partition_aware: yes(),
            multi_role: yes(),
            reservation_refinement: yes(),
            region_aware: yes(),
        };
        let mut settings = Settings { capabilities, ..Settings::default() };
        if self.rng.once_in(4) {
            let predicate = match self.rng.below(4) {
                0 => Predicate::Exists,
                1 => Predicate::NotExists,
                2 => Predicate::TextEquals("x".into()),
                _ => Pattern::new("x+").map_or(Predicate::Exists, Predicate::TextMatches),
            };
            let selector = if self.rng.once_in(2) { Selector::Zone } else { Selector::Attribute("rack".into()) };
            let constraints = Constraints(vec![vec![Constraint { selector, predicate }]]);
            settings.constraints.insert(self.path(), constraints);
        }
        if self.rng.once_in(6) {
            settings.offer_min.insert(self.path(), vec![self.some(4)]);
        }
        settings
    }

    fn traits(&mut self) -> Traits {
        let domain = Domain { region: "here".into(), zone: if self.rng.once_in(2) { "x" } else { "y" }.into() };
        let attributes = vec![("rack".into(), Attribute::Text("xx".into())), ("size".into(), Attribute::Scalar(1))];
        let lacks = Lacks { hierarchical_role: self.rng.once_in(5), ..Lacks::default() };
        Traits { hostname: None, attributes, domain: self.rng.once_in(2).then_some(domain), lacks }
    }

    pub(crate) fn role_of(&mut self, framework: FrameworkId) -> RoleId {
        let found = self.kernel.state().frameworks().get(&framework);
        let roles: Vec<RoleId> = found.map_or_else(Vec::new, |f| f.subscriptions.keys().copied().collect());
        self.rng.pick(&roles).copied().unwrap_or(RoleId(9_999))
    }

    /// A task of a framework, or a name of none, where it is, and an executor there.
    fn some_task(&mut self, framework: FrameworkId) -> (Arc<str>, Option<AgentId>, Arc<str>) {
        let state = self.kernel.state();
        let own: Vec<_> = state.tasks().values().filter(|task| task.framework == framework).collect();
        let ended = state.frameworks().get(&framework).map(|found| &found.unacknowledged);
        let ended: Vec<_> = ended.into_iter().flatten().map(|(name, end)| (name.clone(), end.agent)).collect();
        if let Some((name, agent)) = self.rng.pick(&ended).filter(|_| self.rng.clone().once_in(3)) {
            return (name.clone(), Some(*agent), "executor-1".into());
        }
        match self.rng.pick(&own) {
            Some(task) => {
                let executor = task.executor.as_ref().map_or_else(|| "executor-1".into(), |spec| spec.name.clone());
                (task.name.clone(), Some(task.agent), executor)
            }
            None => ("nobody".into(), None, "executor-1".into()),
        }
    }

    /// Some offers of a framework: mostly one, now and then several, foreign or unknown ones.
    fn offers_of(&mut self, framework: FrameworkId) -> Vec<OfferId> {
        let all: Vec<OfferId> = self.kernel.state().offers().keys().copied().collect();
        let found = self.kernel.state().frameworks().get(&framework);
        let own: Vec<OfferId> = found.map_or_else(Vec::new, |found| found.offers.iter().copied().collect());
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
        if let Some(gpu) = self.kinds.gpu.filter(|_| self.rng.once_in(3)) {
            total.set(gpu, self.rng.below(5));
        }
        if let Some(ports) = self.kinds.ports.filter(|_| self.rng.once_in(3)) {
            total.set_items(ports, Ranges::interval(31_000, 31_000 + self.rng.below(20)));
        }
        for id in self.kinds.cpus.clone().into_iter().chain(self.kinds.disk) {
            if self.rng.once_in(5) {
                total.set(id, self.rng.below(4) << 29);
            }
        }
        if self.rng.once_in(200) {
            total = Resources::new(u64::MAX, u64::MAX, 0, 10);
        }
        total
    }

    /// Up to so many CPUs, and memory as it goes with them.
    fn some(&mut self, cpus: u64) -> Resources {
        Resources::new(self.rng.below(cpus + 1) * 1_000, self.rng.below(4) << 30, 0, 0)
    }

    fn task(&mut self) -> TaskSpec {
        let mut resources = Resources::new(self.rng.below(30) * 100, self.rng.below(8) << 29, 0, 1);
        if let Some(gpu) = self.kinds.gpu.filter(|_| self.rng.once_in(6)) {
            resources.set(gpu, 1);
        }
        if let Some(ports) = self.kinds.ports.filter(|_| self.rng.once_in(6)) {
            let begin = 31_000 + self.rng.below(20);
            resources.set_items(ports, Ranges::interval(begin, begin + self.rng.below(3)));
        }
        if let Some(volume) = self.kinds.volumes.last().copied().filter(|_| self.rng.once_in(10)) {
            resources.set(volume, 1 << 29);
        }
        let name = if self.rng.once_in(20) { "again".into() } else { self.name("task") };
        let mut task = TaskSpec::new(name, resources);
        task.executor = self.rng.once_in(4).then(|| self.executor());
        task.priority = self.rng.below(4) as i32;
        task
    }

    fn executor(&mut self) -> Arc<ExecutorSpec> {
        let name = format!("executor-{}", self.rng.below(3)).into();
        let digest = u64::from(self.rng.once_in(8));
        Arc::new(ExecutorSpec { name, resources: Resources::new(100, 32 << 20, 0, 0), digest })
    }

    fn task_state(&mut self) -> TaskState {
        let states = [TaskState::Running, TaskState::Finished, TaskState::Failed, TaskState::Killed];
        self.rng.pick(&states).copied().unwrap_or(TaskState::Lost)
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
