//! ClusterIPs: ServiceCIDRs say which there are, IPAddress objects which are taken (KEP-1880).
//!
//! An IPAddress is written and deleted in the transaction of its Service, so that neither is there without the other, and
//! two servers of a cluster never give the same address away.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use jiff::Timestamp;
use kubernel_kinds::networking::ip_address::KIND;
use kubernel_meta::{ApiError, Object, time};
use kubernel_schema::zero;
use kubernel_store::{At, Change, Entry, Expect, Store, StoreError};
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::follow::{Followed, Index};
use crate::resources::{KindHandle, Resource};
use crate::versions::{Conversions, Kin};
use crate::{codec, document};

use super::pool::{Range, Refusal};

const SERVICE_CIDRS: &str = "/registry/networking.k8s.io/servicecidrs/";
pub(super) const IP_ADDRESSES: &str = "/registry/networking.k8s.io/ipaddresses/";
/// Who writes the addresses that Services take, and who keeps them.
const MANAGER: &str = "kube-apiserver";
const MANAGED_BY: (&str, &str) = ("ipaddress.kubernetes.io/managed-by", "ipallocator.k8s.io");
const FAMILY: (&str, &str) = ("ipaddress.kubernetes.io/ip-family", "IPv4");

/// The addresses of a cluster.
pub(super) struct Addresses {
    /// The range of a cluster that has no ServiceCIDR yet.
    configured: Ipv4Net,
    known: Followed<Known>,
    choices: Mutex<Choices>,
    resource: Resource,
}

/// What the store says.
#[derive(Default)]
struct Known {
    /// By the key of their ServiceCIDR: ranges, and whether Services may take addresses from them.
    ranges: BTreeMap<Box<str>, (Vec<Ipv4Net>, bool)>,
    taken: HashSet<u32>,
}

/// What this server is about to write, and where it goes on looking.
#[derive(Default)]
struct Choices {
    in_flight: HashSet<u32>,
    ranges: HashMap<Ipv4Net, Range>,
}

impl Index for Known {
    const PREFIXES: &'static [&'static str] = &[SERVICE_CIDRS, IP_ADDRESSES];

    fn put(&mut self, entry: &Entry) {
        if let Some(address) = address_of(&entry.key) {
            self.taken.insert(address);
            return;
        }
        let Ok(object) = document::parse(&entry.json) else { return };
        let cidrs = object.list_at(&["spec", "cidrs"]).iter().filter_map(Value::as_str);
        let cidrs = cidrs.filter_map(|cidr| cidr.parse::<Ipv4Net>().ok()).map(|cidr| cidr.trunc()).collect();
        self.ranges.insert(Box::from(&*entry.key), (cidrs, is_ready(&object)));
    }

    fn remove(&mut self, key: &str) {
        match address_of(key) {
            Some(address) => drop(self.taken.remove(&address)),
            None => drop(self.ranges.remove(key)),
        }
    }

    fn remove_all(&mut self, prefix: &str) {
        if prefix == IP_ADDRESSES { self.taken.clear() } else { self.ranges.clear() }
    }
}

/// The IPv4 address whose object has this key.
fn address_of(key: &str) -> Option<u32> {
    key.strip_prefix(IP_ADDRESSES)?.parse::<Ipv4Addr>().ok().map(u32::from)
}

/// Whether Services may take addresses of a range. One of which nobody says anything counts as ready.
fn is_ready(object: &Object) -> bool {
    let conditions = object.list_at(&["status", "conditions"]);
    let ready = conditions.iter().find(|condition| condition["type"] == "Ready");
    object.deletion_timestamp().is_none() && ready.is_none_or(|condition| condition["status"] == "True")
}

impl Addresses {
    /// Nothing is known yet.
    pub(super) fn new(configured: Ipv4Net) -> Self {
        Self {
            configured: configured.trunc(),
            known: Followed::default(),
            choices: Mutex::default(),
            resource: Resource::new(KindHandle::BuiltIn(&KIND), codec::built_in_schema(&KIND)),
        }
    }

    /// Reads what there is.
    pub(super) async fn start(&self, store: &dyn Store) -> Result<(), StoreError> {
        self.known.start(store).await
    }

    /// Reads again what could not be followed; to be called before addresses are taken.
    pub(super) async fn repair(&self, store: &dyn Store) -> Result<(), StoreError> {
        self.known.repair(store).await
    }

    /// The ranges with how many of their addresses are taken and free.
    pub(super) fn counts(&self) -> Vec<(Ipv4Net, usize, usize)> {
        let known = self.known.now();
        let ranges = known.ranges(self.configured, false);
        let count = |cidr: Ipv4Net| {
            let taken = known.taken.iter().filter(|address| cidr.contains(&Ipv4Addr::from(**address))).count();
            (cidr, taken, range(cidr).size().saturating_sub(taken))
        };
        ranges.into_iter().map(count).collect()
    }

    /// Whether somebody has it.
    pub(super) fn is_taken(&self, address: Ipv4Addr) -> bool {
        self.known.now().taken.contains(&u32::from(address))
    }

