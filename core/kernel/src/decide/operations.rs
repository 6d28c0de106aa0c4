//! Reservations and volumes: resources become others of the same amounts, in Mesos' order of checks and words.

use std::sync::Arc;

use super::{launch::Remaining, order};
use crate::{
    Action, AgentId, Conversion, Deed, Disk, Event, FrameworkId, Kernel, Kind, Operation, Refusal, ResourceId,
    Resources, Step,
};

impl Kernel {
    /// An operator's operation, on what is free. Open offers that are in the way are taken back.
    pub(super) fn operate(&mut self, agent: AgentId, operation: Operation, out: &mut Step) -> Result<(), Refusal> {
        let found = self.state.agents.get(&agent).ok_or(Refusal::UnknownAgent)?;
        let mut remaining = Remaining::new(FrameworkId(0), agent, found.total.saturating_sub(&found.allocated));
        self.convert(&operation.action, None, &mut remaining, out).map_err(Refusal::InvalidOperation)?;
        let free = self.state.agents.get(&agent).ok_or(Refusal::UnknownAgent)?.free();
        if remaining.conversions.iter().any(|conversion| !free.contains(&conversion.from)) {
            self.rescind_all(agent, out);
        }
        for conversion in remaining.conversions {
            self.emit(out, Event::Converted { agent, conversion });
        }
        order(out, agent, FrameworkId(0), Deed::Checkpoint);
        Ok(())
    }

    /// Turns a part of what is left into something else. Without a framework it is the operator who does it.
    pub(super) fn convert(
        &mut self,
        action: &Action,
        framework: Option<FrameworkId>,
        remaining: &mut Remaining,
        out: &mut Step,
    ) -> Result<(), String> {
        let conversion = match action {
            Action::Reserve(resources) => self.reserve(resources, framework)?,
            Action::Unreserve(resources) => self.unreserve(resources, out)?,
            Action::Create(volumes) => self.create(volumes, framework, remaining)?,
            Action::Destroy(volumes) => self.destroy(volumes, remaining, out)?,
            Action::Grow { volume, addition } => self.grow(*volume, addition, &remaining.rest)?,
            Action::Shrink { volume, less } => self.shrink(*volume, *less, &remaining.rest, out)?,
            Action::Launch(_) | Action::LaunchGroup { .. } => {
                return Err("an operator launches no tasks".to_owned());
            }
        };
        let Some(mut rest) = remaining.rest.checked_sub(&conversion.from) else {
            let (there, from) = (self.state.names.show(&remaining.rest), self.state.names.show(&conversion.from));
            return Err(format!("{there} does not contain {from}"));
        };
        rest.add(&conversion.to);
        remaining.rest = rest;
        remaining.conversions.push(conversion);
        Ok(())
    }

    fn reserve(&self, resources: &Resources, framework: Option<FrameworkId>) -> Result<Conversion, String> {
        let principal = self.principal(framework);
        let from = self.each(resources, |kind| {
            let Some(reservation) = kind.reservations.last().filter(|reservation| reservation.dynamic) else {
                return Err(format!("Resource {kind} is not dynamically reserved"));
            };
            if let Some(by) = &principal {
                let Some(named) = &reservation.principal else {
                    return Err(format!(
                        "A reserve operation was attempted by principal '{by}', but there is a reserved resource in \
                         the request with no principal set in `ReservationInfo`"
                    ));
                };
                if named != by {
                    return Err(format!(
                        "A reserve operation was attempted by principal '{by}', but there is a reserved resource in \
                         the request with principal '{named}' set in `ReservationInfo`"
                    ));
                }
            }
            if kind.volume().is_some() {
                return Err(format!("A persistent volume {kind} must already be reserved"));
            }
            if kind.is_refined() && !self.understands(framework, |can| can.reservation_refinement) {
                return Err("RESERVATION_REFINEMENT capability is required to refine a reservation".to_owned());
            }
            let below = kind.reservations.iter().rev().nth(1);
            if below.is_some_and(|below| !strictly_below(&reservation.role, &below.role)) {
                return Err(format!("Resource {kind} refines a reservation for a role that is not above it"));
            }
            Ok(Kind { reservations: kind.reservations.split_last().map_or_else(Vec::new, |(_, r)| r.to_vec()), ..kind })
        })?;
        Ok(Conversion { from, to: resources.clone() })
    }

