//! `v1` ServiceAccount.

use jiff::Timestamp;
use kubernel_meta::Object;
use serde_json::{Value, json};

use crate::descriptor::kind;
use crate::{Kind, Strategy, print};

kind! {
    /// The descriptor of ServiceAccount.
    pub static KIND = "", "v1", "ServiceAccount";
    names: "serviceaccounts", "serviceaccount", short ["sa"], categories [];
    definition: "io.k8s.api.core.v1.ServiceAccount";
    namespaced: true, source: Store, hash: "pbx9ZvyFpBE=";
    verbs: ALL;
    subresources: [
        "token" as ("authentication.k8s.io", "v1", "TokenRequest"): ["create"],
    ];
    columns: [
        "Name" name, "Age" string,
    ];
    strategy: ServiceAccountStrategy;
}

/// What only ServiceAccounts know.
#[derive(Debug)]
pub struct ServiceAccountStrategy;

impl Strategy for ServiceAccountStrategy {
    fn warnings(&self, _kind: &Kind, object: &Object, old: Option<&Object>) -> Vec<String> {
        const ANNOTATION: &str = "kubernetes.io/enforce-mountable-secrets";
        let has = |object: &Object| object.annotations().any(|(key, _)| key == ANNOTATION);
        if !has(object) || old.is_some_and(has) {
            return Vec::new();
        }
        vec![format!(
            "metadata.annotations[{ANNOTATION}]: deprecated in v1.32+; prefer separate namespaces to isolate access to \
             mounted secrets"
        )]
    }

    fn cells(&self, _kind: &Kind, object: &Object, now: Timestamp) -> Vec<Value> {
        vec![json!(object.name()), json!(print::age(object, now))]
    }
}
