//! From Mesos' resources to the kernel's.

use std::sync::Arc;

use kubernel_kernel::{Disk, DiskSource, Kind, Ranges, Reservation, ResourceId, Resources, Shape, SourceForm, Volume};
use kubernel_ledger::Books;
use kubernel_mesos_proto::v1::{DiskInfo, DiskSourceType, Labels, ReservationType, Resource, VolumeMode};

use super::{kernel_name, shape, show, show::reservations, thousandths};

/// Who gives numbers to kinds and items.
pub trait Namer {
    /// The number of a kind; `None` when there are too many.
    fn kind(&mut self, kind: &Kind) -> Option<ResourceId>;
    /// The number of a set's item; `None` when there are too many.
    fn item(&mut self, name: &str) -> Option<u64>;
}

impl Namer for Books {
    fn kind(&mut self, kind: &Kind) -> Option<ResourceId> {
        Books::kind(self, kind)
    }

    fn item(&mut self, name: &str) -> Option<u64> {
        Books::item(self, name)
    }
}

/// Resources that were checked ([`super::check()`]), summed up. What is 0 is nothing, whether there is such a thing or not.
///
/// # Errors
///
/// If something cannot be counted: fractions of what comes whole, or too many kinds.
pub fn read_all(resources: &[Resource], namer: &mut impl Namer) -> Result<Resources, String> {
    let mut sum = Resources::default();
    for resource in resources {
        sum.add(&read(resource, namer)?);
    }
    Ok(sum)
}

/// One resource that was checked.
///
/// # Errors
///
/// As [`read_all`].
pub fn read(resource: &Resource, namer: &mut impl Namer) -> Result<Resources, String> {
    let mut out = Resources::default();
    let too_many = || "There are too many kinds of resources".to_owned();
    let (name, unit) = kernel_name(&resource.name);
    match shape(resource.r#type) {
        Shape::Scalar => {
            let amount = resource.scalar.as_ref().and_then(|scalar| thousandths(scalar.value)).unwrap_or(0);
            let amount =
                unit.amount(amount).ok_or_else(|| format!("Resource '{}' comes in whole units", show(resource)))?;
            if amount > 0 {
                out.set(namer.kind(&kind(resource, name)).ok_or_else(too_many)?, amount);
            }
        }
        Shape::Ranges => {
            let ranges: Ranges =
                resource.ranges.iter().flat_map(|ranges| &ranges.range).map(|range| (range.begin, range.end)).collect();
            if !ranges.is_empty() {
                out.set_items(namer.kind(&kind(resource, name)).ok_or_else(too_many)?, ranges);
            }
        }
        Shape::Set => {
            let items = resource.set.iter().flat_map(|set| &set.item).map(|item| namer.item(item));
            let items: Option<Ranges> = items.map(|item| item.map(|item| (item, item))).collect();
            let items = items.ok_or_else(too_many)?;
            if !items.is_empty() {
                out.set_items(namer.kind(&kind(resource, name)).ok_or_else(too_many)?, items);
            }
        }
    }
    Ok(out)
}

fn kind(resource: &Resource, name: &str) -> Kind {
    let reservation = |info: &kubernel_mesos_proto::v1::ReservationInfo| Reservation {
        dynamic: info.r#type == Some(ReservationType::Dynamic),
        role: info.role.as_deref().unwrap_or("*").into(),
        principal: arc(info.principal.as_ref()),
        labels: labels(info.labels.as_ref()),
    };
    Kind {
        name: name.into(),
        shape: shape(resource.r#type),
        reservations: reservations(resource).iter().map(reservation).collect(),
        disk: resource.disk.as_deref().and_then(disk),
        revocable: resource.revocable.is_some(),
        shared: resource.shared.is_some(),
        provider: arc(resource.provider_id.as_ref().map(|id| &id.value)),
    }
}

/// A disk; `None` for the machine's own without a volume.
fn disk(info: &DiskInfo) -> Option<Disk> {
    let volume = info.persistence.as_ref().map(|persistence| Volume {
        id: persistence.id.as_str().into(),
        principal: arc(persistence.principal.as_ref()),
        container_path: info.volume.as_ref().map(|volume| volume.container_path.as_str()).unwrap_or_default().into(),
        read_only: info.volume.as_ref().is_some_and(|volume| volume.mode == VolumeMode::Ro),
    });
    let source = info.source.as_ref().map(|source| {
        let form = source_form(source.r#type);
        let root = match form {
            SourceForm::Path => source.path.as_ref().and_then(|path| path.root.as_ref()),
            SourceForm::Mount => source.mount.as_ref().and_then(|mount| mount.root.as_ref()),
            SourceForm::Block | SourceForm::Raw => None,
        };
        DiskSource { form, root: arc(root), id: arc(source.id.as_ref()), profile: arc(source.profile.as_ref()) }
    });
    (volume.is_some() || source.is_some()).then_some(Disk { volume, source })
}

/// What a disk is in the kernel's terms.
pub fn source_form(kind: DiskSourceType) -> SourceForm {
    match kind {
        DiskSourceType::Path => SourceForm::Path,
        DiskSourceType::Mount => SourceForm::Mount,
        DiskSourceType::Block => SourceForm::Block,
        DiskSourceType::Raw | DiskSourceType::Unknown => SourceForm::Raw,
    }
}

fn labels(labels: Option<&Labels>) -> Vec<(Arc<str>, Option<Arc<str>>)> {
    let all = labels.iter().flat_map(|labels| &labels.labels);
    all.map(|label| (label.key.as_str().into(), arc(label.value.as_ref()))).collect()
}

fn arc(text: Option<&String>) -> Option<Arc<str>> {
    text.map(|text| text.as_str().into())
}
