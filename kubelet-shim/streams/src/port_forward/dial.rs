//! Connecting from inside a Pod's network namespace.

use super::PortTarget;
use futures::FutureExt;
use futures::future::BoxFuture;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::time::Duration;
use tokio::sync::oneshot;

/// How long a port may take to answer.
const CONNECT_SECS_MAX: u64 = 10;

/// Where a Pod's ports are.
#[derive(Debug, Clone)]
pub enum PodNetwork {
    /// A network namespace, by the file that stands for it (`/var/run/netns/cni-…` or `/proc/PID/ns/net`).
    Namespace(PathBuf),
    /// The node's own.
    Host,
}

/// Dials `localhost` in a Pod's network.
#[derive(Debug, Clone)]
pub struct PodDialer {
    /// Where to dial.
    pub network: PodNetwork,
    /// What errors call the Pod.
    pub name: String,
}

impl PortTarget for PodDialer {
    fn dial(&self, port: u16) -> BoxFuture<'static, io::Result<tokio::net::TcpStream>> {
        let network = self.network.clone();
        async move {
            let (done, stream) = oneshot::channel();
            // A thread of its own: it changes its namespace and must not be used for anything else afterwards.
            std::thread::Builder::new().name("pod-dial".into()).spawn(move || {
                let _ = done.send(enter(&network).and_then(|()| connect(port)));
            })?;
            let stream = stream.await.map_err(io::Error::other)??;
            stream.set_nonblocking(true)?;
            stream.set_nodelay(true)?;
            tokio::net::TcpStream::from_std(stream)
        }
        .boxed()
    }

    fn name(&self) -> String {
        self.name.clone()
    }
}

fn enter(network: &PodNetwork) -> io::Result<()> {
    match network {
        PodNetwork::Host => Ok(()),
        PodNetwork::Namespace(path) => {
            let namespace = File::open(path)?;
            Ok(move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))?)
        }
    }
}

/// IPv4 first; the error of IPv4 is the one to report.
fn connect(port: u16) -> io::Result<TcpStream> {
    let connect = |ip: std::net::IpAddr| {
        TcpStream::connect_timeout(&SocketAddr::new(ip, port), Duration::from_secs(CONNECT_SECS_MAX))
    };
    connect(Ipv4Addr::LOCALHOST.into()).or_else(|e| connect(Ipv6Addr::LOCALHOST.into()).map_err(|_| e))
}
