//! Custom resources from their definition to their end.

use std::sync::Arc;
use std::time::Duration;

use crate::common::Api;
use axum::Router;
use axum::body::BodyDataStream;
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures::StreamExt as _;
use http_body_util::BodyExt as _;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::service::TowerToHyperService;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

const CRDS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const CRD: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/ws.g.example.com";
const V1: &str = "/apis/g.example.com/v1/namespaces/t/ws";
const V2: &str = "/apis/g.example.com/v2/namespaces/t/ws";

fn version(name: &str, storage: bool, properties: &Value) -> Value {
    let spec = json!({ "type": "object", "properties": properties });
    let schema = json!({ "type": "object", "properties": { "spec": spec, "status": { "type": "object",
        "x-kubernetes-preserve-unknown-fields": true } } });
    json!({ "name": name, "served": true, "storage": storage, "schema": { "openAPIV3Schema": schema } })
}

fn crd(plural: &str, kind: &str, versions: &[Value]) -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": { "name": format!("{plural}.g.example.com") },
        "spec": { "group": "g.example.com", "scope": "Namespaced", "names": { "plural": plural, "kind": kind },
                  "versions": versions },
    })
}

fn object(version: &str, name: &str, spec: &Value) -> Value {
    json!({ "apiVersion": format!("g.example.com/{version}"), "kind": "W", "metadata": { "name": name }, "spec": spec })
}

fn one() -> Value {
    crd(
        "ws",
        "W",
        &[version("v1", true, &json!({ "a": { "type": "integer" }, "d": { "type": "string", "default": "x" } }))],
    )
}

/// `type=status/reason` of a CRD's conditions.
async fn conditions(api: &Api, path: &str) -> Vec<String> {
    let crd = api.get(path).await;
    let text = |condition: &Value| {
        let word = |name: &str| condition[name].as_str().unwrap().to_owned();
        format!("{}={}/{}", word("type"), word("status"), word("reason"))
    };
    crd["status"]["conditions"].as_array().unwrap().iter().map(text).collect()
}

/// A watch as a client reads it.
struct Events {
    body: BodyDataStream,
    text: String,
}

/// The next event of a watch as `TYPE apiVersion name`; `END` where there are no more.
async fn event(events: &mut Events) -> String {
    while !events.text.contains('\n') {
        let piece = tokio::time::timeout(Duration::from_secs(10), events.body.next()).await.expect("an event");
        let Some(piece) = piece else { return "END".to_owned() };
        events.text.push_str(std::str::from_utf8(&piece.unwrap()).unwrap());
    }
    let (line, rest) = events.text.split_once('\n').unwrap();
    let event: Value = serde_json::from_str(line).unwrap();
    events.text = rest.to_owned();
    let (object, text) = (&event["object"], |value: &Value| value.as_str().unwrap_or_default().to_owned());
    format!("{} {} {}", text(&event["type"]), text(&object["apiVersion"]), text(&object["metadata"]["name"]))
}

async fn watch(api: &Api, path: &str) -> Events {
    let response = api.send("GET", &format!("{path}?watch=true"), "", String::new()).await;
    assert_eq!(response.status(), 200, "{path}");
    Events { body: response.into_body().into_data_stream(), text: String::new() }
}

#[tokio::test]
async fn a_kind_is_served_when_its_definition_is_answered() {
    let api = Api::new().await;
    api.create(CRDS, one()).await;
    let created = api.create(V1, object("v1", "a", &json!({ "a": 1, "unknown": 2 }))).await;
    assert_eq!(created["spec"], json!({ "a": 1, "d": "x" }));
    let established = ["NamesAccepted=True/NoConflicts", "Established=True/InitialNamesAccepted"];
    assert_eq!(conditions(&api, CRD).await, established);
    let list = api.get(V1).await;
    assert_eq!((&list["kind"], &list["items"][0]["kind"]), (&json!("WList"), &json!("W")));
    let groups = api.get("/apis/g.example.com").await;
    assert_eq!(groups["preferredVersion"]["version"], "v1");
    let document = api.get("/openapi/v3/apis/g.example.com/v1").await;
    let schema = &document["components"]["schemas"]["com.example.g.v1.W"];
    assert_eq!(schema["properties"]["spec"]["properties"]["a"]["type"], "integer", "{schema}");
}

