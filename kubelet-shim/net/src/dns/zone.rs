//! The names of the cluster at one moment, and the answers they give. Pure.

use crate::cluster::Snapshot;
use hickory_proto::rr::rdata::{A, CNAME, NS, PTR, SOA, SRV, TXT};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::Ipv4Addr;

/// Seconds that answers may be kept.
const TTL_SECS: u32 = 5;
const SPECIFICATION: &str = "1.1.0";
const SERVICE_LABEL: &str = "kubernetes.io/service-name";

/// What the zone says to a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// Answers, and records that save the client another question.
    Records(Vec<Record>, Vec<Record>),
    /// The name exists, but not with that type.
    NoData,
    /// The name does not exist.
    NxDomain,
    /// Not a name of the cluster.
    NotOurs,
}

/// All names of Services. Built anew after a change.
#[derive(Debug, Default)]
pub(super) struct Zone {
    /// Lower case, without the final dot: `cluster.local`
    domain: String,
    /// namespace → name → Service
    namespaces: HashMap<String, HashMap<String, Entry>>,
    addresses: HashMap<Ipv4Addr, Vec<String>>,
}

#[derive(Debug)]
enum Entry {
    ClusterIp {
        ip: Ipv4Addr,
        ports: Vec<Port>,
    },
    Headless(BTreeMap<Host, BTreeSet<Port>>),
    External(String),
    /// Without an IPv4 address.
    Nothing,
}

/// An endpoint of a headless Service: its own name and address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Host {
    name: String,
    ip: Ipv4Addr,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Port {
    name: String,
    /// `tcp`, `udp`, `sctp`
    protocol: String,
    number: u16,
}

impl Zone {
    pub(super) fn new(domain: &str, snapshot: &Snapshot) -> Self {
        let mut zone = Self { domain: domain.trim_end_matches('.').to_ascii_lowercase(), ..Self::default() };
        let mut slices: HashMap<(&str, &str), Vec<&EndpointSlice>> = HashMap::new();
        for slice in &snapshot.slices {
            let service = slice.metadata.labels.as_ref().and_then(|labels| labels.get(SERVICE_LABEL));
            if let (Some(namespace), Some(service)) = (&slice.metadata.namespace, service)
                && slice.address_type == "IPv4"
            {
                slices.entry((namespace, service)).or_default().push(slice);
            }
        }
        for service in &snapshot.services {
            let (Some(namespace), Some(name)) = (&service.metadata.namespace, &service.metadata.name) else { continue };
            let own = slices.get(&(namespace.as_str(), name.as_str())).map(Vec::as_slice).unwrap_or_default();
            let entry = entry(service, own);
            zone.index_addresses(&format!("{name}.{namespace}.svc.{}", zone.domain), &entry);
            zone.namespaces.entry(namespace.clone()).or_default().insert(name.clone(), entry);
        }
        zone
    }

    fn index_addresses(&mut self, service: &str, entry: &Entry) {
        match entry {
            Entry::ClusterIp { ip, .. } => self.addresses.entry(*ip).or_default().push(service.to_owned()),
            Entry::Headless(hosts) => {
                for host in hosts.keys() {
                    self.addresses.entry(host.ip).or_default().push(format!("{}.{service}", host.name));
                }
            }
            Entry::External(_) | Entry::Nothing => {}
        }
    }

