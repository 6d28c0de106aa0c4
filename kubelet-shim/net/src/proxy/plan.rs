//! Which nftables table a set of Services needs on a node. Pure.
//!
//! A packet to a service address finds its chain in one map lookup (`services`, or `nodeports` for addresses of
//! the host), whatever the number of Services. The chains:
//! - `ext-…`: from outside: marks for masquerading, or keeps the client's address where only local endpoints serve
//! - `svc-…`: chooses an endpoint at random, or by the client's earlier choice, and translates
//!
//! Services without endpoints are answered in the filter hooks (`no-endpoints` maps): with an error, or with silence
//! where other nodes may have endpoints.

use super::backends::{Backend, Locality};
use super::table::{Chain, Set, Table};
use crate::{Config, Redirect};
use ipnet::Ipv4Net;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;

/// Set on packets that must leave with the node's own address.
const MASQUERADE_MARK: &str = "0x4000";
/// Longest readable part of a chain's name; nft takes 127 bytes.
const CHAIN_NAME_BYTES_MAX: usize = 80;

/// Up to so many endpoints are tried in a row, more are chosen from a map.
const TARGETS_IN_ROW_MAX: usize = 8;

/// What the plan needs to know of the node.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pod_cidr: Ipv4Net,
    cluster_cidr: Ipv4Net,
    service_cidr: Ipv4Net,
    bridge: String,
    bridge_netfilter: bool,
    redirects: Vec<Redirect>,
}

impl Node {
    /// `bridge_netfilter`: whether traffic between pods of this node passes the hooks.
    pub(super) fn new(config: &Config, bridge_netfilter: bool) -> Self {
        Self {
            pod_cidr: config.pod_cidr,
            cluster_cidr: config.cluster_cidr,
            service_cidr: config.service_cidr,
            bridge: config.bridge.clone(),
            bridge_netfilter,
            redirects: config.redirects.clone(),
        }
    }
}

/// The whole table.
pub(super) fn plan(backends: &[Backend], node: &Node) -> Table {
    let mut plan = Plan { table: frame(node), node };
    for backend in backends {
        plan.add(backend);
    }
    plan.table
}

/// What is there without any Service.
fn frame(node: &Node) -> Table {
    let mut table = Table::default();
    let map = |definition: &str| Set { kind: "map", definition: definition.into(), elements: BTreeMap::new() };
    let by_address = "type ipv4_addr . inet_proto . inet_service : verdict;";
    let by_port = "type inet_proto . inet_service : verdict;";
    for (name, definition) in [
        ("services", by_address),
        ("nodeports", by_port),
        ("no-endpoints-services", by_address),
        ("no-endpoints-nodeports", by_port),
    ] {
        table.sets.insert(name.into(), map(definition));
    }
    let hairpins = Set { kind: "set", definition: "type ipv4_addr . ipv4_addr;".into(), elements: BTreeMap::new() };
    table.sets.insert("hairpins".into(), hairpins);

    let mut chain = |name: &str, hook: &'static str, rules: Vec<String>| {
        table.chains.insert(name.into(), Chain { hook, rules });
    };
    let host = "fib daddr type local ip daddr != 127.0.0.0/8";
    let mut prerouting = Vec::new();
    for redirect in &node.redirects {
        let (from, to) = (redirect.from, redirect.to);
        prerouting.push(format!("ip daddr {} tcp dport {} dnat to {to}", from.ip(), from.port()));
    }
    let redirects = prerouting.clone();
    prerouting.push("jump services".into());
    chain("prerouting", "type nat hook prerouting priority -100; policy accept;", prerouting);
    let output = redirects.into_iter().chain(["jump services".into()]).collect();
    chain("output", "type nat hook output priority -100; policy accept;", output);
    chain(
        "services",
        "",
        vec![
            // Replies to clients that are no pods must come back through us.
            format!(
                "ip daddr {} ip saddr != {} meta mark set mark or {MASQUERADE_MARK}",
                node.service_cidr, node.pod_cidr
            ),
            "ip daddr . meta l4proto . th dport vmap @services".into(),
            format!("{host} meta l4proto . th dport vmap @nodeports"),
        ],
    );

    let (pods, cluster, bridge) = (node.pod_cidr, node.cluster_cidr, &node.bridge);
    let mut postrouting = vec![
        format!("meta mark & {MASQUERADE_MARK} == {MASQUERADE_MARK} masquerade"),
        "ct status dnat ip saddr . ip daddr @hairpins masquerade".into(),
        format!("ip saddr {pods} ip daddr != {cluster} oifname != {{ \"{bridge}\", \"lo\" }} masquerade"),
    ];
    if !node.bridge_netfilter {
        // Replies between pods would pass below the hooks, so they have to come back through the host.
        postrouting.insert(1, format!("ct status dnat ip saddr {pods} ip daddr {pods} masquerade"));
    }
    chain("postrouting", "type nat hook postrouting priority 100; policy accept;", postrouting);

    let refused = vec![
        "ct state new ip daddr . meta l4proto . th dport vmap @no-endpoints-services".into(),
        format!("ct state new {host} meta l4proto . th dport vmap @no-endpoints-nodeports"),
    ];
    let unknown = format!("ct state new ip daddr {} goto refuse", node.service_cidr);
    let with_unknown = || refused.iter().cloned().chain([unknown.clone()]).collect::<Vec<_>>();
    let mut input = refused.clone();
    if node.redirects.iter().any(|redirect| redirect.to.ip().is_loopback()) {
        // route_localnet opens the loopback addresses to the bridge; only redirected packets may use that.
        input.insert(0, "ip daddr 127.0.0.0/8 iifname != \"lo\" ct status & dnat == 0 drop".into());
    }
    chain("filter-input", "type filter hook input priority 0; policy accept;", input);
    chain("filter-forward", "type filter hook forward priority 0; policy accept;", with_unknown());
    chain("filter-output", "type filter hook output priority 0; policy accept;", with_unknown());
    // A reset is heard where ICMP errors are not: on the loopback, and past their rate limit.
    chain("refuse", "", vec!["meta l4proto tcp reject with tcp reset".into(), "reject".into()]);
    chain("ignore", "", vec!["drop".into()]);
    table
}

