//! Plans as text for single Services, and one network of namespaces in which the kernel carries them out.

mod datapath;

use super::backends::{Backend, Locality, collect};
use super::plan::{Node, plan};
use super::table::Table;
use crate::Config;
use crate::cluster::Snapshot;
use serde_json::{Value, json};
use std::sync::Arc;

/// Services and EndpointSlices as the API would send them.
fn snapshot(services: &[Value], slices: &[Value]) -> Snapshot {
    Snapshot {
        services: services.iter().map(|s| Arc::new(serde_json::from_value(s.clone()).unwrap())).collect(),
        slices: slices.iter().map(|s| Arc::new(serde_json::from_value(s.clone()).unwrap())).collect(),
    }
}

fn service(name: &str, spec: Value) -> Value {
    json!({"metadata": {"namespace": "default", "name": name}, "spec": spec})
}

fn slice(service: &str, port: Value, endpoints: Value) -> Value {
    json!({
        "metadata": {"namespace": "default", "name": format!("{service}-1"), "labels": {"kubernetes.io/service-name": service}},
        "addressType": "IPv4", "ports": [port], "endpoints": endpoints,
    })
}

fn web(extra: Value) -> Value {
    let mut spec = json!({"clusterIP": "10.96.0.20", "ports": [{"name": "http", "port": 80, "protocol": "TCP"}]});
    spec.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    service("web", spec)
}

fn web_slice(endpoints: Value) -> Value {
    slice("web", json!({"name": "http", "port": 8080, "protocol": "TCP"}), endpoints)
}

fn two() -> Value {
    web_slice(json!([
        {"addresses": ["10.244.0.5"], "nodeName": "n1"},
        {"addresses": ["10.244.9.6"], "nodeName": "n2"},
    ]))
}

/// `set: key : value` and `chain: rule` for everything that Services add to the frame; hashes left out.
fn lines(table: &Table) -> Vec<String> {
    let frame = plan(&[], &Node::new(&Config::new("n1"), true));
    let mut lines = Vec::new();
    for (name, set) in &table.sets {
        if frame.sets.contains_key(name) {
            lines.extend(set.elements.iter().map(|(k, v)| format!("{name}: {k} : {v}")));
        } else {
            lines.push(format!("{name}: {}", set.definition));
        }
    }
    for (name, chain) in table.chains.iter().filter(|(name, _)| !frame.chains.contains_key(*name)) {
        lines.extend(chain.rules.iter().map(|rule| format!("{name}: {rule}")));
    }
    lines.iter().map(|line| without_hashes(line)).collect()
}

fn without_hashes(line: &str) -> String {
    let is_hash = |part: &str| part.len() == 16 && part.bytes().all(|b| b.is_ascii_hexdigit());
    line.split('-').filter(|part| !is_hash(part)).collect::<Vec<_>>().join("-")
}

#[track_caller]
fn check(services: &[Value], slices: &[Value], expected: &[&str]) {
    let backends = collect(&snapshot(services, slices), "n1");
    let table = plan(&backends, &Node::new(&Config::new("n1"), true));
    assert_eq!(lines(&table), expected);
}

const FIRST: &str = "svc-default/web/http: numgen random mod 2 == 0 meta l4proto tcp dnat to 10.244.0.5:8080";
const SECOND: &str = "svc-default/web/http: meta l4proto tcp dnat to 10.244.9.6:8080";

#[test]
fn a_cluster_ip_spreads_over_its_endpoints() {
    check(
        &[web(json!({}))],
        &[two()],
        &[
            "hairpins: 10.244.0.5 . 10.244.0.5 : ",
            "services: 10.96.0.20 . tcp . 80 : goto svc-default/web/http",
            FIRST,
            SECOND,
        ],
    );
}

#[test]
fn without_endpoints_connections_are_refused() {
    let not_ready = json!([{"addresses": ["10.244.0.5"], "conditions": {"ready": false}}]);
    let refused = &["no-endpoints-services: 10.96.0.20 . tcp . 80 : goto refuse"];
    check(&[web(json!({}))], &[], refused);
    check(&[web(json!({}))], &[web_slice(not_ready)], refused);
}

#[test]
fn terminating_endpoints_serve_when_no_other_does() {
    let leaving =
        json!({"addresses": ["10.244.9.6"], "conditions": {"ready": false, "serving": true, "terminating": true}});
    let ready = json!({"addresses": ["10.244.9.7"], "conditions": {"ready": true}});
    let dnat = |ip: &str| format!("svc-default/web/http: meta l4proto tcp dnat to {ip}:8080");
    let services = "services: 10.96.0.20 . tcp . 80 : goto svc-default/web/http";
    check(&[web(json!({}))], &[web_slice(json!([leaving.clone()]))], &[services, &dnat("10.244.9.6")]);
    check(&[web(json!({}))], &[web_slice(json!([leaving, ready]))], &[services, &dnat("10.244.9.7")]);
}

