//! Reservations, volumes and quotas: what becomes of resources, and the words with which Mesos refuses.

use kubernel_kernel::{
    Action, AgentId, Availability, Capabilities, Config, Disk, FrameworkId, Input, Kernel, Kind, Message, Millis, Mode,
    Obstacle, OfferId, Operation, Quota, Ranges, Reservation, ResourceId, Resources, RoleId, Settings, Shape, Step,
    TaskSpec, Volume, invariants,
};

const NOW: Millis = Millis(0);
const AGENT: AgentId = AgentId(1);
const FRAMEWORK: FrameworkId = FrameworkId(1);

/// What to do, made of the resources of a cluster.
type Make = fn(&Cluster) -> Action;
/// Intervals.
type Pairs = &'static [(u64, u64)];

struct Cluster {
    kernel: Kernel,
    reserved: ResourceId,
    disk: ResourceId,
    volume: ResourceId,
    ports: ResourceId,
}

fn reservation(role: &str) -> Reservation {
    Reservation { dynamic: true, role: role.into(), principal: None, labels: Vec::new() }
}

/// One agent of 8 CPUs, disk and ports, and a framework in `a`.
fn cluster() -> Cluster {
    let mut kernel = Kernel::new(Config::default());
    let mut kind = |kind: Kind| kernel.kind(&kind, &mut Step::default()).unwrap_or(ResourceId(0));
    let kept = |name: &str| Kind { reservations: vec![reservation("a")], ..Kind::plain(name) };
    let volume = Volume { id: "v".into(), principal: None, container_path: "data".into(), read_only: false };
    let reserved = kind(kept("cpu"));
    let disk = kind(kept("ephemeral-storage"));
    let volume = kind(Kind { disk: Some(Disk { volume: Some(volume), source: None }), ..kept("ephemeral-storage") });
    let ports = kind(Kind { shape: Shape::Ranges, ..Kind::plain("ports") });
    let mut total = Resources::new(8_000, 8 << 30, 100, 0);
    total.set_items(ports, Ranges::interval(31_000, 31_009));
    kernel.step(NOW, Input::AddAgent { name: "agent".into(), total, availability: Availability::Open });
    let roles = vec!["a".into()];
    kernel.step(NOW, Input::Subscribe { name: "f".into(), mode: Mode::Offers, roles, failover_ms: None });
    let mut cluster = Cluster { kernel, reserved, disk, volume, ports };
    cluster.give(Input::Tick);
    cluster
}

impl Cluster {
    fn give(&mut self, input: Input) -> Step {
        let step = self.kernel.step(NOW, input);
        invariants::check(self.kernel.state()).unwrap_or_else(|violation| panic!("{violation}"));
        step
    }

    /// Does these with the one open offer; answers why each that failed did.
    fn accept(&mut self, actions: Vec<Action>) -> Vec<String> {
        let offers: Vec<OfferId> = self.kernel.state().offers().keys().copied().collect();
        let launches = |action: &Action| matches!(action, Action::Launch(_) | Action::LaunchGroup { .. });
        let operation = |(at, action)| Operation { id: (!launches(&action)).then(|| format!("{at}").into()), action };
        let operations = actions.into_iter().enumerate().map(operation).collect();
        let step = self.give(Input::Accept { framework: FRAMEWORK, offers, operations, filter_ms: 0 });
        assert_eq!(step.refused, None);
        let said = step.sends.into_iter().filter_map(|send| match send.message {
            Message::Operation { error, .. } => error.map(|error| error.to_string()),
            Message::Task(status) => status.message.map(|message| message.to_string()),
            _ => None,
        });
        let said = said.collect();
        self.give(Input::Tick);
        said
    }

    fn total(&self, id: ResourceId) -> u64 {
        self.kernel.state().agents()[&AGENT].total.get(id)
    }
}

fn of(id: ResourceId, amount: u64) -> Resources {
    [(id, amount)].into_iter().collect()
}

fn launch(name: &str, resources: Resources) -> Action {
    Action::Launch(vec![TaskSpec::new(name, resources)])
}

