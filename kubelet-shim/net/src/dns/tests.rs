//! Questions and answers of a small cluster, and one server that is asked over UDP and TCP.

use super::server::Server;
use super::zone::{Answer, Zone};
use crate::Config;
use crate::cluster::{Cluster, Snapshot};
use hickory_proto::op::{Message, OpCode, Query, ResponseCode};
use hickory_proto::rr::rdata::A;
use hickory_proto::rr::{Name, RData, Record, RecordType};
use serde_json::{Value, json};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio_util::sync::CancellationToken;

fn zone() -> Zone {
    Zone::new("cluster.local", &snapshot())
}

fn snapshot() -> Snapshot {
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
    Snapshot {
        services: services.iter().map(parse).collect(),
        slices: vec![Arc::new(serde_json::from_value(slice).unwrap())],
    }
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

fn question(name: &str, kind: RecordType) -> Message {
    let mut message = Message::query();
    message.metadata.recursion_desired = true;
    message.add_query(Query::query(Name::from_str_relaxed(name).unwrap(), kind));
    message
}

async fn ask_udp(server: SocketAddr, question: &Message) -> Message {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.send_to(&question.to_vec().unwrap(), server).await.unwrap();
    let mut answer = vec![0; 4096];
    let received = tokio::time::timeout(Duration::from_secs(20), socket.recv(&mut answer)).await;
    let len = received.expect("an answer comes").unwrap();
    Message::from_vec(&answer[..len]).unwrap()
}

async fn ask_tcp(server: SocketAddr, question: &Message) -> Message {
    let bytes = question.to_vec().unwrap();
    let mut stream = TcpStream::connect(server).await.unwrap();
    stream.write_all(&[&(bytes.len() as u16).to_be_bytes()[..], &bytes].concat()).await.unwrap();
    let mut answer = vec![0; usize::from(stream.read_u16().await.unwrap())];
    stream.read_exact(&mut answer).await.unwrap();
    Message::from_vec(&answer).unwrap()
}

/// A resolver that says 192.0.2.7 to everything; over UDP it claims that names with "big" do not fit.
async fn resolver() -> SocketAddr {
    fn answer(bytes: &[u8], truncate: bool) -> Vec<u8> {
        let question = Message::from_vec(bytes).unwrap();
        let mut message = Message::response(question.metadata.id, OpCode::Query);
        let query = question.queries[0].clone();
        message.metadata.truncation = truncate && query.name().to_string().contains("big");
        if !message.metadata.truncation {
            let data = RData::A(A(Ipv4Addr::new(192, 0, 2, 7)));
            message.add_answer(Record::from_rdata(query.name().clone(), 60, data));
        }
        message.add_query(query);
        message.to_vec().unwrap()
    }
    let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = tcp.local_addr().unwrap();
    let udp = UdpSocket::bind(address).await.unwrap();
    tokio::spawn(async move {
        let mut bytes = vec![0; 4096];
        loop {
            let (len, from) = udp.recv_from(&mut bytes).await.unwrap();
            // Something that does not belong to the question comes first.
            udp.send_to(&[0, 1, 2], from).await.unwrap();
            udp.send_to(&answer(&bytes[..len], true), from).await.unwrap();
        }
    });
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = tcp.accept().await.unwrap();
            let mut bytes = vec![0; usize::from(stream.read_u16().await.unwrap())];
            stream.read_exact(&mut bytes).await.unwrap();
            let answer = answer(&bytes, false);
            stream.write_all(&[&(answer.len() as u16).to_be_bytes()[..], &answer].concat()).await.unwrap();
        }
    });
    address
}

async fn server(upstream: SocketAddr) -> (SocketAddr, SocketAddr) {
    let config =
        Config { dns_listen: "127.0.0.1:0".parse().unwrap(), dns_upstreams: vec![upstream], ..Config::new("n1") };
    let server = Server::bind(&config).await.unwrap();
    let addresses = server.addresses();
    tokio::spawn(server.run(Cluster::fixed(&snapshot()), CancellationToken::new()));
    addresses
}

#[tokio::test]
async fn the_server_answers_for_the_cluster_and_forwards_the_rest() {
    let (udp, tcp) = server(resolver().await).await;
    let web = question("web.default.svc.cluster.local.", RecordType::A);
    for answer in [ask_udp(udp, &web).await, ask_tcp(tcp, &web).await] {
        assert_eq!(show(&answer.answers), ["web.default.svc.cluster.local. A 10.96.0.20"]);
        assert!(answer.metadata.authoritative && answer.metadata.recursion_available);
        assert_eq!(answer.metadata.id, web.metadata.id);
    }
    let missing = ask_udp(udp, &question("nope.default.svc.cluster.local.", RecordType::A)).await;
    assert_eq!(missing.metadata.response_code, ResponseCode::NXDomain);
    assert_eq!(missing.authorities[0].record_type(), RecordType::SOA, "clients may remember the absence");

    for name in ["example.org.", "big.example.org."] {
        let answer = ask_udp(udp, &question(name, RecordType::A)).await;
        assert_eq!(show(&answer.answers), [format!("{name} A 192.0.2.7")]);
        assert!(!answer.metadata.authoritative);
    }
    let mut update = question("web.default.svc.cluster.local.", RecordType::A);
    update.metadata.op_code = OpCode::Status;
    assert_eq!(ask_udp(udp, &update).await.metadata.response_code, ResponseCode::NotImp);
}

#[tokio::test]
async fn garbage_does_not_stop_the_server() {
    let (udp, _) = server("127.0.0.1:1".parse().unwrap()).await;
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    for garbage in [&b""[..], &[0; 3], &[0xff; 600], &[0; 12]] {
        socket.send_to(garbage, udp).await.unwrap();
    }
    let failed = ask_udp(udp, &question("example.org.", RecordType::A)).await;
    assert_eq!(failed.metadata.response_code, ResponseCode::ServFail, "no resolver answers");
}
