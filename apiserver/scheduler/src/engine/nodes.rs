//! A Node is an agent of the kernel: its allocatable resources are what it has to give.

use std::sync::Arc;

use kubernel_kernel::{Availability, Input, Millis};
use kubernel_ledger::Books;

use super::{Engine, Node, Stage};
use crate::{
    fit::NodeTraits,
    requests,
    wire::{self, Taint},
};

impl Engine {
    pub(crate) fn set_node(&mut self, books: &mut Books, now: Millis, node: wire::Node) {
        let total = Self::resources(books, &requests::list(&node.status.allocatable));
        let traits = NodeTraits {
            name: node.metadata.name.as_str().into(),
            labels: node.metadata.labels,
            taints: node.spec.taints,
            unschedulable: node.spec.unschedulable,
        };
        let availability = availability(&traits);
        let known = self.node_ixs.get(&*node.metadata.name).copied();
        if let Some(ix) = known {
            let Some(slot) = self.nodes.get_mut(ix).and_then(Option::as_mut) else { return };
            let agent = slot.agent;
            let same = books.state().agents().get(&agent).is_some_and(|agent| agent.total == total);
            if same && slot.traits == traits {
                return;
            }
            slot.traits = traits;
            self.refused(books.step(now, Input::UpdateAgent { agent, total, availability }).refused, "node update");
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
        for uid in self.stranded.remove(&name).unwrap_or_default() {
            self.adopt(books, now, &uid, &name);
        }
        self.touch(ix);
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

/// Frameworks that take offers as they come are not offered what most Pods may not use.
fn availability(node: &NodeTraits) -> Availability {
    let hard = |taint: &Taint| taint.effect == "NoSchedule" || taint.effect == "NoExecute";
    if node.unschedulable || node.taints.iter().any(hard) { Availability::Cordoned } else { Availability::Open }
}
