//! Whatever a client sends, it gets an answer that blames nobody but the client, and the server goes on.

use crate::common::{Api, CONFIG_MAPS};
use axum::body::Body;
use http::Request;
use http_body_util::BodyExt as _;
use kubernel_server::User;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use tower::ServiceExt as _;

/// A request as a client may send it.
#[derive(Debug)]
struct Sent {
    method: &'static str,
    uri: String,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

const METHODS: [&str; 8] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "FOO"];

/// Steps of paths: what the server knows, and what it does not.
const STEPS: [&str; 44] = [
    "api",
    "apis",
    "v1",
    "v2",
    "apps",
    "batch",
    "example.com",
    "namespaces",
    "t",
    "u",
    "pods",
    "configmaps",
    "secrets",
    "services",
    "deployments",
    "jobs",
    "crds",
    "things",
    "a",
    "b",
    "status",
    "scale",
    "log",
    "exec",
    "proxy",
    "binding",
    "eviction",
    "finalize",
    "token",
    "watch",
    "openapi",
    "v3",
    "version",
    "healthz",
    "metrics",
    "..",
    ".",
    "%2e%2e",
    "%00",
    "%ff",
    "%",
    "x:y",
    "",
    "é",
];

/// Queries, by what the server reads of them.
const QUERIES: [&str; 30] = [
    "watch=1",
    "watch=true&timeoutSeconds=0",
    "limit=1",
    "limit=-1",
    "limit=99999999999999999999",
    "continue=%7B%7D",
    "continue=eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MSwic3RhcnQiOiIuLi8ifQ",
    "resourceVersion=0",
    "resourceVersion=18446744073709551616",
    "resourceVersionMatch=Exact",
    "sendInitialEvents=true",
    "allowWatchBookmarks=1",
    "labelSelector=a%3Db",
    "labelSelector=%21%28",
    "fieldSelector=metadata.name%3Da",
    "fieldSelector=%5C%5C%2C",
    "fieldManager=m",
    "fieldManager=%00",
    "force=true",
    "force=x",
    "dryRun=All",
    "fieldValidation=Strict",
    "pretty=true",
    "gracePeriodSeconds=-9223372036854775808",
    "propagationPolicy=Orphan",
    "follow=true&tailLines=-1",
    "command=%00&stdin=1&tty=1",
    "timeout=1ns",
    "%=%&&==;",
    "é=%ff",
];

const HEADERS: [(&str, &[&str]); 7] = [
    (
        "content-type",
        &[
            "application/json",
            "application/yaml",
            "application/vnd.kubernetes.protobuf",
            "application/json-patch+json",
            "application/merge-patch+json",
            "application/strategic-merge-patch+json",
            "application/apply-patch+yaml",
            "a",
            ";",
            "application/json; charset=\"",
            "text/html",
        ],
    ),
    (
        "accept",
        &[
            "application/json;as=Table;v=v1;g=meta.k8s.io",
            "application/vnd.kubernetes.protobuf",
            "application/yaml",
            "*/*;q=0",
            "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io,",
            ";;;,,,",
            "text/html",
            "application/json;stream=watch",
            "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
            "application/com.github.proto-openapi.spec.v2@v1.0+protobuf",
        ],
    ),
    ("accept-encoding", &["gzip", "gzip;q=0", "br", "\"", "*"]),
    ("content-encoding", &["gzip", "identity"]),
    ("if-none-match", &["*", "\"\"", "x"]),
    ("upgrade", &["SPDY/3.1", "websocket", "h2c"]),
    ("user-agent", &["", "/", "kubectl/v1 (x) é"]),
];

