//! What the scheduler knows and decides, without any I/O: objects come in, [`Action`]s come out.
//!
//! Pods wait in `queue.rs`; the kernel says whose turn it is; `placement.rs` finds the node; the claim makes it so in
//! the ledger before anything goes over the wire. Next: `pods.rs`, `nodes.rs`, `roles.rs` (what comes in), `turns.rs`
//! (what goes out).

pub(crate) mod nodes;
pub(crate) mod pods;
mod preemption;
mod reservations;
mod roles;
mod turns;

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use kubernel_kernel::{FrameworkId, Input, Millis, Mode, Resources, RoleId, TaskId};
use kubernel_ledger::Books;

pub(crate) use self::{pods::Outcome, reservations::Reservations};
use crate::{
    class::{ClassId, Classes, HostPort},
    fit::NodeTraits,
    placement::{NodeIx, Placement},
    queue::{Place, Queue},
    requests::Amounts,
    tenancy::Tenancy,
};

/// The name of the framework that Pods are scheduled by: `spec.schedulerName`, and the Framework object.
pub const FRAMEWORK: &str = "default-scheduler";
/// The reason of a condition that says that a Pod fits nowhere.
pub(crate) const UNSCHEDULABLE: &str = "Unschedulable";
/// Bindings under way at a time. Claims wait when there are more.
pub(crate) const BINDINGS_MAX: usize = 512;

/// Something to be done in the API.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Action {
    /// Bind a Pod to a node.
    Bind { pod: PodName, node: Arc<str> },
    /// Say of a Pod why it has no node.
    Report(Report),
    /// End a Pod.
    Evict(Eviction),
}

/// Why a Pod has no node.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Report {
    pub(crate) pod: PodName,
    /// The generation of the Pod that was looked at.
    pub(crate) generation: i64,
    /// `Unschedulable` or `SchedulingGated`.
    pub(crate) reason: &'static str,
    pub(crate) message: Arc<str>,
    /// Nothing of the kind was said before.
    pub(crate) first: bool,
}

/// A Pod that has to go.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Eviction {
    pub(crate) pod: PodName,
    /// How long it may take to end at most; `None`: as it likes.
    pub(crate) grace_ms: Option<u64>,
    /// Another one needs its place. Otherwise its node is being emptied, and budgets of disruption are kept.
    pub(crate) preempted: bool,
}

/// Which Pod.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PodName {
    pub(crate) namespace: Arc<str>,
    pub(crate) name: Arc<str>,
    pub(crate) uid: Arc<str>,
}

/// All the scheduler knows.
#[derive(Debug)]
pub(crate) struct Engine {
    framework: FrameworkId,
    pods: HashMap<Arc<str>, Pod>,
    classes: Classes,
    queue: Queue,
    placement: Placement,
    nodes: Vec<Option<Node>>,
    /// Places in `nodes` that are free.
    vacant: Vec<NodeIx>,
    node_ixs: HashMap<Arc<str>, NodeIx>,
    /// Pods bound to nodes that are not there (yet).
    stranded: BTreeMap<Arc<str>, BTreeSet<Arc<str>>>,
    /// Nodes that are new or got something free: a blocked class may fit there.
    freed: BTreeSet<NodeIx>,
    /// Why each blocked class is blocked.
    blocked: HashMap<ClassId, Arc<str>>,
    /// Pods to be tried again at a time, after their binding failed.
    delayed: BTreeSet<(Millis, Arc<str>)>,
    /// When to look through the reports of blocked Pods.
    review_at: Option<Millis>,
    /// When something got free that was seen already ([`kubernel_kernel::State::last_freed`]).
    seen_freed: u64,
    tenancy: Tenancy,
    reservations: Reservations,
    /// What was settled for roles and refused, and why, by the name of the ResourceRole.
    refusals: BTreeMap<Box<str>, Arc<str>>,
    /// Blocked classes that would fit if their role might have more.
    over_quota: BTreeSet<ClassId>,
    /// Until when classes wait for tasks that were asked back for them.
    reclaims: HashMap<ClassId, Millis>,
    /// Frameworks take offers: agents say of themselves what those want to know.
    pub(crate) describes: bool,
    /// Names of namespaces seen on Pods: one text for all Pods of a namespace.
    namespaces: HashMap<Arc<str>, Namespace>,
    bindings: usize,
    arrivals: u64,
    /// What to do in the API, in order.
    actions: Vec<Action>,
}

#[derive(Debug, Default)]
struct Namespace {
    role: Option<RoleId>,
    /// Pods of it that are remembered.
    pods: usize,
}