    fn unreserve(&mut self, resources: &Resources, out: &mut Step) -> Result<Conversion, String> {
        let mut bare = Vec::new();
        for id in resources.ids() {
            let Some(kind) = self.state.names.kind(id).cloned() else { continue };
            if !kind.is_dynamic() {
                return Err(format!("Resource {kind} is not dynamically reserved"));
            }
            if kind.volume().is_some() {
                return Err(format!(
                    "A dynamically reserved persistent volume {kind} cannot be unreserved directly. Please destroy \
                     the persistent volume first then unreserve the resource"
                ));
            }
            bare.push(Kind { reservations: kind.reservations[..kind.reservations.len() - 1].to_vec(), ..kind });
        }
        self.name_all(&bare, out)?;
        let to = self.each(resources, |kind| {
            let stack = kind.reservations.split_last().map_or_else(Vec::new, |(_, rest)| rest.to_vec());
            Ok(Kind { reservations: stack, ..kind })
        })?;
        Ok(Conversion { from: resources.clone(), to })
    }

    fn create(
        &self,
        volumes: &Resources,
        framework: Option<FrameworkId>,
        remaining: &Remaining,
    ) -> Result<Conversion, String> {
        let principal = self.principal(framework);
        let from = self.each(volumes, |kind| {
            let Some(volume) = kind.volume() else {
                return Err("Not a persistent volume: Resource does not have persistence".to_owned());
            };
            let Some(role) = kind.role() else {
                return Err(
                    "Not a persistent volume: Persistent volumes cannot be created from unreserved resources".into()
                );
            };
            if kind.revocable {
                return Err(
                    "Not a persistent volume: Persistent volumes cannot be created from revocable resources".into()
                );
            }
            let there = self.state.agents.get(&remaining.agent).map(|agent| &agent.total);
            let taken = there.into_iter().chain([&remaining.rest]).flat_map(Resources::ids).any(|id| {
                let other = self.state.names.kind(id).filter(|other| other.role() == Some(role));
                other.and_then(Kind::volume).is_some_and(|other| other.id == volume.id)
            });
            if taken {
                return Err(format!("Persistence ID '{}' is not unique", volume.id));
            }
            if kind.shared && !self.understands(framework, |can| can.shared_resources) {
                return Err(format!(
                    "Create volume operation for '{kind}' has been attempted by framework '{}' with no \
                     SHARED_RESOURCES capability",
                    framework.unwrap_or(FrameworkId(0))
                ));
            }
            if let Some(by) = &principal {
                let Some(named) = &volume.principal else {
                    return Err(format!(
                        "Create volume operation has been attempted by principal '{by}', but there is a volume in the \
                         operation with no principal set in 'DiskInfo.Persistence'"
                    ));
                };
                if named != by {
                    return Err(format!(
                        "Create volume operation has been attempted by principal '{by}', but there is a volume in the \
                         operation with principal '{named}' set in 'DiskInfo.Persistence'"
                    ));
                }
            }
            Ok(without_volume(kind))
        })?;
        Ok(Conversion { from, to: volumes.clone() })
    }

    fn destroy(&mut self, volumes: &Resources, remaining: &Remaining, out: &mut Step) -> Result<Conversion, String> {
        let kinds: Vec<Kind> = volumes.ids().filter_map(|id| self.state.names.kind(id)).cloned().collect();
        if kinds.iter().any(|kind| kind.volume().is_none()) {
            return Err("Not a persistent volume: Resource does not have persistence".to_owned());
        }
        let found = self.state.agents.get(&remaining.agent).ok_or("no such agent")?;
        if !found.total.contains(volumes) && !remaining.rest.contains(volumes) {
            return Err("Persistent volumes not found".to_owned());
        }
        let mut tasks = found.tasks.iter().filter_map(|task| self.state.tasks.get(task));
        if tasks.any(|task| volumes.ids().any(|id| task.resources.get(id) > 0)) {
            return Err("Persistent volumes in use".to_owned());
        }
        self.name_all(&kinds.into_iter().map(without_volume).collect::<Vec<_>>(), out)?;
        let to = self.each(volumes, |kind| Ok(without_volume(kind)))?;
        Ok(Conversion { from: volumes.clone(), to })
    }

