//! How a node is set up.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

/// Where a node's containers come from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Containerd {
    /// From a containerd of our own, below the node's folder.
    #[default]
    Own,
    /// From one that listens on this socket.
    Socket(PathBuf),
    /// There are none: the node runs Pods with `runtimeClassName: process` only.
    Absent,
}

/// Everything a node needs to know before it starts.
#[derive(Clone, Debug)]
pub struct Config {
    /// The name of the Node object.
    pub node_name: String,
    /// The address others reach this node under.
    pub node_ip: IpAddr,
    /// Folder of everything the node keeps: Pod volumes, containerd, termination messages.
    pub data_dir: PathBuf,
    /// Folder of container logs.
    pub log_dir: PathBuf,
    /// Where containers come from.
    pub containerd: Containerd,
    /// Folder of CNI configurations for our own containerd; none for the one below `data_dir`.
    pub cni_conf_dir: Option<PathBuf>,
    /// The kubelet API's certificate chain, PEM.
    pub serving_cert_pem: Vec<u8>,
    /// Its key, PEM.
    pub serving_key_pem: Vec<u8>,
    /// Client certificates of this CA are let in, PEM.
    pub client_ca_pem: Vec<u8>,
    /// Nameservers of Pods with cluster DNS.
    pub cluster_dns: Vec<IpAddr>,
    /// The cluster's DNS domain.
    pub cluster_domain: String,
    /// The address the kubelet API listens on.
    pub listen_ip: IpAddr,
    /// The port of the kubelet API; upstream's is 10250.
    pub port: u16,
    /// Where the API of Mesos' executors is served; processes of the node reach it, and Mesos' tools if it is not on
    /// the loopback.
    pub mesos_listen: SocketAddr,
    /// The most Pods at once.
    pub pods_max: u32,
    /// The parent of all Pod cgroups.
    pub cgroup_root: String,
    /// Further labels of the Node.
    pub labels: BTreeMap<String, String>,
    /// Our version, for `nodeInfo.kubeletVersion`; must read like `v1.36.0+…`.
    pub version: String,
}

impl Config {
    /// A node with upstream's defaults; certificates and addresses are still to be given.
    pub fn new(node_name: impl Into<String>, node_ip: IpAddr, data_dir: impl Into<PathBuf>) -> Self {
        let data_dir = data_dir.into();
        Self {
            node_name: node_name.into(),
            node_ip,
            log_dir: "/var/log/pods".into(),
            containerd: Containerd::Own,
            cni_conf_dir: None,
            serving_cert_pem: Vec::new(),
            serving_key_pem: Vec::new(),
            client_ca_pem: Vec::new(),
            cluster_dns: Vec::new(),
            cluster_domain: "cluster.local".into(),
            listen_ip: IpAddr::from([0, 0, 0, 0]),
            port: 10250,
            mesos_listen: SocketAddr::from(([127, 0, 0, 1], 5051)),
            pods_max: 110,
            cgroup_root: "/kubepods".into(),
            labels: BTreeMap::new(),
            version: format!("v1.36.0+kubernel.{}", env!("CARGO_PKG_VERSION")),
            data_dir,
        }
    }

    /// Where persistent volumes of frameworks are kept; absolute, for processes link to them from anywhere.
    pub(crate) fn volumes_dir(&self) -> PathBuf {
        let dir = self.data_dir.join("volumes");
        std::path::absolute(&dir).unwrap_or(dir)
    }
}
