//! Admission webhooks over TLS: what they are asked, what they change, and what is said where they refuse or fail.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod common;

use std::net::SocketAddr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use common::{Api, CONFIG_MAPS};
use http_body_util::{BodyExt as _, Full};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use serde_json::{Value, json};

const HOOKS: &str = "/apis/admissionregistration.k8s.io/v1";

/// A webhook server: notes what it is asked and answers as its path says.
struct Hook {
    address: SocketAddr,
    bundle: String,
    asked: Arc<Mutex<Vec<Value>>>,
}

impl Hook {
    async fn start() -> Self {
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned(), "hook.t.svc".to_owned()]).unwrap();
        let key = rustls_pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, asked) = (listener.local_addr().unwrap(), Arc::new(Mutex::new(Vec::new())));
        let notes = asked.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, notes) = (acceptor.clone(), notes.clone());
                tokio::spawn(async move {
                    let Ok(stream) = acceptor.accept(stream).await else { return };
                    let service = service_fn(move |request: http::Request<hyper::body::Incoming>| {
                        let notes = notes.clone();
                        async move {
                            let path = request.uri().path().to_owned();
                            let body = request.into_body().collect().await.unwrap().to_bytes();
                            let review: Value = serde_json::from_slice(&body).unwrap();
                            notes.lock().push(review["request"].clone());
                            let answer = answer(&path, &review);
                            Ok::<_, std::convert::Infallible>(http::Response::new(Full::<bytes::Bytes>::from(
                                answer.to_string(),
                            )))
                        }
                    });
                    let served = hyper::server::conn::http1::Builder::new();
                    let _ = served.serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        Self { address, bundle: STANDARD.encode(made.cert.pem()), asked }
    }

    /// A webhook for ConfigMaps at this path, with more fields.
    fn webhook(&self, path: &str, more: Value) -> Value {
        let mut hook = json!({
            "name": "hook.example.com", "sideEffects": "None", "admissionReviewVersions": ["v1"],
            "clientConfig": {"url": format!("https://{}/{path}", self.address), "caBundle": self.bundle},
            "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"], "operations": ["*"]}],
        });
        hook.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        hook
    }
}

fn answer(path: &str, review: &Value) -> Value {
    let mut response = json!({"uid": review["request"]["uid"], "allowed": true});
    let patch = |steps: Value| json!(STANDARD.encode(steps.to_string()));
    match path {
        "/label" => {
            response["patchType"] = json!("JSONPatch");
            response["patch"] = patch(json!([{"op": "add", "path": "/data", "value": {"added": "yes"}}]));
            response["warnings"] = json!(["was changed"]);
        }
        "/deny" => {
            response["allowed"] = json!(false);
            response["status"] = json!({"code": 403, "reason": "Forbidden", "message": "not here"});
        }
        "/wrong" => response["uid"] = json!("other"),
        _ => {}
    }
    json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response})
}

async fn configure(api: &Api, kind: &str, hooks: Value) {
    let path = format!("{HOOKS}/{}webhookconfigurations", kind.to_lowercase());
    api.create(&path, json!({"metadata": {"name": "hooks"}, "webhooks": hooks})).await;
}

#[tokio::test]
async fn a_webhook_changes_an_object() {
    let (api, hook) = (Api::new().await, Hook::start().await);
    configure(&api, "Mutating", json!([hook.webhook("label", json!({}))])).await;
    let reply = api.call("POST", CONFIG_MAPS, json!({"metadata": {"name": "a"}})).await;
    assert_eq!((reply.code, &reply.body["data"]), (201, &json!({"added": "yes"})), "{}", reply.body);
    assert_eq!(reply.headers["warning"], "299 - \"was changed\"");
    let asked = hook.asked.lock().pop().unwrap();
    for (field, value) in [
        ("operation", json!("CREATE")),
        ("name", json!("a")),
        ("namespace", json!("t")),
        ("kind", json!({"group": "", "version": "v1", "kind": "ConfigMap"})),
        ("requestResource", json!({"group": "", "version": "v1", "resource": "configmaps"})),
        ("dryRun", json!(false)),
        ("oldObject", Value::Null),
    ] {
        assert_eq!(asked[field], value, "{field}");
    }
    assert_eq!(asked["userInfo"]["username"], "tester");
    assert_eq!(asked["object"]["kind"], "ConfigMap");
}

