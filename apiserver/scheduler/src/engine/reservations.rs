//! Reservation objects: what is kept on an agent for a role. The kernel keeps it; here it is said, and said again after an
//! agent came back.
//!
//! A framework may reserve and unreserve itself: its object follows then. So what is on the agent already is not done
//! again, and more than the objects say is left alone until an object goes.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use kubernel_kernel::{Action, Disk, Input, Kind, Millis, Operation, Reservation, ResourceId, Resources, Volume};
use kubernel_ledger::Books;
use kubernel_meta::Quantity;

use super::Engine;
use crate::{requests, tenancy, wire};

/// What volumes are made of.
const DISK: &str = "ephemeral-storage";

/// A Reservation object, as far as the kernel cares.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Kept {
    agent: Arc<str>,
    role: Arc<str>,
    /// Disks of volumes among them.
    amounts: Vec<(ResourceId, u64)>,
    volumes: Vec<KeptVolume>,
    /// How it stands; `None`: it holds.
    pub(crate) lacks: Option<Arc<str>>,
    /// The object's generation.
    pub(crate) generation: i64,
}

/// A persistent volume of an object.
#[derive(Clone, Copy, Debug, PartialEq)]
struct KeptVolume {
    volume: ResourceId,
    /// What it is made of.
    disk: ResourceId,
    size: u64,
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
        let names = || self.by_agent.get(agent).into_iter().flatten().filter_map(|name| self.objects.get(name));
        let sum = |amounts: &mut dyn Iterator<Item = u64>| amounts.fold(0, u64::saturating_add);
        let amounts = names().flat_map(|kept| &kept.amounts).filter(|(other, _)| *other == id);
        let volumes = || names().flat_map(|kept| &kept.volumes);
        let made = sum(&mut volumes().filter(|kept| kept.volume == id).map(|kept| kept.size));
        let used = sum(&mut volumes().filter(|kept| kept.disk == id).map(|kept| kept.size));
        sum(&mut amounts.map(|(_, amount)| *amount)).saturating_sub(used).saturating_add(made)
    }
}

impl Engine {
    pub(crate) fn set_reservation(&mut self, books: &mut Books, now: Millis, object: &wire::Reservation) {
        let name = object.metadata.name.as_str();
        let text = |text: &String| (!text.is_empty()).then(|| text.as_str().into());
        let wire::ReservationSpec { role, principal, labels, refines, .. } = &object.spec;
        let below = refines.iter().map(|one| (&one.role, &one.principal, &one.labels));
        let reservations: Vec<Reservation> = below
            .chain([(role, principal, labels)])
            .map(|(role, principal, labels)| Reservation {
                dynamic: true,
                role: self.role_path(role),
                principal: text(principal),
                labels: labels.iter().map(|(key, value)| (key.as_str().into(), text(value))).collect(),
            })
            .collect();
        let role = self.role_path(role);
        let mut amounts = Vec::new();
        for (id, amount) in Self::resources(books, &requests::list(&object.spec.resources)).iter() {
            let Some(plain) = books.state().names().name(id) else { continue };
            let kind = Kind { reservations: reservations.clone(), ..Kind::plain(plain) };
            amounts.extend(books.kind(&kind).map(|id| (id, amount)));
        }
        let mut volumes = Vec::new();
        for volume in &object.spec.volumes {
            let disk = Kind { reservations: reservations.clone(), ..Kind::plain(DISK) };
            let kind = Kind {
                disk: Some(Disk {
                    volume: Some(Volume {
                        id: volume.id.as_str().into(),
                        principal: text(&volume.principal),
                        container_path: volume.container_path.as_str().into(),
                        read_only: volume.read_only,
                    }),
                    source: None,
                }),
                shared: volume.shared,
                ..disk.clone()
            };
            let size = Quantity::parse(&volume.size).map_or(0, |size| u64::try_from(size.value()).unwrap_or(0));
            if let (Some(volume), Some(disk)) = (books.kind(&kind), books.kind(&disk)) {
                volumes.push(KeptVolume { volume, disk, size });
            }
        }
        let (agent, generation) = (object.spec.agent.as_str().into(), object.metadata.generation);
        let kept = Kept { agent, role, amounts, volumes, lacks: None, generation };
        let agent = kept.agent.clone();
        match self.reservations.insert(name, kept.clone()) {
            Some(old) if old.amounts == kept.amounts && old.volumes == kept.volumes => {}
            Some(old) => self.give_back(books, now, old),
            None => {}
        }
        self.keep(books, now, &agent);
        self.recount(books, now);
    }

