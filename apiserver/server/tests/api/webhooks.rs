//! Admission webhooks over TLS: what they are asked, what they change, and what is said where they refuse or fail.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::common::{Api, CONFIG_MAPS};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
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
        "/append" => {
            let seen = review["request"]["object"]["data"]["seen"].as_str().unwrap_or_default();
            response["patchType"] = json!("JSONPatch");
            response["patch"] = patch(json!([{"op": "add", "path": "/data/seen", "value": format!("{seen}x")}]));
        }
        "/annotate" => {
            let steps = json!([{"op": "add", "path": "/metadata/annotations", "value": {"seen": "yes"}}]);
            response["patchType"] = json!("JSONPatch");
            response["patch"] = patch(steps);
        }
        "/spoil" => {
            let owner = json!({"apiVersion": "v1", "kind": "ConfigMap", "name": "o", "uid": "u"});
            response["patchType"] = json!("JSONPatch");
            response["patch"] = patch(json!([
                {"op": "add", "path": "/metadata/managedFields", "value": [{"fieldsType": "wrong"}]},
                {"op": "add", "path": "/metadata/ownerReferences", "value": [owner, owner]},
            ]));
        }
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

#[tokio::test]
async fn broken_metadata_is_mended() {
    let (api, hook) = (Api::new().await, Hook::start().await);
    configure(&api, "Mutating", json!([hook.webhook("spoil", json!({}))])).await;
    let reply = api.call("POST", CONFIG_MAPS, json!({"metadata": {"name": "a"}, "data": {"a": "b"}})).await;
    assert_eq!(reply.code, 201, "{}", reply.body);
    let metadata = &reply.body["metadata"];
    assert_eq!(metadata["ownerReferences"].as_array().map(Vec::len), Some(1));
    assert_eq!(metadata["managedFields"][0]["fieldsV1"], json!({"f:data": {".": {}, "f:a": {}}}));
    let warnings: Vec<&str> = reply.headers.get_all("warning").iter().map(|text| text.to_str().unwrap()).collect();
    for (warning, text) in warnings.iter().zip([
        ".metadata.managedFields was in an invalid state after admission; this could be caused by an outdated mutating \
         admission controller; please fix your requests: ",
        ".metadata.ownerReferences contains duplicate entries after mutating admission happens; ",
    ]) {
        assert!(warning.contains(text), "{warnings:?}");
    }
    assert_eq!(warnings.len(), 2, "{warnings:?}");
}

#[tokio::test]
async fn webhooks_change_one_after_the_other_and_again_if_needed() {
    let (api, hook) = (Api::new().await, Hook::start().await);
    let named = |name: &str, policy: &str| hook.webhook("append", json!({"name": name, "reinvocationPolicy": policy}));
    // The first sees its own change followed by that of the second, and is asked again; the second is not.
    configure(&api, "Mutating", json!([named("a.example.com", "IfNeeded"), named("b.example.com", "Never")])).await;
    let reply = api.call("POST", CONFIG_MAPS, json!({"metadata": {"name": "a"}, "data": {"seen": ""}})).await;
    assert_eq!(reply.body["data"]["seen"], "xxx", "{}", reply.body);
    let seen: Vec<Value> = hook.asked.lock().iter().map(|asked| asked["object"]["data"]["seen"].clone()).collect();
    assert_eq!(seen, ["", "x", "xx"]);
}