#[tokio::test]
async fn refusals_and_failures() {
    let hook = Hook::start().await;
    let closed = json!({"clientConfig": {"url": "https://127.0.0.1:1/x", "caBundle": hook.bundle}});
    let absent = json!({"clientConfig": {"service": {"namespace": "t", "name": "none"}, "caBundle": hook.bundle}});
    let other = rcgen::generate_simple_self_signed(["x".to_owned()]).unwrap();
    let strange = json!({"clientConfig": {"url": format!("https://{}/deny", hook.address), "caBundle": STANDARD.encode(other.cert.pem())}});
    let failed = "Internal error occurred: failed calling webhook \"hook.example.com\": ";
    let cases = [
        ("deny", json!({}), 403, "admission webhook \"hook.example.com\" denied the request: not here".to_owned()),
        ("deny", json!({"objectSelector": {"matchLabels": {"no": "no"}}}), 201, String::new()),
        ("deny", json!({"namespaceSelector": {"matchLabels": {"no": "no"}}}), 201, String::new()),
        (
            "deny",
            json!({"matchConditions": [{"name": "c", "expression": "object.metadata.name != 'a'"}]}),
            201,
            String::new(),
        ),
        ("wrong", json!({"failurePolicy": "Ignore"}), 201, String::new()),
        (
            "",
            closed,
            500,
            format!(
                "{failed}failed to call webhook: Post \"https://127.0.0.1:1/x?timeout=10s\": dial tcp 127.0.0.1:1: connect: connection refused"
            ),
        ),
        (
            "",
            absent,
            500,
            format!(
                "{failed}failed to call webhook: Post \"https://none.t.svc:443/?timeout=10s\": service \"none\" not found"
            ),
        ),
        (
            "",
            strange,
            500,
            format!(
                "{failed}failed to call webhook: Post \"https://{}/deny?timeout=10s\": tls: failed to verify certificate: x509: certificate signed by unknown authority",
                hook.address
            ),
        ),
    ];
    for (path, more, code, message) in cases {
        let api = Api::new().await;
        configure(&api, "Validating", json!([hook.webhook(path, more.clone())])).await;
        let reply = api.call("POST", CONFIG_MAPS, json!({"metadata": {"name": "a"}})).await;
        let said = reply.body["message"].as_str().unwrap_or_default();
        assert_eq!((reply.code, said), (code, message.as_str()), "{path} {more}");
    }
}

#[tokio::test]
async fn deletions_dry_runs_and_services_are_asked_about() {
    let (api, hook) = (Api::new().await, Hook::start().await);
    api.config_map("a", "x").await;
    let port = hook.address.port();
    api.create(
        "/api/v1/namespaces/t/services",
        json!({"metadata": {"name": "hook"}, "spec": {"ports": [{"port": 443}]}}),
    )
    .await;
    let refused = api
        .call(
            "POST",
            "/apis/discovery.k8s.io/v1/namespaces/t/endpointslices",
            json!({
                "metadata": {"name": "hook", "labels": {"kubernetes.io/service-name": "hook"}}, "addressType": "IPv4",
                "endpoints": [{"addresses": ["10.0.0.9"], "conditions": {"ready": false}}], "ports": [{"name": "", "port": port}],
            }),
        )
        .await;
    assert_eq!(refused.code, 201, "{}", refused.body);
    let service = json!({"clientConfig": {"service": {"namespace": "t", "name": "hook", "path": "/deny"}, "caBundle": hook.bundle}});
    let asks = hook.webhook("deny", json!({"sideEffects": "NoneOnDryRun"}));
    configure(&api, "Validating", json!([asks])).await;
    let reply = api.call("DELETE", &format!("{CONFIG_MAPS}/a?dryRun=All"), Value::Null).await;
    assert_eq!(reply.code, 403, "{}", reply.body);
    let asked = hook.asked.lock().pop().unwrap();
    assert_eq!(
        (&asked["operation"], &asked["object"], &asked["dryRun"]),
        (&json!("DELETE"), &Value::Null, &json!(true))
    );
    assert_eq!(asked["oldObject"]["metadata"]["name"], "a");
    assert_eq!(asked["options"]["dryRun"], json!(["All"]));
    // An endpoint that is not ready is none.
    let path = format!("{HOOKS}/validatingwebhookconfigurations/hooks");
    let reply = api.call("PATCH", &path, json!({"webhooks": [hook.webhook("", service)]})).await;
    assert_eq!(reply.code, 200, "{}", reply.body);
    let reply = api.call("DELETE", &format!("{CONFIG_MAPS}/a"), Value::Null).await;
    assert!(
        reply.body["message"].as_str().unwrap().ends_with("no endpoints available for service \"hook\""),
        "{}",
        reply.body
    );
}
