//! Resources as operators see them. Pure.

use std::collections::BTreeMap;

use kubernel_kernel::{Names, ResourceId, Resources};
use kubernel_mesos_proto::v1::{Resource, Scalar};

use crate::resources::{self, Format};

/// Amounts by the role that they are allocated or offered to.
#[derive(Debug, Default)]
pub(crate) struct Sums(BTreeMap<String, Resources>);

impl Sums {
    pub(crate) fn add(&mut self, role: &str, amounts: &Resources) {
        match self.0.get_mut(role) {
            Some(sum) => sum.add(amounts),
            None => drop(self.0.insert(role.to_owned(), amounts.clone())),
        }
    }

    pub(crate) fn take(&mut self, role: &str, amounts: &Resources) {
        if let Some(sum) = self.0.get_mut(role) {
            sum.take(amounts);
        }
    }

    /// Each with the role that it is allocated to.
    pub(crate) fn write(&self, names: &Names) -> Vec<Resource> {
        self.0.iter().flat_map(|(role, amounts)| full(amounts, names, Some(role))).collect()
    }
}

/// Resources in both formats, as endpoints show them: the stack of reservations always, a role and a reservation as well
/// where those can say it.
pub(crate) fn full(amounts: &Resources, names: &Names, allocated_to: Option<&str>) -> Vec<Resource> {
    let old = resources::write(amounts, names, Format { refinement: false, allocated_to });
    let mut new = resources::write(amounts, names, Format { refinement: true, allocated_to });
    for (new, old) in new.iter_mut().zip(old) {
        if new.reservations.len() <= 1 {
            new.role = old.role;
            new.reservation = old.reservation;
        }
    }
    new
}

/// Amounts by Mesos' names, whatever they are reserved for. An amount that was named stays, though it be 0.
pub(crate) fn quantities(
    amounts: impl IntoIterator<Item = (ResourceId, u64)>,
    names: &Names,
) -> BTreeMap<String, Scalar> {
    let mut sums: BTreeMap<String, Scalar> = BTreeMap::new();
    for (id, amount) in amounts {
        let mut one = Resources::default();
        one.set(id, amount.max(1));
        for resource in resources::write(&one, names, Format::default()) {
            let value = resource.scalar.filter(|_| amount > 0).map_or(0.0, |scalar| scalar.value);
            sums.entry(resource.name).or_default().value += value;
        }
    }
    sums
}
