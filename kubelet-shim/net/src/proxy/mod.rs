//! The service proxy: ClusterIPs, node ports and external IPs as one nftables table.
//!
//! `backends` reads Services and EndpointSlices, `plan` says which table they need (both pure), `table` writes a table
//! or the difference of two as an nft script, and [`run`] keeps the kernel's table equal to the plan.

mod backends;
mod plan;
mod table;
#[cfg(test)]
mod tests;

use crate::cluster::Cluster;
use crate::{Config, host};
use std::time::Duration;
use table::Table;
use tokio_util::sync::CancellationToken;

/// Pause after a failure.
const RETRY_SECS: u64 = 5;

/// Keeps the table until `shutdown`.
pub(crate) async fn run(config: &Config, mut cluster: Cluster, shutdown: CancellationToken) {
    let node = plan::Node::new(config, host::bridge_netfilter());
    // Pods' way out and redirects do not depend on the API server.
    let mut current = apply(config, None, plan::plan(&[], &node)).await;
    let follow = async {
        cluster.ready().await;
        loop {
            let backends = backends::collect(&cluster.snapshot(), &config.node_name);
            current = apply(config, current.take(), plan::plan(&backends, &node)).await;
            let retry = async {
                match current {
                    Some(_) => std::future::pending().await,
                    None => tokio::time::sleep(Duration::from_secs(RETRY_SECS)).await,
                }
            };
            tokio::select! {
                more = cluster.changed() => if !more {
                    return;
                },
                () = retry => {}
            }
        }
    };
    tokio::select! {
        () = follow => {}
        () = shutdown.cancelled() => {}
    }
    if config.cleanup_on_stop
        && let Err(e) = host::nft(&Table::delete_script(&config.table)).await
    {
        tracing::warn!("cannot remove the service table: {e}");
    }
}

/// Brings the kernel from `current` (unknown: from anything) to `wanted`. None when that failed.
async fn apply(config: &Config, current: Option<Table>, wanted: Table) -> Option<Table> {
    if let Some(current) = current {
        let script = wanted.update_script(&config.table, &current);
        if script.is_empty() {
            return Some(wanted);
        }
        match host::nft(&script).await {
            Ok(()) => return Some(wanted),
            Err(e) => tracing::warn!("cannot update the service table, replacing it: {e}"),
        }
    }
    match host::nft(&wanted.replace_script(&config.table)).await {
        Ok(()) => Some(wanted),
        Err(e) => {
            tracing::error!("cannot write the service table: {e}");
            None
        }
    }
}
