//! ClusterIPs and node ports of Services.
use kubernel_meta::{ApiError, Object, field};

use crate::ApiServer;
use crate::resources::Resource;

/// What a write took; given back unless the write is kept.
#[derive(Default)]
pub(crate) struct Allocation {
    /// What could not be allocated.
    pub(crate) wrong: Vec<field::Error>,
}

impl Allocation {
    /// The write happened: what it took stays taken.
    pub(crate) fn keep(self) {}
}

/// Allocates for a new object.
pub(crate) fn create(_: &ApiServer, _: &Resource, _: &mut Object, _dry_run: bool) -> Result<Allocation, ApiError> {
    Ok(Allocation::default())
}

/// Allocates for a changed object.
pub(crate) fn update(
    _: &ApiServer,
    _: &Resource,
    _: &mut Object,
    _old: &Object,
    _dry_run: bool,
) -> Result<Allocation, ApiError> {
    Ok(Allocation::default())
}

/// Gives back what a deleted object held.
pub(crate) fn release(_: &ApiServer, _: &Resource, _: &Object) {}