#[tokio::test]
async fn a_name_that_is_released_is_given_to_who_waits() {
    let api = Api::new().await;
    api.create(CRDS, one()).await;
    let mut other = crd("xs", "W", &[version("v1", true, &json!({}))]);
    other["spec"]["names"]["singular"] = json!("x");
    api.create(CRDS, other).await;
    let path = format!("{CRDS}/xs.g.example.com");
    assert_eq!(conditions(&api, &path).await[0], "NamesAccepted=False/ListKindConflict");
    let mut crds = watch(&api, CRDS).await;
    api.call("DELETE", CRD, Value::Null).await;
    while !event(&mut crds).await.starts_with("DELETED") {}
    for _ in 0..2 {
        assert!(event(&mut crds).await.ends_with("xs.g.example.com"));
    }
    assert_eq!(conditions(&api, &path).await[1], "Established=True/InitialNamesAccepted");
}

#[tokio::test]
async fn objects_go_before_their_definition() {
    let api = Api::new().await;
    api.create(CRDS, one()).await;
    api.create(V1, object("v1", "free", &json!({}))).await;
    let mut held = object("v1", "held", &json!({}));
    held["metadata"]["finalizers"] = json!(["g.example.com/wait"]);
    api.create(V1, held).await;
    let mut objects = watch(&api, V1).await;
    for _ in 0..2 {
        assert!(event(&mut objects).await.starts_with("ADDED"));
    }
    let deleted = api.call("DELETE", CRD, Value::Null).await;
    assert_eq!(deleted.body["metadata"]["finalizers"], json!(["customresourcecleanup.apiextensions.k8s.io"]));
    let mut seen = vec![event(&mut objects).await, event(&mut objects).await];
    seen.sort();
    assert_eq!(seen, ["DELETED g.example.com/v1 free", "MODIFIED g.example.com/v1 held"]);
    let refused = api.call("POST", V1, object("v1", "late", &json!({}))).await;
    let message = "create not allowed while custom resource definition is terminating";
    assert_eq!((refused.code, refused.body["message"].as_str()), (405, Some(message)));
    assert_eq!(conditions(&api, CRD).await[2], "Terminating=True/InstanceDeletionInProgress");
    api.call("PATCH", &format!("{V1}/held"), json!({ "metadata": { "finalizers": null } })).await;
    assert_eq!(event(&mut objects).await, "DELETED g.example.com/v1 held");
    assert_eq!(event(&mut objects).await, "END");
    assert_eq!(api.call("GET", V1, Value::Null).await.code, 404);
}

#[tokio::test]
async fn what_is_stored_follows_the_schema_that_is_in_force() {
    let api = Api::new().await;
    api.create(CRDS, one()).await;
    api.create(V1, object("v1", "a", &json!({ "a": 1 }))).await;
    let two = [
        version(
            "v2",
            true,
            &json!({ "d": { "type": "string", "default": "y" }, "n": { "type": "string", "default": "z" } }),
        ),
        version("v1", false, &json!({ "a": { "type": "integer" }, "d": { "type": "string" } })),
    ];
    let changed = api.call("PATCH", CRD, json!({ "spec": { "versions": two } })).await;
    assert_eq!(changed.body["status"]["storedVersions"], json!(["v1", "v2"]));
    let path = format!("{V2}/a");
    let before = api.get(&path).await;
    // `a` is no field of v2; defaults are those of the version that it is stored in.
    assert_eq!((&before["apiVersion"], &before["spec"]), (&json!("g.example.com/v2"), &json!({ "d": "x" })));
    let listed = api.get(V2).await;
    assert_eq!(listed["items"][0], before);
    // A write that changes nothing brings it into the storage version, once.
    let first = api.call("PUT", &path, before.clone()).await.body;
    assert_ne!(first["metadata"]["resourceVersion"], before["metadata"]["resourceVersion"]);
    assert_eq!(first["spec"], json!({ "d": "x", "n": "z" }));
    let second = api.call("PUT", &path, first.clone()).await.body;
    assert_eq!(second["metadata"]["resourceVersion"], first["metadata"]["resourceVersion"]);
    let old = api.get(&format!("{V1}/a")).await;
    assert_eq!((&old["apiVersion"], &old["spec"]), (&json!("g.example.com/v1"), &json!({ "d": "x" })));
}

