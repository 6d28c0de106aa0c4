//! The life of tasks and agents: what frameworks are told and agents are ordered, on virtual time.

use std::sync::Arc;

use kubernel_kernel::{
    Action, AgentId, Availability, Capabilities, Config, Deed, FrameworkId, Input, Kernel, Message, Millis, Mode,
    OfferId, Operation, Resources, RoleId, Running, Settings, Source, TaskSpec, TaskState, Update, invariants,
};

const AGENT: AgentId = AgentId(1);
const FRAMEWORK: FrameworkId = FrameworkId(1);

struct Cluster {
    kernel: Kernel,
    now: Millis,
}

/// One agent with a running task `t` of a framework that is aware of partitions or not.
fn cluster(partition_aware: bool, config: Config) -> Cluster {
    let mut cluster = Cluster { kernel: Kernel::new(config), now: Millis(0) };
    cluster.add_agent("agent");
    let roles = vec!["*".into()];
    cluster.give(Input::Subscribe { name: "f".into(), mode: Mode::Offers, roles, failover_ms: None });
    let capabilities = Capabilities { partition_aware, ..Capabilities::default() };
    let settings = Arc::new(Settings { capabilities, ..Settings::default() });
    cluster.give(Input::Configure { framework: FRAMEWORK, settings, failover_ms: None });
    let offers: Vec<OfferId> = cluster.kernel.state().offers().keys().copied().collect();
    let task = TaskSpec::new("t", Resources::new(1_000, 0, 0, 0));
    let operations = vec![Operation::silent(Action::Launch(vec![task]))];
    let said = cluster.give(Input::Accept { framework: FRAMEWORK, offers, operations, filter_ms: 1_000_000 });
    assert_eq!(said, ["a1: launch 1"]);
    cluster
}

impl Cluster {
    fn add_agent(&mut self, name: &str) {
        let total = Resources::new(4_000, 4 << 30, 0, 0);
        self.give(Input::AddAgent { name: name.into(), total, availability: Availability::Open });
    }

    /// What is said and ordered, in words; offers are not mentioned.
    fn give(&mut self, input: Input) -> Vec<String> {
        let mut step = self.kernel.step(self.now, input);
        let mut words = Vec::new();
        loop {
            invariants::check(self.kernel.state()).unwrap_or_else(|violation| panic!("{violation}"));
            words.extend(step.refused.iter().map(ToString::to_string));
            words.extend(step.orders.iter().filter_map(|order| {
                let agent = order.agent;
                Some(match &order.deed {
                    Deed::Launch { tasks, .. } => format!("{agent}: launch {}", tasks.len()),
                    Deed::Kill { name, reason, .. } => format!("{agent}: kill {name} {reason:?}"),
                    Deed::Acknowledge { name, uuid } => format!("{agent}: acknowledged {name} {uuid}"),
                    Deed::ShutdownFramework => format!("{agent}: shut down {}", order.framework),
                    _ => return None,
                })
            }));
            words.extend(step.sends.iter().filter_map(|send| match &send.message {
                Message::Task(status) => Some(format!("{} is {:?}, {:?}", status.name, status.state, status.reason)),
                Message::AgentLost(agent) => Some(format!("{agent} is lost")),
                Message::AskedBack { name, until } => Some(format!("{name} asked back until {}", until.0)),
                Message::InverseOffers(offers) => Some(format!("asked to leave by {offers:?}")),
                Message::InverseRescinded(offer) => Some(format!("{offer} void")),
                _ => None,
            }));
            if step.wake_at.is_none_or(|at| at > self.now) {
                return words;
            }
            step = self.kernel.step(self.now, Input::Tick);
        }
    }

    #[track_caller]
    fn check(&mut self, input: Input, expected: &[&str]) {
        let shown = format!("{input:?}");
        assert_eq!(self.give(input), expected, "{shown}");
    }

    fn report(&self, state: TaskState, uuid: Option<u128>) -> Input {
        let update = Update { state, source: Source::Executor, reason: None, message: None, uuid };
        Input::Report { agent: AGENT, framework: FRAMEWORK, name: "t".into(), update }
    }
}

