//! A Node is an agent of the kernel: its allocatable resources are what it has to give.

use std::sync::Arc;

use kubernel_kernel::{Attribute, Availability, Domain, Input, Kind, Millis, Mode, Ranges, Running, Shape, Traits};
use kubernel_ledger::Books;
use kubernel_meta::processes;

use super::{Engine, Node, Stage, reservations::rebuilt};
use crate::{
    fit::{NodeTraits, Ready},
    requests, unavailability,
    wire::{self, Taint},
};

/// The taint of a node that is being emptied by an operator of frameworks; its value says how many milliseconds a task may
/// take to end. With the effect NoExecute the node is gone for good once it is empty.
pub const DRAINING_TAINT: &str = "kernel.kubernel.io/draining";
/// The taint of a node that an operator says will not come back.
pub const GONE_TAINT: &str = "kernel.kubernel.io/gone";
/// The ports of a machine that are offered to frameworks: Mesos' own.
const PORTS: (u64, u64) = (31_000, 32_000);
/// Labels of a node that say where it stands.
const REGION_LABEL: &str = "topology.kubernetes.io/region";
const ZONE_LABEL: &str = "topology.kubernetes.io/zone";

impl Engine {
    pub(crate) fn set_node(&mut self, books: &mut Books, now: Millis, node: wire::Node) {
        let mut total = Self::resources(books, &requests::list(&node.status.allocatable));
        if let Some(ports) = self.describes.then(|| books.kind(&ports())).flatten() {
            total.set_items(ports, Ranges::interval(PORTS.0, PORTS.1));
        }
        let ready = ready(&node.status.conditions);
        let address = node.status.addresses.iter().find(|address| address.type_ == "InternalIP");
        let traits = NodeTraits {
            name: node.metadata.name.as_str().into(),
            labels: node.metadata.labels,
            taints: node.spec.taints,
            unschedulable: node.spec.unschedulable,
            ready,
            address: address.map(|address| address.address.as_str().into()).unwrap_or_default(),
            unavailability: node.metadata.annotations.unavailability.as_deref().and_then(unavailability::parse),
        };
        let availability = availability(&traits);
        let known = self.node_ixs.get(&*node.metadata.name).copied();
        if let Some(ix) = known {
            let Some(slot) = self.nodes.get_mut(ix).and_then(Option::as_mut) else { return };
            let agent = slot.agent;
            let old = books.state().agents().get(&agent).map(|agent| agent.total.clone());
            let total = old.as_ref().map_or_else(|| total.clone(), |old| rebuilt(books, old, &total));
            if old.as_ref() == Some(&total) && slot.traits == traits {
                return;
            }
            // Who wrote the annotation told the kernel at once: only what changes since is news.
            let rescheduled = slot.traits.unavailability != traits.unavailability;
            slot.traits = traits;
            if old.is_none() {
                self.come_back(books, now, ix, total);
                return;
            }
            // What is being emptied stays so until the taint goes.
            let drains = books.state().agents().get(&agent).is_some_and(|agent| agent.drain.is_some());
            let availability = if drains { Availability::Draining } else { availability };
            self.refused(books.step(now, Input::UpdateAgent { agent, total, availability }).refused, "node update");
            if rescheduled {
                self.announce(books, now, ix);
            }
            self.describe(books, now, ix);
            self.touch(ix);
            return;
        }
        let name: Arc<str> = node.metadata.name.into();
        self.refused(books.step(now, Input::AddAgent { name: name.clone(), total, availability }).refused, "new node");
        let Some(agent) = books.state().agent_id(&name) else { return };
        let slot = Node { name: name.clone(), traits, agent, ports: Vec::new() };
        let ix = self.vacant.pop().unwrap_or(self.nodes.len());
        match self.nodes.get_mut(ix) {
            Some(vacant) => *vacant = Some(slot),
            None => self.nodes.push(Some(slot)),
        }
        self.node_ixs.insert(name.clone(), ix);
        self.keep(books, now, &name);
        for uid in self.stranded.remove(&name).unwrap_or_default() {
            self.adopt(books, now, &uid, &name);
        }
        self.announce(books, now, ix);
        self.describe(books, now, ix);
        self.touch(ix);
    }

