//! The text of a kubeconfig file.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::Issued;

/// A kubeconfig for one cluster, one user and one context, everything inside the file. It is written as JSON, which
/// is YAML too.
pub(super) fn render(server: &str, ca_pem: &str, user: &str, issued: &Issued) -> String {
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{ "name": "kubernel", "cluster": {
            "server": server,
            "certificate-authority-data": STANDARD.encode(ca_pem),
        }}],
        "users": [{ "name": user, "user": {
            "client-certificate-data": STANDARD.encode(&issued.certificate_pem),
            "client-key-data": STANDARD.encode(&issued.key_pem),
        }}],
        "contexts": [{ "name": format!("{user}@kubernel"), "context": { "cluster": "kubernel", "user": user } }],
        "current-context": format!("{user}@kubernel"),
        "preferences": {},
    });
    format!("{config:#}\n")
}
