//! A server over a store in memory, called in process.

#![allow(dead_code, unreachable_pub, reason = "each test file uses a part")]

use std::sync::Arc;

use axum::body::Body;
use http::{HeaderMap, Request, Response};
use http_body_util::BodyExt as _;
use kubernel_server::{ApiServer, Config, Serving, User};
use kubernel_store::{Embedded, Store};
use serde_json::{Value, json};
use tower::ServiceExt as _;

/// The server under test.
pub struct Api {
    /// Itself.
    pub server: ApiServer,
}

/// An answer, read whole.
pub struct Reply {
    /// The HTTP status code.
    pub code: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, `Null` where it is no JSON.
    pub body: Value,
}

impl Api {
    /// A new cluster with a namespace `t`.
    pub async fn new() -> Self {
        Self::serving(&Serving::default()).await
    }

    /// The same, with other versions served as well.
    pub async fn serving(serving: &Serving) -> Self {
        let api = Self::over(Embedded::ephemeral(), serving).await;
        api.create("/api/v1/namespaces", json!({"metadata": {"name": "t"}})).await;
        api
    }

    /// Another server over the same store.
    pub async fn restarted(&self) -> Self {
        self.server.shut_down();
        Self::over(self.server.store().clone(), &Serving::default()).await
    }

    async fn over(store: Arc<dyn Store>, serving: &Serving) -> Self {
        let service_cidr = "10.96.0.0/24".parse().unwrap();
        let config = Config {
            store,
            service_cidr,
            node_ports: 30000..=30100,
            live: None,
            requests_max: 600,
            advertise: None,
            roster: None,
            pki: None,
        };
        let server = ApiServer::serving(config, serving);
        server.start().await.unwrap();
        Self { server }
    }

    /// Sends a request and gives the response as it comes.
    pub async fn send(&self, method: &str, path: &str, content_type: &str, body: String) -> Response<Body> {
        let mut request = Request::builder().method(method).uri(path).header("user-agent", "test/1");
        if !content_type.is_empty() {
            request = request.header("content-type", content_type);
        }
        let service = self.server.service(User::new("tester", &["system:masters"]));
        service.oneshot(request.body(Body::from(body)).unwrap()).await.unwrap()
    }

    /// Reads with these headers and gives the response as it comes.
    pub async fn fetch(&self, path: &str, headers: &[(&str, &str)]) -> Response<Body> {
        let mut request = Request::builder().uri(path).header("user-agent", "test/1");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let service = self.server.service(User::new("tester", &["system:masters"]));
        service.oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
    }

    /// Sends JSON and reads the whole answer.
    pub async fn call(&self, method: &str, path: &str, body: Value) -> Reply {
        let content_type = if method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let response = self.send(method, path, content_type, text).await;
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let body = serde_json::from_slice(&bytes).unwrap_or_default();
        Reply { code: parts.status.as_u16(), headers: parts.headers, body }
    }

    /// Sends JSON as another user and gives the code and the whole answer.
    pub async fn call_as(&self, user: User, request: &str, body: &Value) -> (u16, Value) {
        let (method, path) = request.split_once(' ').unwrap();
        let request = Request::builder().method(method).uri(path).header("content-type", "application/json");
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        let response = self.server.service(user).oneshot(request.body(body).unwrap()).await.unwrap();
        let code = response.status().as_u16();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (code, serde_json::from_slice(&bytes).unwrap_or_default())
    }

    /// Reads an object or list that must be there.
    pub async fn get(&self, path: &str) -> Value {
        let reply = self.call("GET", path, Value::Null).await;
        assert_eq!(reply.code, 200, "GET {path}: {}", reply.body);
        reply.body
    }

    /// Creates an object, which must work.
    pub async fn create(&self, path: &str, body: Value) -> Value {
        let reply = self.call("POST", path, body).await;
        assert_eq!(reply.code, 201, "POST {path}: {}", reply.body);
        reply.body
    }

    /// Makes a ConfigMap in `t` with a label.
    pub async fn config_map(&self, name: &str, label: &str) -> Value {
        self.create(CONFIG_MAPS, json!({"metadata": {"name": name, "labels": {"l": label}}})).await
    }
}

/// The ConfigMaps of namespace `t`.
pub const CONFIG_MAPS: &str = "/api/v1/namespaces/t/configmaps";

/// The names of a list's items.
pub fn names(list: &Value) -> Vec<String> {
    let items = list["items"].as_array().cloned().unwrap_or_default();
    items.iter().map(|item| item["metadata"]["name"].as_str().unwrap_or_default().to_owned()).collect()
}

/// The resourceVersion of an object or list.
pub fn version(object: &Value) -> u64 {
    object["metadata"]["resourceVersion"].as_str().unwrap_or_default().parse().unwrap()
}
