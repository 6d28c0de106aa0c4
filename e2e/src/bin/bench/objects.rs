//! The objects that get created, and where.

use bytes::Bytes;
use serde_json::json;

use crate::Result;
use crate::client::Target;

/// Where ConfigMaps go.
pub(crate) const CONFIG_MAPS: &str = "/api/v1/namespaces/bench/configmaps";
/// Where Pods go.
pub(crate) const PODS: &str = "/api/v1/namespaces/bench/pods";

const PAYLOAD_BYTES: usize = 900;

/// Creates the namespace, and the account that its Pods run as.
///
/// # Errors
/// The server refuses.
pub(crate) async fn prepare(target: &Target) -> Result<()> {
    let mut client = target.connect().await?;
    client.post("/api/v1/namespaces", bytes(&json!({"metadata": {"name": "bench"}}))).await?;
    let account = json!({"metadata": {"name": "default"}});
    match client.post("/api/v1/namespaces/bench/serviceaccounts", bytes(&account)).await {
        // The controller was faster.
        Err(error) if !error.to_string().contains("AlreadyExists") => Err(error),
        _ => Ok(()),
    }
}

/// A ConfigMap of about 1 KB.
pub(crate) fn config_map(name: &str) -> Bytes {
    bytes(&json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": {"app": "bench"}},
        "data": {"payload": "x".repeat(PAYLOAD_BYTES)}}))
}

/// A Pod as a Deployment would make it: labels, one container with requests.
pub(crate) fn pod(name: &str) -> Bytes {
    bytes(&json!({"apiVersion": "v1", "kind": "Pod",
    "metadata": {"name": name, "labels": {"app": "bench", "tier": "front"}},
    "spec": {"containers": [{
        "name": "main", "image": "registry.k8s.io/pause:3.10",
        "env": [{"name": "GREETING", "value": "hello"}],
        "ports": [{"containerPort": 8080}],
        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "32Mi"}},
    }]}}))
}

fn bytes(value: &serde_json::Value) -> Bytes {
    value.to_string().into()
}
