//! Questions and answers of a small cluster, and one server that is asked over UDP and TCP.

use super::zone::{Answer, Zone};
use crate::cluster::Snapshot;
use hickory_proto::rr::{Name, Record, RecordType};
use serde_json::{Value, json};
use std::sync::Arc;

fn zone() -> Zone {
    let service = |namespace: &str, name: &str, spec: Value| -> Value {
        json!({"metadata": {"namespace": namespace, "name": name}, "spec": spec})
    };
    let services = [
        service(
            "default",
            "web",
            json!({"clusterIP": "10.96.0.20", "ports": [
                {"name": "http", "port": 80, "protocol": "TCP"}, {"name": "dns", "port": 53, "protocol": "UDP"},
            ]}),
        ),
        service("data", "db", json!({"clusterIP": "None", "ports": [{"name": "sql", "port": 5432}]})),
        service("data", "alone", json!({"clusterIP": "None"})),
        service("default", "outside", json!({"type": "ExternalName", "externalName": "db.example.org"})),
        service("default", "pending", json!({"clusterIP": "", "ports": []})),
    ];
    let slice = json!({
        "metadata": {"namespace": "data", "name": "db-1", "labels": {"kubernetes.io/service-name": "db"}},
        "addressType": "IPv4", "ports": [{"name": "sql", "port": 5432, "protocol": "TCP"}],
        "endpoints": [
            {"addresses": ["10.244.0.5"], "hostname": "db-0", "conditions": {"ready": true}},
            {"addresses": ["10.244.0.6"]},
            {"addresses": ["10.244.0.7"], "conditions": {"ready": false}},
        ],
    });
    let parse = |value: &Value| Arc::new(serde_json::from_value(value.clone()).unwrap());
    let snapshot = Snapshot {
        services: services.iter().map(parse).collect(),
        slices: vec![Arc::new(serde_json::from_value(slice).unwrap())],
    };
    Zone::new("cluster.local", &snapshot)
}

fn show(records: &[Record]) -> Vec<String> {
    records.iter().map(|record| format!("{} {} {}", record.name, record.record_type(), record.data)).collect()
}

/// Expects the answers, and among additional records one address per SRV target.
#[track_caller]
fn check(name: &str, kind: RecordType, expected: &[&str]) {
    match zone().answer(&Name::from_str_relaxed(name).unwrap(), kind) {
        Answer::Records(answers, additionals) => {
            assert_eq!(show(&answers), expected);
            let targets = answers.iter().filter(|r| r.record_type() == RecordType::SRV).count();
            assert_eq!(additionals.is_empty(), targets == 0);
        }
        other => assert_eq!(expected, [format!("{other:?}")]),
    }
}

#[test]
fn cluster_ips_have_one_address() {
    check("web.default.svc.cluster.local.", RecordType::A, &["web.default.svc.cluster.local. A 10.96.0.20"]);
    check("WEB.Default.svc.Cluster.local.", RecordType::A, &["web.default.svc.cluster.local. A 10.96.0.20"]);
    check("web.default.svc.cluster.local.", RecordType::AAAA, &["NoData"]);
    check("nope.default.svc.cluster.local.", RecordType::A, &["NxDomain"]);
    check("web.nope.svc.cluster.local.", RecordType::A, &["NxDomain"]);
    check("x.web.default.svc.cluster.local.", RecordType::A, &["NxDomain"]);
    check("pending.default.svc.cluster.local.", RecordType::A, &["NoData"]);
}

#[test]
fn headless_services_have_their_endpoints() {
    let db = "db.data.svc.cluster.local.";
    check(db, RecordType::A, &[&format!("{db} A 10.244.0.5"), &format!("{db} A 10.244.0.6")]);
    check(&format!("db-0.{db}"), RecordType::A, &[&format!("db-0.{db} A 10.244.0.5")]);
    check(&format!("10-244-0-6.{db}"), RecordType::A, &[&format!("10-244-0-6.{db} A 10.244.0.6")]);
    check(&format!("10-244-0-7.{db}"), RecordType::A, &["NxDomain"]);
    check(&format!("db-0.{db}"), RecordType::AAAA, &["NoData"]);
    check("alone.data.svc.cluster.local.", RecordType::A, &["NoData"]);
}

#[test]
fn ports_are_found_by_name_and_protocol() {
    let name = "_http._tcp.web.default.svc.cluster.local.";
    check(name, RecordType::SRV, &[&format!("{name} SRV 0 100 80 web.default.svc.cluster.local.")]);
    check(name, RecordType::A, &["NoData"]);
    check("_http._udp.web.default.svc.cluster.local.", RecordType::SRV, &["NxDomain"]);
    check("http.tcp.web.default.svc.cluster.local.", RecordType::SRV, &["NxDomain"]);
    let name = "_sql._tcp.db.data.svc.cluster.local.";
    check(
        name,
        RecordType::SRV,
        &[
            &format!("{name} SRV 0 50 5432 10-244-0-6.db.data.svc.cluster.local."),
            &format!("{name} SRV 0 50 5432 db-0.db.data.svc.cluster.local."),
        ],
    );
}

#[test]
fn external_names_are_aliases() {
    let name = "outside.default.svc.cluster.local.";
    check(name, RecordType::A, &[&format!("{name} CNAME db.example.org.")]);
}

#[test]
fn addresses_have_names() {
    let name = "20.0.96.10.in-addr.arpa.";
    check(name, RecordType::PTR, &[&format!("{name} PTR web.default.svc.cluster.local.")]);
    let name = "5.0.244.10.in-addr.arpa.";
    check(name, RecordType::PTR, &[&format!("{name} PTR db-0.db.data.svc.cluster.local.")]);
    check("1.2.0.192.in-addr.arpa.", RecordType::PTR, &["NotOurs"]);
    check("x.2.0.192.in-addr.arpa.", RecordType::PTR, &["NotOurs"]);
}

#[test]
fn pods_are_named_by_their_address() {
    let name = "10-244-0-9.default.pod.cluster.local.";
    check(name, RecordType::A, &[&format!("{name} A 10.244.0.9")]);
    check(name, RecordType::AAAA, &["NoData"]);
    check("nonsense.default.pod.cluster.local.", RecordType::A, &["NxDomain"]);
}

#[test]
fn names_in_between_exist_and_others_are_not_ours() {
    check("default.svc.cluster.local.", RecordType::A, &["NoData"]);
    check("svc.cluster.local.", RecordType::A, &["NoData"]);
    check("nope.svc.cluster.local.", RecordType::A, &["NxDomain"]);
    check("dns-version.cluster.local.", RecordType::TXT, &["dns-version.cluster.local. TXT 1.1.0"]);
    check("example.org.", RecordType::A, &["NotOurs"]);
    check("notcluster.local.", RecordType::A, &["NotOurs"]);
    check(".", RecordType::NS, &["NotOurs"]);
}
