//! The node's network: pod addresses through CNI, Services through nftables, names through cluster DNS.
//!
//! [`prepare`] makes the node ready for pods (bridge, sysctls, CNI configuration) and needs no API server; [`run`]
//! then follows Services and EndpointSlices. `cluster` is what both consumers see of the API; `proxy` turns it into an
//! nftables table; `dns` into answers. Planning is pure and tested as text; `host` is the only place that runs tools.

mod cluster;
mod cni;
mod config;
mod dns;
mod error;
mod host;
mod proxy;

pub use config::{Config, Redirect};
pub use error::Error;

use kube::Client;
use tokio_util::sync::CancellationToken;

/// Makes the node ready for pods. Idempotent; call it before the container runtime is asked for the first sandbox.
pub async fn prepare(config: &Config) -> Result<(), Error> {
    host::prepare(config).await?;
    cni::write(config)
}

/// Serves Services and names until `shutdown`, after [`prepare`] has succeeded.
///
/// Fails only on what cannot get better by itself: a DNS address that cannot be bound. A silent API server, or nft
/// refusing a table, is logged and tried again.
pub async fn run(config: Config, client: Client, shutdown: CancellationToken) -> Result<(), Error> {
    let server = dns::Server::bind(&config).await?;
    let cluster = cluster::watch(client.clone(), shutdown.clone());
    tokio::join!(
        proxy::run(&config, cluster.clone(), shutdown.clone()),
        server.run(cluster, shutdown.clone()),
        dns::announce(&config, client, shutdown.clone()),
    );
    Ok(())
}
