//! The driver: feeds the engine from watches, carries out what it decides, and writes how things stand.

use std::{collections::HashSet, sync::Arc, time::Duration};

use kube::Client;
use kubernel_kernel::Millis;
use kubernel_ledger::{Books, Ledger};
use tokio::{
    sync::mpsc,
    time::{Instant, MissedTickBehavior},
};
use tokio_util::sync::CancellationToken;

use crate::{
    SchedulerMetrics,
    api::{Api, Happening},
    engine::{Action, BINDINGS_MAX, Engine, Eviction, Outcome, PodName, UNSCHEDULABLE},
    scribe::Scribe,
    standing::standing,
    watch::{Change, follow},
    wire::{Named, Node, Pod, Reservation, ResourceRole},
    writer::{Write, Writer},
};

/// Changes on their way from the watches to the engine.
const CHANGES_QUEUED_MAX: usize = 4_096;
/// Changes taken over at a time before placing again.
const BATCH_MAX: usize = 1_024;
/// How often the status of roles and frameworks is brought up to date, and live objects are said to have changed.
const STANDING_EVERY: Duration = Duration::from_secs(1);

/// How soon an eviction is asked for again.
const EVICT_EVERY: Duration = Duration::from_secs(5);
/// And how often: two hours.
const EVICTIONS_MAX: usize = 1_440;

/// How a scheduler runs.
#[derive(Clone)]
pub struct Config {
    /// The ledger to keep; the API server shows the same one.
    pub ledger: Arc<Ledger>,
    /// Who writes events: the end of `reportingInstance`, for example the host's name.
    pub instance: String,
    /// Where what happens is counted.
    pub metrics: Arc<SchedulerMetrics>,
    /// Frameworks take offers too: agents have ports to offer, and say of themselves what frameworks want to know.
    pub offers: bool,
}

/// What comes in.
enum Input {
    Pod(Box<Change<Pod>>),
    Node(Change<Node>),
    Namespace(Change<Named>),
    Role(Change<ResourceRole>),
    Reservation(Change<Reservation>),
}

fn pod(change: Change<Pod>) -> Input {
    Input::Pod(Box::new(change))
}

