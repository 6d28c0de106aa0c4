//! What watchers see.

use std::time::Duration;

use crate::common::{Api, CONFIG_MAPS, version};
use axum::body::BodyDataStream;
use futures::StreamExt as _;
use serde_json::{Value, json};

/// A watch as a client reads it.
struct Events {
    body: BodyDataStream,
    text: String,
}

impl Events {
    async fn open(api: &Api, query: &str) -> Self {
        Self::at(api, &format!("{CONFIG_MAPS}?watch=true&{query}")).await
    }

    async fn at(api: &Api, path: &str) -> Self {
        let response = api.send("GET", path, "", String::new()).await;
        assert_eq!(response.status(), 200, "{path}");
        Self { body: response.into_body().into_data_stream(), text: String::new() }
    }

    /// The next event; `None` is the end.
    async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some((line, rest)) = self.text.split_once('\n') {
                let event = serde_json::from_str(line).unwrap();
                self.text = rest.to_owned();
                return Some(event);
            }
            let piece = tokio::time::timeout(Duration::from_secs(10), self.body.next()).await.expect("an event");
            self.text.push_str(std::str::from_utf8(&piece?.unwrap()).unwrap());
        }
    }

    /// The next event as `TYPE name`.
    async fn brief(&mut self) -> String {
        let event = self.next().await.unwrap_or_default();
        let name = event["object"]["metadata"]["name"].as_str().unwrap_or_default();
        format!("{} {name}", event["type"].as_str().unwrap_or("END"))
    }
}

#[tokio::test]
async fn objects_come_and_go_with_the_selector() {
    let api = Api::new().await;
    let first = api.config_map("a", "1").await;
    let mut all = Events::open(&api, &format!("resourceVersion={}", version(&first))).await;
    let mut ones = Events::open(&api, &format!("resourceVersion={}&labelSelector=l%3D1", version(&first))).await;
    let path = format!("{CONFIG_MAPS}/a");
    api.call("PATCH", &path, json!({"metadata": {"labels": {"l": "2"}}})).await;
    let left = ones.next().await.unwrap();
    // Whoever leaves is shown as it was inside, with the version of the change.
    assert_eq!(left["type"], "DELETED");
    assert_eq!(left["object"]["metadata"]["labels"]["l"], "1");
    assert_eq!(version(&left["object"]), version(&api.get(&path).await));
    api.call("PATCH", &path, json!({"metadata": {"labels": {"l": "1"}}})).await;
    assert_eq!(ones.brief().await, "ADDED a");
    api.call("PATCH", &path, json!({"data": {"k": "v"}})).await;
    assert_eq!(ones.brief().await, "MODIFIED a");
    let before = version(&api.get(&path).await);
    api.call("DELETE", &path, Value::Null).await;
    let gone = ones.next().await.unwrap();
    assert_eq!(gone["type"], "DELETED");
    assert!(version(&gone["object"]) > before, "a deletion has a version of its own");
    for expect in ["MODIFIED a", "MODIFIED a", "MODIFIED a", "DELETED a"] {
        assert_eq!(all.brief().await, expect);
    }
}

#[tokio::test]
async fn initial_events_end_with_a_bookmark() {
    let api = Api::new().await;
    api.config_map("a", "1").await;
    let last = api.config_map("b", "2").await;
    let query = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
    let mut events = Events::open(&api, query).await;
    assert_eq!(events.brief().await, "ADDED a");
    assert_eq!(events.brief().await, "ADDED b");
    let bookmark = events.next().await.unwrap();
    assert_eq!(bookmark["type"], "BOOKMARK");
    assert_eq!(bookmark["object"]["kind"], "ConfigMap");
    assert_eq!(bookmark["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"], "true");
    assert!(version(&bookmark["object"]) >= version(&last));
    api.config_map("c", "1").await;
    assert_eq!(events.brief().await, "ADDED c");
}

#[tokio::test]
async fn a_watch_ends_with_its_time() {
    let api = Api::new().await;
    let mut events = Events::open(&api, "timeoutSeconds=1").await;
    assert_eq!(events.brief().await, "END ");
}

