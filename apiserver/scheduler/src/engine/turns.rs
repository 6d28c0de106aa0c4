//! Turns: what is placed, in the kernel's order, and what is said of that which cannot be.

use std::sync::Arc;

use kubernel_kernel::{AgentId, Event, Input, Millis, Refusal, Step, TaskSpec, Turn};
use kubernel_ledger::{Books, Delivery};

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
    pub(crate) fn schedule(&mut self, books: &mut Books, now: Millis) -> Vec<Action> {
        self.hear(books, now);
        self.retry(books, now);
        self.review(books, now);
        let mut turn = self.next_turn(books, now);
        while let Some(next) = turn.filter(|turn| turn.framework == self.framework && self.bindings < BINDINGS_MAX) {
            turn = self.take_turn(books, now, next);
        }
        std::mem::take(&mut self.actions)
    }

    /// Takes over what others did to what is ours: the kernel took a turn away that nobody took in time, or something
    /// got free.
    fn hear(&mut self, books: &mut Books, now: Millis) {
        for delivery in books.take_claims() {
            match delivery {
                Delivery::Event(event) => drop(self.lost_turn(&event)),
                Delivery::Order(order) => self.ordered(books, &order),
                Delivery::Send(_) => {}
            }
        }
        let agents: Vec<AgentId> = books.state().freed_since(self.seen_freed).collect();
        self.seen_freed = books.state().last_freed();
        for agent in agents {
            let Some(name) = books.state().agents().get(&agent).map(|agent| agent.name.clone()) else { continue };
            if self.keeps_more(&name) {
                self.keep(books, now, &name);
            }
            self.node_ixs.get(&name).copied().into_iter().for_each(|ix| self.touch(ix));
        }
    }

    /// A turn that nobody took, because too many bindings were under way, is taken away with the demand.
    fn lost_turn(&mut self, event: &Event) -> bool {
        match event {
            Event::Demanded { framework, role, slots: 0 }
                if *framework == self.framework && self.queue.ready(*role) > 0 =>
            {
                self.queue.mark_changed(*role);
                true
            }
            _ => false,
        }
    }

    /// Lets the kernel go through what is due, and says whose turn it is.
    fn next_turn(&mut self, books: &mut Books, now: Millis) -> Option<Turn> {
        loop {
            self.demand(books, now);
            let step = books.step(now, Input::Tick);
            let lost = step.events.iter().filter(|event| self.lost_turn(event)).count();
            if lost == 0 {
                return step.turn;
            }
        }
    }

    /// When to call [`Engine::schedule`] again even if nothing happens.
    pub(crate) fn wake_at(&self) -> Option<Millis> {
        let delayed = self.delayed.first().map(|(at, _)| *at);
        [delayed, self.review_at].into_iter().flatten().min()
    }

    fn take_turn(&mut self, books: &mut Books, now: Millis, turn: Turn) -> Option<Turn> {
        let (framework, role) = (turn.framework, turn.role);
        let Some((class, _, uid)) = self.queue.first(role) else {
            return books.step(now, Input::Demand { framework, role, slots: 0 }).turn;
        };
        let Some(ix) = self.find(books, class) else {
            self.block(books, now, class);
            return self.demand(books, now);
        };
        let (Some(node), Some((found, requests))) =
            (self.nodes.get(ix).and_then(Option::as_ref), self.classes.get(class))
        else {
            return None;
        };
        let (agent, name) = (node.agent, node.name.clone());
        let free = books.state().agents().get(&agent).map(kubernel_kernel::Agent::free).unwrap_or_default();
        let resources = fit::taken(found, requests, &free, books.state().names());
        let priority = self.pods.get(&uid).map_or(0, |pod| pod.priority);
        let task = TaskSpec { priority, ..TaskSpec::new(uid.clone(), resources) };
        let step = books.step(now, Input::Claim { framework, role, agent, task });
        match step.refused {
            None => self.claimed(books, now, &uid, ix, name),
            Some(Refusal::NotYourTurn) => {}
            Some(Refusal::OverQuota) => {
                self.over_quota.insert(class);
                self.block(books, now, class);
                return self.demand(books, now);
            }
            Some(refusal) => {
                tracing::warn!(%refusal, pod = %uid, node = %name, "a claim was refused");
                let until = now.after_ms(REPORT_EVERY_MS);
                self.enter(books, now, &uid, Stage::Delayed { until });
                return self.demand(books, now);
            }
        }
        step.turn
    }

    fn claimed(&mut self, books: &mut Books, now: Millis, uid: &Arc<str>, node: NodeIx, name: Arc<str>) {
        let Some(task) = books.state().task_id(self.framework, uid) else { return };
        self.enter(books, now, uid, Stage::Binding { node, task });
        if let Some(pod) = self.pods.get(uid) {
            self.bindings += 1;
            self.actions.push(Action::Bind { pod: pod.name.clone(), node: name });
        }
    }

    /// The best node for a class.
    fn find(&mut self, books: &Books, class: ClassId) -> Option<NodeIx> {
        let (found, resources) = self.classes.get(class)?;
        let (nodes, agents, names) = (&self.nodes, books.state().agents(), books.state().names());
        let score = |ix: NodeIx| {
            let node = nodes.get(ix)?.as_ref()?;
            let agent = agents.get(&node.agent)?;
            let preference = fit::suits(found, &node.traits).ok()?;
            let free = agent.free();
            let free = fit::open_to(found, &free, names);
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
    fn block(&mut self, books: &mut Books, now: Millis, class: ClassId) {
        self.reclaim(books, now, class);
        let Some(message) = self.diagnose(books, class) else { return };
        self.blocked.insert(class, message.clone());
        self.queue.set_blocked(class, true);
        let pods: Vec<Arc<str>> = self.queue.of_class(class).cloned().collect();
        for uid in pods {
            self.report(now, &uid, UNSCHEDULABLE, &message);
        }
    }

    fn diagnose(&self, books: &Books, class: ClassId) -> Option<Arc<str>> {
        let (found, resources) = self.classes.get(class)?;
        if let Some(role) = found.role.as_ref().filter(|_| self.over_quota.contains(&class)) {
            let nodes = self.node_ixs.len();
            let message = format!(
                "0/{nodes} nodes are available: the limit of role {role:?} or the guarantees of other roles leave no room."
            );
            return Some(message.into());
        }
        let mut diagnosis = Diagnosis::default();
        for node in self.nodes.iter().flatten() {
            // A node that was given up has nothing free.
            let agent = books.state().agents().get(&node.agent);
            let fits = fit::suits(found, &node.traits).and_then(|_| {
                let names = books.state().names();
                let total = agent.map(|agent| names.quantities(&agent.total)).unwrap_or_default();
                let free = agent.map(kubernel_kernel::Agent::free).unwrap_or_default();
                fit::has_room(found, resources, &fit::open_to(found, &free, names), &total, &node.ports, names)
            });
            if let Err(unfit) = fits {
                diagnosis.add(&unfit);
            }
        }
        Some(diagnosis.text(found.never_preempts).into())
    }

    /// Lets blocked classes try again that fit on a node that changed, and Pods whose time has come.
    fn retry(&mut self, books: &mut Books, now: Millis) {
        let freed = std::mem::take(&mut self.freed);
        if !freed.is_empty() {
            let blocked: Vec<ClassId> = self.queue.blocked().collect();
            for class in blocked {
                let Some((found, resources)) = self.classes.get(class) else { continue };
                let fits = |ix: &NodeIx| {
                    let node = self.nodes.get(*ix).and_then(Option::as_ref);
                    node.is_some_and(|node| fits_on(books, found, resources, node))
                };
                if self.over_quota.contains(&class) || freed.iter().any(fits) {
                    self.queue.set_blocked(class, false);
                    self.blocked.remove(&class);
                    self.over_quota.remove(&class);
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
            self.wait(books, now, &uid);
        }
    }

    /// Brings what is said of blocked Pods up to date, now and then.
    fn review(&mut self, books: &mut Books, now: Millis) {
        if self.review_at.is_none_or(|at| at > now) {
            return;
        }
        self.review_at = None;
        let blocked: Vec<ClassId> = self.queue.blocked().collect();
        for class in blocked {
            self.block(books, now, class);
        }
    }

    /// Tells the kernel how much each role wants now. Returns whose turn it is after that.
    fn demand(&mut self, books: &mut Books, now: Millis) -> Option<Turn> {
        let mut turn = None;
        for role in self.queue.take_changed() {
            let slots = u32::try_from(self.queue.ready(role)).unwrap_or(SLOTS_MAX);
            let step: Step = books.step(now, Input::Demand { framework: self.framework, role, slots });
            turn = step.turn;
        }
        turn
    }
}

fn fits_on(books: &Books, class: &Class, resources: &kubernel_kernel::Resources, node: &Node) -> bool {
    let Some(agent) = books.state().agents().get(&node.agent) else { return false };
    let names = books.state().names();
    let free = agent.free();
    fit::suits(class, &node.traits).is_ok()
        && fit::has_room(class, resources, &fit::open_to(class, &free, names), &agent.total, &node.ports, names).is_ok()
}
