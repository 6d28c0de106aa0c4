//! Turns: what is placed, in the kernel's order, and what is said of that which cannot be.

use std::sync::Arc;

use kubernel_kernel::{Event, Input, Kernel, Millis, Refusal, Step, TaskSpec, Turn};

use super::{Action, BINDINGS_MAX, Engine, Node, Stage, UNSCHEDULABLE, pods::REPORT_EVERY_MS};
use crate::{
    class::{Class, ClassId},
    fit,
    placement::{self, NodeIx},
    reasons::Diagnosis,
};

/// How much of the queue the kernel is told about: as much as a number takes.
const SLOTS_MAX: u32 = u32::MAX;

impl Engine {
    /// Places all that can be placed now. Returns what is to be done in the API.
    pub(crate) fn schedule(&mut self, kernel: &mut Kernel, now: Millis) -> Vec<Action> {
        self.retry(kernel, now);
        self.review(kernel, now);
        let mut turn = self.next_turn(kernel, now);
        while let Some(next) = turn.filter(|turn| turn.framework == self.framework && self.bindings < BINDINGS_MAX) {
            turn = self.take_turn(kernel, now, next);
        }
        std::mem::take(&mut self.actions)
    }

    /// Lets the kernel go through what is due, and says whose turn it is.
    fn next_turn(&mut self, kernel: &mut Kernel, now: Millis) -> Option<Turn> {
        loop {
            self.demand(kernel, now);
            let step = kernel.step(now, Input::Tick);
            self.wake_at = step.wake_at.filter(|at| *at > now);
            // A turn that nobody took, because too many bindings were under way, is taken away with the demand.
            let mut lost = false;
            for event in &step.events {
                if let Event::Demanded { framework, role, slots: 0 } = event
                    && *framework == self.framework
                    && self.queue.ready(*role) > 0
                {
                    self.queue.mark_changed(*role);
                    lost = true;
                }
            }
            if !lost {
                return step.turn;
            }
        }
    }

    /// When to call [`Engine::schedule`] again even if nothing happens.
    pub(crate) fn wake_at(&self) -> Option<Millis> {
        let delayed = self.delayed.first().map(|(at, _)| *at);
        [delayed, self.review_at, self.wake_at].into_iter().flatten().min()
    }

    fn take_turn(&mut self, kernel: &mut Kernel, now: Millis, turn: Turn) -> Option<Turn> {
        let (framework, role) = (turn.framework, turn.role);
        let Some((class, _, uid)) = self.queue.first(role) else {
            return kernel.step(now, Input::Demand { framework, role, slots: 0 }).turn;
        };
        let Some(ix) = self.find(kernel, class) else {
            self.block(kernel, now, class);
            return self.demand(kernel, now);
        };
        let (Some(node), Some((_, resources))) = (self.nodes.get(ix).and_then(Option::as_ref), self.classes.get(class))
        else {
            return None;
        };
        let (agent, name) = (node.agent, node.name.clone());
        let task = TaskSpec::new(uid.clone(), resources.clone());
        let step = kernel.step(now, Input::Claim { framework, role, agent, task });
        match step.refused {
            None => self.claimed(kernel, now, &uid, ix, name),
            Some(Refusal::NotYourTurn) => {}
            Some(refusal) => {
                tracing::warn!(%refusal, pod = %uid, node = %name, "a claim was refused");
                let until = now.after_ms(REPORT_EVERY_MS);
                self.enter(kernel, now, &uid, Stage::Delayed { until });
                return self.demand(kernel, now);
            }
        }
        step.turn
    }

    fn claimed(&mut self, kernel: &mut Kernel, now: Millis, uid: &Arc<str>, node: NodeIx, name: Arc<str>) {
        let Some(task) = kernel.state().task_id(self.framework, uid) else { return };
        self.enter(kernel, now, uid, Stage::Binding { node, task });
        if let Some(pod) = self.pods.get(uid) {
            self.bindings += 1;
            self.actions.push(Action::Bind { pod: pod.name.clone(), node: name });
        }
    }

