//! Priority and fairness as clients see it.

use crate::common::Api;
use axum::body::Body;
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

#[tokio::test]
async fn default_objects_come_back_unless_their_operator_keeps_them() {
    let api = Api::new().await;
    let (system, nodes) = (format!("{FLOW}/flowschemas/system-nodes"), format!("{FLOW}/flowschemas/system-node-high"));
    let probes = format!("{FLOW}/flowschemas/probes");
    let untouched = api.get(&system).await;
    assert_eq!(api.send("DELETE", &format!("{FLOW}/flowschemas/catch-all"), "", String::new()).await.status(), 200);
    for (path, said) in [(&nodes, "false"), (&probes, "true")] {
        let change = json!({
            "metadata": {"annotations": {"apf.kubernetes.io/autoupdate-spec": said}}, "spec": {"matchingPrecedence": 77},
        });
        let changed = api.send("PATCH", path, "application/merge-patch+json", change.to_string()).await;
        assert_eq!(changed.status(), 200, "{path}");
    }
    let mine = json!({
        "metadata": {"name": "mine", "annotations": {"apf.kubernetes.io/autoupdate-spec": "true"}},
        "spec": {"type": "Limited", "limited": {"limitResponse": {"type": "Reject"}}},
    });
    api.create(&format!("{FLOW}/prioritylevelconfigurations"), mine).await;
    let api = api.restarted().await;
    let found = [
        api.get(&format!("{FLOW}/flowschemas/catch-all")).await["spec"]["matchingPrecedence"].clone(),
        api.get(&nodes).await["spec"]["matchingPrecedence"].clone(),
        api.get(&probes).await["spec"]["matchingPrecedence"].clone(),
        api.call("GET", &format!("{FLOW}/prioritylevelconfigurations/mine"), json!(null)).await.body["code"].clone(),
    ];
    assert_eq!(found, [json!(10000), json!(77), json!(2), json!(404)]);
    // What is as it should be is not written again.
    assert_eq!(api.get(&system).await, untouched);
}
