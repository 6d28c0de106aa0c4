//! ClusterIPs and node ports of Services: taken while a write is on its way, kept when it happened, given back when it
//! did not or the Service is gone.
//!
//! What is taken the store says: addresses are objects of their own ([`addresses`]), ports have records ([`ports`]), and
//! both are written and deleted together with their Service.

mod addresses;
mod keep;
mod pool;
mod ports;
mod service;

use std::net::Ipv4Addr;
use std::ops::RangeInclusive;
use std::sync::Arc;

use ipnet::Ipv4Net;
use jiff::Timestamp;
use kubernel_meta::{ApiError, Object};
use kubernel_store::{At, Change, Store, StoreError};

use crate::Error;
use crate::context::Context;
use crate::document;
use crate::resources::Resource;
use crate::verbs::store_error;

use addresses::Addresses;
pub(crate) use keep::keep;
use pool::Refusal;
use ports::Ports;

const SERVICES: &str = "/registry/core/services/";

/// What is taken in this cluster.
pub(crate) struct Allocator {
    addresses: Addresses,
    ports: Ports,
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

/// What a write took and will give up: when the write is over, the store says what became of it.
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
        Self { addresses: Addresses::new(cidr), ports: Ports::new(ports) }
    }

    /// Reads what is taken, and writes down what stored Services hold without its being written down.
    pub(crate) async fn start(&self, store: &Arc<dyn Store>) -> Result<(), Error> {
        self.addresses.start(&**store).await?;
        self.ports.start(&**store).await?;
        let snapshot = store.snapshot(SERVICES, At::Latest).await?;
        for entry in snapshot.range(SERVICES, "") {
            let Ok(service) = document::parse(&entry.json) else { continue };
            for number in service::held(&service) {
                let claim = match number {
                    Number::Address(address) if self.addresses.is_taken(address) => continue,
                    Number::Port(port) if self.ports.is_taken(port) => continue,
                    Number::Port(port) if !self.ports.numbers().contains(&port) => {
                        tracing::warn!(key = %entry.key, port, "a Service holds what it should not");
                        continue;
                    }
                    Number::Port(port) => self.ports.claim(port, &service),
                    Number::Address(address) => {
                        let claim = self.addresses.claim(address, &service, Timestamp::now());
                        claim.map_err(|error| Error::Bootstrap(format!("{address}: {}", error.message())))?
                    }
                };
                match store.commit(vec![claim]).await {
                    // Another server of the cluster starts, too.
                    Ok(_) | Err(StoreError::Conflict { .. }) => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(())
    }

    /// How many are taken and free.
    pub(crate) fn numbers(&self) -> Numbers {
        Numbers { addresses: self.addresses.counts(), ports: self.ports.counts() }
    }

    /// Takes a number that a client named.
    fn take(&self, number: Number, dry_run: bool) -> Result<(), Refusal> {
        match number {
            Number::Address(address) => self.addresses.take(address, dry_run),
            Number::Port(port) => self.ports.take(port),
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
}

impl Drop for Allocation {
    fn drop(&mut self) {
        let Some(allocator) = &self.allocator else { return };
        for number in &self.taken {
            match number {
                Number::Address(address) => allocator.addresses.settle(*address),
                Number::Port(port) => allocator.ports.settle(*port),
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
    allocator.ports.repair(&**store).await.map_err(store_error)?;
    let mut allocation = service::allocate(allocator, resource, object, old, dry_run)?;
    for number in allocation.taken.iter().filter(|_| !dry_run) {
        allocation.changes.push(match number {
            Number::Address(address) => allocator.addresses.claim(*address, object, context.now)?,
            Number::Port(port) => allocator.ports.claim(*port, object),
        });
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
    let (allocator, store) = (context.server.allocator(), context.server.store());
    let mut changes = Vec::new();
    for number in numbers {
        let freed = match number {
            Number::Address(address) => allocator.addresses.free(&**store, *address, service).await,
            Number::Port(port) => allocator.ports.free(&**store, *port, service).await,
        };
        changes.extend(freed.map_err(store_error)?);
    }
    Ok(changes)
}
