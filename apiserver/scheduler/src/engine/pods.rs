//! Pods come, change and go. Each is at one stage at a time; every change of stage passes [`Engine::enter`].

use std::{
    cmp::Reverse,
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use kubernel_kernel::{Input, Millis, TaskId, TaskSpec, TaskState};
use kubernel_ledger::Books;
use kubernel_meta::mesos;

use super::{Action, Engine, FRAMEWORK, Pod, PodName, Report, Stage, UNSCHEDULABLE};
use crate::{class::Class, fit, reasons::GATED, wire};

/// How soon a Pod whose binding failed is tried again; doubled with each failure.
const RETRY_MS_MIN: u64 = 1_000;
/// And how late at most.
const RETRY_MS_MAX: u64 = 10_000;
/// How often the words about one Pod may change.
pub(super) const REPORT_EVERY_MS: u64 = 2_000;

/// The scheduler named by Pods that frameworks launch as tasks.
pub const TASKS_SCHEDULER: &str = "mesos";

/// How a binding went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The Pod is bound.
    Bound,
    /// There is no such Pod any more.
    Gone,
    /// It is not bound, or nobody knows.
    Failed,
}

impl Engine {
    pub(crate) fn set_pod(&mut self, books: &mut Books, now: Millis, pod: &wire::Pod) {
        let role = self.counted(books, &pod.metadata.namespace);
        let class = Class { role, ..Class::of(&pod.spec) };
        let uid: Arc<str> = match self.pods.get_key_value(&*pod.metadata.uid) {
            Some((uid, _)) => uid.clone(),
            None => pod.metadata.uid.as_str().into(),
        };
        let known = self.pods.get(&uid).map(|known| known.class);
        let same = known.and_then(|id| self.classes.get(id)).is_some_and(|(known, _)| **known == class);
        if !same {
            self.register(books, now, &uid, pod, class);
        }
        if let Some(known) = self.pods.get_mut(&uid) {
            known.priority = pod.spec.priority;
            known.generation = pod.metadata.generation;
        }
        // What a framework launched is counted as its task.
        let theirs = pod.spec.scheduler_name == TASKS_SCHEDULER && pod.metadata.labels.contains_key(mesos::FRAMEWORK);
        let over = theirs || matches!(pod.status.phase.as_str(), "Succeeded" | "Failed");
        let ours = pod.spec.scheduler_name == FRAMEWORK && pod.metadata.deletion_timestamp.is_none();
        if over {
            self.enter(books, now, &uid, Stage::Aside);
        } else if !pod.spec.node_name.is_empty() {
            self.is_bound(books, now, &uid, &pod.spec.node_name);
            if let Some(Pod { stage: Stage::Bound { task: Some(task), .. }, .. }) = self.pods.get(&uid)
                && pod.status.phase == "Running"
            {
                books.step(now, Input::UpdateTask { task: *task, state: TaskState::Running });
            }
        } else if !ours {
            self.enter(books, now, &uid, Stage::Aside);
        } else if !pod.spec.scheduling_gates.is_empty() {
            self.enter(books, now, &uid, Stage::Aside);
            self.report(now, &uid, "SchedulingGated", &GATED.into());
        } else if matches!(self.pods.get(&uid), Some(Pod { stage: Stage::Aside | Stage::Bound { .. }, .. })) {
            self.wait(books, now, &uid);
        }
    }

    pub(crate) fn remove_pod(&mut self, books: &mut Books, now: Millis, uid: &str) {
        let Some((uid, _)) = self.pods.get_key_value(uid) else { return };
        let uid = uid.clone();
        self.forget(books, now, &uid);
    }

    /// A binding came to an end. Where the Pod is bound: for how many milliseconds it had waited, and how often it was
    /// tried.
    pub(crate) fn binding_ended(
        &mut self,
        books: &mut Books,
        now: Millis,
        uid: &Arc<str>,
        outcome: Outcome,
    ) -> Option<(u64, u32)> {
        self.bindings = self.bindings.saturating_sub(1);
        let pod = self.pods.get_mut(uid)?;
        let waiting = if outcome == Outcome::Bound { pod.waiting.take() } else { None };
        self.binding_done(books, now, uid, outcome);
        waiting.map(|(since, failed)| (now.0.saturating_sub(since.0), failed + 1))
    }

    fn binding_done(&mut self, books: &mut Books, now: Millis, uid: &Arc<str>, outcome: Outcome) {
        let Some(pod) = self.pods.get_mut(uid) else { return };
        if !matches!(pod.stage, Stage::Binding { .. }) {
            return;
        }
        match outcome {
            Outcome::Bound => pod.failures = 0,
            Outcome::Gone => self.forget(books, now, uid),
            Outcome::Failed => {
                let wait_ms = (RETRY_MS_MIN << pod.failures.min(8)).min(RETRY_MS_MAX);
                pod.failures += 1;
                if let Some((_, tries)) = &mut pod.waiting {
                    *tries += 1;
                }
                self.enter(books, now, uid, Stage::Delayed { until: now.after_ms(wait_ms) });
            }
        }
    }