/// Schedules Pods until shutdown. Begins to place when everything that exists has been read, so that the ledger holds
/// what runs before anything new is granted. Never fails: what the API refuses is tried again.
pub async fn run(client: Client, config: Config, shutdown: CancellationToken) {
    let (to, mut inputs) = mpsc::channel(CHANGES_QUEUED_MAX);
    let watches = [
        tokio::spawn(follow(client.clone(), "/api/v1/pods", to.clone(), pod, shutdown.clone())),
        tokio::spawn(follow(client.clone(), "/api/v1/nodes", to.clone(), Input::Node, shutdown.clone())),
        tokio::spawn(follow(client.clone(), "/api/v1/namespaces", to.clone(), Input::Namespace, shutdown.clone())),
        tokio::spawn(follow(
            client.clone(),
            "/apis/kernel.kubernel.io/v1alpha1/resourceroles",
            to.clone(),
            Input::Role,
            shutdown.clone(),
        )),
        tokio::spawn(follow(
            client.clone(),
            "/apis/kernel.kubernel.io/v1alpha1/reservations",
            to,
            Input::Reservation,
            shutdown.clone(),
        )),
    ];
    let api = Api::new(client, &config.instance);
    let (outcomes_to, mut outcomes) = mpsc::channel::<Ended>(BINDINGS_MAX);
    let writer = Writer::start(api.clone());
    let scribe = Scribe::start(api.clone());
    let mut feeder = Feeder::new(config.ledger.clone(), config.offers);
    let mut standing_tick = tokio::time::interval(STANDING_EVERY);
    standing_tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut batch = Vec::with_capacity(BATCH_MAX);
    let mut ended = Vec::with_capacity(BINDINGS_MAX);
    let mut moved = false;
    loop {
        let wake = feeder.engine.wake_at().map(|at| config.ledger.instant(at));
        tokio::select! {
            () = shutdown.cancelled() => break,
            count = inputs.recv_many(&mut batch, BATCH_MAX) => if count == 0 { break },
            _ = outcomes.recv_many(&mut ended, BINDINGS_MAX) => {}
            () = tokio::time::sleep_until(wake.unwrap_or_else(Instant::now)), if wake.is_some() => {}
            () = config.ledger.claims_woken() => {}
            _ = standing_tick.tick() => {
                if std::mem::take(&mut moved) && feeder.is_synced() {
                    scribe.write(config.ledger.read(|state| standing(state, &feeder.engine)));
                    config.ledger.notify();
                    config.metrics.look(&feeder.engine.counts());
                }
                continue;
            }
        }
        moved = true;
        while batch.len() < BATCH_MAX
            && let Ok(input) = inputs.try_recv()
        {
            batch.push(input);
        }
        let actions = config.ledger.claim(|books, now| {
            batch.drain(..).for_each(|input| feeder.take(books, now, input));
            for Ended { uid, outcome, took } in ended.drain(..) {
                config.metrics.bound(outcome, took);
                if let Some((waited, tries)) = feeder.engine.binding_ended(books, now, &uid, outcome) {
                    config.metrics.scheduled(Duration::from_millis(waited), tries);
                }
            }
            let started = Instant::now();
            let actions = if feeder.is_synced() { feeder.engine.schedule(books, now) } else { Vec::new() };
            let placed = actions.iter().filter(|action| matches!(action, Action::Bind { .. })).count();
            config.metrics.placed(placed, started.elapsed());
            actions
        });
        for action in actions {
            match action {
                Action::Bind { pod, node } => bind(&api, &writer, &outcomes_to, pod, node),
                Action::Evict(eviction) => evict(&api, eviction, shutdown.clone()),
                Action::Report(report) => {
                    if report.reason == UNSCHEDULABLE {
                        config.metrics.unschedulable();
                    }
                    writer.write(Write::Report(report)).await;
                }
            }
        }
    }
    for watch in watches {
        watch.abort();
    }
}

/// A binding that came to an end.
struct Ended {
    uid: Arc<str>,
    outcome: Outcome,
    took: Duration,
}

/// Binds in the background; the engine bounds how many are under way.
fn bind(api: &Api, writer: &Writer, outcomes: &mpsc::Sender<Ended>, pod: PodName, node: Arc<str>) {
    let (api, writer, outcomes) = (api.clone(), writer.clone(), outcomes.clone());
    tokio::spawn(async move {
        let started = Instant::now();
        let outcome = api.bind(&pod, &node).await;
        let ended = Ended { uid: pod.uid.clone(), outcome, took: started.elapsed() };
        if outcomes.send(ended).await.is_ok() && outcome == Outcome::Bound {
            let note = format!("Successfully assigned {}/{} to {node}", pod.namespace, pod.name);
            let happening = Happening { type_: "Normal", reason: "Scheduled", action: "Binding", note };
            writer.try_write(Write::Event { pod, happening });
        }
    });
}

/// Ends a Pod in the background. Where its owner's budget of disruption says not now, it is asked again and again.
fn evict(api: &Api, eviction: Eviction, shutdown: CancellationToken) {
    let api = api.clone();
    tokio::spawn(async move {
        for _ in 0..EVICTIONS_MAX {
            if api.evict(&eviction).await {
                return;
            }
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(EVICT_EVERY) => {}
            }
        }
    });
}

/// Feeds the engine, and drops what did not come again when a resource was read anew.
struct Feeder {
    engine: Engine,
    ledger: Arc<Ledger>,
    pods: Reading,
    nodes: Reading,
    namespaces: Reading,
    roles: Reading,
    reservations: Reading,
}

/// How far the reading of a resource is.
#[derive(Default)]
struct Reading {
    /// What was known when the reading began and has not come since (uids of Pods, names of others).
    missing: HashSet<Arc<str>>,
    /// It has been read to the end once.
    synced: bool,
}

impl Reading {
    fn start(&mut self, known: impl Iterator<Item = Arc<str>>) {
        self.missing = known.collect();
    }

