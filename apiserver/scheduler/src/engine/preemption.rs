//! Room for Pods that matter more: tasks with less of a right to their place are asked back, be they Pods or tasks of
//! frameworks, and what the kernel has the scheduler end is evicted.

use kubernel_kernel::{Deed, Input, Millis, Order, Reason};
use kubernel_ledger::Books;

use super::{Action, Engine, Eviction};
use crate::{class::ClassId, fit, wire::Toleration};

use super::nodes::DRAINING_TAINT;

/// How long those who are asked back have to end by themselves.
const NOTICE_MS: u64 = 5_000;
/// How long to wait for them before others are asked.
const PATIENCE_MS: u64 = 30_000;
/// Nodes that are looked at for one class at a time.
const NODES_MAX: usize = 100;

impl Engine {
    /// Asks for room for the most important Pod of a class that fits nowhere, if there is anybody to ask.
    pub(super) fn reclaim(&mut self, books: &mut Books, now: Millis, class: ClassId) {
        if self.reclaims.get(&class).is_some_and(|until| *until > now) || self.over_quota.contains(&class) {
            return;
        }
        let Some((found, requests)) = self.classes.get(class).filter(|(found, _)| !found.never_preempts) else {
            return;
        };
        let pods = self.queue.of_class(class).filter_map(|uid| self.pods.get(uid));
        let Some(first) = pods.max_by_key(|pod| pod.priority).filter(|pod| pod.priority > 0) else { return };
        let (priority, namespace) = (first.priority, first.name.namespace.clone());
        let suits = self.nodes.iter().flatten().filter(|node| fit::suits(found, &node.traits).is_ok());
        let agents: Vec<_> = suits.map(|node| node.agent).take(NODES_MAX).collect();
        let needs = requests.clone();
        let Some(role) = self.role_of(books, now, &namespace) else { return };
        for agent in agents {
            let (needs, notice_ms) = (needs.clone(), NOTICE_MS);
            let step = books.step(now, Input::Reclaim { role, agent, needs, priority, notice_ms });
            if step.refused.is_none() {
                self.reclaims.insert(class, now.after_ms(PATIENCE_MS));
                return;
            }
        }
    }

    /// The kernel has a Pod of ours end.
    pub(super) fn ordered(&mut self, books: &Books, order: &Order) {
        let Deed::Kill { name, grace_ms, reason } = &order.deed else { return };
        let Some(pod) = self.pods.get(name) else { return };
        let preempted = *reason == Some(Reason::ContainerPreempted);
        if !preempted {
            // A node that is emptied keeps what belongs to the node itself: Pods made for it, and those that do not mind.
            let minds = self
                .classes
                .get(pod.class)
                .is_none_or(|(class, _)| class.pinned.is_none() && !class.tolerations.iter().any(tolerates_all));
            let there = books.state().agents().contains_key(&order.agent);
            if !minds || !there {
                return;
            }
        }
        let eviction = Eviction { pod: pod.name.clone(), grace_ms: *grace_ms, preempted };
        self.actions.push(Action::Evict(eviction));
    }
}

fn tolerates_all(toleration: &Toleration) -> bool {
    (toleration.key.is_empty() || toleration.key == DRAINING_TAINT) && toleration.operator == "Exists"
}