#[tokio::test]
async fn a_restarted_server_serves_what_was_there() {
    let api = Api::new().await;
    let mut definition = one();
    definition["spec"]["versions"][0]["selectableFields"] = json!([{ "jsonPath": ".spec.a" }]);
    api.create(CRDS, definition).await;
    let created = api.create(V1, object("v1", "a", &json!({ "a": 1 }))).await;
    api.create(V1, object("v1", "b", &json!({ "a": 2 }))).await;
    let again = api.restarted().await;
    let before = stamp(&again).await;
    let list = again.get(&format!("{V1}?fieldSelector=spec.a%3D1")).await;
    assert_eq!(list["items"], json!([created]));
    // The first reader found the stored bytes to be as they should, and the next ones need not look.
    let after = stamp(&again).await;
    assert!(after > before, "{before} {after}");
    assert_eq!(again.get(&format!("{V1}/a")).await, created);
    assert_eq!(stamp(&again).await, after);
    let same = again.call("PUT", &format!("{V1}/a"), created.clone()).await;
    assert_eq!(same.body, created);
}

#[tokio::test]
async fn fields_that_become_selectable_are_learnt_once() {
    let api = Api::new().await;
    api.create(CRDS, one()).await;
    let created = api.create(V1, object("v1", "a", &json!({ "a": 1 }))).await;
    let mut versions = one()["spec"]["versions"].clone();
    versions[0]["selectableFields"] = json!([{ "jsonPath": ".spec.a" }]);
    api.call("PATCH", CRD, json!({ "spec": { "versions": versions } })).await;
    let before = stamp(&api).await;
    let selected = format!("{V1}?fieldSelector=spec.a%3D1");
    assert_eq!(api.get(&selected).await["items"], json!([created]));
    // The store takes what it learns and what it writes in turn.
    api.create(V1, object("v1", "b", &json!({ "a": 2 }))).await;
    let after = stamp(&api).await;
    assert!(after > before, "{before} {after}");
    assert_eq!(api.get(&selected).await["items"], json!([created]));
    assert_eq!(api.get(&format!("{V1}/a")).await, created);
}

/// The shape under which object `a` is known to be stored.
async fn stamp(api: &Api) -> u64 {
    let key = "/registry/g.example.com/ws/t/a";
    let snapshot = api.server.store().snapshot(key, kubernel_store::At::Latest).await.unwrap();
    snapshot.get(key).unwrap().index.stamp.get()
}

/// A conversion webhook: `a` of v1 is `b` of v2. What it is asked to convert under the name `bad` it gives another uid.
async fn hook() -> (String, String) {
    let key = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let certificate = key.cert.der().clone();
    let private = rustls_pki_types::PrivateKeyDer::try_from(key.signing_key.serialize_der()).unwrap();
    let config = rustls::ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate], private);
    let acceptor = TlsAcceptor::from(Arc::new(config.unwrap()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/convert", listener.local_addr().unwrap());
    let answer = |body: Bytes| async move { convert(&serde_json::from_slice(&body).unwrap()).to_string() };
    let router = Router::new().route("/convert", post(answer));
    tokio::spawn(async move {
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            let Ok(stream) = acceptor.accept(socket).await else { continue };
            let service = TowerToHyperService::new(router.clone());
            let server = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
            tokio::spawn(async move { drop(server.serve_connection(TokioIo::new(stream), service).await) });
        }
    });
    (url, STANDARD.encode(key.cert.pem()))
}

