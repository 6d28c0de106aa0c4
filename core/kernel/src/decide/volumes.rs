//! Persistent volumes come, change their size and go, in Mesos' order of checks and words.

use super::launch::Remaining;
use crate::{Conversion, Disk, FrameworkId, Kernel, Kind, ResourceId, Resources, SourceForm, Step};

impl Kernel {
    pub(super) fn create(
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
            let lacks = self.lacks(remaining);
            if lacks.hierarchical_role && role.contains('/') {
                return Err(format!(
                    "Volume {kind} with reservation for hierarchical role '{role}' cannot be created on an agent without \
                     HIERARCHICAL_ROLE capability"
                ));
            }
            if lacks.reservation_refinement && kind.is_refined() {
                return Err(format!(
                    "Volume {kind} with reservation refinement cannot be created on an agent without \
                     RESERVATION_REFINEMENT capability"
                ));
            }
            if let Some(by) = &principal {
                let Some(named) = &volume.principal else {
                    return Err(format!(
                        "Create volume operation attempted by principal '{by}', but there is a volume in the operation \
                         with no principal set in 'disk.persistence'"
                    ));
                };
                if named != by {
                    return Err(format!(
                        "Create volume operation attempted by authenticated principal '{by}', which does not match a \
                         volume in the operation with principal '{named}' set in 'disk.persistence'"
                    ));
                }
            }
            Ok(without_volume(kind))
        })?;
        Ok(Conversion { from, to: volumes.clone() })
    }

    pub(super) fn destroy(
        &mut self,
        volumes: &Resources,
        remaining: &Remaining,
        out: &mut Step,
    ) -> Result<Conversion, String> {
        let kinds: Vec<Kind> = volumes.ids().filter_map(|id| self.state.names.kind(id)).cloned().collect();
        if kinds.iter().any(|kind| kind.volume().is_none()) {
            return Err("Not a persistent volume: Resource does not have persistence".to_owned());
        }
        let found = self.state.agents.get(&remaining.agent).ok_or("no such agent")?;
        if !found.total.contains(volumes) && !remaining.rest.contains(volumes) {
            return Err("Persistent volumes not found".to_owned());
        }
        let uses = |resources: &Resources| volumes.ids().any(|id| resources.get(id) > 0);
        let mut tasks = found.tasks.iter().filter_map(|task| self.state.tasks.get(task));
        let pending = remaining.tasks.iter().any(|task| uses(&task.resources));
        let held = found.executors.values().any(|executor| uses(&executor.spec.resources));
        if pending || held || tasks.any(|task| uses(&task.resources)) {
            return Err("Persistent volumes in use".to_owned());
        }
        self.name_all(&kinds.into_iter().map(without_volume).collect::<Vec<_>>(), out)?;
        let to = self.each(volumes, |kind| Ok(without_volume(kind)))?;
        Ok(Conversion { from: volumes.clone(), to })
    }

    pub(super) fn grow(
        &self,
        volume: ResourceId,
        addition: &Resources,
        remaining: &Remaining,
    ) -> Result<Conversion, String> {
        if addition.is_zero() {
            return Err("The size of 'GrowVolume.addition' field must be greater than zero".to_owned());
        }
        let bare = |kind: &Kind| self.state.names.kind_id(&without_volume(kind.clone()));
        let kind = self.resizable(volume, ["Growing", "GrowVolume", "grown"], remaining, |kind| {
            let divisible = form_of(kind).is_none_or(|form| form == SourceForm::Path);
            divisible && addition.ids().all(|id| Some(id) == bare(kind))
        })?;
        let bare = bare(&kind);
        let size = remaining.rest.get(volume);
        let mut from = addition.clone();
        from.set(volume, size);
        let amount = bare.map_or(0, |id| addition.get(id));
        let larger = size.checked_add(amount).ok_or("The volume would be too large")?;
        if size == 0 {
            return Err("The volume is not offered".to_owned());
        }
        Ok(Conversion { from, to: [(volume, larger)].into_iter().collect() })
    }

    pub(super) fn shrink(
        &mut self,
        volume: ResourceId,
        less: u64,
        remaining: &Remaining,
        out: &mut Step,
    ) -> Result<Conversion, String> {
        if less == 0 {
            return Err("Value of 'ShrinkVolume.subtract' must be greater than zero".to_owned());
        }
        let size = remaining.rest.get(volume);
        if less >= size {
            return Err(
                "Value of 'ShrinkVolume.subtract' must be smaller than the size of 'ShrinkVolume.volume'".to_owned()
            );
        }
        let kind = self.resizable(volume, ["Shrinking", "ShrinkVolume", "shrunk"], remaining, |_| true)?;
        let bare = without_volume(kind);
        self.name_all(std::slice::from_ref(&bare), out)?;
        let bare = self.state.names.kind_id(&bare).ok_or("no such disk")?;
        let from = [(volume, size)].into_iter().collect();
        Ok(Conversion { from, to: [(volume, size - less), (bare, less)].into_iter().collect() })
    }

    /// The kind of a volume whose size may change. The words: what is done, in which call, and done.
    fn resizable(
        &self,
        volume: ResourceId,
        words: [&str; 3],
        remaining: &Remaining,
        compatible: impl Fn(&Kind) -> bool,
    ) -> Result<Kind, String> {
        let [doing, call, done] = words;
        let kind = self.state.names.kind(volume).ok_or("unknown resource")?;
        if kind.provider.is_some() {
            return Err(format!("{doing} a volume from a resource provider is not supported"));
        }
        if call == "ShrinkVolume" && form_of(kind).is_some_and(|form| form != SourceForm::Path) {
            return Err("Shrinking a volume on a MOUNT disk is not supported".to_owned());
        }
        if kind.volume().is_none() {
            return Err(format!(
                "Invalid persistent volume in the '{call}.volume' field: Resource does not have persistence"
            ));
        }
        if kind.shared {
            return Err(format!("{doing} a shared persistent volume is not supported"));
        }
        if !compatible(kind) {
            return Err(format!("Incompatible resources in the '{call}.volume' and '{call}.addition' fields"));
        }
        if self.lacks(remaining).resize_volume {
            return Err(format!("Volume {kind} cannot be {done} on an agent without RESIZE_VOLUME capability"));
        }
        Ok(kind.clone())
    }
}

/// The disk that a volume was made of.
fn without_volume(kind: Kind) -> Kind {
    let source = kind.disk.and_then(|disk| disk.source);
    let disk = source.map(|source| Disk { volume: None, source: Some(source) });
    Kind { disk, shared: false, ..kind }
}

fn form_of(kind: &Kind) -> Option<SourceForm> {
    Some(kind.disk.as_ref()?.source.as_ref()?.form)
}
