//! Makes the DNS server known: the Service `kube-system/kube-dns` and this node's EndpointSlice of it.
//!
//! Both are applied server-side, so every node may do it and nobody overwrites what others have set beside.

use crate::Config;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::{Api, Patch, PatchParams};
use kube::{Client, Error};
use serde_json::{Value, json};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const NAMESPACE: &str = "kube-system";
const SERVICE: &str = "kube-dns";
const MANAGER: &str = "kubernel-net";
/// Service and slice are applied again this often, in case somebody has deleted them.
const REFRESH_SECS: u64 = 300;
/// First and longest pause after a failure; it doubles in between.
const RETRY_MILLIS: u64 = 100;
const RETRY_MILLIS_MAX: u64 = 10_000;

/// Keeps Service and slice until `shutdown`. Other writers to the same fields lose.
pub(crate) async fn announce(config: &Config, client: Client, shutdown: CancellationToken) {
    let mut retry = Duration::from_millis(RETRY_MILLIS);
    loop {
        let pause = match apply(config, client.clone()).await {
            Ok(()) => {
                retry = Duration::from_millis(RETRY_MILLIS);
                Duration::from_secs(REFRESH_SECS)
            }
            Err(e) => {
                tracing::debug!("cannot announce cluster DNS yet: {e}");
                retry = (retry * 2).min(Duration::from_millis(RETRY_MILLIS_MAX));
                retry
            }
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = shutdown.cancelled() => return,
        }
    }
}

async fn apply(config: &Config, client: Client) -> Result<(), Error> {
    let params = PatchParams::apply(MANAGER).force();
    let services: Api<Service> = Api::namespaced(client.clone(), NAMESPACE);
    services.patch(SERVICE, &params, &Patch::Apply(service(config))).await?;
    let slices: Api<EndpointSlice> = Api::namespaced(client, NAMESPACE);
    let slice = slice(config);
    let name = slice["metadata"]["name"].as_str().unwrap_or_default();
    slices.patch(name, &params, &Patch::Apply(&slice)).await?;
    Ok(())
}

fn service(config: &Config) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": SERVICE,
            "namespace": NAMESPACE,
            "labels": {
                "k8s-app": "kube-dns",
                "kubernetes.io/cluster-service": "true",
                "kubernetes.io/name": "CoreDNS",
            },
        },
        "spec": {
            "clusterIP": config.dns_service_ip,
            "clusterIPs": [config.dns_service_ip],
            "ports": [
                {"name": "dns", "port": 53, "protocol": "UDP", "targetPort": config.dns_listen.port()},
                {"name": "dns-tcp", "port": 53, "protocol": "TCP", "targetPort": config.dns_listen.port()},
            ],
        },
    })
}

fn slice(config: &Config) -> Value {
    let port = config.dns_listen.port();
    json!({
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": format!("{SERVICE}-{}", config.node_name),
            "namespace": NAMESPACE,
            "labels": {
                "kubernetes.io/service-name": SERVICE,
                "endpointslice.kubernetes.io/managed-by": "net.kubernel.io",
            },
        },
        "addressType": "IPv4",
        "endpoints": [{
            "addresses": [config.dns_listen.ip()],
            "conditions": {"ready": true, "serving": true, "terminating": false},
            "nodeName": config.node_name,
        }],
        "ports": [
            {"name": "dns", "port": port, "protocol": "UDP"},
            {"name": "dns-tcp", "port": port, "protocol": "TCP"},
        ],
    })
}
