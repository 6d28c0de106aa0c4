//! Offers and what frameworks answer, on virtual time. Each row is an input and all that happened, in words.

use kubernel_kernel::{
    Action, Availability, Closed, Config, Event, FrameworkId, Input, Kernel, Message, Millis, Mode, OfferId, Operation,
    Resources, RoleId, TaskSpec, TaskState, invariants,
};

struct Cluster {
    kernel: Kernel,
    now: Millis,
}

const FIRST: FrameworkId = FrameworkId(1);
const SECOND: FrameworkId = FrameworkId(2);
const ROLE: RoleId = RoleId(1);

impl Cluster {
    /// Agents a1, a2, … of so many CPUs; frameworks f1, f2, … all in role `*`.
    fn new(config: Config, agents: &[u64], frameworks: u32) -> Self {
        let mut cluster = Self { kernel: Kernel::new(config), now: Millis(0) };
        for (at, cpus) in agents.iter().enumerate() {
            let name = format!("agent-{at}").into();
            cluster.give(Input::AddAgent { name, total: cpu(*cpus), availability: Availability::Open });
        }
        for at in 0..frameworks {
            let name = format!("framework-{at}").into();
            let roles = vec!["*".into()];
            cluster.give(Input::Subscribe { name, mode: Mode::Offers, roles, failover_ms: Some(60_000) });
        }
        cluster
    }

    /// What an input and the rounds after it led to.
    fn give(&mut self, input: Input) -> Vec<String> {
        let mut step = self.kernel.step(self.now, input);
        let mut said = Vec::new();
        loop {
            said.extend(step.refused.iter().map(ToString::to_string));
            said.extend(step.events.iter().filter_map(words));
            said.extend(step.sends.iter().filter_map(|send| match &send.message {
                Message::Task(status) => Some(format!("{} hears {} is {:?}", send.to, status.name, status.state)),
                _ => None,
            }));
            invariants::check(self.kernel.state()).unwrap_or_else(|violation| panic!("{violation}"));
            if step.wake_at.is_none_or(|at| at > self.now) {
                return said;
            }
            step = self.kernel.step(self.now, Input::Tick);
        }
    }

    fn wait_ms(&mut self, ms: u64) -> Vec<String> {
        self.now = self.now.after_ms(ms);
        self.give(Input::Tick)
    }

    #[track_caller]
    fn check(&mut self, input: Input, expected: &[&str]) {
        let shown = format!("{input:?}");
        assert_eq!(self.give(input), expected, "{shown}");
    }

    #[track_caller]
    fn check_wait(&mut self, ms: u64, expected: &[&str]) {
        assert_eq!(self.wait_ms(ms), expected, "after {ms} ms more");
    }
}

fn words(event: &Event) -> Option<String> {
    let milli = |resources: &Resources| resources.get(kubernel_kernel::ResourceId::CPU);
    Some(match event {
        Event::Offered { offer, framework, agent, resources, .. } => {
            format!("{offer} offers {} of {agent} to {framework}", milli(resources))
        }
        Event::OfferClosed { offer, why: Closed::Declined } => format!("{offer} declined"),
        Event::OfferClosed { offer, why: Closed::Expired } => format!("{offer} expired"),
        Event::OfferClosed { offer, why: Closed::Rescinded } => format!("{offer} rescinded"),
        Event::Accepted { offers, tasks, .. } => {
            let names: Vec<&str> = tasks.iter().map(|task| &*task.name).collect();
            format!("{offers:?} accepted for {names:?}")
        }
        Event::TaskEnded { task, state } => format!("{task} ended {state:?}"),
        Event::FrameworkRemoved { framework } => format!("{framework} removed"),
        _ => return None,
    })
}

fn cpu(cpus: u64) -> Resources {
    Resources::new(cpus * 1_000, 0, 0, 0)
}

fn task(name: &str, cpus: u64) -> TaskSpec {
    TaskSpec::new(name, cpu(cpus))
}

fn decline(framework: FrameworkId, offer: u64, filter_ms: u64) -> Input {
    Input::Decline { framework, offers: vec![OfferId(offer)], filter_ms }
}

fn accept(framework: FrameworkId, offers: &[u64], tasks: Vec<TaskSpec>) -> Input {
    let offers = offers.iter().copied().map(OfferId).collect();
    let operations = vec![Operation::silent(Action::Launch(tasks))];
    Input::Accept { framework, offers, operations, filter_ms: 5_000 }
}