    fn came(&mut self, key: &str) {
        self.missing.remove(key);
    }

    /// What did not come again.
    fn finish(&mut self) -> HashSet<Arc<str>> {
        self.synced = true;
        std::mem::take(&mut self.missing)
    }
}

impl Feeder {
    fn new(ledger: Arc<Ledger>, offers: bool) -> Self {
        let begun = Reading::default;
        let mut engine = ledger.claim(Engine::new);
        engine.describes = offers;
        let (pods, nodes, namespaces, roles, reservations) = (begun(), begun(), begun(), begun(), begun());
        Self { engine, ledger, pods, nodes, namespaces, roles, reservations }
    }

    fn is_synced(&self) -> bool {
        let readings = [&self.pods, &self.nodes, &self.namespaces, &self.roles, &self.reservations];
        readings.iter().all(|reading| reading.synced)
    }

    fn take(&mut self, books: &mut Books, now: Millis, input: Input) {
        let engine = &mut self.engine;
        match input {
            Input::Pod(change) => match *change {
                Change::Start => self.pods.start(engine.pods().cloned()),
                Change::Set(pod) => {
                    self.pods.came(&pod.metadata.uid);
                    engine.set_pod(books, now, &pod);
                }
                Change::Gone(pod) => {
                    self.pods.came(&pod.metadata.uid);
                    engine.remove_pod(books, now, &pod.metadata.uid);
                }
                Change::Synced => {
                    self.pods.finish().iter().for_each(|uid| engine.remove_pod(books, now, uid));
                }
            },
            Input::Node(Change::Start) => self.nodes.start(engine.nodes().cloned()),
            Input::Node(Change::Set(node)) => {
                self.ledger.set_since(&node.metadata.name, node.metadata.creation_timestamp.as_deref());
                self.nodes.came(&node.metadata.name);
                engine.set_node(books, now, node);
            }
            Input::Node(Change::Gone(node)) => {
                self.nodes.came(&node.metadata.name);
                self.ledger.set_since(&node.metadata.name, None);
                engine.remove_node(books, now, &node.metadata.name);
            }
            Input::Node(Change::Synced) => {
                for name in self.nodes.finish() {
                    self.ledger.set_since(&name, None);
                    engine.remove_node(books, now, &name);
                }
            }
            Input::Namespace(Change::Start) => self.namespaces.start(engine.tenancy().namespaces().map(Into::into)),
            Input::Namespace(Change::Set(namespace)) => {
                self.namespaces.came(&namespace.metadata.name);
                engine.set_namespace(books, now, &namespace);
            }
            Input::Namespace(Change::Gone(namespace)) => {
                self.namespaces.came(&namespace.metadata.name);
                engine.remove_namespace(&namespace.metadata.name);
            }
            Input::Namespace(Change::Synced) => {
                self.namespaces.finish().iter().for_each(|name| engine.remove_namespace(name));
            }
            Input::Role(Change::Start) => self.roles.start(engine.tenancy().roles().map(Into::into)),
            Input::Role(Change::Set(role)) => {
                self.roles.came(&role.metadata.name);
                engine.set_role(books, now, &role);
            }
            Input::Role(Change::Gone(role)) => {
                self.roles.came(&role.metadata.name);
                engine.remove_role(books, now, &role.metadata.name);
            }
            Input::Role(Change::Synced) => {
                self.roles.finish().iter().for_each(|name| engine.remove_role(books, now, name));
            }
            Input::Reservation(Change::Start) => self.reservations.start(engine.reservations().names().cloned()),
            Input::Reservation(Change::Set(reservation)) => {
                self.reservations.came(&reservation.metadata.name);
                engine.set_reservation(books, now, &reservation);
            }
            Input::Reservation(Change::Gone(reservation)) => {
                self.reservations.came(&reservation.metadata.name);
                engine.remove_reservation(books, now, &reservation.metadata.name);
            }
            Input::Reservation(Change::Synced) => {
                self.reservations.finish().iter().for_each(|name| engine.remove_reservation(books, now, name));
            }
        }
    }
}