    /// Has the kernel know when a node will not be there.
    fn announce(&self, books: &mut Books, now: Millis, ix: usize) {
        if let Some(slot) = self.nodes.get(ix).and_then(Option::as_ref) {
            let (agent, unavailability) = (slot.agent, slot.traits.unavailability);
            books.step(now, Input::ScheduleAgent { agent, unavailability });
        }
    }

    /// A node that was given up answers again: what ran on it is counted again.
    fn come_back(&mut self, books: &mut Books, now: Millis, ix: usize, total: kubernel_kernel::Resources) {
        let Some(slot) = self.nodes.get(ix).and_then(Option::as_ref).filter(|slot| slot.traits.ready == Ready::Yes)
        else {
            return;
        };
        let (name, availability) = (slot.name.clone(), availability(&slot.traits));
        let tasks: Vec<kubernel_kernel::Task> = books
            .state()
            .absent()
            .get(&name)
            .map(|absent| absent.tasks.values().cloned().collect())
            .unwrap_or_default();
        let (ours, theirs): (Vec<_>, Vec<_>) = tasks.into_iter().partition(|task| task.framework == self.framework);
        let running = |task: kubernel_kernel::Task| {
            let role = books.state().roles().get(task.role).map(|role| role.path.clone())?;
            let found = books.state().frameworks().get(&task.framework)?;
            let spec = kubernel_kernel::TaskSpec {
                name: task.name,
                resources: task.resources,
                executor: task.executor,
                priority: task.priority,
            };
            let (framework, state) = (task.framework, task.state);
            (found.mode == Mode::Offers).then_some(Running { framework, role, task: spec, state })
        };
        let tasks = theirs.into_iter().filter_map(running).collect();
        let traits = Arc::default();
        let step = books.step(now, Input::RegisterAgent { name: name.clone(), total: total.clone(), traits, tasks });
        if step.refused.is_some() {
            return;
        }
        let Some(agent) = books.state().agent_id(&name) else { return };
        if let Some(slot) = self.nodes.get_mut(ix).and_then(Option::as_mut) {
            slot.agent = agent;
        }
        books.step(now, Input::UpdateAgent { agent, total, availability });
        self.keep(books, now, &name);
        for task in ours {
            let known = self.pods.get(&task.name);
            if known.is_some_and(|pod| matches!(&pod.stage, Stage::Bound { node, .. } if *node == name)) {
                self.adopt(books, now, &task.name, &name);
            }
        }
        self.announce(books, now, ix);
        self.describe(books, now, ix);
        self.touch(ix);
    }

    /// Has the kernel know what is said of a node: who it is to frameworks, that it does not answer, or is being emptied.
    fn describe(&mut self, books: &mut Books, now: Millis, ix: usize) {
        let Some(slot) = self.nodes.get(ix).and_then(Option::as_ref) else { return };
        let (agent, name) = (slot.agent, slot.name.clone());
        if self.describes {
            let traits = Arc::new(traits(&slot.traits));
            self.refused(books.step(now, Input::DescribeAgent { agent, traits }).refused, "node description");
        }
        let Some(slot) = self.nodes.get(ix).and_then(Option::as_ref) else { return };
        let taint = |key: &str| slot.traits.taints.iter().find(|taint| taint.key == key);
        let drains = books.state().agents().get(&agent).is_some_and(|agent| agent.drain.is_some());
        if slot.traits.ready == Ready::Unknown {
            books.step(now, Input::LoseAgent { agent });
        } else {
            books.step(now, Input::ReconnectAgent { agent });
        }
        if taint(GONE_TAINT).is_some() {
            books.step(now, Input::MarkGone { name });
        } else if let Some(taint) = taint(DRAINING_TAINT).filter(|_| !drains) {
            let (grace_ms, mark_gone) = (taint.value.parse().ok(), taint.effect == "NoExecute");
            books.step(now, Input::DrainAgent { agent, grace_ms, mark_gone });
        } else if drains && taint(DRAINING_TAINT).is_none() {
            books.step(now, Input::ReactivateAgent { agent });
            self.reopen(books, now, ix);
        }
    }

