//! Reservation objects: what is kept on an agent for a role. The kernel keeps it; here it is said, and said again after an
//! agent came back.
//!
//! A framework may reserve and unreserve itself: its object follows then. So what is on the agent already is not done
//! again, and more than the objects say is left alone until an object goes.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use kubernel_kernel::{Action, Input, Kind, Millis, Operation, Reservation, ResourceId, Resources};
use kubernel_ledger::Books;

use super::Engine;
use crate::{requests, tenancy, wire};

/// A Reservation object, as far as the kernel cares.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Kept {
    agent: Arc<str>,
    role: Arc<str>,
    amounts: Vec<(ResourceId, u64)>,
    /// How it stands; `None`: it holds.
    pub(crate) lacks: Option<Arc<str>>,
    /// The object's generation.
    pub(crate) generation: i64,
}

/// All Reservation objects.
#[derive(Debug, Default)]
pub(crate) struct Reservations {
    objects: BTreeMap<Arc<str>, Kept>,
    by_agent: BTreeMap<Arc<str>, BTreeSet<Arc<str>>>,
    /// Objects that are gone and whose resources were in use.
    leaving: Vec<Kept>,
}

impl Reservations {
    /// The names of all objects.
    pub(crate) fn names(&self) -> impl Iterator<Item = &Arc<str>> {
        self.objects.keys()
    }

    /// All objects, and how they stand.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &Kept)> {
        self.objects.iter()
    }

    /// Whether something is kept for a role, or for one above it.
    pub(crate) fn concern(&self, path: &str) -> bool {
        self.objects.values().any(|kept| tenancy::is_below_or(path, &kept.role))
    }

    fn insert(&mut self, name: &str, kept: Kept) -> Option<Kept> {
        let name: Arc<str> = name.into();
        self.by_agent.entry(kept.agent.clone()).or_default().insert(name.clone());
        self.objects.insert(name, kept)
    }

    fn remove(&mut self, name: &str) -> Option<Kept> {
        let (name, kept) = self.objects.remove_entry(name)?;
        if let Some(names) = self.by_agent.get_mut(&kept.agent) {
            names.remove(&name);
            if names.is_empty() {
                self.by_agent.remove(&kept.agent);
            }
        }
        Some(kept)
    }

    /// How much of a kind the objects keep on an agent.
    fn wanted(&self, agent: &str, id: ResourceId) -> u64 {
        let names = self.by_agent.get(agent).into_iter().flatten();
        let amounts = names.filter_map(|name| self.objects.get(name)).flat_map(|kept| &kept.amounts);
        amounts.filter(|(other, _)| *other == id).fold(0, |sum, (_, amount)| sum.saturating_add(*amount))
    }
}

impl Engine {
    pub(crate) fn set_reservation(&mut self, books: &mut Books, now: Millis, object: &wire::Reservation) {
        let name = object.metadata.name.as_str();
        let role: Arc<str> = match object.spec.role.contains('/') {
            true => object.spec.role.as_str().into(),
            false => self.tenancy.path(&object.spec.role),
        };
        let text = |text: &String| (!text.is_empty()).then(|| text.as_str().into());
        let reservation = Reservation {
            dynamic: true,
            role: role.clone(),
            principal: text(&object.spec.principal),
            labels: object.spec.labels.iter().map(|(key, value)| (key.as_str().into(), text(value))).collect(),
        };
        let mut amounts = Vec::new();
        for (id, amount) in Self::resources(books, &requests::list(&object.spec.resources)).iter() {
            let Some(plain) = books.state().names().name(id) else { continue };
            let kind = Kind { reservations: vec![reservation.clone()], ..Kind::plain(plain) };
            amounts.extend(books.kind(&kind).map(|id| (id, amount)));
        }
        let (agent, generation) = (object.spec.agent.as_str().into(), object.metadata.generation);
        let kept = Kept { agent, role, amounts, lacks: None, generation };
        let agent = kept.agent.clone();
        match self.reservations.insert(name, kept.clone()) {
            Some(old) if old.amounts == kept.amounts => {}
            Some(old) => self.give_back(books, now, old),
            None => {}
        }
        self.keep(books, now, &agent);
        self.recount(books, now);
    }

