//! Namespaces and ResourceRoles: who counts where, and what it weighs.

use std::{collections::BTreeMap, sync::Arc};

use kubernel_kernel::{Input, Millis, Quota, ResourceId, RoleId};
use kubernel_ledger::Books;

use super::{Engine, Stage};
use crate::{
    class::Class,
    requests,
    wire::{Named, ResourceRole},
};

impl Engine {
    pub(crate) fn set_namespace(&mut self, books: &mut Books, now: Millis, namespace: &Named) {
        if self.tenancy.set_namespace(namespace) {
            self.move_pods(books, now);
        }
    }

    pub(crate) fn remove_namespace(&mut self, name: &str) {
        self.tenancy.remove_namespace(name);
    }

    pub(crate) fn set_role(&mut self, books: &mut Books, now: Millis, role: &ResourceRole) {
        let moved = self.tenancy.set_role(role);
        self.weigh(books, now, &role.metadata.name);
        self.settle(books, now, &role.metadata.name);
        if moved {
            self.move_pods(books, now);
        }
    }

    pub(crate) fn remove_role(&mut self, books: &mut Books, now: Millis, name: &str) {
        let path = self.tenancy.path(name);
        books.step(now, Input::SetQuota { path: path.clone(), quota: None, force: true });
        self.refusals.remove(name);
        let moved = self.tenancy.remove_role(name);
        self.recount(books, now);
        if moved {
            self.move_pods(books, now);
        }
        if let Some(role) = books.state().roles().id(&path) {
            books.step(now, Input::ForgetRole { role });
        }
    }

    /// The role in which a namespace's Pods count, joined if this is its first.
    pub(super) fn role_of(&mut self, books: &mut Books, now: Millis, namespace: &Arc<str>) -> Option<RoleId> {
        if let Some(role) = self.namespaces.get(namespace).and_then(|found| found.role) {
            return Some(role);
        }
        let path = self.tenancy.path(self.tenancy.role_of(namespace));
        let step = books.step(now, Input::JoinRole { framework: self.framework, role: path.clone() });
        if let Some(refusal) = step.refused {
            tracing::warn!(%namespace, role = %path, %refusal, "no role for a namespace");
        }
        let role = books.state().roles().id(&path)?;
        self.namespaces.entry(namespace.clone()).or_default().role = Some(role);
        Some(role)
    }

    /// A namespace has no Pods any more; its role is left when no other namespace is in it.
    pub(super) fn drop_namespace(&mut self, books: &mut Books, now: Millis, namespace: &Arc<str>) {
        let Some(role) = self.namespaces.remove(namespace).and_then(|found| found.role) else { return };
        if !self.namespaces.values().any(|other| other.role == Some(role)) {
            books.step(now, Input::LeaveRole { framework: self.framework, role });
        }
    }

    fn weigh(&self, books: &mut Books, now: Millis, role: &str) {
        let set = Input::SetRole { path: self.tenancy.path(role), weight_milli: self.tenancy.weight_milli(role) };
        if let Some(refusal) = books.step(now, set).refused {
            tracing::warn!(role, %refusal, "a ResourceRole has no effect");
        }
    }

    /// Has the kernel keep what is settled for a role. The object is what counts, even where there is not enough yet; what
    /// makes no sense beside that of other roles is refused, and tried again when those change.
    fn settle(&mut self, books: &mut Books, now: Millis, name: &str) {
        let again: Vec<Box<str>> = self.refusals.keys().cloned().chain([name.into()]).collect();
        let mut changed = false;
        for name in again {
            let settled = self.tenancy.role(&name).and_then(|spec| spec.settled.clone());
            let path = self.tenancy.path(&name);
            let known = books.state().roles().id(&path).and_then(|id| books.state().roles().get(id)?.quota.clone());
            let quota = settled.map(|settled| Quota {
                guarantee: Self::resources(books, &requests::list(&settled.guarantee)),
                limits: self.limits(books, &settled.limit),
            });
            if known.as_deref() == quota.as_ref() {
                self.refusals.remove(&name);
                continue;
            }
            changed = true;
            match books.step(now, Input::SetQuota { path, quota, force: true }).refused {
                Some(refusal) => drop(self.refusals.insert(name, refusal.to_string().into())),
                None => drop(self.refusals.remove(&name)),
            }
        }
        if changed {
            self.recount(books, now);
            let all: Vec<usize> = self.node_ixs.values().copied().collect();
            self.freed.extend(all);
        }
    }

