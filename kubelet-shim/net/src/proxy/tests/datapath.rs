//! The kernel carries out a plan: a node, two pods and an outsider as network namespaces of our own.

use super::{collect, service, slice, snapshot};
use crate::proxy::plan::{Node, plan};
use crate::{Config, Redirect, host};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::process::Command;
use std::time::Duration;

const NODE: &str = "kbl-net-node";
const PODS: [(&str, Ipv4Addr); 2] =
    [("kbl-net-pod1", Ipv4Addr::new(10, 89, 3, 11)), ("kbl-net-pod2", Ipv4Addr::new(10, 89, 3, 12))];
const OUTSIDE: &str = "kbl-net-out";
const NODE_IP: &str = "10.89.4.1";

fn ip(args: &str) {
    let output = Command::new("ip").args(args.split_whitespace()).output().unwrap();
    assert!(output.status.success(), "ip {args}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Namespaces that vanish with the value.
struct Network;

impl Network {
    fn new() -> Self {
        drop(Self);
        for name in [NODE, OUTSIDE, PODS[0].0, PODS[1].0] {
            ip(&format!("netns add {name}"));
            ip(&format!("-n {name} link set lo up"));
        }
        Self
    }

    fn attach(&self, name: &str, address: Ipv4Addr, n: usize) {
        ip(&format!("link add v{n} netns {NODE} type veth peer name eth0 netns {name}"));
        ip(&format!("-n {NODE} link set v{n} up master kbl-net1"));
        ip(&format!("-n {NODE} link set v{n} type bridge_slave hairpin on"));
        ip(&format!("-n {name} address add {address}/24 dev eth0"));
        ip(&format!("-n {name} link set eth0 up"));
        ip(&format!("-n {name} route add default via 10.89.3.1"));
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for name in [NODE, OUTSIDE, PODS[0].0, PODS[1].0] {
            let _ = Command::new("ip").args(["netns", "delete", name]).output();
        }
    }
}

fn within<T: Send>(namespace: &str, work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            let file = File::open(format!("/var/run/netns/{namespace}")).unwrap();
            move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
            work()
        });
        thread.join().unwrap()
    })
}

/// Runs the crate's own host functions as if on the node.
fn on_node<T: Send>(work: impl AsyncFnOnce() -> T + Send) -> T {
    within(NODE, || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(work())
    })
}

/// Tells every client the server's name and the address it saw.
fn serve(namespace: &'static str, name: &'static str, address: &str) {
    let listener = within(namespace, || TcpListener::bind(address).unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let peer = stream.peer_addr().unwrap().ip();
            let _ = write!(stream, "{name} {peer}");
        }
    });
}

fn ask(namespace: &str, address: &str) -> io::Result<String> {
    let address: SocketAddr = address.parse().unwrap();
    within(namespace, || {
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(2))?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        Ok(text)
    })
}

fn names(namespace: &str, address: &str) -> BTreeSet<String> {
    (0..24).map(|_| ask(namespace, address).unwrap().split(' ').next().unwrap().to_owned()).collect()
}

fn services() -> Vec<Value> {
    let port = |node_port: u16| json!([{"port": 80, "protocol": "TCP", "nodePort": node_port}]);
    vec![
        service("web", json!({"clusterIP": "10.96.0.20", "ports": port(30080)})),
        service("sticky", json!({"clusterIP": "10.96.0.21", "ports": port(30081), "sessionAffinity": "ClientIP"})),
        service("empty", json!({"clusterIP": "10.96.0.22", "ports": port(30082)})),
        service("kept", json!({"clusterIP": "10.96.0.23", "ports": port(30083), "externalTrafficPolicy": "Local"})),
        service("kubernetes", json!({"clusterIP": "10.96.0.1", "ports": [{"port": 443, "protocol": "TCP"}]})),
    ]
}

fn slices(pods: &[Ipv4Addr]) -> Vec<Value> {
    let endpoints: Vec<Value> = pods.iter().map(|ip| json!({"addresses": [ip], "nodeName": "n1"})).collect();
    let pods = |name: &str| slice(name, json!({"port": 8080, "protocol": "TCP"}), json!(endpoints));
    let api = slice("kubernetes", json!({"port": 6443, "protocol": "TCP"}), json!([{"addresses": ["10.89.3.1"]}]));
    vec![pods("web"), pods("sticky"), pods("kept"), api]
}