/// Bodies that say something, which are then cut, doubled and damaged.
fn bodies() -> Vec<Vec<u8>> {
    let config_map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "labels": {"l": "1"}}, "data": {"k": "v"}});
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": {"containers": [
        {"name": "c", "image": "i", "resources": {"limits": {"cpu": "1e3"}}, "ports": [{"containerPort": 80}]}]}});
    let crd = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "things.example.com"}, "spec": {"group": "example.com", "scope": "Namespaced",
        "names": {"plural": "things", "kind": "Thing"}, "versions": [{"name": "v1", "served": true, "storage": true,
        "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}]}});
    let patch = json!([{"op": "add", "path": "/data/x", "value": "y"}, {"op": "copy", "from": "/data", "path": "/metadata/labels"}]);
    let strategic = json!({"$patch": "replace", "metadata": {"$retainKeys": ["a"], "finalizers": ["x/y"]}, "$setElementOrder/a": []});
    let options = json!({"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": {"uid": "x"}, "propagationPolicy": "Foreground"});
    let binding = json!({"apiVersion": "v1", "kind": "Binding", "metadata": {"name": "a"}, "target": {"kind": "Node", "name": "n"}});
    let texts = [config_map, pod, crd, patch, strategic, options, binding].map(|value| value.to_string().into_bytes());
    let yaml =
        b"apiVersion: v1\nkind: ConfigMap\nmetadata: &m {name: a}\ndata: {<<: *m, b: !!str 1, ? [c] : d}\n".to_vec();
    let protobuf = b"k8s\0\n\x0f\n\x02v1\x12\tConfigMap\x12\x07\n\x05\n\x01a\x1a\0\x1a\0\"\0".to_vec();
    texts.into_iter().chain([yaml, protobuf, Vec::new()]).collect()
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    let damage = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3);
    let known = (prop::sample::select(bodies()), damage, any::<bool>()).prop_map(|(mut body, damage, cut)| {
        let damage = if body.is_empty() { Vec::new() } else { damage };
        for (at, byte) in damage {
            let at = at.index(body.len());
            if cut {
                body.truncate(at.max(1));
            } else {
                body[at] ^= byte;
            }
        }
        body
    });
    prop_oneof![6 => known, 1 => prop::collection::vec(any::<u8>(), 0..40)]
}

fn sent() -> impl Strategy<Value = Sent> {
    let known = prop::sample::select(vec![
        CONFIG_MAPS,
        "/api/v1/namespaces/t/configmaps/a",
        "/api/v1/namespaces/t/pods",
        "/api/v1/namespaces/t/pods/a",
        "/api/v1/namespaces/t/pods/a/status",
        "/api/v1/namespaces/t/pods/a/binding",
        "/api/v1/namespaces/t/pods/a/eviction",
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
        "/apis/example.com/v1/namespaces/t/things",
        "/api/v1/namespaces",
        "/openapi/v2",
        "/openapi/v3/api/v1",
        "/apis",
        "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
    ]);
    let odd = prop::collection::vec(prop::sample::select(STEPS.to_vec()), 0..9)
        .prop_map(|steps| format!("/{}", steps.join("/")));
    let path = prop_oneof![3 => known.prop_map(str::to_owned), 2 => odd];
    let query = prop::collection::vec(prop::sample::select(QUERIES.to_vec()), 0..4).prop_map(|parts| parts.join("&"));
    let header = prop::sample::select(HEADERS.to_vec())
        .prop_flat_map(|(name, values)| (Just(name), prop::sample::select(values.to_vec()).prop_map(str::to_owned)));
    let headers = prop::collection::vec(header, 0..4);
    (prop::sample::select(METHODS.to_vec()), path, query, headers, body()).prop_map(
        |(method, path, query, headers, body)| {
            let uri = if query.is_empty() { path } else { format!("{path}?{query}") };
            Sent { method, uri, headers, body }
        },
    )
}

async fn answer(api: &Api, sent: &Sent) -> Option<(u16, String)> {
    let mut request = Request::builder().method(sent.method).uri(&sent.uri);
    for (name, value) in &sent.headers {
        request = request.header(*name, value.as_bytes());
    }
    // What the HTTP library does not let through, never reaches the server.
    let request = request.body(Body::from(sent.body.clone())).ok()?;
    let service = api.server.service(User::new("tester", &["system:masters"]));
    let response = service.oneshot(request).await.unwrap();
    let code = response.status().as_u16();
    let text = match code {
        // A watch has no end.
        200 => String::new(),
        _ => String::from_utf8_lossy(&response.into_body().collect().await.unwrap().to_bytes()).into_owned(),
    };
    Some((code, text))
}

#[test]
fn any_request_gets_an_answer() {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().thread_stack_size(8 << 20).build().unwrap();
    let api = runtime.block_on(Api::new());
    let mut runner = TestRunner::new(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(800) });
    let outcome = runner.run(&sent(), |sent| {
        let Some((code, text)) = runtime.block_on(answer(&api, &sent)) else { return Ok(()) };
        prop_assert!((101..=504).contains(&code), "{code}");
        prop_assert!(!text.contains("the server failed"), "{text}");
        if let Ok(status) = serde_json::from_str::<Value>(&text)
            && status["kind"] == "Status"
            && sent.method != "HEAD"
        {
            prop_assert!(code < 300 || status["code"] == code, "{code}: {text}");
        }
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
    runtime.block_on(api.get("/api/v1/namespaces/default"));
}