/// A Pod, as little of it as will do.
#[derive(Debug)]
struct Pod {
    name: PodName,
    class: ClassId,
    priority: i32,
    generation: i64,
    stage: Stage,
    /// What was last said about it: a hash of the words, and when.
    reported: Option<(u64, Millis)>,
    /// How often its binding failed in a row.
    failures: u32,
    /// Since when it waits to be bound, and how often that was tried.
    waiting: Option<(Millis, u32)>,
}

/// How many of what there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Pods that wait for their turn.
    pub(crate) ready: usize,
    /// Pods that fit nowhere.
    pub(crate) blocked: usize,
    /// Pods whose binding failed and that are tried again later.
    pub(crate) delayed: usize,
    /// Pods whose binding is under way.
    pub(crate) bindings: usize,
    /// Pods that are remembered.
    pub(crate) pods: usize,
    /// Nodes.
    pub(crate) nodes: usize,
}

/// How far a Pod is.
#[derive(Clone, Debug, PartialEq)]
enum Stage {
    /// Nobody's business here: gated, another scheduler's, going away, or over.
    Aside,
    /// It waits in the queue.
    Waiting { role: RoleId, place: Place },
    /// Its binding failed; it waits for another try.
    Delayed { until: Millis },
    /// Its binding is under way.
    Binding { node: NodeIx, task: TaskId },
    /// It is bound. Without a task the node is not there.
    Bound { node: Arc<str>, task: Option<TaskId> },
}

#[derive(Debug)]
struct Node {
    name: Arc<str>,
    traits: NodeTraits,
    agent: kubernel_kernel::AgentId,
    /// Ports of the machine in use, one entry for each Pod.
    ports: Vec<HostPort>,
}

impl Engine {
    /// An engine that subscribes as a framework of its own.
    pub(crate) fn new(books: &mut Books, now: Millis) -> Self {
        let subscribe =
            Input::Subscribe { name: FRAMEWORK.into(), mode: Mode::Claims, roles: Vec::new(), failover_ms: None };
        books.step(now, subscribe);
        let found = books.state().frameworks().iter().rfind(|(_, framework)| &*framework.name == FRAMEWORK);
        Self {
            framework: found.map_or(FrameworkId(0), |(id, _)| *id),
            pods: HashMap::new(),
            classes: Classes::default(),
            queue: Queue::default(),
            placement: Placement::default(),
            nodes: Vec::new(),
            vacant: Vec::new(),
            node_ixs: HashMap::new(),
            stranded: BTreeMap::new(),
            freed: BTreeSet::new(),
            blocked: HashMap::new(),
            delayed: BTreeSet::new(),
            review_at: None,
            seen_freed: 0,
            tenancy: Tenancy::default(),
            reservations: Reservations::default(),
            refusals: BTreeMap::new(),
            over_quota: BTreeSet::new(),
            reclaims: HashMap::new(),
            describes: false,
            namespaces: HashMap::new(),
            bindings: 0,
            arrivals: 0,
            actions: Vec::new(),
        }
    }

    /// How many of what there are.
    pub(crate) fn counts(&self) -> Counts {
        let (ready, blocked) = self.queue.counts();
        Counts {
            ready,
            blocked,
            delayed: self.delayed.len(),
            bindings: self.bindings,
            pods: self.pods.len(),
            nodes: self.node_ixs.len(),
        }
    }

    /// The framework's identifier in the kernel.
    pub(crate) fn framework(&self) -> FrameworkId {
        self.framework
    }

    /// Roles and weights as the API says.
    pub(crate) fn tenancy(&self) -> &Tenancy {
        &self.tenancy
    }

    /// Reservation objects.
    pub(crate) fn reservations(&self) -> &Reservations {
        &self.reservations
    }

    /// Why what was settled for a role was refused.
    pub(crate) fn refusal(&self, role: &str) -> Option<&Arc<str>> {
        self.refusals.get(role)
    }

    /// The uids of Pods that are remembered.
    pub(crate) fn pods(&self) -> impl Iterator<Item = &Arc<str>> {
        self.pods.keys()
    }

    /// The names of nodes.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = &Arc<str>> {
        self.node_ixs.keys()
    }

    /// The namespaces of Pods that are remembered.
    pub(crate) fn namespaces(&self) -> impl Iterator<Item = &Arc<str>> {
        self.namespaces.keys()
    }

    /// Amounts as the kernel counts.
    fn resources(books: &mut Books, amounts: &Amounts) -> Resources {
        let mut out = Resources::new(amounts.cpu_milli, amounts.memory_bytes, amounts.ephemeral_bytes, amounts.pods);
        for (name, amount) in &amounts.others {
            if let Some(id) = books.resource(name) {
                out.set(id, *amount);
            }
        }
        out
    }
}