fn reconcile(name: &str, agent: Option<&str>) -> Input {
    Input::Reconcile { framework: FRAMEWORK, tasks: vec![(name.into(), agent.map(Into::into))] }
}

fn everything() -> Input {
    Input::Reconcile { framework: FRAMEWORK, tasks: Vec::new() }
}

#[test]
fn ends_are_told_until_they_are_acknowledged() {
    let mut cluster = cluster(true, Config::default());
    cluster.check(cluster.report(TaskState::Running, Some(1)), &["t is Running, None"]);
    let acknowledge = |uuid| Input::Acknowledge { framework: FRAMEWORK, agent: AGENT, name: "t".into(), uuid };
    cluster.check(acknowledge(1), &["a1: acknowledged t 1"]);
    cluster.check(everything(), &["t is Running, Some(Reconciliation)"]);
    cluster.check(cluster.report(TaskState::Finished, Some(2)), &["t is Finished, None"]);
    assert!(cluster.kernel.state().tasks().is_empty(), "it holds nothing any more");
    cluster.check(everything(), &["t is Finished, Some(Reconciliation)"]);
    cluster.check(acknowledge(1), &["a1: acknowledged t 1"]);
    cluster.check(everything(), &["t is Finished, Some(Reconciliation)"]);
    cluster.check(cluster.report(TaskState::Finished, Some(3)), &["t is Finished, None"]);
    cluster.check(acknowledge(3), &["a1: acknowledged t 3"]);
    cluster.check(everything(), &[]);
}

#[test]
fn questions_about_tasks_have_answers() {
    for (aware, gone, away, unknown) in [(true, "Gone", "Unreachable", "Unknown"), (false, "Lost", "Lost", "Lost")] {
        let said = |state: &str| vec![format!("x is {state}, Some(Reconciliation)")];
        let mut cluster = cluster(aware, Config::default());
        assert_eq!(cluster.give(reconcile("x", Some("agent"))), said(gone));
        assert_eq!(cluster.give(reconcile("x", Some("nowhere"))), said(unknown));
        cluster.give(Input::LoseAgent { agent: AGENT });
        assert_eq!(cluster.give(reconcile("x", Some("agent"))), said(away));
        let kill = Input::Kill { framework: FRAMEWORK, name: "x".into(), agent: None, grace_ms: None };
        assert_eq!(cluster.give(kill), said(unknown));
    }
}

#[test]
fn agents_go_and_come_back_with_what_runs_on_them() {
    let config = Config { removal_ms_min: 10_000, ..Config::default() };
    let mut cluster = cluster(true, config);
    cluster.add_agent("other");
    cluster.now = Millis(5_000);
    cluster.check(Input::LoseAgent { agent: AGENT }, &["t is Unreachable, Some(AgentRemoved)", "a1 is lost"]);
    cluster.check(Input::LoseAgent { agent: AgentId(2) }, &[]);
    cluster.now = Millis(14_999);
    cluster.check(Input::Tick, &[]);
    cluster.now = Millis(15_000);
    cluster.check(Input::Tick, &["a2 is lost"]);
    assert_eq!(cluster.kernel.state().roles().used(), Resources::default());
    let running = |name: &str, framework| Running {
        framework: FrameworkId(framework),
        role: "*".into(),
        task: TaskSpec::new(name, Resources::new(1_000, 0, 0, 0)),
        state: TaskState::Running,
    };
    let total = Resources::new(4_000, 4 << 30, 0, 0);
    let register = |name: &str, tasks| Input::RegisterAgent {
        name: name.into(),
        total: total.clone(),
        traits: Arc::default(),
        tasks,
    };
    let tasks = vec![running("t", 1), running("u", 1), running("v", 7)];
    cluster.check(
        register("agent", tasks),
        &["a3: shut down f7", "t is Running, Some(AgentReregistered)", "u is Running, Some(AgentReregistered)"],
    );
    let back = |name: &str| vec![running(name, 1)];
    cluster.check(register("agent", back("u")), &["t is Dropped, Some(Reconciliation)"]);
    let gone = Input::MarkGone { name: "agent".into() };
    cluster.check(gone, &["a3: shut down f1", "u is GoneByOperator, Some(AgentRemovedByOperator)", "a3 is lost"]);
    cluster.check(register("agent", back("u")), &["the agent was marked gone"]);
    cluster.check(reconcile("u", None), &["u is GoneByOperator, Some(Reconciliation)"]);
}