#[tokio::test]
async fn everything_that_is_written_is_asked_about() {
    let (api, hook) = (Api::new().await, Hook::start().await);
    api.create("/api/v1/namespaces/t/serviceaccounts", json!({"metadata": {"name": "default"}})).await;
    let rule =
        json!({"apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*/*"], "operations": ["CREATE", "CONNECT"]});
    configure(&api, "Validating", json!([hook.webhook("", json!({"rules": [rule]}))])).await;
    let definition = json!({
        "metadata": {"name": "widgets.example.com"},
        "spec": {
            "group": "example.com", "scope": "Namespaced", "names": {"plural": "widgets", "kind": "Widget"},
            "versions": [{
                "name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
            }],
        },
    });
    let pod = json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}});
    let target = json!({"metadata": {"name": "p"}, "target": {"kind": "Node", "name": "n"}});
    let widget = json!({"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"}});
    let attributes = json!({"verb": "get", "resource": "pods"});
    for (path, body, resource, subresource, kind) in [
        (
            "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
            definition,
            "customresourcedefinitions",
            "",
            "CustomResourceDefinition",
        ),
        ("/apis/example.com/v1/namespaces/t/widgets", widget, "widgets", "", "Widget"),
        ("/api/v1/namespaces/t/pods", pod, "pods", "", "Pod"),
        ("/api/v1/namespaces/t/bindings", target, "bindings", "", "Binding"),
        ("/api/v1/namespaces/t/pods/p/eviction", json!({"metadata": {"name": "p"}}), "pods", "eviction", "Eviction"),
        (
            "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
            json!({"spec": {"resourceAttributes": attributes}}),
            "selfsubjectaccessreviews",
            "",
            "SelfSubjectAccessReview",
        ),
        (
            "/apis/authentication.k8s.io/v1/tokenreviews",
            json!({"spec": {"token": "x"}}),
            "tokenreviews",
            "",
            "TokenReview",
        ),
    ] {
        let reply = api.call("POST", path, body).await;
        assert!(reply.code < 300, "{path}: {}", reply.body);
        let asked = hook.asked.lock().pop().unwrap();
        assert_eq!(asked["resource"]["resource"], resource, "{path}");
        assert_eq!(asked["subResource"].as_str().unwrap_or_default(), subresource, "{path}");
        assert_eq!((&asked["kind"]["kind"], &asked["object"]["kind"]), (&json!(kind), &json!(kind)), "{path}");
    }
    // Who configures webhooks is not asked about: nobody could take a broken one away.
    let before = hook.asked.lock().len();
    configure(&api, "Mutating", json!([])).await;
    assert_eq!(hook.asked.lock().len(), before);
}

#[tokio::test]
async fn custom_resources_are_shown_in_the_version_that_is_meant() {
    let (api, hook) = (Api::new().await, Hook::start().await);
    let version = |name: &str, storage: bool| {
        json!({
            "name": name, "served": true, "storage": storage,
            "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
        })
    };
    api.create(
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
        json!({
            "metadata": {"name": "widgets.example.com"},
            "spec": {
                "group": "example.com", "scope": "Namespaced", "names": {"plural": "widgets", "kind": "Widget"},
                "versions": [version("v1", true), version("v2", false)],
            },
        }),
    )
    .await;
    let rule = |version: &str| json!([{"apiGroups": ["example.com"], "apiVersions": [version], "resources": ["widgets"], "operations": ["CREATE"]}]);
    let exact = json!({"name": "exact.example.com", "rules": rule("v1"), "matchPolicy": "Exact"});
    let equivalent = json!({"name": "any.example.com", "rules": rule("v1"), "matchPolicy": "Equivalent"});
    configure(&api, "Mutating", json!([hook.webhook("annotate", exact), hook.webhook("annotate", equivalent)])).await;
    let made = api
        .create(
            "/apis/example.com/v2/namespaces/t/widgets",
            json!({"apiVersion": "example.com/v2", "kind": "Widget", "metadata": {"name": "w"}}),
        )
        .await;
    assert_eq!(
        (&made["apiVersion"], &made["metadata"]["annotations"]["seen"]),
        (&json!("example.com/v2"), &json!("yes"))
    );
    let asked = std::mem::take(&mut *hook.asked.lock());
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert_eq!(
        (&asked[0]["object"]["apiVersion"], &asked[0]["requestKind"]["version"]),
        (&json!("example.com/v1"), &json!("v2"))
    );
}