    pub(crate) fn remove_reservation(&mut self, books: &mut Books, now: Millis, name: &str) {
        let Some(kept) = self.reservations.remove(name) else { return };
        self.give_back(books, now, kept);
        self.recount(books, now);
    }

    /// Brings an agent to what the objects say is to be kept on it, as far as it is free.
    pub(super) fn keep(&mut self, books: &mut Books, now: Millis, agent: &str) {
        let leaving = std::mem::take(&mut self.reservations.leaving);
        for kept in leaving {
            match &*kept.agent == agent {
                true => self.give_back(books, now, kept),
                false => self.reservations.leaving.push(kept),
            }
        }
        let Some(names) = self.reservations.by_agent.get(agent).cloned() else { return };
        for name in names {
            let Some(kept) = self.reservations.objects.get(&name).cloned() else { continue };
            let lacks = kept.amounts.iter().find_map(|(id, _)| self.keep_one(books, now, agent, *id));
            if let Some(kept) = self.reservations.objects.get_mut(&name) {
                kept.lacks = lacks;
            }
        }
    }

    /// Whether there is something to do on an agent that got something free.
    pub(super) fn keeps_more(&self, agent: &str) -> bool {
        let names = self.reservations.by_agent.get(agent).into_iter().flatten();
        names.filter_map(|name| self.reservations.objects.get(name)).any(|kept| kept.lacks.is_some())
            || self.reservations.leaving.iter().any(|kept| &*kept.agent == agent)
    }

    /// Reserves what of a kind is not reserved yet; why that was refused.
    fn keep_one(&mut self, books: &mut Books, now: Millis, agent: &str, id: ResourceId) -> Option<Arc<str>> {
        let Some(found) = books.state().agent_id(agent) else { return Some("there is no such agent".into()) };
        let have = books.state().agents().get(&found).map_or(0, |agent| agent.total.get(id));
        let missing = self.reservations.wanted(agent, id).saturating_sub(have);
        if missing == 0 {
            return None;
        }
        let action = Action::Reserve([(id, missing)].into_iter().collect());
        let refused = books.step(now, Input::Operate { agent: found, operation: Operation::silent(action) }).refused;
        refused.map(|refusal| refusal.to_string().into())
    }

    /// An object does not keep this any more: what no other keeps is for everybody again, once it is not in use.
    fn give_back(&mut self, books: &mut Books, now: Millis, kept: Kept) {
        let Some(agent) = books.state().agent_id(&kept.agent) else { return };
        let mut left = false;
        for (id, amount) in &kept.amounts {
            let have = books.state().agents().get(&agent).map_or(0, |agent| agent.total.get(*id));
            let surplus = have.saturating_sub(self.reservations.wanted(&kept.agent, *id)).min(*amount);
            if surplus == 0 {
                continue;
            }
            let action = Action::Unreserve([(*id, surplus)].into_iter().collect());
            let operation = Operation::silent(action);
            left |= books.step(now, Input::Operate { agent, operation }).refused.is_some();
        }
        match left {
            true => self.reservations.leaving.push(kept),
            false => self.node_ixs.get(&kept.agent).copied().into_iter().for_each(|ix| self.touch(ix)),
        }
    }
}

/// What a node has to give now, when the part of it that is kept for somebody stays kept.
pub(super) fn rebuilt(books: &Books, old: &Resources, plain: &Resources) -> Resources {
    let names = books.state().names();
    let aside = names.set_aside(old);
    let mut total = plain.saturating_sub(&names.quantities(&aside));
    total.add(&aside);
    total
}
