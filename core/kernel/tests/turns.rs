//! Whose turn it is: weighted dominant shares over the tree of roles.

use kubernel_kernel::{
    AgentId, Availability, Config, FrameworkId, Input, Kernel, Millis, Mode, Refusal, Resources, RoleId, Share,
    TaskSpec, TaskState, invariants, limits::TURN_MS_MAX,
};

const NOW: Millis = Millis(0);
const FRAMEWORK: FrameworkId = FrameworkId(1);
const AGENT: AgentId = AgentId(1);

/// One machine of 100 CPUs and 100 GiB, and a framework that claims, in these roles of these weights.
fn cluster(roles: &[(&str, u32)]) -> Kernel {
    let mut kernel = Kernel::new(Config::default());
    let total = Resources::new(100_000, 100 << 30, 0, 1_000);
    kernel.step(NOW, Input::AddAgent { name: "agent".into(), total, availability: Availability::Open });
    for (path, weight_milli) in roles {
        kernel.step(NOW, Input::SetRole { path: (*path).into(), weight_milli: *weight_milli });
    }
    let roles = roles.iter().map(|(path, _)| (*path).into()).collect();
    kernel.step(NOW, Input::Subscribe { name: "pods".into(), mode: Mode::Claims, roles, failover_ms: None });
    kernel
}

fn want(kernel: &mut Kernel, path: &str, slots: u32) {
    let role = kernel.state().roles().id(path).unwrap_or(RoleId::ROOT);
    kernel.step(NOW, Input::Demand { framework: FRAMEWORK, role, slots });
}

fn task(name: String, resources: &Resources) -> TaskSpec {
    TaskSpec::new(name, resources.clone())
}

/// Claims the same for everybody in turn, and says who got it.
#[track_caller]
fn check(kernel: &mut Kernel, resources: impl Fn(&str) -> Resources, expected: &[&str]) {
    let mut turn = kernel.step(NOW, Input::Tick).turn;
    let mut served = Vec::new();
    while let Some(next) = turn.filter(|_| served.len() < expected.len()) {
        let path = kernel.state().roles().get(next.role).map_or_else(String::new, |role| role.path.to_string());
        let task = task(format!("{path}-{}", kernel.state().tasks().len()), &resources(&path));
        let step = kernel.step(NOW, Input::Claim { framework: FRAMEWORK, role: next.role, agent: AGENT, task });
        assert_eq!(step.refused, None);
        invariants::check(kernel.state()).unwrap_or_else(|violation| panic!("{violation}"));
        served.push(path);
        turn = step.turn;
    }
    assert_eq!(served, expected);
}

#[test]
fn equals_take_turns_and_weights_count() {
    let one = |_: &str| Resources::new(1_000, 0, 0, 0);
    let mut kernel = cluster(&[("a", 1_000), ("b", 1_000)]);
    for path in ["a", "b"] {
        want(&mut kernel, path, 2);
    }
    check(&mut kernel, one, &["a", "b", "a", "b"]);

    let mut kernel = cluster(&[("a", 1_000), ("b", 3_000)]);
    for path in ["a", "b"] {
        want(&mut kernel, path, 100);
    }
    check(&mut kernel, one, &["a", "b", "b", "b", "a", "b", "b", "b"]);
}

#[test]
fn the_dominant_resource_decides() {
    let mut kernel = cluster(&[("cpu", 1_000), ("memory", 1_000)]);
    for path in ["cpu", "memory"] {
        want(&mut kernel, path, 100);
    }
    let demand = |path: &str| match path {
        "cpu" => Resources::new(2_000, 1 << 30, 0, 0),
        _ => Resources::new(1_000, 4 << 30, 0, 0),
    };
    check(&mut kernel, demand, &["cpu", "memory", "cpu", "memory", "cpu", "cpu"]);
}

#[test]
fn the_tree_shares_at_every_level() {
    let one = |_: &str| Resources::new(1_000, 0, 0, 0);
    let mut kernel = cluster(&[("teams/x", 1_000), ("teams/y", 1_000), ("solo", 1_000), ("teams", 1_000)]);
    for path in ["teams/x", "teams/y", "solo", "teams"] {
        want(&mut kernel, path, 100);
    }
    check(&mut kernel, one, &["teams", "solo", "teams/x", "solo", "teams/y", "solo", "teams", "solo"]);
}