    fn grow(&self, volume: ResourceId, addition: &Resources, rest: &Resources) -> Result<Conversion, String> {
        let bare = self.resizable(volume)?;
        let amount = self.state.names.kind_id(&bare).map_or(0, |id| addition.get(id));
        let only_that = self.state.names.kind_id(&bare).is_some_and(|id| addition.ids().all(|other| other == id));
        if amount == 0 || !only_that {
            return Err("The size of the addition must be positive, and of the same disk as the volume".to_owned());
        }
        let size = rest.get(volume);
        let mut from = addition.clone();
        from.set(volume, size);
        let larger = size.checked_add(amount).ok_or("The volume would be too large")?;
        let to = [(volume, larger)].into_iter().collect();
        if size == 0 { Err("The volume is not offered".to_owned()) } else { Ok(Conversion { from, to }) }
    }

    fn shrink(
        &mut self,
        volume: ResourceId,
        less: u64,
        rest: &Resources,
        out: &mut Step,
    ) -> Result<Conversion, String> {
        let bare = self.resizable(volume)?;
        self.name_all(std::slice::from_ref(&bare), out)?;
        let size = rest.get(volume);
        if less == 0 || less >= size {
            return Err("The volume must be larger than what is subtracted, and that more than nothing".to_owned());
        }
        let bare = self.state.names.kind_id(&bare).ok_or("no such disk")?;
        let from = [(volume, size)].into_iter().collect();
        Ok(Conversion { from, to: [(volume, size - less), (bare, less)].into_iter().collect() })
    }

    /// The disk of a volume whose size may change.
    fn resizable(&self, volume: ResourceId) -> Result<Kind, String> {
        let kind = self.state.names.kind(volume).filter(|kind| kind.volume().is_some());
        let kind = kind.ok_or("Not a persistent volume: Resource does not have persistence")?;
        let bare = without_volume(kind.clone());
        if kind.shared {
            return Err(format!("A shared persistent volume {kind} cannot change its size"));
        }
        if bare.is_whole() {
            return Err(format!("{kind} is a whole disk and cannot change its size"));
        }
        Ok(bare)
    }

    /// The same amounts of other kinds, which must have numbers; without one there is nothing of it anywhere.
    fn each(&self, resources: &Resources, other: impl Fn(Kind) -> Result<Kind, String>) -> Result<Resources, String> {
        let mut out = Resources::default();
        for id in resources.ids() {
            let kind = self.state.names.kind(id).ok_or("unknown resource")?;
            let other = other(kind.clone())?;
            let other_id = self.state.names.kind_id(&other).ok_or_else(|| format!("There is no {other}"))?;
            out.set(other_id, out.get(other_id).saturating_add(resources.get(id)));
            let mut items = out.items(other_id).clone();
            items.add(resources.items(id));
            out.set_items(other_id, items);
        }
        if out.is_zero() { Err("Invalid resources: there are none".to_owned()) } else { Ok(out) }
    }

    fn name_all(&mut self, kinds: &[Kind], out: &mut Step) -> Result<(), String> {
        let named = kinds.iter().all(|kind| self.kind(kind, out).is_some());
        named.then_some(()).ok_or_else(|| Refusal::TooMany("kinds of resources").to_string())
    }

    fn principal(&self, framework: Option<FrameworkId>) -> Option<Arc<str>> {
        self.state.frameworks.get(&framework?)?.settings.principal.clone()
    }

    fn understands(&self, framework: Option<FrameworkId>, what: impl Fn(&crate::Capabilities) -> bool) -> bool {
        let Some(framework) = framework else { return true };
        self.state.frameworks.get(&framework).is_some_and(|found| what(&found.settings.capabilities))
    }
}

/// The disk that a volume was made of.
fn without_volume(kind: Kind) -> Kind {
    let source = kind.disk.and_then(|disk| disk.source);
    let disk = source.map(|source| Disk { volume: None, source: Some(source) });
    Kind { disk, shared: false, ..kind }
}

fn strictly_below(role: &str, above: &str) -> bool {
    role != above && crate::kind::is_below_or(role, above)
}