#[test]
fn offers_go_round_and_filters_keep_them_away() {
    let mut cluster = Cluster::new(Config::default(), &[4], 1);
    cluster.check_wait(0, &[]);
    cluster.check(decline(FIRST, 1, 5_000), &["o1 declined"]);
    cluster.check_wait(4_000, &[]);
    cluster.check_wait(1_000, &["o2 offers 4000 of a1 to f1"]);
    cluster.check(decline(FIRST, 2, 3_600_000), &["o2 declined"]);
    let revive = Input::Revive { framework: FIRST, roles: Vec::new() };
    cluster.check(revive.clone(), &["o3 offers 4000 of a1 to f1"]);
    cluster.check(Input::Suppress { framework: FIRST, roles: vec![ROLE] }, &[]);
    cluster.check(decline(FIRST, 3, 0), &["o3 declined"]);
    cluster.check_wait(60_000, &[]);
    cluster.check(revive, &["o4 offers 4000 of a1 to f1"]);
}

#[test]
fn what_one_declines_another_gets_and_more_than_was_declined_passes() {
    let mut cluster = Cluster::new(Config::default(), &[4], 2);
    cluster.check(decline(FIRST, 1, 60_000), &["o1 declined", "o2 offers 4000 of a1 to f2"]);
    cluster.check(accept(SECOND, &[2], vec![task("t", 3)]), &["[o2] accepted for [\"t\"]"]);
    let agent = kubernel_kernel::AgentId(1);
    let grow = Input::UpdateAgent { agent, total: cpu(9), availability: Availability::Open };
    cluster.check(grow, &["o3 offers 6000 of a1 to f1"]);
}

#[test]
fn tasks_get_what_they_ask_for_and_the_rest_goes_back() {
    let mut cluster = Cluster::new(Config::default(), &[4, 2], 1);
    let tasks = vec![task("a", 3), task("b", 2), task("a", 1), task("c", 1)];
    cluster.check(
        accept(FIRST, &[1], tasks),
        &["[o1] accepted for [\"a\", \"c\"]", "f1 hears b is Error", "f1 hears a is Error"],
    );
    cluster.check(
        accept(FIRST, &[1, 2], vec![task("d", 1)]),
        &["the offers are no longer valid", "o2 declined", "f1 hears d is Lost", "o3 offers 2000 of a2 to f1"],
    );
    let ended = Input::UpdateTask { task: kubernel_kernel::TaskId(1), state: TaskState::Finished };
    cluster.check(ended, &["t1 ended Finished", "o4 offers 3000 of a1 to f1"]);
    cluster.check(accept(FIRST, &[4], vec![task("c", 1)]), &["o4 declined", "f1 hears c is Error"]);
}

#[test]
fn several_offers_of_one_agent_are_taken_together() {
    let mut cluster = Cluster::new(Config::default(), &[4], 1);
    cluster.check(accept(FIRST, &[1], vec![task("a", 2), task("b", 2)]), &["[o1] accepted for [\"a\", \"b\"]"]);
    for (id, offer) in [(1, "o2 offers 2000 of a1 to f1"), (2, "o3 offers 2000 of a1 to f1")] {
        let ended = Input::UpdateTask { task: kubernel_kernel::TaskId(id), state: TaskState::Failed };
        cluster.check(ended, &[&format!("t{id} ended Failed"), offer]);
    }
    cluster.check(accept(FIRST, &[3, 2], vec![task("c", 4)]), &["[o2, o3] accepted for [\"c\"]"]);
}

#[test]
fn offers_expire_and_are_made_again() {
    let config = Config { offer_ms_max: Some(10_000), ..Config::default() };
    let mut cluster = Cluster::new(config, &[4], 2);
    cluster.check_wait(9_999, &[]);
    cluster.check_wait(1, &["o1 expired", "o2 offers 4000 of a1 to f2"]);
}

#[test]
fn offers_too_small_to_be_of_use_are_not_made() {
    let config = Config { offer_min: cpu(2), ..Config::default() };
    let mut cluster = Cluster::new(config, &[1, 2], 1);
    let held = cluster.kernel.state().offers().values().map(|offer| offer.agent.0).collect::<Vec<_>>();
    assert_eq!(held, [2]);
    cluster.check(accept(FIRST, &[1], vec![task("a", 1)]), &["[o1] accepted for [\"a\"]"]);
}