#[test]
#[ignore = "needs root, ip and nft"]
fn the_kernel_does_what_the_plan_says() {
    let config = Config {
        bridge: "kbl-net1".into(),
        table: "kubernel_test".into(),
        cluster_cidr: "10.89.3.0/24".parse().unwrap(),
        redirects: vec![Redirect { from: "10.89.3.1:6443".parse().unwrap(), to: "127.0.0.1:6443".parse().unwrap() }],
        ..Config::new("n1").with_pod_cidr("10.89.3.0/24".parse().unwrap())
    };
    let network = Network::new();
    on_node(async || host::prepare(&config).await).unwrap();
    for (n, (name, address)) in PODS.into_iter().enumerate() {
        network.attach(name, address, n);
    }
    ip(&format!("link add out0 netns {NODE} type veth peer name eth0 netns {OUTSIDE}"));
    ip(&format!("-n {NODE} address add {NODE_IP}/24 dev out0"));
    ip(&format!("-n {NODE} link set out0 up"));
    ip(&format!("-n {OUTSIDE} address add 10.89.4.2/24 dev eth0"));
    ip(&format!("-n {OUTSIDE} link set eth0 up"));
    serve(PODS[0].0, "pod1", "0.0.0.0:8080");
    serve(PODS[1].0, "pod2", "0.0.0.0:8080");
    serve(NODE, "api", "127.0.0.1:6443");
    serve(OUTSIDE, "outside", "0.0.0.0:9000");

    let node = Node::new(&config, on_node(async || host::bridge_netfilter()));
    let both = [PODS[0].1, PODS[1].1];
    let table = plan(&collect(&snapshot(&services(), &slices(&both)), "n1"), &node);
    on_node(async || host::nft(&table.replace_script(&config.table)).await).unwrap();

    let all = BTreeSet::from(["pod1".to_owned(), "pod2".to_owned()]);
    assert_eq!(names(NODE, "10.96.0.20:80"), all, "the host reaches a ClusterIP");
    assert_eq!(names(PODS[0].0, "10.96.0.20:80"), all, "a pod reaches the others and itself");
    assert_eq!(names(OUTSIDE, "10.89.4.1:30080"), all, "an outsider reaches a node port");
    assert_eq!(names(NODE, "10.89.4.1:30080"), all, "the host reaches its own node port");
    assert_eq!(names(PODS[0].0, "10.89.4.1:30080"), all, "a pod reaches a node port");
    assert_eq!(names(PODS[1].0, "10.96.0.21:80").len(), 1, "a client stays with its endpoint");
    assert_eq!(names(OUTSIDE, "10.89.4.1:30083"), all);
    assert!(ask(OUTSIDE, "10.89.4.1:30083").unwrap().ends_with(" 10.89.4.2"), "the Local policy keeps the client");
    assert!(ask(OUTSIDE, "10.89.4.1:30080").unwrap().ends_with(" 10.89.3.1"), "others are masqueraded");
    assert_eq!(ask(PODS[0].0, "10.89.4.2:9000").unwrap(), "outside 10.89.4.1", "pods leave with the node's address");
    for client in [NODE, PODS[0].0] {
        for address in ["10.96.0.22:80", "10.89.4.1:30082", "10.96.0.99:80"] {
            let error = ask(client, address).unwrap_err();
            assert_ne!(error.kind(), io::ErrorKind::TimedOut, "{address} from {client} is refused at once: {error}");
        }
        assert!(ask(client, "10.96.0.1:443").unwrap().starts_with("api "), "the API's ClusterIP from {client}");
        assert!(ask(client, "10.89.3.1:6443").unwrap().starts_with("api "), "the redirect from {client}");
    }

    let table_of_one = plan(&collect(&snapshot(&services(), &slices(&both[1..])), "n1"), &node);
    let update = table_of_one.update_script(&config.table, &table);
    assert!(!update.contains("delete table"), "{update}");
    on_node(async || host::nft(&update).await).unwrap();
    assert_eq!(names(PODS[0].0, "10.96.0.20:80"), BTreeSet::from(["pod2".to_owned()]));
    let back = plan(&[], &node).update_script(&config.table, &table_of_one);
    on_node(async || host::nft(&back).await).unwrap();
    assert!(ask(NODE, "10.96.0.20:80").is_err());
}