#[test]
fn what_runs_on_an_agent_that_is_given_up_for_good_is_to_end() {
    for lost in [false, true] {
        let mut cluster = cluster(true, Config::default());
        if lost {
            cluster.give(Input::LoseAgent { agent: AGENT });
        }
        let said = cluster.give(Input::MarkGone { name: "agent".into() });
        assert_eq!(said[0], "a1: shut down f1", "{said:?}");
        cluster.check(Input::MarkGone { name: "agent".into() }, &[]);
    }
}

#[test]
fn kills_wait_for_agents_that_do_not_answer() {
    let mut cluster = cluster(true, Config::default());
    let kill = |name: &str| Input::Kill { framework: FRAMEWORK, name: name.into(), agent: None, grace_ms: None };
    cluster.check(Input::DisconnectAgent { agent: AGENT }, &[]);
    cluster.check(kill("t"), &[]);
    cluster.check(Input::ReconnectAgent { agent: AGENT }, &["a1: kill t None"]);
    cluster.check(everything(), &["t is Running, Some(Reconciliation)"]);
}

#[test]
fn agents_are_emptied_for_everybody() {
    let mut cluster = cluster(true, Config::default());
    let drain = Input::DrainAgent { agent: AGENT, grace_ms: Some(5), mark_gone: true };
    cluster.check(drain, &["a1: kill t Some(AgentDraining)"]);
    cluster.check(cluster.report(TaskState::Running, None), &["t is Running, None"]);
    cluster.check(cluster.report(TaskState::Killed, Some(9)), &["t is Killed, None"]);
    let acknowledge = Input::Acknowledge { framework: FRAMEWORK, agent: AGENT, name: "t".into(), uuid: 9 };
    cluster.check(acknowledge, &["a1: acknowledged t 9", "a1 is lost"]);
    assert!(cluster.kernel.state().absent().get("agent").is_some_and(|absent| absent.gone));
}

#[test]
fn agents_are_empty_when_nobody_is_left_to_be_told() {
    let mut cluster = cluster(true, Config::default());
    cluster.give(Input::DrainAgent { agent: AGENT, grace_ms: None, mark_gone: false });
    cluster.give(cluster.report(TaskState::Killed, Some(9)));
    let drained = |cluster: &Cluster| cluster.kernel.state().agents()[&AGENT].drain.is_some_and(|drain| drain.done);
    assert!(!drained(&cluster), "the framework does not know yet");
    cluster.give(Input::RemoveFramework { framework: FRAMEWORK });
    assert!(drained(&cluster));
}

#[test]
fn kills_outlive_late_updates_and_returns() {
    let mut cluster = cluster(true, Config::default());
    cluster.give(Input::Kill { framework: FRAMEWORK, name: "t".into(), agent: None, grace_ms: None });
    cluster.check(cluster.report(TaskState::Running, None), &["t is Running, None"]);
    let running = Running {
        framework: FRAMEWORK,
        role: "*".into(),
        task: TaskSpec::new("t", Resources::new(1_000, 0, 0, 0)),
        state: TaskState::Running,
    };
    let total = Resources::new(4_000, 4 << 30, 0, 0);
    let back = Input::RegisterAgent { name: "agent".into(), total, traits: Arc::default(), tasks: vec![running] };
    cluster.check(back, &["a1: kill t None"]);
}

