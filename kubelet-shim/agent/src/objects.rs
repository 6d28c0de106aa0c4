//! What the node reads from the API server on behalf of Pods: configMaps, secrets, tokens; and shorthands for its calls.

use std::sync::Arc;

use kube::api::{Api, ApiResource, DynamicObject, PostParams};
use kube::{Client, core::GroupVersionKind};
use kubernel_volumes::{Token, TokenWish};
use serde_json::{Value, json};

/// An API of a built-in namespaced kind of the core group, as JSON.
pub(crate) fn core_api(client: &Client, kind: &str, plural: &str, namespace: &str) -> Api<DynamicObject> {
    Api::namespaced_with(client.clone(), namespace, &resource("", "v1", kind, plural))
}

/// Pods of all namespaces.
pub(crate) fn all_pods(client: &Client) -> Api<DynamicObject> {
    Api::all_with(client.clone(), &resource("", "v1", "Pod", "pods"))
}

pub(crate) fn pods(client: &Client, namespace: &str) -> Api<DynamicObject> {
    core_api(client, "Pod", "pods", namespace)
}

pub(crate) fn resource(group: &str, version: &str, kind: &str, plural: &str) -> ApiResource {
    ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, version, kind), plural)
}

/// An object as one JSON tree, without the record of who wrote which field: nobody here reads it, and it is as large
/// as the rest.
pub(crate) fn tree(mut object: DynamicObject) -> Value {
    object.metadata.managed_fields = None;
    serde_json::to_value(object).unwrap_or(Value::Null)
}

/// Whether the API server says that there is no such object.
pub(crate) fn is_not_found(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 404)
}

/// Objects of one namespace, read when they are needed.
#[derive(Clone)]
pub(crate) struct Objects {
    client: Client,
}

impl Objects {
    pub(crate) fn new(client: Client) -> Self {
        Self { client }
    }

    pub(crate) async fn config_map(&self, namespace: &str, name: &str) -> Result<Option<Arc<Value>>, String> {
        self.get("ConfigMap", "configmaps", namespace, name).await
    }

    pub(crate) async fn secret(&self, namespace: &str, name: &str) -> Result<Option<Arc<Value>>, String> {
        self.get("Secret", "secrets", namespace, name).await
    }

    async fn get(&self, kind: &str, plural: &str, namespace: &str, name: &str) -> Result<Option<Arc<Value>>, String> {
        let object = core_api(&self.client, kind, plural, namespace).get_opt(name).await;
        Ok(object.map_err(|error| error.to_string())?.map(|object| Arc::new(tree(object))))
    }

    /// A token of a Pod's service account, bound to the Pod.
    pub(crate) async fn token(&self, pod: &Value, wish: TokenWish) -> Result<Token, String> {
        let namespace = pod["metadata"]["namespace"].as_str().unwrap_or("default");
        let account = pod["spec"]["serviceAccountName"].as_str().unwrap_or("default");
        let audiences = if wish.audience.is_empty() { json!([]) } else { json!([wish.audience]) };
        let body = json!({
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {
                "audiences": audiences,
                "expirationSeconds": wish.expiration_secs,
                "boundObjectRef": {
                    "apiVersion": "v1", "kind": "Pod",
                    "name": pod["metadata"]["name"], "uid": pod["metadata"]["uid"],
                },
            },
        });
        let api = core_api(&self.client, "ServiceAccount", "serviceaccounts", namespace);
        let answer: Value = api
            .create_subresource("token", account, &PostParams::default(), &body)
            .await
            .map_err(|error| error.to_string())?;
        let status = &answer["status"];
        let token = status["token"].as_str().ok_or("the TokenRequest's answer carries no token")?;
        let expires = status["expirationTimestamp"].as_str().and_then(|text| text.parse().ok());
        let expires_at = expires.ok_or("the TokenRequest's answer carries no expiration")?;
        Ok(Token { token: token.to_owned(), expires_at })
    }
}
