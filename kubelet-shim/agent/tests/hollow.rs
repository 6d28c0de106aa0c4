//! A simulated node against an API server in memory: what it registers, what it says about a Pod, how a Pod goes.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use http::{Method, Request, Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::Frame;
use kube::client::Body;
use kubernel_agent::hollow::{self, HollowConfig};
use serde_json::{Value, json};
use tokio::sync::{broadcast, watch};
use tokio_stream::wrappers::BroadcastStream;
use tokio_util::sync::CancellationToken;

/// More than any step takes; a test that gets here has failed.
const PATIENCE: Duration = Duration::from_secs(30);

/// Objects by path, and what happens to them.
#[derive(Clone)]
struct Api {
    objects: Arc<watch::Sender<BTreeMap<String, Value>>>,
    events: broadcast::Sender<(String, Value)>,
}

impl Api {
    fn new() -> Self {
        Self { objects: Arc::new(watch::Sender::new(BTreeMap::new())), events: broadcast::channel(100).0 }
    }

    fn client(&self) -> kube::Client {
        let api = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let api = api.clone();
            async move { Ok::<_, Infallible>(api.answer(request).await) }
        });
        kube::Client::new(service, "default")
    }

    async fn answer(&self, request: Request<Body>) -> Response<BoxBody<Bytes, Infallible>> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let body: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
        let path = head.uri.path().trim_end_matches("/status").to_owned();
        let query = head.uri.query().unwrap_or_default();
        match head.method {
            Method::GET if query.contains("watch=true") => {
                // What came between the list and the watch comes again: twice is fine, never is not.
                let later = self.events.subscribe();
                let pods = self.pods().into_iter().map(|pod| Ok(("ADDED".to_owned(), pod)));
                let events = futures::stream::iter(pods).chain(BroadcastStream::new(later)).filter_map(|event| async {
                    let (kind, object) = event.ok()?;
                    let line = json!({"type": kind, "object": object}).to_string() + "\n";
                    Some(Ok(Frame::data(Bytes::from(line))))
                });
                Response::new(http_body_util::BodyExt::boxed(StreamBody::new(events)))
            }
            Method::GET if path.ends_with("/pods") => {
                let items = self.pods();
                respond(
                    StatusCode::OK,
                    json!({"kind": "PodList", "apiVersion": "v1", "metadata": {"resourceVersion": "1"}, "items": items}),
                )
            }
            Method::GET => self.found(&path),
            Method::POST => {
                let key = format!("{path}/{}", body["metadata"]["name"].as_str().unwrap());
                self.put(&key, body);
                self.found(&key)
            }
            Method::PATCH => {
                let Some(mut object) = self.objects.borrow().get(&path).cloned() else { return missing() };
                merge(&mut object, &body);
                self.put(&path, object);
                self.found(&path)
            }
            Method::DELETE => {
                assert_eq!(body["gracePeriodSeconds"], 0);
                let mut gone = Value::Null;
                self.objects.send_modify(|objects| gone = objects.remove(&path).unwrap_or_default());
                assert_eq!(body["preconditions"]["uid"], gone["metadata"]["uid"]);
                let _ = self.events.send(("DELETED".into(), gone.clone()));
                respond(StatusCode::OK, gone)
            }
            _ => missing(),
        }
    }

    fn pods(&self) -> Vec<Value> {
        let objects = self.objects.borrow();
        objects.iter().filter(|(key, _)| key.contains("/pods/")).map(|(_, pod)| pod.clone()).collect()
    }

    fn put(&self, key: &str, object: Value) {
        let new = self.objects.borrow().get(key).is_none();
        self.objects.send_modify(|objects| drop(objects.insert(key.to_owned(), object.clone())));
        if key.contains("/pods/") {
            let _ = self.events.send((if new { "ADDED" } else { "MODIFIED" }.into(), object));
        }
    }

    fn found(&self, path: &str) -> Response<BoxBody<Bytes, Infallible>> {
        self.objects.borrow().get(path).map_or_else(missing, |object| respond(StatusCode::OK, object.clone()))
    }

    /// Waits until the objects are as `wanted` says.
    async fn until(&self, what: &str, wanted: impl Fn(&BTreeMap<String, Value>) -> bool) {
        let mut objects = self.objects.subscribe();
        let waiting = objects.wait_for(|objects| wanted(objects));
        let outcome = tokio::time::timeout(PATIENCE, waiting).await.map(|found| drop(found.unwrap()));
        assert!(outcome.is_ok(), "never: {what}\n{:#?}", self.objects.borrow());
    }
}

fn respond(status: StatusCode, body: Value) -> Response<BoxBody<Bytes, Infallible>> {
    Response::builder().status(status).body(Full::new(Bytes::from(body.to_string())).boxed()).unwrap()
}

fn missing() -> Response<BoxBody<Bytes, Infallible>> {
    respond(
        StatusCode::NOT_FOUND,
        json!({"kind": "Status", "status": "Failure", "reason": "NotFound", "message": "no", "code": 404}),
    )
}