    /// A role as the kernel knows it: objects may say the namespace's.
    fn role_path(&self, role: &str) -> Arc<str> {
        if role.contains('/') { role.into() } else { self.tenancy.path(role) }
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
            let volumes = || kept.volumes.iter().find_map(|volume| self.keep_volume(books, now, agent, *volume));
            let lacks = lacks.or_else(volumes);
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
    fn keep_one(&self, books: &mut Books, now: Millis, agent: &str, id: ResourceId) -> Option<Arc<str>> {
        self.keep_more(books, now, agent, (id, 0))
    }

    /// Makes what of a volume is not there yet; why that was refused.
    fn keep_volume(&self, books: &mut Books, now: Millis, agent: &str, kept: KeptVolume) -> Option<Arc<str>> {
        let missing = self.missing(books, agent, kept.volume);
        if missing == 0 {
            return None;
        }
        let reserved = self.keep_more(books, now, agent, (kept.disk, missing));
        reserved.or_else(|| operate(books, now, agent, Action::Create([(kept.volume, missing)].into_iter().collect())))
    }

    /// Reserves what of a kind is not reserved yet, and some more of it.
    fn keep_more(
        &self,
        books: &mut Books,
        now: Millis,
        agent: &str,
        (id, more): (ResourceId, u64),
    ) -> Option<Arc<str>> {
        let wanted = self.reservations.wanted(agent, id).saturating_add(more);
        let missing = wanted.saturating_sub(have(books, agent, id));
        if missing == 0 {
            return None;
        }
        // A refinement is made of what is reserved for those above.
        let base = refined(books, id).and_then(|base| self.keep_more(books, now, agent, (base, missing)));
        base.or_else(|| operate(books, now, agent, Action::Reserve([(id, missing)].into_iter().collect())))
    }

    fn missing(&self, books: &Books, agent: &str, id: ResourceId) -> u64 {
        self.reservations.wanted(agent, id).saturating_sub(have(books, agent, id))
    }

    /// An object does not keep this any more: what no other keeps is for everybody again, once it is not in use.
    fn give_back(&mut self, books: &mut Books, now: Millis, kept: Kept) {
        if books.state().agent_id(&kept.agent).is_none() {
            return;
        }
        let mut left = false;
        let volumes = kept.volumes.iter().map(|kept| (kept.volume, kept.size, true));
        let amounts = kept.amounts.iter().map(|(id, amount)| (*id, *amount, false));
        for (id, amount, is_volume) in volumes.chain(amounts) {
            let wanted = self.reservations.wanted(&kept.agent, id);
            let surplus = have(books, &kept.agent, id).saturating_sub(wanted).min(amount);
            if surplus == 0 {
                continue;
            }
            let action = |surplus| if is_volume { Action::Destroy(surplus) } else { Action::Unreserve(surplus) };
            let refused = operate(books, now, &kept.agent, action([(id, surplus)].into_iter().collect())).is_some();
            left |= refused;
            let mut base = refined(books, id).filter(|_| !is_volume && !refused);
            while let Some(id) = base {
                let wanted = self.reservations.wanted(&kept.agent, id);
                let surplus = have(books, &kept.agent, id).saturating_sub(wanted).min(surplus);
                let given = operate(books, now, &kept.agent, Action::Unreserve([(id, surplus)].into_iter().collect()));
                base = refined(books, id).filter(|_| given.is_none());
            }
        }
        match left {
            true => self.reservations.leaving.push(kept),
            false => self.node_ixs.get(&kept.agent).copied().into_iter().for_each(|ix| self.touch(ix)),
        }
    }
}

/// What a refinement is made of; `None` for what refines nothing.
fn refined(books: &mut Books, id: ResourceId) -> Option<ResourceId> {
    let mut kind = books.state().names().kind(id).filter(|kind| kind.is_refined() && kind.volume().is_none())?.clone();
    kind.reservations.pop();
    books.kind(&kind)
}

/// How much of a kind an agent has.
fn have(books: &Books, agent: &str, id: ResourceId) -> u64 {
    let found = books.state().agent_id(agent).and_then(|agent| books.state().agents().get(&agent));
    found.map_or(0, |agent| agent.total.get(id))
}

/// Changes what an agent has; why that was refused.
fn operate(books: &mut Books, now: Millis, agent: &str, action: Action) -> Option<Arc<str>> {
    let Some(agent) = books.state().agent_id(agent) else { return Some("there is no such agent".into()) };
    let refused = books.step(now, Input::Operate { agent, operation: Operation::silent(action) }).refused;
    refused.map(|refusal| refusal.to_string().into())
}

/// What a node has to give now, when the part of it that is kept for somebody stays kept.
pub(super) fn rebuilt(books: &Books, old: &Resources, plain: &Resources) -> Resources {
    let names = books.state().names();
    let aside = names.set_aside(old);
    let mut total = plain.saturating_sub(&names.quantities(&aside));
    total.add(&aside);
    total
}
