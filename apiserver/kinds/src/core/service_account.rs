//! `v1` ServiceAccount.

use jiff::Timestamp;
use kubernel_meta::Object;
use serde_json::{Value, json};

use crate::descriptor::kind;
use crate::tree::text;
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
    fn prepare_create(&self, _kind: &Kind, object: &mut Object) {
        name_secrets(object);
    }

    fn prepare_update(&self, _kind: &Kind, new: &mut Object, _old: &Object) {
        name_secrets(new);
    }

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

/// Of a Secret only the name is said: it is one of the account's own namespace.
fn name_secrets(object: &mut Object) {
    let secrets = object.list_at(&["secrets"]);
    if secrets.is_empty() {
        return;
    }
    let named = secrets.iter().map(|secret| match text(secret, "name") {
        "" => json!({}),
        name => json!({"name": name}),
    });
    let named: Vec<Value> = named.collect();
    object.set(&["secrets"], named);
}
