//! ClusterIPs and node ports of Services: taken while a write is on its way, kept when it happened, given back when it
//! did not or the Service is gone. What is taken is worked out anew from the store at every start.

mod pool;
mod service;

use std::net::Ipv4Addr;
use std::ops::RangeInclusive;
use std::sync::Arc;

use ipnet::Ipv4Net;
use kubernel_meta::{ApiError, Object};
use kubernel_store::{At, Store, StoreError};
use parking_lot::Mutex;

use crate::ApiServer;
use crate::document;
use crate::resources::Resource;

use pool::{Pool, Refusal};

/// What is taken in this cluster.
#[derive(Debug)]
pub(crate) struct Allocator {
    cidr: Ipv4Net,
    ports: RangeInclusive<u16>,
    pools: Mutex<Pools>,
}

#[derive(Debug)]
struct Pools {
    addresses: Pool,
    ports: Pool,
}

/// One number that a write took or gives up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Number {
    Address(Ipv4Addr),
    Port(u16),
}

/// How much of the ranges is in use.
pub(crate) struct Numbers {
    /// The range of addresses.
    pub(crate) cidr: String,
    /// Taken and free addresses.
    pub(crate) addresses: (usize, usize),
    /// Taken and free node ports.
    pub(crate) ports: (usize, usize),
}

/// What a write took and will give up; undone unless the write is kept.
#[derive(Default)]
pub(crate) struct Allocation {
    allocator: Option<Arc<Allocator>>,
    taken: Vec<Number>,
    given_up: Vec<Number>,
}

impl Allocator {
    /// Nothing is taken yet.
    pub(crate) fn new(cidr: Ipv4Net, ports: RangeInclusive<u16>) -> Self {
        let hosts = 1_u32.checked_shl(u32::from(32 - cidr.prefix_len())).unwrap_or(u32::MAX);
        // Neither the network's own address nor its broadcast address.
        let (first, size) = (u32::from(cidr.network()).saturating_add(1), hosts.saturating_sub(2));
        let addresses = Pool::new(first, size, band(hosts, 16, 256));
        let (low, high) = (u32::from(*ports.start()), u32::from(*ports.end()));
        let count = (high + 1).saturating_sub(low);
        let node_ports = Pool::new(low, count, band(count, 16, 128));
        Self { cidr, ports, pools: Mutex::new(Pools { addresses, ports: node_ports }) }
    }

    /// Takes what the stored Services hold.
    pub(crate) async fn start(&self, store: &Arc<dyn Store>) -> Result<(), StoreError> {
        const SERVICES: &str = "/registry/core/services/";
        let snapshot = store.snapshot(SERVICES, At::Latest).await?;
        for entry in snapshot.range(SERVICES, "") {
            let Ok(service) = document::parse(&entry.json) else { continue };
            for number in service::held(&service) {
                if let Err(refusal) = self.take(number) {
                    tracing::warn!(key = %entry.key, ?number, ?refusal, "a Service holds what it should not");
                }
            }
        }
        Ok(())
    }

    /// How many are taken and free.
    pub(crate) fn numbers(&self) -> Numbers {
        let pools = self.pools.lock();
        Numbers { cidr: self.cidr.to_string(), addresses: pools.addresses.counts(), ports: pools.ports.counts() }
    }

    fn take(&self, number: Number) -> Result<(), Refusal> {
        let mut pools = self.pools.lock();
        match number {
            Number::Address(address) => pools.addresses.take(u32::from(address)),
            Number::Port(port) => pools.ports.take(u32::from(port)),
        }
    }

    fn release(&self, number: Number) {
        let mut pools = self.pools.lock();
        match number {
            Number::Address(address) => pools.addresses.release(u32::from(address)),
            Number::Port(port) => pools.ports.release(u32::from(port)),
        }
    }

    fn any_address(&self) -> Option<Ipv4Addr> {
        self.pools.lock().addresses.take_any().map(Ipv4Addr::from)
    }

    fn any_port(&self) -> Option<u16> {
        self.pools.lock().ports.take_any().and_then(|port| u16::try_from(port).ok())
    }
}

/// How much of a range is left to those who name a number: a sixteenth, at least 16 and at most `most`; nothing of a
/// small range.
fn band(size: u32, least: u32, most: u32) -> u32 {
    if size <= least { 0 } else { (size / 16).clamp(least, most) }
}

impl Allocation {
    /// The write happened: what it took stays taken, what it gave up is free.
    pub(crate) fn keep(mut self) {
        self.taken.clear();
        if let Some(allocator) = &self.allocator {
            self.given_up.iter().for_each(|number| allocator.release(*number));
        }
    }
}

impl Drop for Allocation {
    fn drop(&mut self) {
        if let Some(allocator) = &self.allocator {
            self.taken.iter().for_each(|number| allocator.release(*number));
        }
    }
}

fn is_service(resource: &Resource) -> bool {
    resource.gvr.group.is_empty() && resource.gvr.resource == "services"
}

/// Allocates for a new object and fills in what was chosen.
pub(crate) fn create(server: &ApiServer, resource: &Resource, object: &mut Object) -> Result<Allocation, ApiError> {
    if !is_service(resource) {
        return Ok(Allocation::default());
    }
    service::allocate(server.allocator(), resource, object, None)
}

/// Allocates for a changed object and fills in what was chosen, and what the client left out of what it has.
pub(crate) fn update(
    server: &ApiServer,
    resource: &Resource,
    object: &mut Object,
    old: &Object,
) -> Result<Allocation, ApiError> {
    if !is_service(resource) {
        return Ok(Allocation::default());
    }
    service::allocate(server.allocator(), resource, object, Some(old))
}

/// Gives back what a deleted object held.
pub(crate) fn release(server: &ApiServer, resource: &Resource, object: &Object) {
    if is_service(resource) {
        service::held(object).into_iter().for_each(|number| server.allocator().release(number));
    }
}