    /// A node that is not emptied any more may be closed for other reasons.
    fn reopen(&mut self, books: &mut Books, now: Millis, ix: usize) {
        let Some(slot) = self.nodes.get(ix).and_then(Option::as_ref) else { return };
        let (agent, availability) = (slot.agent, availability(&slot.traits));
        let Some(total) = books.state().agents().get(&agent).map(|agent| agent.total.clone()) else { return };
        books.step(now, Input::UpdateAgent { agent, total, availability });
    }

    pub(crate) fn remove_node(&mut self, books: &mut Books, now: Millis, name: &str) {
        let Some(ix) = self.node_ixs.remove(name) else { return };
        let Some(node) = self.nodes.get_mut(ix).and_then(Option::take) else { return };
        let state = books.state();
        let tasks = state.agents().get(&node.agent).map(|agent| agent.tasks.clone()).unwrap_or_default();
        let uids: Vec<Arc<str>> = tasks.iter().filter_map(|id| Some(state.tasks().get(id)?.name.clone())).collect();
        for uid in uids {
            let Some(pod) = self.pods.get_mut(&uid) else { continue };
            match pod.stage {
                Stage::Binding { .. } | Stage::Bound { .. } => {
                    pod.stage = Stage::Bound { node: node.name.clone(), task: None };
                    self.stranded.entry(node.name.clone()).or_default().insert(uid);
                }
                _ => {}
            }
        }
        books.step(now, Input::RemoveAgent { agent: node.agent });
        self.freed.remove(&ix);
        self.vacant.push(ix);
    }

    /// A node is new, has changed, or has more free than before.
    pub(super) fn touch(&mut self, ix: usize) {
        self.placement.touch(ix);
        self.freed.insert(ix);
    }

    pub(super) fn refused(&self, refusal: Option<kubernel_kernel::Refusal>, what: &str) {
        if let Some(refusal) = refusal {
            tracing::warn!(%refusal, what, "the books refused");
        }
    }
}

/// Frameworks that take offers as they come are not offered what most Pods may not use; but their tasks are processes,
/// which a node may take that takes nothing else.
fn availability(node: &NodeTraits) -> Availability {
    let hard =
        |taint: &Taint| matches!(&*taint.effect, "NoSchedule" | "NoExecute") && taint.key != processes::ONLY_TAINT;
    if node.ready != Ready::Yes || node.unschedulable || node.taints.iter().any(hard) {
        Availability::Cordoned
    } else {
        Availability::Open
    }
}

fn ports() -> Kind {
    Kind { shape: Shape::Ranges, ..Kind::plain("ports") }
}

fn ready(conditions: &[wire::Condition]) -> Ready {
    match conditions.iter().find(|condition| condition.type_ == "Ready").map(|condition| condition.status.as_str()) {
        Some("False") => Ready::No,
        Some("Unknown") => Ready::Unknown,
        _ => Ready::Yes,
    }
}

/// What a node is to frameworks: its labels are its attributes.
fn traits(node: &NodeTraits) -> Traits {
    let label = |name: &str| node.labels.get(name).map(|value| Arc::from(value.as_str()));
    let text = |(name, value): (&String, &String)| (name.as_str().into(), Attribute::Text(value.as_str().into()));
    Traits {
        hostname: (!node.address.is_empty()).then(|| (*node.address).into()),
        attributes: node.labels.iter().map(text).take(kubernel_kernel::limits::ATTRIBUTES_MAX).collect(),
        domain: label(REGION_LABEL).zip(label(ZONE_LABEL)).map(|(region, zone)| Domain { region, zone }),
        ..Traits::default()
    }
}