#[test]
fn operations_work_on_what_those_before_left() {
    let mut cluster = cluster();
    let Cluster { reserved, disk, volume, .. } = cluster;
    let none: [&str; 0] = [];
    let actions = vec![
        Action::Reserve(of(reserved, 3_000)),
        launch("t", of(reserved, 1_000)),
        Action::Reserve(of(disk, 60)),
        Action::Create(of(volume, 40)),
        Action::Grow { volume, addition: of(disk, 5) },
        Action::Shrink { volume, less: 15 },
    ];
    assert_eq!(cluster.accept(actions), none);
    let amounts = [reserved, ResourceId::CPU, disk, volume].map(|id| cluster.total(id));
    assert_eq!(amounts, [3_000, 5_000, 30, 30]);
    assert_eq!(cluster.kernel.state().roles().used().get(ResourceId::CPU), 8_000, "all is offered again or used");
    let back =
        vec![Action::Destroy(of(volume, 30)), Action::Unreserve(of(disk, 60)), Action::Unreserve(of(reserved, 2_000))];
    assert_eq!(cluster.accept(back), none);
    assert_eq!([reserved, ResourceId::CPU, disk, volume].map(|id| cluster.total(id)), [1_000, 7_000, 0, 0]);
}

#[test]
fn what_cannot_be_done_is_refused_in_mesos_words() {
    let reserved = "cpu(reservations: [(DYNAMIC,a)])";
    let volume = "ephemeral-storage(reservations: [(DYNAMIC,a)])[v:data]";
    let rows: [(&str, Make, String); 9] = [
        ("plain", |_| Action::Reserve(of(ResourceId::CPU, 1)), "Resource cpu is not dynamically reserved".into()),
        (
            "volume",
            |c| Action::Reserve(of(c.volume, 1)),
            format!("A persistent volume {volume} must already be reserved"),
        ),
        ("nobody's", |_| Action::Unreserve(of(ResourceId::CPU, 1)), "Resource cpu is not dynamically reserved".into()),
        (
            "a volume's",
            |c| Action::Unreserve(of(c.volume, 1)),
            format!(
                "A dynamically reserved persistent volume {volume} cannot be unreserved directly. Please destroy the \
                 persistent volume first then unreserve the resource"
            ),
        ),
        (
            "no volume",
            |c| Action::Create(of(c.disk, 1)),
            "Not a persistent volume: Resource does not have persistence".into(),
        ),
        ("not there", |c| Action::Destroy(of(c.volume, 1)), "Persistent volumes not found".into()),
        ("no resources", |_| launch("t", Resources::default()), "Task uses no resources".into()),
        ("no name", |_| launch("", of(ResourceId::CPU, 1)), "ID must not be empty".into()),
        (
            "too much",
            |c| launch("t", of(c.reserved, 1)),
            format!(
                "Total resources {reserved}:1 required by task and its executor is more than available cpu:8000; \
                 memory:8589934592; ephemeral-storage:100; ports:[31000-31009]"
            ),
        ),
    ];
    for (what, action, expected) in rows {
        let mut cluster = cluster();
        let action = action(&cluster);
        assert_eq!(cluster.accept(vec![action]), [expected], "{what}");
    }
}

#[test]
fn ports_are_taken_one_by_one() {
    let mut cluster = cluster();
    let mut task = of(ResourceId::CPU, 100);
    task.set_items(cluster.ports, Ranges::interval(31_003, 31_004));
    assert_eq!(cluster.accept(vec![launch("t", task.clone())]), Vec::<String>::new());
    let free = cluster
        .kernel
        .state()
        .offers()
        .values()
        .next()
        .map(|offer| format!("{:?}", offer.resources.items(cluster.ports)));
    assert_eq!(free.as_deref(), Some("[31000-31002, 31005-31009]"));
    assert_eq!(cluster.accept(vec![launch("u", task)]).len(), 1, "the ports are taken");
}

#[test]
fn guarantees_come_first_and_limits_hold() {
    let mut cluster = cluster();
    let cpus = |milli| Resources::new(milli, 0, 0, 0);
    let quota = |guarantee, limit: Option<u64>| {
        Some(Quota { guarantee: cpus(guarantee), limits: limit.map(|l| (ResourceId::CPU, l)).into_iter().collect() })
    };
    let refused = |step: Step| step.refused.map(|refusal| refusal.to_string());
    let set = |path: &str, quota, force| Input::SetQuota { path: path.into(), quota, force };
    let rows = [
        ("b", quota(9_000, None), Some("the guarantees are more than there is")),
        ("b", quota(2_000, Some(1_000)), Some("the guarantee of 'b' is above its limit for 'cpu'")),
        ("*", quota(1, None), Some("the role '*' can have no quota")),
        ("b", quota(3_000, Some(4_000)), None),
        ("b/x", quota(4_000, None), Some("the guarantees below 'b' are more than its own")),
        ("b/x", quota(2_000, Some(5_000)), Some("the limit of 'b/x' is above that of 'b'")),
        ("b/x", quota(2_000, Some(2_000)), None),
        ("b/y", quota(2_000, None), Some("the guarantees below 'b' are more than its own")),
        ("a", quota(0, Some(6_000)), None),
    ];
    for (path, quota, expected) in rows {
        assert_eq!(refused(cluster.give(set(path, quota.clone(), false))).as_deref(), expected, "{path} {quota:?}");
    }
    cluster.give(Input::Tick);
    let offered = |cluster: &Cluster, framework| {
        let offers = cluster.kernel.state().offers().values().filter(|offer| offer.framework == framework);
        offers.map(|offer| offer.resources.get(ResourceId::CPU)).sum::<u64>()
    };
    assert_eq!(offered(&cluster, FRAMEWORK), 5_000, "3 of 8 are guaranteed to b");
    let subscribe = |role: &str| Input::Subscribe {
        name: role.into(),
        mode: Mode::Offers,
        roles: vec![role.into()],
        failover_ms: None,
    };
    cluster.give(subscribe("b/x"));
    cluster.give(subscribe("b"));
    cluster.give(Input::Tick);
    assert_eq!(offered(&cluster, FrameworkId(2)), 2_000, "the limit of b/x");
    assert_eq!(offered(&cluster, FrameworkId(3)), 1_000, "the rest of b's guarantee");
}

