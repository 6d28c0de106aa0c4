//! The objects of a new cluster other than roles, bindings, those of flow control and the Services' range.

use std::net::SocketAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kubernel_meta::{Object, processes};
use serde_json::{Value, json};

use super::api_services;
use crate::ApiServer;
use crate::pki::{Pki, RequestHeaders};

const NAMESPACES: [&str; 4] = ["default", "kube-system", "kube-public", "kube-node-lease"];
/// name, value, description
const PRIORITY_CLASSES: [(&str, i64, &str); 2] = [
    (
        "system-cluster-critical",
        2_000_000_000,
        "Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.",
    ),
    (
        "system-node-critical",
        2_000_001_000,
        "Used for system critical pods that must not be moved from their current node.",
    ),
];

/// Everything that the server's configuration asks for. The only Secret is the join token's.
pub(super) fn all(server: &ApiServer) -> Vec<Object> {
    let config = server.config();
    let mut values: Vec<Value> = NAMESPACES
        .iter()
        .map(|name| json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } }))
        .collect();
    values.extend(PRIORITY_CLASSES.iter().map(|(name, value, description)| {
        json!({
            "apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": { "name": name },
            "value": value, "description": description, "preemptionPolicy": "PreemptLowerPriority",
        })
    }));
    values.extend(api_services::all(&server.resources()));
    values.push(json!({
        "apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": { "name": processes::RUNTIME_CLASS },
        "handler": processes::RUNTIME_CLASS,
        "scheduling": {
            "tolerations": [{ "key": processes::ONLY_TAINT, "operator": "Exists", "effect": "NoSchedule" }],
        },
    }));
    let ip = config.service_cidr.hosts().next().map(|ip| ip.to_string()).unwrap_or_default();
    values.push(service(&ip, config.advertise));
    if let Some(pki) = &config.pki {
        values.push(extension_authentication(pki));
        values.push(cluster_info(pki, config.advertise));
        values.push(join_secret(pki.join_token()));
    }
    values.into_iter().filter_map(|value| Object::from_value(value).ok()).collect()
}

/// The object as it should be, where it follows the servers' own configuration and that has changed: the `kubernetes`
/// Service's port and endpoints, the CA that clients' certificates come from, and what processes tolerate.
pub(super) fn refresh(old: &Object, wanted: &Object) -> Option<Object> {
    let fields: &[&[&str]] = match (wanted.kind(), wanted.name()) {
        ("Service", "kubernetes") => &[&["spec", "ports"]],
        ("Endpoints", "kubernetes") => &[&["metadata", "labels"], &["subsets"]],
        ("EndpointSlice", "kubernetes") => &[&["metadata", "labels"], &["endpoints"], &["ports"]],
        ("ConfigMap", "extension-apiserver-authentication") => &[&["data"]],
        ("ConfigMap", "cluster-info") => &[&["data", "kubeconfig"]],
        ("RuntimeClass", processes::RUNTIME_CLASS) => &[&["scheduling", "tolerations"]],
        _ => return None,
    };
    let mut new = old.clone();
    for field in fields {
        if let Some(value) = wanted.at(field).filter(|value| old.at(field) != Some(value)) {
            new.set(field, value.clone());
        }
    }
    (new != *old).then_some(new)
}

fn service(ip: &str, advertise: Option<SocketAddr>) -> Value {
    let port = advertise.map_or(6443, |address| address.port());
    json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {
            "namespace": "default", "name": "kubernetes",
            "labels": { "component": "apiserver", "provider": "kubernetes" },
        },
        "spec": {
            "type": "ClusterIP", "clusterIP": ip, "clusterIPs": [ip], "sessionAffinity": "None",
            "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack",
            "ports": [{ "name": "https", "protocol": "TCP", "port": 443, "targetPort": port }],
        },
    })
}

/// What extension API servers have to know to recognize clients and this server, which passes on the requests of others.
fn extension_authentication(pki: &Pki) -> Value {
    let (proxies, list) = (pki.front_proxy(), |texts: &[String]| json!(texts).to_string());
    let believed = proxies.believed();
    let mut names = believed.allowed_names.clone();
    let own = RequestHeaders::default().allowed_names;
    if !names.is_empty() {
        names.extend(own.into_iter().filter(|name| !believed.allowed_names.contains(name)));
    }
    json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "namespace": "kube-system", "name": "extension-apiserver-authentication" },
        "data": {
            "client-ca-file": pki.authority().certificate_pem(),
            "requestheader-allowed-names": list(&names),
            "requestheader-client-ca-file": proxies.authorities_pem(),
            "requestheader-extra-headers-prefix": list(&believed.extra_prefix),
            "requestheader-group-headers": list(&believed.group),
            "requestheader-uid-headers": list(&believed.uid),
            "requestheader-username-headers": list(&believed.username),
        },
    })
}

/// What everybody may know: the CA, by which a joining node checks that it found the cluster its token names.
fn cluster_info(pki: &Pki, advertise: Option<SocketAddr>) -> Value {
    let server = advertise.map(|address| format!("https://{address}")).unwrap_or_default();
    let ca = STANDARD.encode(pki.authority().certificate_pem());
    let kubeconfig = json!({
        "apiVersion": "v1", "kind": "Config",
        "clusters": [{ "name": "", "cluster": { "server": server, "certificate-authority-data": ca } }],
    });
    json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "namespace": "kube-public", "name": "cluster-info" },
        "data": { "kubeconfig": kubeconfig.to_string() },
    })
}

fn join_secret(token: &crate::pki::JoinToken) -> Value {
    let data = |text: &str| STANDARD.encode(text);
    json!({
        "apiVersion": "v1", "kind": "Secret", "type": "bootstrap.kubernetes.io/token",
        "metadata": { "namespace": "kube-system", "name": format!("bootstrap-token-{}", token.id()) },
        "data": {
            "token-id": data(token.id()),
            "token-secret": data(token.secret()),
            "usage-bootstrap-authentication": data("true"),
            "auth-extra-groups": data("system:bootstrappers:kubernel:default-node-token"),
            "description": data("lets new nodes join; delete it to stop that"),
        },
    })
}