#[test]
fn what_runs_in_a_role_that_was_left_brings_no_offers() {
    let mut cluster = cluster(true, Config::default());
    let running = Running {
        framework: FRAMEWORK,
        role: "left".into(),
        task: TaskSpec::new("old", Resources::new(1_000, 0, 0, 0)),
        state: TaskState::Running,
    };
    let total = Resources::new(4_000, 4 << 30, 0, 0);
    let other = Input::RegisterAgent { name: "other".into(), total, traits: Arc::default(), tasks: vec![running] };
    cluster.check(other, &["old is Running, Some(AgentReregistered)"]);
    let state = cluster.kernel.state();
    let role = state.roles().id("left").unwrap_or(RoleId::ROOT);
    let subscription = &state.frameworks()[&FRAMEWORK].subscriptions[&role];
    assert!(!subscription.joined && !subscription.used.is_zero());
    assert!(state.offers().values().all(|offer| offer.role != role));
}

#[test]
fn names_of_tasks_that_are_away_are_not_free() {
    let mut cluster = cluster(true, Config::default());
    cluster.add_agent("other");
    cluster.give(Input::LoseAgent { agent: AGENT });
    let offers: Vec<OfferId> = cluster.kernel.state().offers().keys().copied().collect();
    let task = TaskSpec::new("t", Resources::new(1_000, 0, 0, 0));
    let operations = vec![Operation::silent(Action::Launch(vec![task]))];
    let accept = Input::Accept { framework: FRAMEWORK, offers, operations, filter_ms: 0 };
    cluster.check(accept, &["t is Error, Some(TaskInvalid)"]);
    cluster.give(Input::MarkGone { name: "agent".into() });
    cluster.check(reconcile("t", None), &["t is GoneByOperator, Some(Reconciliation)"]);
    // Another of the name may go and come back now, and the first is still known.
    let register = |tasks| {
        let (total, traits) = (Resources::new(4_000, 4 << 30, 0, 0), Arc::default());
        Input::RegisterAgent { name: "other".into(), total, traits, tasks }
    };
    let (role, task) = ("*".into(), TaskSpec::new("t", Resources::new(1_000, 0, 0, 0)));
    cluster.give(register(vec![Running { framework: FRAMEWORK, role, task, state: TaskState::Running }]));
    cluster.give(Input::LoseAgent { agent: AgentId(2) });
    cluster.check(reconcile("t", None), &["t is Unreachable, Some(Reconciliation)"]);
    cluster.give(register(Vec::new()));
    cluster.check(reconcile("t", None), &["t is GoneByOperator, Some(Reconciliation)"]);
}

#[test]
fn agents_in_maintenance_are_asked_back() {
    let mut cluster = cluster(true, Config::default());
    let window = kubernel_kernel::Unavailability { start_ns: 1, duration_ns: None };
    let schedule = |unavailability| Input::ScheduleAgent { agent: AGENT, unavailability };
    cluster.check(schedule(Some(window)), &["asked to leave by [o3]"]);
    let answer =
        Input::AnswerInverse { framework: FRAMEWORK, offers: vec![OfferId(3)], accept: false, filter_ms: 9_000 };
    cluster.check(answer, &[]);
    cluster.now = Millis(9_000);
    cluster.check(Input::Tick, &["asked to leave by [o3]"]);
    cluster.check(schedule(None), &["o3 void"]);
}

#[test]
fn the_less_important_give_way_after_notice() {
    let mut cluster = cluster(true, Config::default());
    let needs = Resources::new(4_000, 0, 0, 0);
    let reclaim = |priority| {
        let (role, needs) = (RoleId(1), needs.clone());
        Input::Reclaim { role, agent: AGENT, needs, priority, notice_ms: 2_000 }
    };
    cluster.check(reclaim(0), &["not enough is free on the agent"]);
    cluster.check(reclaim(1), &["t asked back until 2000"]);
    cluster.check(reclaim(1), &[]);
    cluster.now = Millis(2_000);
    cluster.check(Input::Tick, &["a1: kill t Some(ContainerPreempted)"]);
}