    fn limits(&self, books: &mut Books, written: &BTreeMap<String, String>) -> BTreeMap<ResourceId, u64> {
        let mut limits = BTreeMap::new();
        for (name, text) in written {
            let one = requests::list(&BTreeMap::from([(name.clone(), text.clone())]));
            let amount = Self::resources(books, &one);
            limits.extend(books.resource(name).map(|id| (id, amount.get(id))));
        }
        limits
    }

    /// The role by which Pods of a namespace are told apart: where roles make no difference, none.
    pub(super) fn counted(&self, books: &Books, namespace: &str) -> Option<Arc<str>> {
        let path = self.tenancy.path(self.tenancy.role_of(namespace));
        let settled = books.state().roles().has_quotas();
        (settled || self.reservations.concern(&path)).then_some(path)
    }

    /// Whether roles make a difference has changed for some: Pods that wait are put in their classes anew.
    pub(super) fn recount(&mut self, books: &mut Books, now: Millis) {
        let mut counted: BTreeMap<Arc<str>, Option<Arc<str>>> = BTreeMap::new();
        for namespace in self.namespaces.keys() {
            counted.insert(namespace.clone(), self.counted(books, namespace));
        }
        let waiting = self.pods.iter().filter(|(_, pod)| matches!(pod.stage, Stage::Waiting { .. }));
        let moved: Vec<(Arc<str>, Class)> = waiting
            .filter_map(|(uid, pod)| {
                let (class, _) = self.classes.get(pod.class)?;
                let role = counted.get(&pod.name.namespace)?;
                (class.role != *role).then(|| (uid.clone(), Class { role: role.clone(), ..(**class).clone() }))
            })
            .collect();
        for (uid, class) in moved {
            self.reclass(books, now, &uid, class);
            self.wait(books, now, &uid);
        }
    }

    /// Paths changed: Pods that wait go to where they count now. What runs stays where it was counted.
    fn move_pods(&mut self, books: &mut Books, now: Millis) {
        let old: Vec<RoleId> = self.namespaces.values_mut().filter_map(|found| found.role.take()).collect();
        for name in self.tenancy.roles().map(str::to_owned).collect::<Vec<_>>() {
            self.weigh(books, now, &name);
        }
        for namespace in self.namespaces.keys().cloned().collect::<Vec<_>>() {
            self.role_of(books, now, &namespace);
        }
        let waiting: Vec<Arc<str>> = self
            .pods
            .iter()
            .filter(|(_, pod)| matches!(pod.stage, Stage::Waiting { .. }))
            .map(|(uid, _)| uid.clone())
            .collect();
        for uid in waiting {
            let Some((namespace, class, stage)) =
                self.pods.get(&uid).map(|pod| (pod.name.namespace.clone(), pod.class, pod.stage.clone()))
            else {
                continue;
            };
            let Stage::Waiting { role, place } = stage else { continue };
            let Some(new) = self.role_of(books, now, &namespace).filter(|new| *new != role) else { continue };
            let message = self.blocked.get(&class).cloned();
            self.queue.push(new, class, place, uid.clone());
            self.queue.remove(role, class, place);
            if let Some(message) = message {
                self.blocked.insert(class, message);
            }
            if let Some(pod) = self.pods.get_mut(&uid) {
                pod.stage = Stage::Waiting { role: new, place };
            }
        }
        for role in old {
            if !self.namespaces.values().any(|found| found.role == Some(role)) {
                books.step(now, Input::LeaveRole { framework: self.framework, role });
            }
        }
    }
}