    /// The best node for a class.
    fn find(&mut self, kernel: &Kernel, class: ClassId) -> Option<NodeIx> {
        let (found, resources) = self.classes.get(class)?;
        let (nodes, agents, names) = (&self.nodes, kernel.state().agents(), kernel.state().names());
        let score = |ix: NodeIx| {
            let node = nodes.get(ix)?.as_ref()?;
            let agent = agents.get(&node.agent)?;
            let preference = fit::suits(found, &node.traits).ok()?;
            let free = agent.free();
            fit::has_room(found, resources, &free, &agent.total, &node.ports, names).ok()?;
            Some(placement::score(preference, resources, &free, &agent.total))
        };
        if let Some(names) = &found.pinned {
            let ixs = names.iter().filter_map(|name| self.node_ixs.get(name.as_str()).copied());
            return ixs.filter_map(|ix| Some((score(ix)?, ix))).max_by_key(|(score, _)| *score).map(|(_, ix)| ix);
        }
        self.placement.best(class, 0..self.nodes.len(), score)
    }

    /// A class fits nowhere: it is set aside, and its Pods are told why.
    fn block(&mut self, kernel: &Kernel, now: Millis, class: ClassId) {
        let Some(message) = self.diagnose(kernel, class) else { return };
        self.blocked.insert(class, message.clone());
        self.queue.set_blocked(class, true);
        let pods: Vec<Arc<str>> = self.queue.of_class(class).cloned().collect();
        for uid in pods {
            self.report(now, &uid, UNSCHEDULABLE, &message);
        }
    }

    fn diagnose(&self, kernel: &Kernel, class: ClassId) -> Option<Arc<str>> {
        let (found, resources) = self.classes.get(class)?;
        let mut diagnosis = Diagnosis::default();
        for node in self.nodes.iter().flatten() {
            let Some(agent) = kernel.state().agents().get(&node.agent) else { continue };
            let fits = fit::suits(found, &node.traits).and_then(|_| {
                let names = kernel.state().names();
                fit::has_room(found, resources, &agent.free(), &agent.total, &node.ports, names)
            });
            if let Err(unfit) = fits {
                diagnosis.add(&unfit);
            }
        }
        Some(diagnosis.text(found.never_preempts).into())
    }

    /// Lets blocked classes try again that fit on a node that changed, and Pods whose time has come.
    fn retry(&mut self, kernel: &mut Kernel, now: Millis) {
        let freed = std::mem::take(&mut self.freed);
        if !freed.is_empty() {
            let blocked: Vec<ClassId> = self.queue.blocked().collect();
            for class in blocked {
                let Some((found, resources)) = self.classes.get(class) else { continue };
                let fits = |ix: &NodeIx| {
                    let node = self.nodes.get(*ix).and_then(Option::as_ref);
                    node.is_some_and(|node| fits_on(kernel, found, resources, node))
                };
                if freed.iter().any(fits) {
                    self.queue.set_blocked(class, false);
                    self.blocked.remove(&class);
                }
            }
            if self.queue.blocked().next().is_some() {
                self.review_at.get_or_insert(now.after_ms(REPORT_EVERY_MS));
            }
        }
        while let Some((at, uid)) = self.delayed.first().cloned() {
            if at > now {
                break;
            }
            self.wait(kernel, now, &uid);
        }
    }

    /// Brings what is said of blocked Pods up to date, now and then.
    fn review(&mut self, kernel: &Kernel, now: Millis) {
        if self.review_at.is_none_or(|at| at > now) {
            return;
        }
        self.review_at = None;
        let blocked: Vec<ClassId> = self.queue.blocked().collect();
        for class in blocked {
            self.block(kernel, now, class);
        }
    }

    /// Tells the kernel how much each role wants now. Returns whose turn it is after that.
    fn demand(&mut self, kernel: &mut Kernel, now: Millis) -> Option<Turn> {
        let mut turn = None;
        for role in self.queue.take_changed() {
            let slots = u32::try_from(self.queue.ready(role)).unwrap_or(SLOTS_MAX);
            let step: Step = kernel.step(now, Input::Demand { framework: self.framework, role, slots });
            turn = step.turn;
        }
        turn
    }
}

fn fits_on(kernel: &Kernel, class: &Class, resources: &kubernel_kernel::Resources, node: &Node) -> bool {
    let Some(agent) = kernel.state().agents().get(&node.agent) else { return false };
    let names = kernel.state().names();
    fit::suits(class, &node.traits).is_ok()
        && fit::has_room(class, resources, &agent.free(), &agent.total, &node.ports, names).is_ok()
}