#[test]
fn node_ports_and_external_ips_are_masqueraded() {
    let ports = json!([{"name": "http", "port": 80, "nodePort": 30080, "protocol": "TCP"}]);
    check(
        &[web(json!({"type": "NodePort", "ports": ports, "externalIPs": ["192.0.2.9"]}))],
        &[two()],
        &[
            "hairpins: 10.244.0.5 . 10.244.0.5 : ",
            "nodeports: tcp . 30080 : goto ext-default/web/http",
            "services: 10.96.0.20 . tcp . 80 : goto svc-default/web/http",
            "services: 192.0.2.9 . tcp . 80 : goto ext-default/web/http",
            "ext-default/web/http: meta mark set mark or 0x4000",
            "ext-default/web/http: goto svc-default/web/http",
            FIRST,
            SECOND,
        ],
    );
}

#[test]
fn local_policies_use_local_endpoints_only() {
    let ports = json!([{"name": "http", "port": 80, "nodePort": 30080, "protocol": "TCP"}]);
    check(
        &[web(json!({"ports": ports, "externalTrafficPolicy": "Local"}))],
        &[two()],
        &[
            "hairpins: 10.244.0.5 . 10.244.0.5 : ",
            "nodeports: tcp . 30080 : goto ext-default/web/http",
            "services: 10.96.0.20 . tcp . 80 : goto svc-default/web/http",
            "ext-default/web/http: ip saddr 10.244.0.0/24 goto svc-default/web/http",
            "ext-default/web/http: fib saddr type local meta mark set mark or 0x4000 goto svc-default/web/http",
            "ext-default/web/http: goto loc-default/web/http",
            "loc-default/web/http: meta l4proto tcp dnat to 10.244.0.5:8080",
            FIRST,
            SECOND,
        ],
    );
    let remote = web_slice(json!([{"addresses": ["10.244.9.6"], "nodeName": "n2"}]));
    check(
        &[web(json!({"internalTrafficPolicy": "Local"}))],
        &[remote],
        &["no-endpoints-services: 10.96.0.20 . tcp . 80 : goto ignore"],
    );
}

#[test]
fn client_ip_affinity_remembers_each_endpoints_clients() {
    let one = web_slice(json!([{"addresses": ["10.244.9.6"]}]));
    check(
        &[web(json!({"sessionAffinity": "ClientIP", "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 60}}}))],
        &[one],
        &[
            "clients-svc-10.244.9.6-8080: type ipv4_addr; size 65535; flags dynamic,timeout; timeout 60s;",
            "services: 10.96.0.20 . tcp . 80 : goto svc-default/web/http",
            "ep-svc-10.244.9.6-8080: update @clients-svc-10.244.9.6-8080 { ip saddr }",
            "ep-svc-10.244.9.6-8080: meta l4proto tcp dnat to 10.244.9.6:8080",
            "svc-default/web/http: ip saddr @clients-svc-10.244.9.6-8080 goto ep-svc-10.244.9.6-8080",
            "svc-default/web/http: numgen random mod 1 vmap { 0 : goto ep-svc-10.244.9.6-8080 }",
        ],
    );
}

#[test]
fn services_without_an_address_or_of_another_proxy_are_left_alone() {
    let mut foreign = web(json!({}));
    foreign["metadata"]["labels"] = json!({"service.kubernetes.io/service-proxy-name": "other"});
    check(
        &[
            web(json!({"clusterIP": "None"})),
            web(json!({"type": "ExternalName"})),
            web(json!({"clusterIP": ""})),
            foreign,
        ],
        &[two()],
        &[],
    );
}

#[test]
fn only_slices_of_ipv4_and_ports_of_the_same_name_count() {
    let mut other = two();
    other["addressType"] = json!("IPv6");
    let mut renamed = two();
    renamed["ports"][0]["name"] = json!("metrics");
    check(&[web(json!({}))], &[other, renamed], &["no-endpoints-services: 10.96.0.20 . tcp . 80 : goto refuse"]);
}

#[test]
fn names_fit_what_nft_takes() {
    let backend = Backend {
        key: format!("{}/{}/{}", "n".repeat(63), "s".repeat(63), "p".repeat(15)),
        protocol: "tcp",
        cluster_ip: [10, 96, 0, 1].into(),
        external_ips: Default::default(),
        port: 1,
        node_port: Some(30000),
        endpoints: [(([10, 244, 0, 200].into(), 65535), Locality::Local)].into(),
        internal_local: false,
        external_local: true,
        affinity_secs: Some(1),
    };
    let table = plan(&[backend], &Node::new(&Config::new("n1"), true));
    let longest = table.chains.keys().chain(table.sets.keys()).map(String::len).max();
    assert!(longest.unwrap() < 120);
}

#[test]
fn many_endpoints_are_chosen_from_a_map() {
    let endpoints: Vec<Value> = (1..=9).map(|n| json!({"addresses": [format!("10.244.9.{n}")]})).collect();
    let backends = collect(&snapshot(&[web(json!({}))], &[web_slice(json!(endpoints))]), "n1");
    let lines = lines(&plan(&backends, &Node::new(&Config::new("n1"), true)));
    let rule = "svc-default/web/http: meta l4proto tcp dnat ip to numgen random mod 9 map { 0 : 10.244.9.1 . 8080, ";
    assert!(lines.last().unwrap().starts_with(rule), "{lines:?}");
    assert_eq!(lines.len(), 2);
}