struct Plan<'a> {
    table: Table,
    node: &'a Node,
}

impl Plan<'_> {
    fn add(&mut self, backend: &Backend) {
        let all: Vec<_> = backend.endpoints.keys().copied().collect();
        let local: Vec<_> =
            backend.endpoints.iter().filter(|(_, l)| **l == Locality::Local).map(|(target, _)| *target).collect();
        for (ip, _) in &all {
            if self.node.pod_cidr.contains(ip) {
                self.element("hairpins", format!("{ip} . {ip}"), "");
            }
        }
        let proto = backend.protocol;
        let address = |ip: &Ipv4Addr| format!("{ip} . {proto} . {}", backend.port);
        let has_external = !backend.external_ips.is_empty() || backend.node_port.is_some();

        let internal = if backend.internal_local { &local } else { &all };
        let internal_key = address(&backend.cluster_ip);
        match verdict_without_endpoints(&all, internal) {
            Some(verdict) => self.element("no-endpoints-services", internal_key, verdict),
            None => {
                let kind = if backend.internal_local { "loc" } else { "svc" };
                let chain = self.endpoints_chain(kind, backend, internal);
                self.element("services", internal_key, &format!("goto {chain}"));
            }
        }
        if !has_external {
            return;
        }

        let external = if backend.external_local { &local } else { &all };
        let external_keys: Vec<String> = backend.external_ips.iter().map(address).collect();
        let node_key = backend.node_port.map(|port| format!("{proto} . {port}"));
        let (verdict, services, nodeports) = match verdict_without_endpoints(&all, external) {
            Some(verdict) => (verdict.to_owned(), "no-endpoints-services", "no-endpoints-nodeports"),
            None => (format!("goto {}", self.external_chain(backend, &all, external)), "services", "nodeports"),
        };
        for key in external_keys {
            self.element(services, key, &verdict);
        }
        if let Some(key) = node_key {
            self.element(nodeports, key, &verdict);
        }
    }

    /// Traffic from outside. With the Local policy the client's address is kept, so only local endpoints can answer;
    /// pods and the host itself are not outside and may use every endpoint.
    fn external_chain(&mut self, backend: &Backend, all: &[Target], external: &[Target]) -> String {
        let name = chain_name("ext", backend);
        let everywhere = self.endpoints_chain("svc", backend, all);
        let rules = if backend.external_local {
            let local = self.endpoints_chain("loc", backend, external);
            vec![
                format!("ip saddr {} goto {everywhere}", self.node.pod_cidr),
                format!("fib saddr type local meta mark set mark or {MASQUERADE_MARK} goto {everywhere}"),
                format!("goto {local}"),
            ]
        } else {
            vec![format!("meta mark set mark or {MASQUERADE_MARK}"), format!("goto {everywhere}")]
        };
        self.table.chains.insert(name.clone(), Chain { hook: "", rules });
        name
    }

    /// Chooses one of the targets and translates to it.
    fn endpoints_chain(&mut self, kind: &str, backend: &Backend, targets: &[Target]) -> String {
        let name = chain_name(kind, backend);
        if self.table.chains.contains_key(&name) {
            return name;
        }
        let proto = backend.protocol;
        // Only one translation happens to a packet, so an endpoint that is itself redirected is resolved here.
        let targets: Vec<Target> = targets.iter().map(|target| self.redirected(*target)).collect();
        let mut rules = Vec::new();
        match backend.affinity_secs {
            Some(secs) => rules.extend(self.sticky_rules(&name, proto, &targets, secs)),
            None => rules.extend(random_rules(proto, &targets)),
        }
        self.table.chains.insert(name.clone(), Chain { hook: "", rules });
        name
    }

    /// A set of clients per endpoint remembers who chose it.
    fn sticky_rules(&mut self, chain: &str, proto: &str, targets: &[Target], secs: u32) -> Vec<String> {
        let mut rules = Vec::new();
        let mut choices = Vec::new();
        for (n, (ip, port)) in targets.iter().enumerate() {
            let hash = chain.split('-').nth(1).unwrap_or_default();
            let kind = chain.split('-').next().unwrap_or_default();
            let own = format!("{kind}-{hash}-{ip}-{port}");
            let (set, chain) = (format!("clients-{own}"), format!("ep-{own}"));
            rules.push(format!("ip saddr @{set} goto {chain}"));
            choices.push(format!("{n} : goto {chain}"));
            let definition = format!("type ipv4_addr; size 65535; flags dynamic,timeout; timeout {secs}s;");
            self.table.sets.insert(set.clone(), Set { kind: "set", definition, elements: BTreeMap::new() });
            let translate =
                vec![format!("update @{set} {{ ip saddr }}"), format!("meta l4proto {proto} dnat to {ip}:{port}")];
            self.table.chains.insert(chain, Chain { hook: "", rules: translate });
        }
        rules.push(format!("numgen random mod {} vmap {{ {} }}", targets.len(), choices.join(", ")));
        rules
    }

    fn redirected(&self, (ip, port): Target) -> Target {
        let redirect = self.node.redirects.iter().find(|r| (*r.from.ip(), r.from.port()) == (ip, port));
        redirect.map_or((ip, port), |r| (*r.to.ip(), r.to.port()))
    }

    /// The first Service with an address keeps it.
    fn element(&mut self, set: &str, key: String, value: &str) {
        if let Some(set) = self.table.sets.get_mut(set) {
            set.elements.entry(key).or_insert_with(|| value.to_owned());
        }
    }
}