    /// Answers a question; `name` as asked, in any case.
    pub(super) fn answer(&self, name: &Name, kind: RecordType) -> Answer {
        let text = name.to_ascii().to_ascii_lowercase();
        let text = text.trim_end_matches('.');
        if let Some(reversed) = text.strip_suffix(".in-addr.arpa") {
            return self.reverse(name, reversed, kind);
        }
        let Some(inner) = text.strip_suffix(self.domain.as_str()) else { return Answer::NotOurs };
        let labels: Vec<&str> = match inner.strip_suffix('.') {
            Some(labels) => labels.split('.').collect(),
            None if inner.is_empty() => Vec::new(),
            None => return Answer::NotOurs,
        };
        let one = |data: RData| Answer::Records(vec![Record::from_rdata(name.clone(), TTL_SECS, data)], Vec::new());
        match (labels.as_slice(), kind) {
            ([], RecordType::SOA) => Answer::Records(vec![self.soa()], Vec::new()),
            ([], RecordType::NS) => self.name("ns.dns").map_or(Answer::NoData, |ns| one(RData::NS(NS(ns)))),
            ([] | ["svc" | "pod"], _) => Answer::NoData,
            (["dns-version"], RecordType::TXT) => one(RData::TXT(TXT::new(vec![SPECIFICATION.into()]))),
            (["dns-version"] | ["dns"] | ["ns", "dns"], _) => Answer::NoData,
            ([ip, _, "pod"], _) => match (dashed(ip), kind) {
                (Some(ip), RecordType::A) => one(RData::A(A(ip))),
                (Some(_), _) => Answer::NoData,
                (None, _) => Answer::NxDomain,
            },
            ([namespace, "svc" | "pod"], _) if self.namespaces.contains_key(*namespace) => Answer::NoData,
            ([rest @ .., service, namespace, "svc"], _) => {
                match self.namespaces.get(*namespace).and_then(|services| services.get(*service)) {
                    Some(entry) => self.service(name, &format!("{service}.{namespace}.svc"), entry, rest, kind),
                    None => Answer::NxDomain,
                }
            }
            _ => Answer::NxDomain,
        }
    }

    /// The record that goes with "no such name" and "no such type".
    pub(super) fn soa(&self) -> Record {
        let name = |prefix: &str| self.name(prefix).unwrap_or_default();
        let soa = SOA::new(name("ns.dns"), name("hostmaster"), 1, 7200, 1800, 86400, TTL_SECS);
        Record::from_rdata(self.name("").unwrap_or_default(), TTL_SECS, RData::SOA(soa))
    }

    /// A name of the zone; None when it is too long for DNS.
    fn name(&self, prefix: &str) -> Option<Name> {
        let dot = if prefix.is_empty() { "" } else { "." };
        Name::from_str_relaxed(format!("{prefix}{dot}{}.", self.domain)).ok()
    }

    fn service(&self, asked: &Name, service: &str, entry: &Entry, rest: &[&str], kind: RecordType) -> Answer {
        let record = |data: RData| Record::from_rdata(asked.clone(), TTL_SECS, data);
        let address = |name: &Name, ip: Ipv4Addr| Record::from_rdata(name.clone(), TTL_SECS, RData::A(A(ip)));
        let wanted = match rest {
            [] => None,
            [port, protocol] => match (port.strip_prefix('_'), protocol.strip_prefix('_')) {
                (Some(port), Some(protocol)) => Some((port, protocol)),
                _ => return Answer::NxDomain,
            },
            [host] => return host_answer(entry, host, kind, record),
            _ => return Answer::NxDomain,
        };
        // Pairs of target (prefix of the service's name) and what is there.
        let targets: Vec<(String, Ipv4Addr, Vec<&Port>)> = match entry {
            Entry::External(target) => {
                return match Name::from_str_relaxed(format!("{}.", target.trim_end_matches('.'))) {
                    Ok(target) if rest.is_empty() => {
                        Answer::Records(vec![record(RData::CNAME(CNAME(target)))], Vec::new())
                    }
                    _ => Answer::NxDomain,
                };
            }
            Entry::Nothing => return Answer::NoData,
            Entry::ClusterIp { ip, ports } => vec![(service.to_owned(), *ip, ports.iter().collect())],
            Entry::Headless(hosts) => hosts
                .iter()
                .map(|(host, ports)| (format!("{}.{service}", host.name), host.ip, ports.iter().collect()))
                .collect(),
        };
        if wanted.is_none() && kind == RecordType::A {
            let ips: BTreeSet<Ipv4Addr> = targets.iter().map(|(_, ip, _)| *ip).collect();
            return match ips.is_empty() {
                true => Answer::NoData,
                false => Answer::Records(ips.into_iter().map(|ip| address(asked, ip)).collect(), Vec::new()),
            };
        }
        let (mut answers, mut additionals, mut known) = (Vec::new(), Vec::new(), false);
        for (target, ip, ports) in &targets {
            let Some(target) = self.name(target) else { continue };
            let mut used = false;
            for port in ports {
                if wanted
                    .is_none_or(|(name, protocol)| (name, protocol) == (port.name.as_str(), port.protocol.as_str()))
                {
                    let srv = SRV::new(0, 100 / targets.len().clamp(1, 100) as u16, port.number, target.clone());
                    answers.push(record(RData::SRV(srv)));
                    used = true;
                }
            }
            if used {
                additionals.push(address(&target, *ip));
                known = true;
            }
        }
        match (kind, known || wanted.is_none()) {
            (RecordType::SRV, _) if known => Answer::Records(answers, additionals),
            (_, true) => Answer::NoData,
            (_, false) => Answer::NxDomain,
        }
    }

