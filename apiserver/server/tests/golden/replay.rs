//! Sends the requests of a script to a server in this process and compares what it answers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http::Request;
use http_body_util::BodyExt as _;
use jiff::Timestamp;
use kubernel_server::pki::{PeerIdentity, Pki, ServingNames};
use kubernel_server::{ApiServer, Config, User};
use kubernel_store::Embedded;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tower::ServiceExt as _;

use crate::difference::first_difference;
use crate::mask;

/// How long one request may take before it counts as unanswered.
const REQUEST_SECS_MAX: u64 = 30;
/// How often a step that waits for something is tried again.
const RETRY: Duration = Duration::from_millis(5);
/// How much of an answer that is not JSON is compared.
const TEXT_BYTES_MAX: usize = 2000;

/// Requests that belong together, in a namespace of their own.
#[derive(Deserialize)]
pub struct Script {
    /// Its name, unique in all recordings.
    pub script: String,
    /// What is sent, in this order.
    pub steps: Vec<Step>,
}

/// A request and the answer that belongs to it.
#[derive(Deserialize)]
pub struct Step {
    /// Method and path.
    #[serde(rename = "do")]
    pub request: String,
    #[serde(rename = "type")]
    content_type: Option<String>,
    accept: Option<String>,
    body: Option<Value>,
    raw: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default, rename = "wait")]
    wait_secs: u64,
    expect: Value,
}

/// The server, alone with its store.
pub struct Server {
    api: ApiServer,
    admin: PeerIdentity,
    _folder: tempfile::TempDir,
}

/// What a server has answered.
struct Answer {
    code: u16,
    content_type: String,
    warnings: Vec<String>,
    body: Vec<u8>,
}

