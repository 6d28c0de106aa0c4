//! Disks are made out of raw ones and become raw again (Mesos' CREATE_DISK and DESTROY_DISK), in Mesos' order of checks
//! and words.

use std::sync::Arc;

use crate::{Conversion, Disk, DiskSource, Kernel, Kind, ResourceId, Resources, SourceForm, Step};

impl Kernel {
    /// `target`: what the disk becomes, its class if the raw one is of none, and its identifier if the raw one has none.
    pub(super) fn create_disk(
        &mut self,
        (source, amount): (ResourceId, u64),
        (target, profile, id): (SourceForm, &Option<Arc<str>>, &Arc<str>),
        out: &mut Step,
    ) -> Result<Conversion, String> {
        let kind = self.provided(source)?;
        let Some(raw) = disk_of(&kind).filter(|disk| disk.form == SourceForm::Raw) else {
            return Err("'source' is not a RAW disk resource".to_owned());
        };
        if !matches!(target, SourceForm::Mount | SourceForm::Block) {
            return Err("'target_type' is neither MOUNT or BLOCK".to_owned());
        }
        match (&raw.profile, profile) {
            (Some(_), Some(_)) => return Err("'target_profile' must not be set when 'source' has a profile".to_owned()),
            (None, None) => return Err("'target_profile' must be set when 'source' has no profile".to_owned()),
            _ => {}
        }
        let made = DiskSource {
            form: target,
            id: raw.id.clone().or_else(|| Some(id.clone())),
            profile: raw.profile.clone().or_else(|| profile.clone()),
            root: raw.root.clone(),
        };
        self.change_disk(&kind, (source, amount), made, out)
    }

    pub(super) fn destroy_disk(
        &mut self,
        source: ResourceId,
        rest: &Resources,
        out: &mut Step,
    ) -> Result<Conversion, String> {
        let kind = self.provided(source)?;
        let whole = |disk: &&DiskSource| disk.form != SourceForm::Path;
        let Some(disk) = disk_of(&kind).filter(whole) else {
            return Err("'source' is neither a MOUNT, BLOCK or RAW disk resource".to_owned());
        };
        if disk.id.is_none() {
            return Err("'source' is not backed by a CSI volume".to_owned());
        }
        if kind.volume().is_some() {
            return Err(format!(
                "A disk resource containing a persistent volume {kind} cannot be destroyed directly. Please destroy the \
                 persistent volume first then destroy the disk resource"
            ));
        }
        let bare = DiskSource { form: SourceForm::Raw, id: None, root: None, profile: disk.profile.clone() };
        self.change_disk(&kind, (source, rest.get(source)), bare, out)
    }

    fn provided(&self, source: ResourceId) -> Result<Kind, String> {
        let kind = self.state.names.kind(source).ok_or("Invalid resource: there is no such resource")?;
        if kind.provider.is_none() {
            return Err("'source' is not managed by a resource provider".to_owned());
        }
        Ok(kind.clone())
    }

    fn change_disk(
        &mut self,
        kind: &Kind,
        (source, amount): (ResourceId, u64),
        disk: DiskSource,
        out: &mut Step,
    ) -> Result<Conversion, String> {
        if amount == 0 {
            return Err("Invalid resource: there is nothing of it".to_owned());
        }
        let kind = Kind { disk: Some(Disk { volume: None, source: Some(disk) }), ..kind.clone() };
        self.name_all(std::slice::from_ref(&kind), out)?;
        let to = self.state.names.kind_id(&kind).ok_or("no such disk")?;
        Ok(Conversion { from: [(source, amount)].into_iter().collect(), to: [(to, amount)].into_iter().collect() })
    }
}

fn disk_of(kind: &Kind) -> Option<&DiskSource> {
    kind.disk.as_ref()?.source.as_ref()
}