#[test]
fn agents_that_close_or_go_take_their_offers_and_tasks_with_them() {
    let mut cluster = Cluster::new(Config::default(), &[4, 4], 1);
    let agent = kubernel_kernel::AgentId(1);
    let cordon = Input::UpdateAgent { agent, total: cpu(4), availability: Availability::Cordoned };
    cluster.check(cordon, &["o1 rescinded"]);
    cluster.check(accept(FIRST, &[2], vec![task("a", 4)]), &["[o2] accepted for [\"a\"]"]);
    let gone = Input::RemoveAgent { agent: kubernel_kernel::AgentId(2) };
    cluster.check(gone, &["t1 ended Lost", "f1 hears a is Lost"]);
    let open = Input::UpdateAgent { agent, total: cpu(4), availability: Availability::Open };
    cluster.check(open, &["o3 offers 4000 of a1 to f1"]);
}

#[test]
fn a_framework_may_come_back_in_time() {
    let mut cluster = Cluster::new(Config::default(), &[4, 4], 1);
    cluster.check(accept(FIRST, &[1], vec![task("a", 4)]), &["[o1] accepted for [\"a\"]"]);
    cluster.check(Input::Disconnect { framework: FIRST }, &["o2 rescinded"]);
    cluster.check_wait(59_999, &[]);
    let back = Input::Resubscribe { framework: FIRST, roles: vec!["*".into()] };
    cluster.check(back.clone(), &["o3 offers 4000 of a2 to f1"]);
    cluster.check_wait(120_000, &[]);
    cluster.check(Input::Disconnect { framework: FIRST }, &["o3 rescinded"]);
    cluster.check_wait(60_000, &["t1 ended Killed", "f1 removed"]);
    cluster.check(back, &["no such framework"]);
}

#[test]
fn who_holds_offers_and_uses_none_waits_for_all_others() {
    let config = Config { offer_ms_max: Some(10_000), ..Config::default() };
    let revive = |framework| Input::Revive { framework, roles: Vec::new() };
    // f2 has a task, and thus always more than f1, which holds what it gets until it is taken back and asks for more.
    let mut cluster = Cluster::new(config, &[4], 2);
    cluster.check(decline(FIRST, 1, 1_000), &["o1 declined", "o2 offers 4000 of a1 to f2"]);
    cluster.check(accept(SECOND, &[2], vec![task("t", 1)]), &["[o2] accepted for [\"t\"]"]);
    cluster.check_wait(1_000, &["o3 offers 3000 of a1 to f1"]);
    cluster.check(revive(SECOND), &[]);
    cluster.check_wait(10_000, &["o3 expired", "o4 offers 3000 of a1 to f2"]);
    cluster.check(revive(FIRST), &[]);
    cluster.check(decline(SECOND, 4, 60_000), &["o4 declined"]);
    cluster.check(revive(FIRST), &[]);
    cluster.check(Input::Resubscribe { framework: FIRST, roles: vec!["*".into()] }, &[]);
    cluster.check_wait(9_000, &[]);
    cluster.check_wait(1_000, &["o5 offers 3000 of a1 to f1"]);
    let ended = Input::UpdateTask { task: kubernel_kernel::TaskId(1), state: TaskState::Finished };
    cluster.check(ended, &["t1 ended Finished", "o6 offers 1000 of a1 to f1"]);
}

#[test]
fn offers_hold_no_more_than_was_asked_for() {
    let mut cluster = Cluster::new(Config::default(), &[8], 1);
    let request = |cpus: u64, memory| {
        let wish = Resources::new(cpus * 1_000, memory, 0, 0);
        Input::Request { framework: FIRST, role: ROLE, wish }
    };
    cluster.check(request(3, 0), &[]);
    cluster.check(decline(FIRST, 1, 0), &["o1 declined"]);
    cluster.check_wait(1_000, &["o2 offers 3000 of a1 to f1"]);
    cluster.check(accept(FIRST, &[2], vec![task("a", 2)]), &["[o2] accepted for [\"a\"]"]);
    cluster.check_wait(5_000, &["o3 offers 1000 of a1 to f1"]);
    // What was asked for is there: from now on whatever comes.
    cluster
        .check(accept(FIRST, &[3], vec![task("b", 1)]), &["[o3] accepted for [\"b\"]", "o4 offers 5000 of a1 to f1"]);
}
