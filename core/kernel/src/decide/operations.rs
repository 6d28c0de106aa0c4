//! Resources become others of the same amounts: reservations, in Mesos' order of checks and words. Volumes and disks are
//! in `volumes.rs` and `disks.rs`.

use std::sync::Arc;

use super::{launch::Remaining, order};
use crate::{
    Action, AgentId, Conversion, Deed, Event, FrameworkId, Kernel, Kind, Operation, Refusal, ResourceId, Resources,
    Step,
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
        let destroyed = self.destroyed(&remaining.conversions);
        for conversion in remaining.conversions {
            self.emit(out, Event::Converted { agent, conversion });
        }
        order(out, agent, FrameworkId(0), Deed::Checkpoint { destroyed });
        Ok(())
    }

    /// The volumes that conversions end.
    pub(super) fn destroyed(&self, conversions: &[Conversion]) -> Vec<ResourceId> {
        let is_volume = |id: &ResourceId| self.state.names.kind(*id).is_some_and(|kind| kind.volume().is_some());
        let ended = |conversion: &Conversion| {
            let gone = conversion.from.ids().filter(|id| conversion.to.get(*id) == 0);
            gone.filter(is_volume).collect::<Vec<_>>()
        };
        conversions.iter().flat_map(ended).collect()
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
            Action::Reserve(resources) => self.reserve(resources, framework, remaining)?,
            Action::Unreserve(resources) => self.unreserve(resources, out)?,
            Action::Create(volumes) => self.create(volumes, framework, remaining)?,
            Action::Destroy(volumes) => self.destroy(volumes, remaining, out)?,
            Action::Grow { volume, addition } => self.grow(*volume, addition, remaining)?,
            Action::Shrink { volume, less } => self.shrink(*volume, *less, remaining, out)?,
            Action::CreateDisk { source, amount, target, profile, disk } => {
                self.create_disk((*source, *amount), (*target, profile, disk), out)?
            }
            Action::DestroyDisk { source } => self.destroy_disk(*source, &remaining.rest, out)?,
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

    fn reserve(
        &self,
        resources: &Resources,
        framework: Option<FrameworkId>,
        remaining: &Remaining,
    ) -> Result<Conversion, String> {
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
            let lacks = self.lacks(remaining);
            if lacks.hierarchical_role && reservation.role.contains('/') {
                return Err(format!(
                    "Resource {kind} with reservation for hierarchical role '{}' cannot be reserved on an agent without \
                     HIERARCHICAL_ROLE capability",
                    reservation.role
                ));
            }
            if lacks.reservation_refinement && kind.is_refined() {
                return Err(format!(
                    "Resource {kind} with reservation refinement cannot be reserved on an agent without \
                     RESERVATION_REFINEMENT capability"
                ));
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

    /// The same amounts of other kinds, which must have numbers; without one there is nothing of it anywhere.
    pub(super) fn each(
        &self,
        resources: &Resources,
        other: impl Fn(Kind) -> Result<Kind, String>,
    ) -> Result<Resources, String> {
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

    /// What the agent in question cannot do.
    pub(super) fn lacks(&self, remaining: &Remaining) -> crate::Lacks {
        self.state.agents.get(&remaining.agent).map(|agent| agent.traits.lacks).unwrap_or_default()
    }

    pub(super) fn name_all(&mut self, kinds: &[Kind], out: &mut Step) -> Result<(), String> {
        let named = kinds.iter().all(|kind| self.kind(kind, out).is_some());
        named.then_some(()).ok_or_else(|| Refusal::TooMany("kinds of resources").to_string())
    }

    pub(super) fn principal(&self, framework: Option<FrameworkId>) -> Option<Arc<str>> {
        self.state.frameworks.get(&framework?)?.settings.principal.clone()
    }

    pub(super) fn understands(
        &self,
        framework: Option<FrameworkId>,
        what: impl Fn(&crate::Capabilities) -> bool,
    ) -> bool {
        let Some(framework) = framework else { return true };
        self.state.frameworks.get(&framework).is_some_and(|found| what(&found.settings.capabilities))
    }
}

fn strictly_below(role: &str, above: &str) -> bool {
    role != above && crate::kind::is_below_or(role, above)
}