    fn reverse(&self, asked: &Name, reversed: &str, kind: RecordType) -> Answer {
        let octets: Option<Vec<u8>> = reversed.split('.').map(|label| label.parse().ok()).collect();
        let Some([d, c, b, a]) = octets.as_deref() else { return Answer::NotOurs };
        let Some(names) = self.addresses.get(&Ipv4Addr::new(*a, *b, *c, *d)) else { return Answer::NotOurs };
        if kind != RecordType::PTR {
            return Answer::NoData;
        }
        let names = names.iter().filter_map(|name| Name::from_str_relaxed(format!("{name}.")).ok());
        let records = names.map(|name| Record::from_rdata(asked.clone(), TTL_SECS, RData::PTR(PTR(name))));
        Answer::Records(records.collect(), Vec::new())
    }
}

/// One endpoint of a headless Service by its own name.
fn host_answer(entry: &Entry, host: &str, kind: RecordType, record: impl Fn(RData) -> Record) -> Answer {
    let Entry::Headless(hosts) = entry else { return Answer::NxDomain };
    let ips: Vec<Record> = hosts.keys().filter(|h| h.name == host).map(|h| record(RData::A(A(h.ip)))).collect();
    match (ips.is_empty(), kind) {
        (true, _) => Answer::NxDomain,
        (false, RecordType::A) => Answer::Records(ips, Vec::new()),
        (false, _) => Answer::NoData,
    }
}

fn entry(service: &Service, slices: &[&EndpointSlice]) -> Entry {
    let Some(spec) = &service.spec else { return Entry::Nothing };
    if spec.type_.as_deref() == Some("ExternalName") {
        return spec.external_name.clone().map_or(Entry::Nothing, Entry::External);
    }
    if spec.cluster_ip.as_deref() == Some("None") {
        return Entry::Headless(hosts(slices));
    }
    let ips = spec.cluster_ips.iter().flatten().chain(&spec.cluster_ip);
    let Some(ip) = ips.filter_map(|ip| ip.parse().ok()).next() else { return Entry::Nothing };
    let ports = spec.ports.iter().flatten().filter_map(|port| {
        Some(Port {
            name: port.name.clone().unwrap_or_default(),
            protocol: port.protocol.as_deref().unwrap_or("TCP").to_ascii_lowercase(),
            number: u16::try_from(port.port).ok()?,
        })
    });
    Entry::ClusterIp { ip, ports: ports.collect() }
}

fn hosts(slices: &[&EndpointSlice]) -> BTreeMap<Host, BTreeSet<Port>> {
    let mut hosts: BTreeMap<Host, BTreeSet<Port>> = BTreeMap::new();
    for slice in slices {
        let ports = slice.ports.iter().flatten().filter_map(|port| {
            Some(Port {
                name: port.name.clone().unwrap_or_default(),
                protocol: port.protocol.as_deref().unwrap_or("TCP").to_ascii_lowercase(),
                number: u16::try_from(port.port?).ok()?,
            })
        });
        let ports: BTreeSet<Port> = ports.collect();
        for endpoint in slice.endpoints.iter().flatten() {
            if endpoint.conditions.as_ref().and_then(|c| c.ready) == Some(false) {
                continue;
            }
            for ip in endpoint.addresses.iter().filter_map(|ip| ip.parse::<Ipv4Addr>().ok()) {
                let name = endpoint.hostname.clone().unwrap_or_else(|| ip.to_string().replace('.', "-"));
                hosts.entry(Host { name: name.to_ascii_lowercase(), ip }).or_default().extend(ports.iter().cloned());
            }
        }
    }
    hosts
}

/// `10-244-0-5` as an address.
fn dashed(label: &str) -> Option<Ipv4Addr> {
    label.replace('-', ".").parse().ok()
}