impl Server {
    /// A new cluster.
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let service_cidr = "10.96.0.0/16".parse().unwrap();
        let names = ServingNames { hosts: Vec::new(), addresses: Vec::new(), service_cidr };
        let pki = Some(Arc::new(Pki::open(folder.path(), &names).unwrap()));
        // The recorded server had forgotten its first revision.
        let store = Embedded::ephemeral_after(2);
        let config = Config {
            store,
            service_cidr,
            node_ports: 30000..=32767,
            live: None,
            requests_max: 600,
            advertise: None,
            roster: None,
            pki,
        };
        let api = ApiServer::new(config);
        api.start().await.unwrap();
        // The recorded server's admin had a uid, which some objects keep.
        let mut user = User::system("admin");
        "5b3d1f2e-6a65-4d0a-9a68-3c5e7f1f0a11".clone_into(&mut user.uid);
        Self { api, admin: PeerIdentity { user, expires: Timestamp::MAX }, _folder: folder }
    }

    /// Runs a script; gives for each step that differs its first difference. Steps that are `open` are not waited for.
    pub async fn replay(&self, script: &Script, open: &[usize]) -> BTreeMap<usize, String> {
        let namespace = format!("g{}", uuid::Uuid::new_v4().simple());
        self.create("/api/v1/namespaces", &namespace).await;
        self.create(&format!("/api/v1/namespaces/{namespace}/serviceaccounts"), "default").await;
        let (mut version, mut uid) = (String::new(), String::new());
        let mut created = Vec::new();
        let mut differences = BTreeMap::new();
        for (number, step) in script.steps.iter().enumerate() {
            let fill = |text: &str| text.replace("{ns}", &namespace).replace("{RV}", &version).replace("{UID}", &uid);
            let request = fill(&step.request);
            let body = step.raw.clone().or_else(|| step.body.as_ref().map(spaced)).map(|body| fill(&body));
            let expected = mask::normal(&step.expect, "");
            let wait_secs = if open.contains(&number) { 0 } else { step.wait_secs };
            let (answer, got) = self.ask(step, &request, body.as_deref(), &namespace, &expected, wait_secs).await;
            let object: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
            let known = |field: &str| object["metadata"][field].as_str().filter(|text| !text.is_empty());
            if let Some(text) = known("resourceVersion") {
                text.clone_into(&mut version);
            }
            if let Some(text) = known("uid") {
                text.clone_into(&mut uid);
            }
            if answer.code == 201
                && let (Some(path), Some(name)) = (request.strip_prefix("POST "), known("name"))
                && !path.contains("/namespaces/")
                && !path.contains('?')
            {
                created.push(format!("{path}/{name}"));
            }
            if got != expected {
                differences.insert(number, first_difference(&expected, &got, ""));
            }
        }
        // The next script of the recording finds nothing that is not its own.
        created.push(format!("/api/v1/namespaces/{namespace}"));
        for path in created {
            self.call("DELETE", &path, &BTreeMap::new(), None).await;
        }
        differences
    }

    /// Sends one step until it is answered as expected or its time is over.
    async fn ask(
        &self,
        step: &Step,
        request: &str,
        body: Option<&str>,
        namespace: &str,
        expected: &Value,
        wait_secs: u64,
    ) -> (Answer, Value) {
        let (method, path) = request.split_once(' ').unwrap();
        let mut headers = step.headers.clone();
        if body.is_some() || step.content_type.is_some() {
            let content_type = step.content_type.as_deref().unwrap_or("application/json");
            headers.insert("Content-Type".to_owned(), content_type.to_owned());
        }
        if let Some(accept) = &step.accept {
            headers.insert("Accept".to_owned(), accept.clone());
        }
        let deadline = tokio::time::Instant::now() + Duration::from_secs(wait_secs);
        loop {
            let answer = self.call(method, path, &headers, body).await;
            let got = answer.normal(namespace);
            if got == *expected || tokio::time::Instant::now() >= deadline {
                return (answer, got);
            }
            tokio::time::sleep(RETRY).await;
        }
    }

    async fn create(&self, path: &str, name: &str) {
        let headers = BTreeMap::from([("Content-Type".to_owned(), "application/json".to_owned())]);
        let answer = self.call("POST", path, &headers, Some(&json!({"metadata": {"name": name}}).to_string())).await;
        assert_eq!(answer.code, 201, "POST {path}");
    }

    async fn call(&self, method: &str, path: &str, headers: &BTreeMap<String, String>, body: Option<&str>) -> Answer {
        let mut request = Request::builder().method(method).uri(path).extension(self.admin.clone());
        for (name, value) in [("Host", "127.0.0.1"), ("User-Agent", "golden/1"), ("Accept", "application/json")] {
            if !headers.contains_key(name) {
                request = request.header(name, value);
            }
        }
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_owned()));
        let answer = async {
            let response = self.api.router().oneshot(request.body(body).unwrap()).await.unwrap();
            let (parts, body) = response.into_parts();
            let text = |value: &http::HeaderValue| value.to_str().unwrap().to_owned();
            let body = body.collect().await.map(|body| body.to_bytes().to_vec()).unwrap_or_default();
            Answer {
                code: parts.status.as_u16(),
                content_type: parts.headers.get("Content-Type").map(text).unwrap_or_default(),
                warnings: parts.headers.get_all("Warning").iter().map(text).collect(),
                // Over a connection, nothing follows the head of such an answer.
                body: if method == "HEAD" { Vec::new() } else { body },
            }
        };
        let time = Duration::from_secs(REQUEST_SECS_MAX);
        tokio::time::timeout(time, answer).await.unwrap_or_else(|_| panic!("{method} {path}: no answer"))
    }
}

/// JSON with a space after each comma and colon, as the recorder has sent it: some messages show how a body begins.
fn spaced(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("[{}]", items.iter().map(spaced).collect::<Vec<_>>().join(", ")),
        Value::Object(fields) => {
            let field = |(key, value): (&String, &Value)| format!("{}: {}", json!(key), spaced(value));
            format!("{{{}}}", fields.iter().map(field).collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

impl Answer {
    /// The answer in the form of a recording's `expect`, without what differs by nature.
    fn normal(&self, namespace: &str) -> Value {
        let mut out = Map::from_iter([("code".to_owned(), json!(self.code))]);
        if !self.warnings.is_empty() {
            out.insert("warning".to_owned(), mask::normal(&json!(self.warnings), namespace));
        }
        if let Ok(body) = serde_json::from_slice::<Value>(&self.body) {
            out.insert("body".to_owned(), mask::normal(&body, namespace));
        } else {
            let text = String::from_utf8_lossy(&self.body[..self.body.len().min(TEXT_BYTES_MAX)]);
            let content_type = self.content_type.split(';').next().unwrap_or_default();
            out.insert("type".to_owned(), json!(content_type));
            out.insert("text".to_owned(), mask::normal(&json!(text), namespace));
        }
        // The recorded answers went through the same masks once; what they make is masked again in the same way.
        mask::normal(&Value::Object(out), "")
    }
}