/// A merge patch; conditions are merged by type, as the strategic one does.
fn merge(object: &mut Value, patch: &Value) {
    for (name, value) in patch.as_object().into_iter().flatten() {
        if name == "conditions" && object[name].is_array() {
            let list = object[name].as_array_mut().unwrap();
            for entry in value.as_array().unwrap() {
                list.retain(|old| old["type"] != entry["type"]);
                list.push(entry.clone());
            }
        } else if value.is_object() && object[name].is_object() {
            merge(&mut object[name], value);
        } else {
            object[name] = value.clone();
        }
    }
}

fn pod(name: &str, node: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": "default", "uid": format!("uid-{name}"), "resourceVersion": "1"},
        "spec": {
            "nodeName": node, "restartPolicy": "Always", "terminationGracePeriodSeconds": 30,
            "containers": [{"name": "c", "image": "img", "resources": {"requests": {"cpu": "1"}}}],
        },
        "status": {"phase": "Pending"},
    })
}

#[tokio::test]
async fn a_pod_comes_and_goes() {
    let api = Api::new();
    let shutdown = CancellationToken::new();
    let config = HollowConfig { nodes: 2, zones: 2, ..HollowConfig::default() };
    let running = tokio::spawn(hollow::run(config, api.client(), shutdown.clone()));

    api.until("both nodes are ready and have leases", |objects| {
        (0..2).all(|number| {
            let node = &objects.get(&format!("/api/v1/nodes/hollow-{number}")).cloned().unwrap_or_default();
            let conditions = node["status"]["conditions"].as_array().cloned().unwrap_or_default();
            let lease = format!("/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/hollow-{number}");
            conditions.iter().any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
                && objects.contains_key(&lease)
        })
    })
    .await;
    let node = api.objects.borrow()["/api/v1/nodes/hollow-1"].clone();
    assert_eq!(node["status"]["capacity"]["cpu"], "32");
    assert_eq!(node["metadata"]["labels"]["topology.kubernetes.io/zone"], "zone-1");

    let path = "/api/v1/namespaces/default/pods/p";
    api.put(path, pod("p", "hollow-1"));
    api.put("/api/v1/namespaces/default/pods/q", pod("q", "elsewhere"));
    let is_ready = |pod: &Value| {
        let conditions = pod["status"]["conditions"].as_array().cloned().unwrap_or_default();
        conditions.iter().any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
    };
    api.until("the pod is ready", |objects| is_ready(&objects[path])).await;
    let status = api.objects.borrow()[path]["status"].clone();
    assert_eq!(status["phase"], "Running");
    assert_eq!(status["qosClass"], "Burstable");
    assert_eq!(status["hostIP"], "172.16.0.2");
    assert_eq!(status["podIP"], "10.0.1.2");
    assert_eq!(status["containerStatuses"][0]["restartCount"], 0);
    assert!(status["containerStatuses"][0]["state"]["running"]["startedAt"].is_string());

    let mut going = api.objects.borrow()[path].clone();
    going["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
    going["metadata"]["deletionGracePeriodSeconds"] = 30.into();
    api.put(path, going);
    api.until("the pod is gone", |objects| !objects.contains_key(path)).await;
    assert_eq!(api.objects.borrow()["/api/v1/namespaces/default/pods/q"]["status"], json!({"phase": "Pending"}));

    shutdown.cancel();
    running.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn nodes_fail_as_the_script_says_and_come_back() {
    let api = Api::new();
    let shutdown = CancellationToken::new();
    let failures = ["disk-full=1@5s+10s", "crash=1@25s+5s", "slow=1@40s+2s"].map(|text| text.parse().unwrap()).to_vec();
    let config = HollowConfig { nodes: 2, failures, ..HollowConfig::default() };
    let running = tokio::spawn(hollow::run(config, api.client(), shutdown.clone()));
    let says = |objects: &BTreeMap<String, Value>, number: u32, status: &str| {
        let node = objects.get(&format!("/api/v1/nodes/hollow-{number}")).cloned().unwrap_or_default();
        let conditions = node["status"]["conditions"].as_array().cloned().unwrap_or_default();
        conditions.iter().any(|condition| condition["type"] == "DiskPressure" && condition["status"] == status)
    };
    api.until("both are well", |objects| says(objects, 0, "False") && says(objects, 1, "False")).await;
    api.until("one disk is full", |objects| says(objects, 0, "True") && says(objects, 1, "False")).await;
    api.until("it is no more", |objects| says(objects, 0, "False")).await;

    let path = "/api/v1/namespaces/default/pods/p";
    api.put(path, pod("p", "hollow-0"));
    let container = |objects: &BTreeMap<String, Value>| {
        let status = &objects[path]["status"]["containerStatuses"][0];
        if status["ready"] == true { status["containerID"].as_str().map(str::to_owned) } else { None }
    };
    api.until("the pod is ready", |objects| container(objects).is_some()).await;
    let before = container(&api.objects.borrow());
    api.until("it runs anew after the crash", |objects| container(objects).is_some_and(|now| Some(now) != before))
        .await;
    // A slow node is slow, not dead.
    let late = "/api/v1/namespaces/default/pods/late";
    tokio::time::sleep(std::time::Duration::from_secs(30)).await;
    api.put(late, pod("late", "hollow-0"));
    api.until("the late pod runs", |objects| objects[late]["status"]["phase"] == "Running").await;
    shutdown.cancel();
    running.await.unwrap().unwrap();
}