#[tokio::test]
async fn a_watch_ends_with_the_server() {
    let api = Api::new().await;
    let mut events = Events::open(&api, "").await;
    api.server.shut_down();
    assert_eq!(events.brief().await, "END ");
}

#[tokio::test]
async fn one_name_is_watched_alone() {
    let api = Api::new().await;
    let mut events =
        Events::open(&api, "fieldSelector=metadata.name%3Da&sendInitialEvents=false&resourceVersionMatch=NotOlderThan")
            .await;
    for name in ["ab", "a", "b"] {
        api.config_map(name, "1").await;
    }
    assert_eq!(events.brief().await, "ADDED a");
    api.call("DELETE", &format!("{CONFIG_MAPS}/a"), Value::Null).await;
    assert_eq!(events.brief().await, "DELETED a");
}

#[tokio::test]
async fn the_older_paths_are_watches_too() {
    let api = Api::new().await;
    api.config_map("a", "1").await;
    api.config_map("b", "2").await;
    for (path, expect) in [
        ("/api/v1/watch/namespaces/t/configmaps", &["ADDED a", "ADDED b"][..]),
        ("/api/v1/watch/namespaces/t/configmaps?watch=false&labelSelector=l%3D2", &["ADDED b"]),
        ("/api/v1/watch/namespaces/t/configmaps/b", &["ADDED b"]),
        ("/api/v1/watch/namespaces/t/configmaps/b?fieldSelector=metadata.name%3Db", &["ADDED b"]),
        ("/api/v1/watch/configmaps?fieldSelector=metadata.namespace%3Dt,metadata.name%3Da", &["ADDED a"]),
        ("/apis/rbac.authorization.k8s.io/v1/watch/clusterroles/admin", &["ADDED admin"]),
        ("/api/v1/watch/namespaces/t", &["ADDED t"]),
    ] {
        let separator = if path.contains('?') { '&' } else { '?' };
        let mut events = Events::at(&api, &format!("{path}{separator}timeoutSeconds=1")).await;
        for expect in expect.iter().chain(&["END "]) {
            assert_eq!(events.brief().await, *expect, "{path}");
        }
    }
    let path = "/api/v1/watch/namespaces/t/configmaps/b?fieldSelector=metadata.name%3Da";
    let reply = api.call("GET", path, Value::Null).await;
    assert_eq!(
        (reply.code, &reply.body["message"]),
        (400, &json!("fieldSelector metadata.name doesn't match requested name"))
    );
}

#[tokio::test]
async fn one_value_is_watched_in_its_namespace() {
    let api = Api::new().await;
    api.create("/api/v1/namespaces", json!({"metadata": {"name": "u"}})).await;
    let mut events = Events::at(&api, "/api/v1/namespaces/t/secrets?watch=true&fieldSelector=type%3Dx.io/a").await;
    for (namespace, name, kind) in [("u", "a", "x.io/a"), ("t", "b", "x.io/b"), ("t", "c", "x.io/a")] {
        let path = format!("/api/v1/namespaces/{namespace}/secrets");
        api.create(&path, json!({"metadata": {"name": name}, "type": kind})).await;
    }
    assert_eq!(events.brief().await, "ADDED c");
    api.call("PATCH", "/api/v1/namespaces/t/secrets/c", json!({"data": {"k": "dg=="}})).await;
    assert_eq!(events.brief().await, "MODIFIED c");
}

#[tokio::test]
async fn all_watchers_see_the_same_order() {
    let api = Api::new().await;
    let mut watchers = Vec::new();
    for _ in 0..5 {
        watchers.push(Events::open(&api, "").await);
    }
    let writes = (0..50).map(|n| {
        let api = &api;
        async move { api.config_map(&format!("c{n}"), "1").await }
    });
    futures::future::join_all(writes).await;
    let mut orders = Vec::new();
    for watcher in &mut watchers {
        let mut order = Vec::new();
        for _ in 0..50 {
            order.push(version(&watcher.next().await.unwrap()["object"]));
        }
        assert!(order.is_sorted(), "{order:?}");
        orders.push(order);
    }
    assert!(orders.iter().all(|order| *order == orders[0]));
}