fn convert(review: &Value) -> Value {
    let request = &review["request"];
    let wanted = request["desiredAPIVersion"].as_str().unwrap();
    let converted = request["objects"].as_array().unwrap().iter().map(|object| {
        let mut object = object.clone();
        object["apiVersion"] = json!(wanted);
        let (from, to) = if wanted.ends_with("v2") { ("a", "b") } else { ("b", "a") };
        object["spec"] = json!({ to: object["spec"][from] });
        object["metadata"]["labels"] = json!({ "by": "hook" });
        if object["metadata"]["name"] == "bad" {
            object["metadata"]["uid"] = json!("another");
        }
        object
    });
    let response = json!({ "uid": request["uid"], "result": { "status": "Success" },
                           "convertedObjects": converted.collect::<Vec<_>>() });
    json!({ "apiVersion": review["apiVersion"], "kind": review["kind"], "response": response })
}

#[tokio::test]
async fn a_webhook_converts() {
    let api = Api::new().await;
    let (url, bundle) = hook().await;
    let versions = [
        version("v1", true, &json!({ "a": { "type": "integer" } })),
        version("v2", false, &json!({ "b": { "type": "integer" } })),
    ];
    let mut definition = crd("ws", "W", &versions);
    definition["spec"]["conversion"] = json!({ "strategy": "Webhook", "webhook": {
        "clientConfig": { "url": url, "caBundle": bundle }, "conversionReviewVersions": ["v1"] } });
    api.create(CRDS, definition).await;
    let mut changes = watch(&api, V2).await;
    let created = api.create(V2, object("v2", "a", &json!({ "b": 7 }))).await;
    assert_eq!(created["spec"], json!({ "b": 7 }));
    assert_eq!(event(&mut changes).await, "ADDED g.example.com/v2 a");
    let stored = api.get(&format!("{V1}/a")).await;
    assert_eq!((&stored["spec"], &stored["metadata"]["labels"]), (&json!({ "a": 7 }), &json!({ "by": "hook" })));
    assert_eq!(api.get(V2).await["items"][0]["spec"], json!({ "b": 7 }));
    api.call("PATCH", &format!("{V2}/a"), json!({ "spec": { "b": 8 } })).await;
    assert_eq!(api.get(&format!("{V1}/a")).await["spec"], json!({ "a": 8 }));
    // Whoever wrote in version 2 owns the field under its name there.
    let applied = object("v1", "a", &json!({ "a": 9 })).to_string();
    let path = format!("{V1}/a?fieldManager=m");
    let answer = api.send("PATCH", &path, "application/apply-patch+yaml", applied.clone()).await;
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    let conflict = "Apply failed with 1 conflict: conflict with \"test\" using g.example.com/v2: .spec.b";
    assert_eq!(serde_json::from_slice::<Value>(&body).unwrap()["message"], conflict);
    let forced = api.send("PATCH", &format!("{path}&force=true"), "application/apply-patch+yaml", applied).await;
    assert_eq!(forced.status(), 200);
    assert_eq!(api.get(&format!("{V2}/a")).await["spec"], json!({ "b": 9 }));
    let refused = api.call("POST", V2, object("v2", "bad", &json!({ "b": 1 }))).await;
    let message = refused.body["message"].as_str().unwrap_or_default();
    let start = "conversion webhook for g.example.com/v2, Kind=W returned invalid";
    assert!(refused.code == 500 && message.starts_with(start) && message.contains("the same UID"), "{message}");
}

/// Schemas hold values of any type, a schema or a list, a schema or a bool; an applied definition keeps them.
#[tokio::test]
async fn a_definition_is_applied() {
    let api = Api::new().await;
    let mut definition = crd(
        "ws",
        "W",
        &[version(
            "v1",
            true,
            &json!({
                "l": { "type": "array", "items": { "type": "object", "properties": { "k": { "type": "string" } } } },
                "m": { "type": "object", "additionalProperties": { "type": "string" }, "default": { "a": "1" } },
            }),
        )],
    );
    let apply = async |manager: &str, definition: &Value| {
        let path = format!("{CRD}?fieldManager={manager}");
        api.send("PATCH", &path, "application/apply-patch+yaml", definition.to_string()).await.status().as_u16()
    };
    assert_eq!(apply("a", &definition).await, 201);
    assert_eq!(api.get(CRD).await["spec"]["versions"], definition["spec"]["versions"]);
    definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["m"]["default"] =
        json!({ "a": "2" });
    assert_eq!(apply("b", &definition).await, 409);
    assert_eq!(apply("a", &definition).await, 200);
}