    /// Takes this address, unless nobody means it (`dry_run`): then its range alone is looked at.
    pub(super) fn take(&self, address: Ipv4Addr, dry_run: bool) -> Result<(), Refusal> {
        let known = self.known.now();
        let ranges = known.ranges(self.configured, true);
        let Some(cidr) = ranges.iter().find(|cidr| cidr.contains(&address)) else {
            return Err(if dry_run { Refusal::OutOfRange } else { Refusal::NoRange });
        };
        let number = u32::from(address);
        if !range(*cidr).contains(number) {
            return Err(Refusal::OutOfRange);
        }
        if dry_run {
            return Ok(());
        }
        let is_free = !known.taken.contains(&number) && self.choices.lock().in_flight.insert(number);
        if is_free { Ok(()) } else { Err(Refusal::Taken) }
    }

    /// The range that a refusal is about: the one that has the address, else the first.
    pub(super) fn range_for(&self, address: Ipv4Addr) -> Ipv4Net {
        let ranges = self.known.now().ranges(self.configured, true);
        let has = ranges.iter().find(|cidr| cidr.contains(&address));
        has.or(ranges.first()).copied().unwrap_or(self.configured)
    }

    /// Takes any free address; `None` where there is none. Who does not mean it is shown the address of a network.
    pub(super) fn take_any(&self, dry_run: bool) -> Option<Ipv4Addr> {
        let known = self.known.now();
        let ranges = known.ranges(self.configured, true);
        if dry_run {
            return ranges.first().map(Ipv4Net::network);
        }
        let Choices { in_flight, ranges: places } = &mut *self.choices.lock();
        let number = ranges.into_iter().find_map(|cidr| {
            let place = places.entry(cidr).or_insert_with(|| range(cidr));
            place.next(|number| known.taken.contains(&number) || in_flight.contains(&number))
        })?;
        in_flight.insert(number);
        Some(Ipv4Addr::from(number))
    }

    /// The write that took an address is over: what became of it the store says.
    pub(super) fn settle(&self, address: Ipv4Addr) {
        self.choices.lock().in_flight.remove(&u32::from(address));
    }

    /// The write that gives an address to a Service.
    pub(super) fn claim(&self, address: Ipv4Addr, service: &Object, now: Timestamp) -> Result<Change, ApiError> {
        let resource = &self.resource;
        let parent =
            json!({ "group": "", "resource": "services", "namespace": service.namespace(), "name": service.name() });
        let mut object = Object::from_value(json!({
            "apiVersion": resource.api_version, "kind": resource.gvk.kind,
            "metadata": {
                "name": address.to_string(), "uid": uuid::Uuid::new_v4().to_string(),
                "creationTimestamp": time::format(now), "labels": { MANAGED_BY.0: MANAGED_BY.1, FAMILY.0: FAMILY.1 },
            },
            "spec": { "parentRef": parent },
        }))
        .map_err(|_| ApiError::internal("an IPAddress is no object"))?;
        let strategy = &resource.kind.strategy;
        strategy.default(&resource.kind, &mut object);
        let kin = Kin { resource, subresource: "", conversions: &Conversions::default() };
        codec::own(&kin, None, &mut object, MANAGER, now);
        strategy.prepare_create(&resource.kind, &mut object);
        zero::fill(&resource.schema, &mut object);
        zero::settle(&resource.schema, &mut object);
        let document = document::encode_as_it_is(resource, &object)?;
        Ok(Change::Put { key: resource.key("", object.name()), expect: Expect::Absent, document })
    }

    /// The write that takes an address from a Service; none where it is not the Service's.
    pub(super) async fn free(
        &self,
        store: &dyn Store,
        address: Ipv4Addr,
        service: &Object,
    ) -> Result<Option<Change>, StoreError> {
        let key = self.resource.key("", &address.to_string());
        let snapshot = store.snapshot(&key, At::Latest).await?;
        let Some(entry) = snapshot.get(&key) else { return Ok(None) };
        let is_its = document::parse(&entry.json)
            .is_ok_and(|object| parent(&object) == Some((service.namespace().to_owned(), service.name().to_owned())));
        Ok(is_its.then(|| Change::Delete { key, revision: entry.revision }))
    }
}

/// Namespace and name of the Service that an IPAddress belongs to.
pub(super) fn parent(object: &Object) -> Option<(String, String)> {
    let text = |field: &str| object.str_at(&["spec", "parentRef", field]);
    let is_service = text("group").is_empty() && text("resource") == "services";
    is_service.then(|| (text("namespace").to_owned(), text("name").to_owned()))
}

impl Known {
    /// The ranges that there are, or those that are ready.
    fn ranges(&self, configured: Ipv4Net, ready: bool) -> BTreeSet<Ipv4Net> {
        if self.ranges.is_empty() {
            return BTreeSet::from([configured]);
        }
        self.ranges.values().filter(|(_, is_ready)| !ready || *is_ready).flat_map(|(cidrs, _)| cidrs).copied().collect()
    }
}

/// The addresses of a network, without its own and its broadcast address.
fn range(cidr: Ipv4Net) -> Range {
    let hosts = 1_u32.checked_shl(u32::from(32 - cidr.prefix_len())).unwrap_or(u32::MAX);
    let (first, size) = (u32::from(cidr.network()).saturating_add(1), hosts.saturating_sub(2));
    Range::new(first, size, super::band(hosts, 16, 256))
}