#[test]
fn offers_follow_what_frameworks_say() {
    let mut cluster = cluster();
    let role = RoleId(1);
    let why = |cluster: &Cluster| cluster.kernel.state().why_no_offer(&Config::default(), FRAMEWORK, role, AGENT);
    assert_eq!(why(&cluster), Obstacle::Offered);
    let offers = vec![OfferId(1)];
    cluster.give(Input::Decline { framework: FRAMEWORK, offers, filter_ms: 5_000 });
    assert_eq!(why(&cluster), Obstacle::Filter);
    cluster.give(Input::Suppress { framework: FRAMEWORK, roles: vec![role] });
    assert_eq!(why(&cluster), Obstacle::Suppressed);
    cluster.give(Input::Revive { framework: FRAMEWORK, roles: vec![role] });
    assert_eq!(why(&cluster), Obstacle::OthersFirst);
    let total = Resources::new(8_000, 8 << 30, 100, 0);
    cluster.give(Input::UpdateAgent { agent: AGENT, total: total.clone(), availability: Availability::Cordoned });
    assert_eq!(why(&cluster), Obstacle::AgentClosed);
    let gpu = cluster.kernel.resource("gpus", &mut Step::default()).unwrap_or(ResourceId(0));
    let mut with_gpu = total;
    with_gpu.set(gpu, 1);
    cluster.give(Input::UpdateAgent { agent: AGENT, total: with_gpu, availability: Availability::Open });
    assert_eq!(why(&cluster), Obstacle::Gpu);
    let capabilities = Capabilities { gpu_resources: true, ..Capabilities::default() };
    let settings = Settings { capabilities, ..Settings::default() }.into();
    cluster.give(Input::Configure { framework: FRAMEWORK, settings, failover_ms: None });
    cluster.give(Input::Request { framework: FRAMEWORK, role, wish: Resources::new(2_000, 1 << 30, 0, 0) });
    cluster.give(Input::Tick);
    let offered = cluster.kernel.state().offers().values().map(|offer| offer.resources.get(ResourceId::CPU));
    assert_eq!(offered.collect::<Vec<_>>(), [2_000], "no more than was asked for");
}

#[test]
fn ranges_add_and_take_as_sets_do() {
    let ranges = |pairs: &[(u64, u64)]| pairs.iter().copied().collect::<Ranges>();
    let rows: [[Pairs; 4]; 6] = [
        [&[], &[(1, 2)], &[(1, 2)], &[]],
        [&[(1, 10)], &[(4, 6)], &[(1, 10)], &[(1, 3), (7, 10)]],
        [&[(1, 3), (7, 9)], &[(4, 6)], &[(1, 9)], &[(1, 3), (7, 9)]],
        [&[(1, 3), (7, 9)], &[(2, 8)], &[(1, 9)], &[(1, 1), (9, 9)]],
        [&[(0, u64::MAX)], &[(5, u64::MAX)], &[(0, u64::MAX)], &[(0, 4)]],
        [&[(9, 9), (1, 1)], &[(1, 1), (9, 9)], &[(1, 1), (9, 9)], &[]],
    ];
    for [left, right, sum, rest] in rows {
        let (mut added, mut taken, right) = (ranges(left), ranges(left), ranges(right));
        added.add(&right);
        taken.take(&right);
        assert_eq!((added.intervals(), taken.intervals()), (sum, rest), "{left:?} and {right:?}");
        assert!(added.contains(&right) && !taken.overlaps(&right));
    }
}
