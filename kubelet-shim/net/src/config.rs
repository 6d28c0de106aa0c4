//! What the node's network is told at its start.

use ipnet::Ipv4Net;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::path::PathBuf;

/// The network of one node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The Node's name, to know which endpoints are local.
    pub node_name: String,
    /// Addresses of this node's pods; the first is the bridge's.
    pub pod_cidr: Ipv4Net,
    /// Addresses of all pods of the cluster: traffic among them is never masqueraded.
    pub cluster_cidr: Ipv4Net,
    /// Addresses of ClusterIPs.
    pub service_cidr: Ipv4Net,
    /// The bridge that pods are attached to.
    pub bridge: String,
    /// Name of the CNI network, and of the file `10-NAME.conflist`.
    pub network: String,
    /// Where the container runtime looks for CNI configurations.
    pub cni_conf_dir: PathBuf,
    /// Where CNI keeps which addresses are taken.
    pub cni_data_dir: PathBuf,
    /// The nftables table (family ip) that is ours alone.
    pub table: String,
    /// Usually `cluster.local`.
    pub cluster_domain: String,
    /// ClusterIP of the Service `kube-system/kube-dns`.
    pub dns_service_ip: Ipv4Addr,
    /// Where DNS listens (UDP and TCP). Must be reachable from pods: the bridge's address, or the node's.
    pub dns_listen: SocketAddr,
    /// Resolvers for names outside the cluster; empty: those of `/etc/resolv.conf`.
    pub dns_upstreams: Vec<SocketAddr>,
    /// Makes what listens on this host's loopback reachable from pods, such as an API server.
    pub redirects: Vec<Redirect>,
    /// Whether stopping removes the table.
    pub cleanup_on_stop: bool,
}

/// Connections (TCP) to `from` go to `to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Redirect {
    /// What pods and endpoints name; the bridge's address and some port.
    pub from: SocketAddrV4,
    /// Where the server listens, for example 127.0.0.1:6443.
    pub to: SocketAddrV4,
}

impl Config {
    /// The usual network of a node: pods in 10.244.0.0/24, Services in 10.96.0.0/16, DNS at 10.96.0.10.
    pub fn new(node_name: &str) -> Self {
        let pod_cidr = Ipv4Net::new_assert(Ipv4Addr::new(10, 244, 0, 0), 24);
        Self {
            node_name: node_name.to_owned(),
            pod_cidr,
            cluster_cidr: Ipv4Net::new_assert(Ipv4Addr::new(10, 244, 0, 0), 16),
            service_cidr: Ipv4Net::new_assert(Ipv4Addr::new(10, 96, 0, 0), 16),
            bridge: "kubernel0".into(),
            network: "kubernel".into(),
            cni_conf_dir: "/etc/cni/net.d".into(),
            cni_data_dir: "/var/lib/cni/networks".into(),
            table: "kubernel".into(),
            cluster_domain: "cluster.local".into(),
            dns_service_ip: Ipv4Addr::new(10, 96, 0, 10),
            dns_listen: SocketAddr::new(gateway(pod_cidr).into(), 53),
            dns_upstreams: Vec::new(),
            redirects: Vec::new(),
            cleanup_on_stop: false,
        }
    }

    /// Moves the pods to other addresses, and DNS with them. Outside of the cluster's range they are a cluster of
    /// their own.
    pub fn with_pod_cidr(mut self, pod_cidr: Ipv4Net) -> Self {
        self.pod_cidr = pod_cidr;
        if !self.cluster_cidr.contains(&pod_cidr) {
            self.cluster_cidr = pod_cidr;
        }
        self.dns_listen.set_ip(gateway(pod_cidr).into());
        self
    }

    /// The bridge's address: the first of the pods' range.
    pub fn gateway(&self) -> Ipv4Addr {
        gateway(self.pod_cidr)
    }
}

fn gateway(pod_cidr: Ipv4Net) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(pod_cidr.network()).saturating_add(1))
}
