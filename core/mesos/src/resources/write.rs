//! From the kernel's resources to Mesos'.

use std::sync::Arc;

use kubernel_kernel::{Disk, Kind, Names, Ranges, Reservation, Resources, Shape, SourceForm};
use kubernel_mesos_proto::v1::{
    self, AllocationInfo, DiskInfo, DiskMount, DiskPath, DiskSource, DiskSourceType, Label, Labels, Persistence,
    ReservationInfo, ReservationType, Resource, ResourceProviderID, RevocableInfo, Scalar, SharedInfo, ValueType,
    Volume, VolumeMode,
};

use super::mesos_name;

/// What the reader of resources understands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Format<'a> {
    /// Reservations as a stack (`RESERVATION_REFINEMENT`); otherwise a role and at most one dynamic reservation.
    pub refinement: bool,
    /// The role that each resource is allocated to, for those who are told (`MULTI_ROLE`).
    pub allocated_to: Option<&'a str>,
}

/// Resources in the order of their numbers, without places for Pods, which Mesos does not know.
pub fn write(resources: &Resources, names: &Names, format: Format<'_>) -> Vec<Resource> {
    let amounts = resources.iter().filter_map(|(id, amount)| {
        let kind = names.kind(id).filter(|kind| *kind.name != *"pods")?;
        let (name, unit) = mesos_name(&kind.name);
        let scalar = Some(Scalar { value: unit.value(amount) });
        Some(Resource { scalar, ..bare(name, ValueType::Scalar, kind, format) })
    });
    let items = resources.iter_items().filter_map(|(id, items)| {
        let kind = names.kind(id)?;
        let (name, _) = mesos_name(&kind.name);
        Some(match kind.shape {
            Shape::Set => {
                let set = Some(v1::Set { item: item_names(items, names) });
                Resource { set, ..bare(name, ValueType::Set, kind, format) }
            }
            Shape::Ranges | Shape::Scalar => {
                let range = items.intervals().iter().map(|(begin, end)| v1::Range { begin: *begin, end: *end });
                let ranges = Some(v1::Ranges { range: range.collect() });
                Resource { ranges, ..bare(name, ValueType::Ranges, kind, format) }
            }
        })
    });
    amounts.chain(items).collect()
}

fn item_names(items: &Ranges, names: &Names) -> Vec<String> {
    let all = items.intervals().iter().flat_map(|(begin, end)| *begin..=*end);
    all.filter_map(|item| names.item_name(item).map(str::to_owned)).collect()
}

fn bare(name: &str, form: ValueType, kind: &Kind, format: Format<'_>) -> Resource {
    let mut out = Resource {
        name: name.to_owned(),
        r#type: form,
        provider_id: kind.provider.as_ref().map(|id| ResourceProviderID { value: id.to_string() }),
        disk: kind.disk.as_ref().map(|of| Box::new(disk(of))),
        revocable: kind.revocable.then(RevocableInfo::default),
        shared: kind.shared.then(SharedInfo::default),
        allocation_info: format.allocated_to.map(|role| AllocationInfo { role: Some(role.to_owned()) }),
        ..Resource::default()
    };
    if format.refinement {
        out.reservations = kind.reservations.iter().map(reservation).collect();
        return out;
    }
    let last = kind.reservations.last();
    out.role = Some(last.map_or_else(|| "*".to_owned(), |last| last.role.to_string()));
    out.reservation =
        last.filter(|last| last.dynamic).map(|last| ReservationInfo { r#type: None, role: None, ..reservation(last) });
    out
}

fn reservation(of: &Reservation) -> ReservationInfo {
    let form = if of.dynamic { ReservationType::Dynamic } else { ReservationType::Static };
    let label =
        |(key, value): &(Arc<str>, Option<Arc<str>>)| Label { key: key.to_string(), value: text(value.as_ref()) };
    let labels = (!of.labels.is_empty()).then(|| Labels { labels: of.labels.iter().map(label).collect() });
    ReservationInfo {
        r#type: Some(form),
        role: Some(of.role.to_string()),
        principal: text(of.principal.as_ref()),
        labels,
    }
}

fn disk(of: &Disk) -> DiskInfo {
    let source = of.source.as_ref().map(|source| {
        let form = match source.form {
            SourceForm::Path => DiskSourceType::Path,
            SourceForm::Mount => DiskSourceType::Mount,
            SourceForm::Block => DiskSourceType::Block,
            SourceForm::Raw => DiskSourceType::Raw,
        };
        let root = text(source.root.as_ref());
        DiskSource {
            r#type: form,
            path: (source.form == SourceForm::Path).then(|| DiskPath { root: root.clone() }),
            mount: (source.form == SourceForm::Mount).then(|| DiskMount { root: root.clone() }),
            id: text(source.id.as_ref()),
            profile: text(source.profile.as_ref()),
            ..DiskSource::default()
        }
    });
    DiskInfo {
        persistence: of
            .volume
            .as_ref()
            .map(|volume| Persistence { id: volume.id.to_string(), principal: text(volume.principal.as_ref()) }),
        volume: of.volume.as_ref().map(|volume| Volume {
            mode: if volume.read_only { VolumeMode::Ro } else { VolumeMode::Rw },
            container_path: volume.container_path.to_string(),
            ..Volume::default()
        }),
        source,
    }
}

fn text(of: Option<&Arc<str>>) -> Option<String> {
    of.map(|text| text.to_string())
}
