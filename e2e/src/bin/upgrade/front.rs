//! A balancer as many stand before servers: it passes bytes on, asks every server's `/readyz` again and again, and sends
//! new connections to those that said ok. What runs already stays where it is.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use kubernel_e2e::Result;
use kubernel_e2e::client::Target;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// How often every server is asked, and how long it has for an answer.
const ASK_EVERY: Duration = Duration::from_millis(100);

/// The balancer; it goes on until the process ends.
pub(crate) struct Front {
    address: SocketAddr,
    servers: Arc<[Server]>,
}

struct Server {
    target: Target,
    ready: watch::Sender<bool>,
}

impl Front {
    /// Opens the one address before these servers.
    pub(crate) async fn open(targets: Vec<Target>) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let server = |target| Server { target, ready: watch::Sender::default() };
        let servers: Arc<[Server]> = targets.into_iter().map(server).collect();
        for number in 0..servers.len() {
            tokio::spawn(look(servers.clone(), number));
        }
        tokio::spawn(accept(listener, servers.clone()));
        Ok(Self { address, servers })
    }

    /// Where it is.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns when a server has said that it is ready.
    pub(crate) async fn until_ready(&self, number: usize) {
        let mut ready = self.servers[number].ready.subscribe();
        // The sender lives as long as we.
        let _ = ready.wait_for(|ready| *ready).await;
    }
}

async fn look(servers: Arc<[Server]>, number: usize) {
    let Server { target, ready } = &servers[number];
    loop {
        let asked = async { target.connect().await?.get("/readyz").await };
        let is_ready = matches!(tokio::time::timeout(ASK_EVERY * 10, asked).await, Ok(Ok(_)));
        ready.send_replace(is_ready);
        tokio::time::sleep(ASK_EVERY).await;
    }
}

async fn accept(listener: TcpListener, servers: Arc<[Server]>) {
    for first in 0.. {
        let Ok((mut client, _)) = listener.accept().await else { return };
        let servers = servers.clone();
        tokio::spawn(async move {
            for number in first..first + servers.len() {
                let server = &servers[number % servers.len()];
                if !*server.ready.borrow() {
                    continue;
                }
                if let Ok(mut upstream) = TcpStream::connect(server.target.address()).await {
                    let _ = (client.set_nodelay(true), upstream.set_nodelay(true));
                    // How it ends, both sides see.
                    let _ = tokio::io::copy_bidirectional(&mut client, &mut upstream).await;
                    return;
                }
                server.ready.send_replace(false);
            }
        });
    }
}