    /// Puts a Pod in the queue.
    pub(super) fn wait(&mut self, books: &mut Books, now: Millis, uid: &Arc<str>) {
        let Some(pod) = self.pods.get_mut(uid) else { return };
        pod.waiting.get_or_insert((now, 0));
        let (namespace, priority) = (pod.name.namespace.clone(), pod.priority);
        let Some(role) = self.role_of(books, now, &namespace) else { return };
        self.arrivals += 1;
        let place = (Reverse(priority), self.arrivals);
        self.enter(books, now, uid, Stage::Waiting { role, place });
        let class = self.pods.get(uid).map(|pod| pod.class);
        if let Some(message) = class.and_then(|class| self.blocked.get(&class)).cloned() {
            self.report(now, uid, UNSCHEDULABLE, &message);
        }
    }

    /// Writes a Pod that runs on a node down in the ledger.
    pub(super) fn adopt(&mut self, books: &mut Books, now: Millis, uid: &Arc<str>, node: &Arc<str>) {
        let Some(pod) = self.pods.get(uid) else { return };
        let (namespace, class, priority) = (pod.name.namespace.clone(), pod.class, pod.priority);
        let Some(role) = self.role_of(books, now, &namespace) else { return };
        let agent = books.state().agent_id(node);
        let mut task = None;
        if let (Some(agent), Some((found, requests))) = (agent, self.classes.get(class)) {
            let free = books.state().agents().get(&agent).map(kubernel_kernel::Agent::free).unwrap_or_default();
            let resources = fit::taken(found, requests, &free, books.state().names());
            let spec = TaskSpec { priority, ..TaskSpec::new(uid.clone(), resources) };
            let (framework, state) = (self.framework, TaskState::Starting);
            let step = books.step(now, Input::Adopt { framework, role, agent, task: spec, state });
            self.refused(step.refused, "recovered Pod");
            task = books.state().task_id(framework, uid);
        }
        self.enter(books, now, uid, Stage::Bound { node: node.clone(), task });
    }

    /// Says why a Pod has no node, unless that was said already or something was said a moment ago.
    pub(super) fn report(&mut self, now: Millis, uid: &Arc<str>, reason: &'static str, message: &Arc<str>) {
        let Some(pod) = self.pods.get_mut(uid) else { return };
        let words = hash(reason, message);
        match pod.reported {
            Some((said, _)) if said == words => return,
            Some((_, at)) if now < at.after_ms(REPORT_EVERY_MS) && at.0 > 0 => {
                self.review_at.get_or_insert(at.after_ms(REPORT_EVERY_MS));
                return;
            }
            _ => {}
        }
        let first = pod.reported.replace((words, now)).is_none();
        let (name, generation, message) = (pod.name.clone(), pod.generation, message.clone());
        self.actions.push(Action::Report(Report { pod: name, generation, reason, message, first }));
    }

    fn register(&mut self, books: &mut Books, now: Millis, uid: &Arc<str>, pod: &wire::Pod, class: Class) {
        if self.pods.contains_key(uid) {
            self.reclass(books, now, uid, class);
            return;
        }
        let class = self.classes.join(class, |amounts| Self::resources(books, amounts));
        let namespace = match self.namespaces.get_key_value(&*pod.metadata.namespace) {
            Some((name, _)) => name.clone(),
            None => pod.metadata.namespace.as_str().into(),
        };
        self.namespaces.entry(namespace.clone()).or_default().pods += 1;
        let name = PodName { namespace, name: pod.metadata.name.as_str().into(), uid: uid.clone() };
        let scheduled = pod.status.conditions.iter().find(|c| c.type_ == "PodScheduled" && c.status == "False");
        let reported = scheduled.map(|condition| (hash(&condition.reason, &condition.message), Millis(0)));
        let record =
            Pod { name, class, priority: 0, generation: 0, stage: Stage::Aside, reported, failures: 0, waiting: None };
        self.pods.insert(uid.clone(), record);
    }

    /// Puts a Pod in another class; one that waited is aside then.
    pub(super) fn reclass(&mut self, books: &mut Books, now: Millis, uid: &Arc<str>, class: Class) {
        let class = self.classes.join(class, |amounts| Self::resources(books, amounts));
        let Some(old) = self.pods.get(uid) else { return };
        let (old_class, stage) = (old.class, old.stage.clone());
        self.enter(books, now, uid, Stage::Aside);
        self.leave_class(old_class);
        if let Some(pod) = self.pods.get_mut(uid) {
            pod.class = class;
        }
        if let Stage::Bound { node, .. } = stage {
            self.adopt(books, now, uid, &node);
        }
    }