type Target = (Ipv4Addr, u16);

/// Translates to one of the targets, each as likely as the others. Few targets are tried one after the other: a map
/// for each Service makes loading the table quadratic in the number of Services.
fn random_rules(proto: &str, targets: &[Target]) -> Vec<String> {
    if targets.len() > TARGETS_IN_ROW_MAX {
        let targets: Vec<String> =
            targets.iter().enumerate().map(|(n, (ip, port))| format!("{n} : {ip} . {port}")).collect();
        let choice = format!("numgen random mod {} map {{ {} }}", targets.len(), targets.join(", "));
        return vec![format!("meta l4proto {proto} dnat ip to {choice}")];
    }
    let rules = targets.iter().enumerate().map(|(n, (ip, port))| match targets.len() - n {
        1 => format!("meta l4proto {proto} dnat to {ip}:{port}"),
        left => format!("numgen random mod {left} == 0 meta l4proto {proto} dnat to {ip}:{port}"),
    });
    rules.collect()
}

/// None when there are usable endpoints. Silence where endpoints exist that this node may not use: the client's
/// next try may reach another node.
fn verdict_without_endpoints(all: &[Target], usable: &[Target]) -> Option<&'static str> {
    match (all.is_empty(), usable.is_empty()) {
        (true, _) => Some("goto refuse"),
        (false, true) => Some("goto ignore"),
        _ => None,
    }
}

/// `svc-8d3f…-default/web/http`: unique by its hash, readable by the rest.
fn chain_name(kind: &str, backend: &Backend) -> String {
    let mut readable = backend.key.trim_end_matches('/').to_owned();
    readable.truncate(CHAIN_NAME_BYTES_MAX);
    format!("{kind}-{:016x}-{readable}", fnv1a(&format!("{}/{}", backend.key, backend.protocol)))
}

/// FNV-1a: names must not change with the version of a library.
fn fnv1a(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
