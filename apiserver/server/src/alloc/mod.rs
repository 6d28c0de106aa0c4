//! ClusterIPs and node ports of Services: taken while a write is on its way, kept when it happened, given back when it
//! did not or the Service is gone.
//!
//! Addresses are objects of their own ([`addresses`]); which ports are taken is worked out anew from the stored Services
//! at every start.

mod addresses;
mod keep;
mod pool;
mod service;

use std::net::Ipv4Addr;
use std::ops::RangeInclusive;
use std::sync::Arc;

use ipnet::Ipv4Net;
use jiff::Timestamp;
use kubernel_meta::{ApiError, Object};
use kubernel_store::{At, Change, Store};
use parking_lot::Mutex;

use crate::Error;
use crate::context::Context;
use crate::document;
use crate::resources::Resource;
use crate::verbs::store_error;

use addresses::Addresses;
pub(crate) use keep::keep;
use pool::{Pool, Refusal};

const SERVICES: &str = "/registry/core/services/";

/// What is taken in this cluster.
pub(crate) struct Allocator {
    addresses: Addresses,
    port_range: RangeInclusive<u16>,
    ports: Mutex<Pool>,
}

/// One number that a write took or gives up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Number {
    Address(Ipv4Addr),
    Port(u16),
}

/// How much of the ranges is in use.
pub(crate) struct Numbers {
    /// The ranges of addresses, with how many are taken and free.
    pub(crate) addresses: Vec<(Ipv4Net, usize, usize)>,
    /// Taken and free node ports.
    pub(crate) ports: (usize, usize),
}

/// What a write took and will give up; undone unless the write is kept.
#[derive(Default)]
pub(crate) struct Allocation {
    allocator: Option<Arc<Allocator>>,
    taken: Vec<Number>,
    given_up: Vec<Number>,
    /// What is written in the same transaction.
    changes: Vec<Change>,
}

impl Allocator {
    /// Nothing is taken yet.
    pub(crate) fn new(cidr: Ipv4Net, ports: RangeInclusive<u16>) -> Self {
        let (low, high) = (u32::from(*ports.start()), u32::from(*ports.end()));
        let count = (high + 1).saturating_sub(low);
        let pool = Pool::new(low, count, band(count, 16, 128));
        Self { addresses: Addresses::new(cidr), port_range: ports, ports: Mutex::new(pool) }
    }

    /// Takes what the stored Services hold, and gives those an IPAddress that have none.
    pub(crate) async fn start(&self, store: &Arc<dyn Store>) -> Result<(), Error> {
        self.addresses.start(&**store).await?;
        let snapshot = store.snapshot(SERVICES, At::Latest).await?;
        for entry in snapshot.range(SERVICES, "") {
            let Ok(service) = document::parse(&entry.json) else { continue };
            for number in service::held(&service) {
                match number {
                    Number::Port(port) => {
                        if let Err(refusal) = self.ports.lock().take(u32::from(port)) {
                            tracing::warn!(key = %entry.key, port, ?refusal, "a Service holds what it should not");
                        }
                    }
                    Number::Address(address) if self.addresses.is_taken(address) => {}
                    Number::Address(address) => {
                        let claim = self.addresses.claim(address, &service, Timestamp::now());
                        let failed = |error: ApiError| Error::Bootstrap(format!("{address}: {}", error.message()));
                        store.commit(vec![claim.map_err(failed)?]).await?;
                    }
                }
            }
        }
        Ok(())
    }

    /// How many are taken and free.
    pub(crate) fn numbers(&self) -> Numbers {
        Numbers { addresses: self.addresses.counts(), ports: self.ports.lock().counts() }
    }

    /// Takes a number that a client named.
    fn take(&self, number: Number, dry_run: bool) -> Result<(), Refusal> {
        match number {
            Number::Address(address) => self.addresses.take(address, dry_run),
            Number::Port(port) => self.ports.lock().take(u32::from(port)),
        }
    }

    fn any_port(&self) -> Option<u16> {
        self.ports.lock().take_any().and_then(|port| u16::try_from(port).ok())
    }

    fn release_ports(&self, numbers: &[Number]) {
        for number in numbers {
            if let Number::Port(port) = number {
                self.ports.lock().release(u32::from(*port));
            }
        }
    }
}

/// How much of a range is left to those who name a number: a sixteenth, at least 16 and at most `most`; nothing of a
/// small range.
fn band(size: u32, least: u32, most: u32) -> u32 {
    if size <= least { 0 } else { (size / 16).clamp(least, most) }
}

impl Allocation {
    /// What is to be written in the transaction of the write.
    pub(crate) fn changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }

    /// The write happened: what it took stays taken, what it gave up is free.
    pub(crate) fn keep(mut self) {
        self.taken.retain(|number| matches!(number, Number::Address(_)));
        if let Some(allocator) = &self.allocator {
            allocator.release_ports(&self.given_up);
        }
    }
}

impl Drop for Allocation {
    fn drop(&mut self) {
        let Some(allocator) = &self.allocator else { return };
        allocator.release_ports(&self.taken);
        for number in &self.taken {
            if let Number::Address(address) = number {
                allocator.addresses.settle(*address);
            }
        }
    }
}

fn is_service(resource: &Resource) -> bool {
    resource.gvr.group.is_empty() && resource.gvr.resource == "services"
}

/// Allocates for an object that is new, or changed from `old`, and fills in what was chosen, and what the client left out
/// of what it has.
pub(crate) async fn allocate(
    context: &Context,
    resource: &Resource,
    object: &mut Object,
    old: Option<&Object>,
    dry_run: bool,
) -> Result<Allocation, ApiError> {
    if !is_service(resource) {
        return Ok(Allocation::default());
    }
    let (allocator, store) = (context.server.allocator(), context.server.store());
    allocator.addresses.repair(&**store).await.map_err(store_error)?;
    let mut allocation = service::allocate(allocator, resource, object, old, dry_run)?;
    for number in allocation.taken.iter().filter(|_| !dry_run) {
        if let Number::Address(address) = number {
            allocation.changes.push(allocator.addresses.claim(*address, object, context.now)?);
        }
    }
    if let Some(old) = old {
        let freed = freed(context, old, &allocation.given_up).await?;
        allocation.changes.extend(freed);
    }
    Ok(allocation)
}

/// What is to be written in the transaction that deletes an object.
pub(crate) async fn before_deletion(
    context: &Context,
    resource: &Resource,
    object: &Object,
) -> Result<Vec<Change>, ApiError> {
    if is_service(resource) { freed(context, object, &service::held(object)).await } else { Ok(Vec::new()) }
}

async fn freed(context: &Context, service: &Object, numbers: &[Number]) -> Result<Vec<Change>, ApiError> {
    let (addresses, store) = (&context.server.allocator().addresses, context.server.store());
    let mut changes = Vec::new();
    for number in numbers {
        if let Number::Address(address) = number {
            changes.extend(addresses.free(&**store, *address, service).await.map_err(store_error)?);
        }
    }
    Ok(changes)
}

/// Gives back what a deleted object held.
pub(crate) fn after_deletion(context: &Context, resource: &Resource, object: &Object) {
    if is_service(resource) {
        context.server.allocator().release_ports(&service::held(object));
    }
}