    /// The API says that a Pod is on a node, whoever bound it.
    fn is_bound(&mut self, books: &mut Books, now: Millis, uid: &Arc<str>, node: &str) {
        let Some(pod) = self.pods.get_mut(uid) else { return };
        match &pod.stage {
            Stage::Bound { node: known, .. } if **known == *node => return,
            Stage::Binding { node: ix, task } => {
                let task = *task;
                let chosen = self.nodes.get(*ix).and_then(Option::as_ref).map(|slot| slot.name.clone());
                if let Some(name) = chosen.filter(|name| **name == *node) {
                    pod.stage = Stage::Bound { node: name, task: Some(task) };
                    pod.failures = 0;
                    books.step(now, Input::UpdateTask { task, state: TaskState::Starting });
                    return;
                }
            }
            _ => {}
        }
        self.enter(books, now, uid, Stage::Aside);
        let node = self.node_ixs.get_key_value(node).map_or_else(|| node.into(), |(name, _)| name.clone());
        self.adopt(books, now, uid, &node);
    }

    /// Leaves one stage and enters another, with all that belongs to each.
    pub(super) fn enter(&mut self, books: &mut Books, now: Millis, uid: &Arc<str>, new: Stage) {
        let Some(pod) = self.pods.get_mut(uid) else { return };
        if pod.stage == new {
            return;
        }
        let class = pod.class;
        let old = std::mem::replace(&mut pod.stage, new.clone());
        match old {
            Stage::Aside => {}
            Stage::Waiting { role, place } => {
                self.queue.remove(role, class, place);
                self.forget_blocked(class);
            }
            Stage::Delayed { until } => drop(self.delayed.remove(&(until, uid.clone()))),
            Stage::Binding { node, task } => self.release(books, now, class, Some(node), task),
            Stage::Bound { node, task: Some(task) } => {
                let ix = self.node_ixs.get(&node).copied();
                self.release(books, now, class, ix, task);
            }
            Stage::Bound { node, task: None } => {
                if let Some(stranded) = self.stranded.get_mut(&node) {
                    stranded.remove(uid);
                    if stranded.is_empty() {
                        self.stranded.remove(&node);
                    }
                }
            }
        }
        match new {
            Stage::Aside => {}
            Stage::Waiting { role, place } => self.queue.push(role, class, place, uid.clone()),
            Stage::Delayed { until } => drop(self.delayed.insert((until, uid.clone()))),
            Stage::Binding { node, .. } => self.take_ports(class, node),
            Stage::Bound { node, task: Some(_) } => {
                if let Some(ix) = self.node_ixs.get(&node).copied() {
                    self.take_ports(class, ix);
                }
            }
            Stage::Bound { node, task: None } => {
                self.stranded.entry(node).or_default().insert(uid.clone());
            }
        }
    }

    fn release(&mut self, books: &mut Books, now: Millis, class: u32, node: Option<usize>, task: TaskId) {
        books.step(now, Input::UpdateTask { task, state: TaskState::Finished });
        let Some(ix) = node else { return };
        if let (Some(node), Some((class, _))) =
            (self.nodes.get_mut(ix).and_then(Option::as_mut), self.classes.get(class))
        {
            for port in &class.ports {
                if let Some(at) = node.ports.iter().position(|used| used == port) {
                    node.ports.swap_remove(at);
                }
            }
        }
        self.touch(ix);
    }

    fn take_ports(&mut self, class: u32, ix: usize) {
        if let (Some(node), Some((class, _))) =
            (self.nodes.get_mut(ix).and_then(Option::as_mut), self.classes.get(class))
        {
            node.ports.extend(class.ports.iter().cloned());
        }
    }

    fn forget(&mut self, books: &mut Books, now: Millis, uid: &Arc<str>) {
        self.enter(books, now, uid, Stage::Aside);
        let Some(pod) = self.pods.remove(uid) else { return };
        self.leave_class(pod.class);
        let Some(namespace) = self.namespaces.get_mut(&pod.name.namespace) else { return };
        namespace.pods -= 1;
        if namespace.pods == 0 {
            self.drop_namespace(books, now, &pod.name.namespace);
        }
    }

    fn leave_class(&mut self, class: u32) {
        if self.classes.leave(class) {
            self.placement.forget(class);
        }
    }

    /// Forgets why a class is blocked once no Pod of it waits.
    fn forget_blocked(&mut self, class: u32) {
        if !self.queue.is_blocked(class) {
            self.blocked.remove(&class);
            self.over_quota.remove(&class);
            self.reclaims.remove(&class);
        }
    }
}

fn hash(reason: &str, message: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (reason, message).hash(&mut hasher);
    hasher.finish()
}
