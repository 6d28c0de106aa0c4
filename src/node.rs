//! This machine as a node: network, service proxy, DNS and the kubelet shim.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};
use std::path::Path;

use ipnet::Ipv4Net;
use kube::runtime::wait::{Condition, await_condition};
use kube::{Api, Client};
use kubernel_agent::Containerd;
use kubernel_agent::join::Pair;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::options::NodeOptions;

/// What a node is given by its cluster.
pub(crate) struct Access {
    /// The API as this node.
    pub(crate) kubelet: Client,
    /// The API as the node's service proxy and DNS.
    pub(crate) proxy: Client,
    /// What the kubelet API shows.
    pub(crate) serving: Pair,
    /// The cluster's CA, PEM.
    pub(crate) ca_pem: String,
}

/// The node, before it runs.
pub(crate) struct Node {
    /// The Node object's name.
    pub(crate) name: String,
    /// The address under which others reach it.
    pub(crate) ip: IpAddr,
    network: kubernel_net::Config,
}

impl Node {
    /// Settles name and addresses.
    pub(crate) fn new(options: &NodeOptions, data_dir: &Path, service_cidr: Ipv4Net) -> Result<Self, String> {
        let name = match &options.node_name {
            Some(name) => name.clone(),
            None => hostname()?,
        };
        let mut network = kubernel_net::Config::new(&name).with_pod_cidr(options.pod_cidr);
        network.bridge.clone_from(&options.bridge);
        network.network.clone_from(&options.bridge);
        network.table.clone_from(&options.bridge);
        network.service_cidr = service_cidr;
        network.dns_service_ip = Ipv4Addr::from(u32::from(service_cidr.network()) + 10);
        network.cni_conf_dir = data_dir.join("cni/net.d");
        network.cni_data_dir = data_dir.join("cni/networks");
        let ip = options.node_ip.or_else(default_ip).unwrap_or_else(|| network.gateway().into());
        Ok(Self { name, ip, network })
    }

    /// Where Pods find an API that listens there: loopback addresses mean another machine to a Pod, so the bridge's
    /// address stands for them.
    pub(crate) fn api_address(&self, listen: SocketAddr) -> SocketAddr {
        if listen.ip().is_loopback() {
            SocketAddr::new(self.network.gateway().into(), listen.port())
        } else if listen.ip().is_unspecified() {
            SocketAddr::new(self.ip, listen.port())
        } else {
            listen
        }
    }

    /// Lets this node's Pods reach an API that listens on this machine's loopback.
    pub(crate) fn reach(&mut self, listen: SocketAddr) {
        if let (SocketAddr::V4(from), SocketAddr::V4(to)) = (self.api_address(listen), listen)
            && from != to
            && to.ip().is_loopback()
        {
            self.network.redirects.push(kubernel_net::Redirect { from, to: SocketAddrV4::new(*to.ip(), to.port()) });
        }
    }

    /// Starts everything of the node.
    pub(crate) async fn run(
        self,
        options: &NodeOptions,
        data_dir: &Path,
        access: Access,
        tasks: &mut JoinSet<()>,
        stop: &CancellationToken,
    ) -> Result<String, String> {
        let mut config = kubernel_agent::Config::new(&self.name, self.ip, data_dir);
        config.containerd = options.containerd.clone().unwrap_or_default();
        config.cni_conf_dir = Some(self.network.cni_conf_dir.clone());
        config.cluster_dns = vec![self.network.dns_service_ip.into()];
        config.cluster_domain.clone_from(&self.network.cluster_domain);
        config.listen_ip = self.ip;
        config.port = options.kubelet_port;
        config.mesos_listen = options.mesos_agent_listen;
        config.log_dir = options.log_dir.clone();
        config.serving_cert_pem = access.serving.certificate_pem.into_bytes();
        config.serving_key_pem = access.serving.key_pem.into_bytes();
        config.client_ca_pem = access.ca_pem.into_bytes();
        let (on_network, on_agent) = (stop.clone(), stop.clone());
        // Processes are in the machine's own network.
        if config.containerd != Containerd::Absent {
            let network = self.network;
            kubernel_net::prepare(&network).await.map_err(|error| error.to_string())?;
            tasks.spawn(async move {
                if let Err(error) = kubernel_net::run(network, access.proxy, on_network.clone()).await {
                    tracing::error!(%error, "the node's network failed");
                    on_network.cancel();
                }
            });
        }
        tasks.spawn(async move {
            if let Err(error) = kubernel_agent::run(config, access.kubelet, on_agent.clone()).await {
                tracing::error!(%error, "the node failed");
                on_agent.cancel();
            }
        });
        Ok(self.name)
    }
}

/// Waits until the node says that it is ready.
pub(crate) async fn ready(client: Client, name: &str) {
    let nodes: Api<k8s_openapi::api::core::v1::Node> = Api::all(client);
    // Where the watch fails, the node's own messages say why.
    let _ = await_condition(nodes, name, is_ready()).await;
}

fn is_ready() -> impl Condition<k8s_openapi::api::core::v1::Node> {
    |node: Option<&k8s_openapi::api::core::v1::Node>| {
        let conditions = node.and_then(|node| node.status.as_ref()?.conditions.as_ref());
        conditions.into_iter().flatten().any(|condition| condition.type_ == "Ready" && condition.status == "True")
    }
}

/// This machine's name.
pub(crate) fn hostname() -> Result<String, String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname")
        .map_err(|error| format!("no hostname: {error}; the file must be readable"))?;
    Ok(name.trim().to_ascii_lowercase())
}

/// The address from which this machine would speak to others, if it has a way to them. Nothing is sent.
pub(crate) fn default_ip() -> Option<IpAddr> {
    const ANYWHERE: (Ipv4Addr, u16) = (Ipv4Addr::new(192, 0, 2, 1), 9);
    let socket = std::net::UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect(ANYWHERE).ok()?;
    socket.local_addr().ok().map(|address| address.ip()).filter(|ip| !ip.is_loopback() && !ip.is_unspecified())
}
