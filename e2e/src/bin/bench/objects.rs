//! The objects that get created, and where.

use bytes::Bytes;
use serde_json::json;

use kubernel_e2e::Result;
use kubernel_e2e::client::Target;

/// Where ConfigMaps go.
pub(crate) const CONFIG_MAPS: &str = "/api/v1/namespaces/bench/configmaps";
/// Where the ConfigMaps go that a thousand watchers see.
pub(crate) const WATCHED: &str = "/api/v1/namespaces/watched/configmaps";
/// Where Pods go.
pub(crate) const PODS: &str = "/api/v1/namespaces/bench/pods";

const PAYLOAD_BYTES: usize = 900;

/// Creates the namespaces, and the account that Pods run as.
///
/// # Errors
/// The server refuses.
pub(crate) async fn prepare(target: &Target) -> Result<()> {
    let mut client = target.connect().await?;
    for name in ["bench", "watched"] {
        client.post("/api/v1/namespaces", bytes(&json!({"metadata": {"name": name}}))).await?;
    }
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

/// The same in protobuf: its envelope, then a message with metadata and data.
pub(crate) fn config_map_message(name: &str) -> Bytes {
    let entry = |key: &str, value: &str| [field(1, key.as_bytes()), field(2, value.as_bytes())].concat();
    let metadata = [field(1, name.as_bytes()), field(11, &entry("app", "bench"))].concat();
    let data = entry("payload", &"x".repeat(PAYLOAD_BYTES));
    let message = [field(1, &metadata), field(2, &data)].concat();
    let kind = [field(1, b"v1"), field(2, b"ConfigMap")].concat();
    [b"k8s\0".to_vec(), field(1, &kind), field(2, &message)].concat().into()
}

/// A field of a protobuf message that holds bytes.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![number << 3 | 2];
    let mut length = bytes.len();
    while length > 0x7f {
        out.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
    out.extend_from_slice(bytes);
    out
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
