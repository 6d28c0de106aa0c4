//! Memory stays flat whatever clients send: what a round of the largest and oddest requests leaves behind is bounded, so
//! after some rounds another one adds nothing. The limit is generous; a leak of one large body per round goes beyond it.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

#[path = "api/common/mod.rs"]
mod common;

use common::{Api, CONFIG_MAPS};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};

/// Rounds until every bounded log and cache is full.
const ROUNDS_BEFORE: usize = 7;
/// Rounds that must add nothing: they move several times the limit.
const ROUNDS: usize = 10;
const GROWTH_BYTES_MAX: u64 = 32 << 20;
/// Objects of nearly the size that upstream's store takes, in each round.
const LARGE_OBJECTS: usize = 4;
const LARGE_BYTES: usize = 1 << 20;
/// The most that a body may hold.
const BODY_BYTES: usize = 3 << 20;
const WATCHES: usize = 50;

/// How much memory this process has in use.
fn resident_bytes() -> u64 {
    const PAGE_BYTES: u64 = 4096;
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * PAGE_BYTES
}

async fn send(api: &Api, method: &str, path: &str, content_type: &str, body: String, code: u16) {
    let response = api.send(method, path, content_type, body).await;
    assert_eq!(response.status(), code, "{method} {path}");
    response.into_body().collect().await.unwrap();
}

async fn round(api: &Api, number: usize) {
    for at in 0..LARGE_OBJECTS {
        let object =
            json!({"metadata": {"name": format!("large-{at}")}, "data": {"a": "x".repeat(LARGE_BYTES - 1024)}});
        send(api, "POST", CONFIG_MAPS, "application/json", object.to_string(), 201).await;
    }
    send(api, "GET", CONFIG_MAPS, "", String::new(), 200).await;
    send(api, "GET", &format!("{CONFIG_MAPS}?limit=1"), "", String::new(), 200).await;
    for at in 0..LARGE_OBJECTS {
        send(api, "DELETE", &format!("{CONFIG_MAPS}/large-{at}"), "", String::new(), 200).await;
    }

    let deep = format!("{{\"x\":{}{}}}", "[".repeat(BODY_BYTES / 2 - 8), "]".repeat(BODY_BYTES / 2 - 8));
    send(api, "POST", CONFIG_MAPS, "application/json", deep.clone(), 400).await;
    send(api, "POST", CONFIG_MAPS, "application/yaml", deep, 400).await;
    let wide = format!("{{\"metadata\":{{\"name\":\"wide\"}},\"x\":[{}1]}}", "1,".repeat(BODY_BYTES / 4));
    send(api, "POST", &format!("{CONFIG_MAPS}?fieldValidation=Strict"), "application/json", wide, 400).await;
    send(api, "POST", CONFIG_MAPS, "application/json", "x".repeat(BODY_BYTES + 1), 413).await;

    api.config_map("patched", "1").await;
    let path = format!("{CONFIG_MAPS}/patched");
    let doubling = ",{\"op\":\"copy\",\"from\":\"/l\",\"path\":\"/l/-\"}".repeat(40);
    let doubling = format!("[{{\"op\":\"add\",\"path\":\"/l\",\"value\":[1]}}{doubling}]");
    send(api, "PATCH", &path, "application/json-patch+json", doubling, 422).await;
    for manager in 0..20 {
        let applied =
            json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {format!("k{manager}"): number.to_string()}});
        let path = format!("{path}?fieldManager=m{manager}");
        send(api, "PATCH", &path, "application/apply-patch+yaml", applied.to_string(), 200).await;
    }
    let mut watches = Vec::new();
    for at in 0..WATCHES {
        let selector = [
            "",
            "&labelSelector=l",
            "&fieldSelector=metadata.name%3Dpatched",
            "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan",
        ];
        let path = format!("{CONFIG_MAPS}?watch=1{}", selector[at % selector.len()]);
        watches.push(api.send("GET", &path, "", String::new()).await);
    }
    send(api, "DELETE", &path, "", String::new(), 200).await;
    for watch in &mut watches {
        watch.body_mut().frame().await.unwrap().unwrap();
    }
    drop(watches);

    let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    let properties: Value = (0..50).map(|n| (format!("f{n}"), json!({"type": "string"}))).collect();
    let definition = json!({
        "metadata": {"name": "things.example.com"},
        "spec": {"group": "example.com", "scope": "Namespaced", "names": {"plural": "things", "kind": "Thing"}, "versions": [
            {"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                "spec": {"type": "object", "properties": properties,
                         "x-kubernetes-validations": [{"rule": format!("self.f1 != '{number}'")}]}}}}}]},
    });
    send(api, "POST", definitions, "application/json", definition.to_string(), 201).await;
    let things = "/apis/example.com/v1/namespaces/t/things";
    let thing =
        json!({"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "a"}, "spec": {"f1": "x"}});
    send(api, "POST", things, "application/json", thing.to_string(), 201).await;
    send(api, "GET", "/openapi/v3/apis/example.com/v1", "", String::new(), 200).await;
    send(api, "DELETE", &format!("{definitions}/things.example.com"), "", String::new(), 200).await;
    gone(api, &format!("{definitions}/things.example.com")).await;
}

/// Waits until the clean-up has taken an object away: its deletion is the event that the watch waits for.
async fn gone(api: &Api, path: &str) {
    let (collection, name) = path.rsplit_once('/').unwrap();
    let version = common::version(&api.get(collection).await);
    if api.call("GET", path, Value::Null).await.code == 404 {
        return;
    }
    let watch = format!("{collection}?watch=1&resourceVersion={version}&fieldSelector=metadata.name%3D{name}");
    let mut events = api.send("GET", &watch, "", String::new()).await.into_body();
    while let Some(frame) = events.frame().await {
        let text = frame.unwrap().into_data().unwrap();
        if text.windows(9).any(|piece| piece == b"\"DELETED\"") {
            return;
        }
    }
}

#[tokio::test]
async fn rounds_of_large_and_odd_requests_leave_nothing_behind() {
    let api = Api::new().await;
    for number in 0..ROUNDS_BEFORE {
        round(&api, number).await;
    }
    let before = resident_bytes();
    for number in ROUNDS_BEFORE..ROUNDS_BEFORE + ROUNDS {
        round(&api, number).await;
    }
    let after = resident_bytes();
    let mib = |bytes: u64| bytes >> 20;
    println!("resident after {ROUNDS_BEFORE} rounds: {} MiB, after {ROUNDS} more: {} MiB", mib(before), mib(after));
    assert!(after <= before + GROWTH_BYTES_MAX, "from {} MiB to {} MiB", mib(before), mib(after));
}
