//! Priority and fairness as clients see it.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod common;

use axum::body::Body;
use common::Api;
use http::{Request, Response};
use serde_json::json;
use tower::ServiceExt as _;

const FLOW: &str = "/apis/flowcontrol.apiserver.k8s.io/v1";

/// A request from outside, without credentials.
async fn anonymous(api: &Api, path: &str) -> Response<Body> {
    let request = Request::builder().uri(path).body(Body::empty()).unwrap();
    api.server.router().oneshot(request).await.unwrap()
}

async fn uid(api: &Api, path: &str) -> String {
    api.get(&format!("{FLOW}/{path}")).await["metadata"]["uid"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn responses_say_where_their_requests_belonged() {
    let api = Api::new().await;
    for (path, schema, level) in [
        ("/healthz", "probes", "exempt"),
        ("/version", "global-default", "global-default"),
        // Refused requests, too.
        ("/api/v1/pods", "global-default", "global-default"),
    ] {
        let headers = anonymous(&api, path).await.headers().clone();
        let expect = (
            uid(&api, &format!("flowschemas/{schema}")).await,
            uid(&api, &format!("prioritylevelconfigurations/{level}")).await,
        );
        let text = |name: &str| headers[name].to_str().unwrap().to_owned();
        let found = (text("x-kubernetes-pf-flowschema-uid"), text("x-kubernetes-pf-prioritylevel-uid"));
        assert_eq!(found, expect, "{path}");
    }
}

#[tokio::test]
async fn a_new_schema_counts_from_the_next_request_on() {
    let api = Api::new().await;
    let subject = json!({"kind": "Group", "group": {"name": "system:unauthenticated"}});
    let schema = json!({"metadata": {"name": "mine"}, "spec": {
        "matchingPrecedence": 10, "priorityLevelConfiguration": {"name": "narrow"},
        "rules": [{"subjects": [subject], "nonResourceRules": [{"verbs": ["get"], "nonResourceURLs": ["/version"]}]}],
    }});
    let level = json!({"metadata": {"name": "narrow"}, "spec": {
        "type": "Limited", "limited": {"nominalConcurrencyShares": 1, "limitResponse": {"type": "Reject"}},
    }});
    let made = api.create(&format!("{FLOW}/flowschemas"), schema).await;
    let found = |response: &Response<Body>| response.headers()["x-kubernetes-pf-flowschema-uid"].clone();
    // Without its level it does not count.
    assert_ne!(found(&anonymous(&api, "/version").await), made["metadata"]["uid"].as_str().unwrap());
    api.create(&format!("{FLOW}/prioritylevelconfigurations"), level).await;
    assert_eq!(found(&anonymous(&api, "/version").await), made["metadata"]["uid"].as_str().unwrap());
    let dump = api.fetch("/debug/api_priority_and_fairness/dump_priority_levels", &[]).await;
    let dump = http_body_util::BodyExt::collect(dump.into_body()).await.unwrap().to_bytes();
    let line = std::str::from_utf8(&dump).unwrap().lines().find(|line| line.starts_with("narrow,")).unwrap();
    let cells: Vec<&str> = line.split(',').map(str::trim).collect();
    assert_eq!(cells, ["narrow", "0", "true", "false", "0", "0", "1", "0", "0", "0"]);
}

#[tokio::test]
async fn schemas_say_whether_their_levels_are_there() {
    let api = Api::new().await;
    for schema in ["exempt", "catch-all", "global-default"] {
        let condition = api.get(&format!("{FLOW}/flowschemas/{schema}")).await["status"]["conditions"][0].clone();
        assert_eq!((&condition["type"], &condition["status"]), (&json!("Dangling"), &json!("False")), "{schema}");
    }
}
