//! Where Pods reach the API: the endpoints of the Service `kubernetes`, which are the addresses of all servers that live.
//! Upstream's lease reconciler.
//!
//! Every server says again and again that it lives, and writes what it sees; a server that stops takes itself out first.

use std::net::SocketAddr;
use std::time::Duration;

use kubernel_meta::Object;
use kubernel_store::{At, Roster};
use serde_json::{Value, json};

use super::write_missing;
use crate::{ApiServer, Error};

/// How often a server that is the only one looks (upstream's interval).
const EVERY: Duration = Duration::from_secs(10);
/// How often a write is tried that other servers are faster with.
const TRIES: usize = 5;
/// How long a server that stops tries to take itself out.
const WITHDRAW_WAIT: Duration = Duration::from_secs(5);
const KEY: &str = "/registry/core/endpoints/default/kubernetes";

/// Which port the endpoints have.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Port {
    /// This server's: once, when it starts.
    Ours,
    /// Whatever there is: servers that do not agree must not write for ever.
    Kept,
}

/// Sees to it until the server is about to stop.
pub(crate) async fn keep(server: ApiServer) {
    let (roster, stopping) = (&server.config().roster, server.stopping());
    let every = if roster.is_some() { Roster::EVERY } else { EVERY };
    loop {
        let changed = async {
            match roster {
                Some(roster) => roster.changed().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = stopping.cancelled() => return,
            () = tokio::time::sleep(every) => {}
            () = changed => {}
        }
        if let Err(error) = ensure(&server, Port::Kept).await {
            tracing::warn!(%error, "the endpoints of the API stay as they are for now");
        }
    }
}

/// Says that this server lives, and has the endpoints name all that do. Nothing where it has no address for others.
pub(crate) async fn ensure(server: &ApiServer, port: Port) -> Result<(), Error> {
    let Some(own) = reached(server) else { return Ok(()) };
    let _turn = server.endpoints_turn().await;
    if server.is_stopping() {
        return Ok(());
    }
    let name = own.ip().to_string();
    let names = match &server.config().roster {
        Some(roster) => roster.stay(&name).await?,
        None => vec![name],
    };
    settle(server, own, &names, port).await
}

/// Takes this server out, where others are left: the last one stays, as upstream's does.
pub(crate) async fn withdraw(server: &ApiServer) {
    let (Some(own), Some(roster)) = (reached(server), &server.config().roster) else { return };
    let withdrawn = async {
        let _turn = server.endpoints_turn().await;
        let left = roster.leave().await?;
        if left.is_empty() { Ok(()) } else { settle(server, own, &left, Port::Kept).await }
    };
    match tokio::time::timeout(WITHDRAW_WAIT, withdrawn).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, "the endpoints of the API still name this server"),
        Err(_) => tracing::warn!("the endpoints of the API still name this server: nothing answers"),
    }
}

/// Under which address this server is reached by others.
fn reached(server: &ApiServer) -> Option<SocketAddr> {
    server.config().advertise.filter(|address| !address.ip().is_loopback() && !address.ip().is_unspecified())
}

async fn settle(server: &ApiServer, own: SocketAddr, names: &[String], port: Port) -> Result<(), Error> {
    for _ in 0..TRIES {
        let port = match port {
            Port::Ours => own.port().into(),
            Port::Kept => stored_port(server).await?.unwrap_or_else(|| own.port().into()),
        };
        if !write_missing(server, wanted(own, names, &port)).await? {
            break;
        }
    }
    Ok(())
}

async fn stored_port(server: &ApiServer) -> Result<Option<Value>, Error> {
    let Some(entry) = server.store().snapshot(KEY, At::Latest).await?.get(KEY) else { return Ok(None) };
    let Ok(stored) = crate::document::parse(&entry.json) else { return Ok(None) };
    Ok(stored.list_at(&["subsets"]).first().map(|subset| subset["ports"][0]["port"].clone()).filter(Value::is_u64))
}

/// The two objects with these addresses, of which those of another family than our own are not for this cluster.
fn wanted(own: SocketAddr, names: &[String], port: &Value) -> Vec<Object> {
    let is_ours = |name: &&String| name.contains(':') == own.is_ipv6();
    let addresses: Vec<&String> = names.iter().filter(is_ours).collect();
    let meta = |labels: Value| json!({ "namespace": "default", "name": "kubernetes", "labels": labels });
    let ports = json!([{ "name": "https", "port": port, "protocol": "TCP" }]);
    let ips: Vec<Value> = addresses.iter().map(|ip| json!({ "ip": ip })).collect();
    let ready: Vec<Value> =
        addresses.iter().map(|ip| json!({ "addresses": [ip], "conditions": { "ready": true } })).collect();
    let objects = [
        json!({
            "apiVersion": "v1", "kind": "Endpoints",
            "metadata": meta(json!({ "endpointslice.kubernetes.io/skip-mirror": "true" })),
            "subsets": [{ "addresses": ips, "ports": ports }],
        }),
        json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
            "metadata": meta(json!({ "kubernetes.io/service-name": "kubernetes" })),
            "addressType": if own.is_ipv4() { "IPv4" } else { "IPv6" },
            "endpoints": ready,
            "ports": ports,
        }),
    ];
    objects.into_iter().filter_map(|object| Object::from_value(object).ok()).collect()
}