#[test]
fn only_demand_counts_and_a_turn_is_not_for_ever() {
    let one = |_: &str| Resources::new(1_000, 0, 0, 0);
    let mut kernel = cluster(&[("a", 1_000), ("b", 1_000)]);
    want(&mut kernel, "b", 2);
    check(&mut kernel, one, &["b", "b"]);
    assert_eq!(kernel.step(NOW, Input::Tick).turn, None);
    want(&mut kernel, "a", 5);
    want(&mut kernel, "b", 1);
    check(&mut kernel, one, &["a"]);
    let step = kernel.step(NOW, Input::Tick);
    assert_eq!(step.wake_at, Some(NOW.after_ms(TURN_MS_MAX)));
    let path = |kernel: &Kernel, role| kernel.state().roles().get(role).map(|role| role.path.to_string());
    assert_eq!(step.turn.and_then(|turn| path(&kernel, turn.role)).as_deref(), Some("a"));
    let step = kernel.step(NOW.after_ms(TURN_MS_MAX), Input::Tick);
    assert_eq!(step.turn.and_then(|turn| path(&kernel, turn.role)).as_deref(), Some("b"));
}

#[test]
fn claims_are_refused_out_of_turn_or_beyond_what_is_free() {
    let mut kernel = cluster(&[("a", 1_000), ("b", 1_000)]);
    want(&mut kernel, "a", 9);
    want(&mut kernel, "b", 9);
    let (a, b) = (RoleId(1), RoleId(2));
    let mut claim = |role, agent, cpus: u64| {
        let task = task(format!("{role}-{cpus}"), &Resources::new(cpus * 1_000, 0, 0, 0));
        kernel.step(NOW, Input::Claim { framework: FRAMEWORK, role, agent, task }).refused
    };
    assert_eq!(claim(b, AGENT, 1), Some(Refusal::NotYourTurn));
    assert_eq!(claim(a, AGENT, 101), Some(Refusal::Insufficient));
    assert_eq!(claim(a, AgentId(7), 1), Some(Refusal::UnknownAgent));
    assert_eq!(claim(a, AGENT, 1), None);
    assert_eq!(claim(a, AGENT, 2), Some(Refusal::NotYourTurn));
    assert_eq!(claim(b, AGENT, 2), None);
    assert_eq!(claim(a, AGENT, 1), Some(Refusal::DuplicateTask));
    assert_eq!(claim(RoleId(9), AGENT, 1), Some(Refusal::UnknownRole));
}

#[test]
fn what_runs_is_written_down_whatever_is_free() {
    let mut kernel = cluster(&[("a", 1_000)]);
    let huge = Resources::new(150_000, 0, 0, 0);
    let adopt = |name: &str| Input::Adopt {
        framework: FRAMEWORK,
        role: RoleId(1),
        agent: AGENT,
        task: task(name.to_owned(), &huge),
        state: TaskState::Running,
    };
    assert_eq!(kernel.step(NOW, adopt("x")).refused, None);
    assert_eq!(kernel.step(NOW, adopt("x")).refused, Some(Refusal::DuplicateTask));
    invariants::check(kernel.state()).unwrap_or_else(|violation| panic!("{violation}"));
    let role = kernel.state().roles().share(RoleId(1));
    assert_eq!(role.millionths(), 1_500_000);
}

#[test]
fn shares_compare_exactly() {
    let share =
        |part, total, weight| Share::of(&Resources::new(part, 0, 0, 0), &Resources::new(total, 0, 0, 0), weight);
    let rows = [
        (share(1, 3, 1_000), share(2, 6, 1_000), std::cmp::Ordering::Equal),
        (share(1, 3, 1_000), share(333_333, 1_000_000, 1_000), std::cmp::Ordering::Greater),
        (share(3, 10, 3_000), share(1, 10, 1_000), std::cmp::Ordering::Equal),
        (share(u64::MAX - 1, u64::MAX, 1), share(u64::MAX, u64::MAX, 1), std::cmp::Ordering::Less),
        (share(u64::MAX, u64::MAX, u32::MAX), share(1, u64::MAX, 1), std::cmp::Ordering::Greater),
        (share(5, 0, 1_000), Share::ZERO, std::cmp::Ordering::Equal),
    ];
    for (at, (left, right, expected)) in rows.into_iter().enumerate() {
        assert_eq!(left.cmp(&right), expected, "row {at}");
        assert_eq!(right.cmp(&left), expected.reverse(), "row {at} the other way round");
    }
}

#[test]
fn roles_are_named_as_in_mesos() {
    for (path, good) in [
        ("a", true),
        ("*", true),
        ("a/b-c/d.e", true),
        ("", false),
        ("/a", false),
        ("a/", false),
        ("a//b", false),
        ("a/*", false),
        ("-a", false),
        ("a/..", false),
        ("a b", false),
    ] {
        let mut kernel = Kernel::new(Config::default());
        let refused = kernel.step(NOW, Input::SetRole { path: path.into(), weight_milli: 1 }).refused;
        assert_eq!(refused.is_none(), good, "{path:?}: {refused:?}");
    }
}
