//! Addresses of Services: an IPAddress for each, from the ranges that ServiceCIDRs give.

use serde_json::{Value, json};

use crate::common::{Api, names};

const CIDRS: &str = "/apis/networking.k8s.io/v1/servicecidrs";
const ADDRESSES: &str = "/apis/networking.k8s.io/v1/ipaddresses";
const SERVICES: &str = "/api/v1/namespaces/t/services";

fn service(name: &str, spec: Value) -> Value {
    let mut service = json!({"metadata": {"name": name}, "spec": {"ports": [{"port": 80}]}});
    service["spec"].as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
    service
}

async fn taken(api: &Api) -> Vec<String> {
    names(&api.get(ADDRESSES).await)
}

#[tokio::test]
async fn the_configured_range_is_there_and_ready() {
    let api = Api::new().await;
    let cidr = api.get(&format!("{CIDRS}/kubernetes")).await;
    assert_eq!(cidr["spec"]["cidrs"], json!(["10.96.0.0/24"]));
    let ready = &cidr["status"]["conditions"][0];
    assert_eq!(ready["message"], "Kubernetes default Service CIDR is ready");
    assert_eq!((&ready["type"], &ready["status"]), (&json!("Ready"), &json!("True")));
    assert_eq!(taken(&api).await, ["10.96.0.1"]);
}

#[tokio::test]
async fn a_service_has_its_address_as_long_as_it_is_there() {
    let api = Api::new().await;
    let made = api.create(SERVICES, service("s", json!({"clusterIP": "10.96.0.9"}))).await;
    assert_eq!(made["spec"]["clusterIP"], "10.96.0.9");
    let address = api.get(&format!("{ADDRESSES}/10.96.0.9")).await;
    assert_eq!(address["spec"], json!({"parentRef": {"resource": "services", "namespace": "t", "name": "s"}}));
    let labels = json!({"ipaddress.kubernetes.io/ip-family": "IPv4", "ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io"});
    assert_eq!(address["metadata"]["labels"], labels);
    assert_eq!(address["metadata"]["managedFields"][0]["manager"], "kube-apiserver");
    // As an ExternalName it needs none; the next one may have it, and gives it back when it goes.
    let path = format!("{SERVICES}/s");
    let outside =
        json!({"spec": {"type": "ExternalName", "externalName": "a.b", "clusterIP": null, "clusterIPs": null}});
    assert_eq!(api.call("PATCH", &path, outside).await.code, 200);
    assert_eq!(taken(&api).await, ["10.96.0.1"]);
    api.create(SERVICES, service("other", json!({"clusterIP": "10.96.0.9"}))).await;
    assert_eq!(taken(&api).await, ["10.96.0.1", "10.96.0.9"]);
    assert_eq!(api.call("DELETE", &format!("{SERVICES}/other"), Value::Null).await.code, 200);
    assert_eq!(taken(&api).await, ["10.96.0.1"]);
}

/// What the create of a Service with an address says, for real and as a dry run.
#[tokio::test]
async fn refusals_are_upstreams() {
    let api = Api::new().await;
    let by_hand = json!({
        "metadata": {"name": "10.96.0.20"}, "spec": {"parentRef": {"resource": "things", "name": "x", "group": "example.com"}},
    });
    api.create(ADDRESSES, by_hand).await;
    api.create(SERVICES, service("s", json!({"clusterIP": "10.96.0.9"}))).await;
    let cases = [
        ("10.96.0.9", "", "provided IP is already allocated"),
        ("10.96.0.20", "", "provided IP is already allocated"),
        ("1.2.3.4", "", "the provided network does not match the current range"),
        (
            "10.96.0.255",
            "",
            "the provided IP (10.96.0.255) is not in the valid range. The range of valid IPs is 10.96.0.0/24",
        ),
        (
            "1.2.3.4",
            "?dryRun=All",
            "the provided IP (1.2.3.4) is not in the valid range. The range of valid IPs is 10.96.0.0/24",
        ),
        ("10.96.0.9", "?dryRun=All", ""),
    ];
    for (address, query, why) in cases {
        let reply = api.call("POST", &format!("{SERVICES}{query}"), service("n", json!({"clusterIP": address}))).await;
        if why.is_empty() {
            assert_eq!(reply.code, 201, "{address}{query}: {}", reply.body);
            continue;
        }
        let cause = &reply.body["details"]["causes"][0];
        let message = format!("Invalid value: [\"{address}\"]: failed to allocate IP {address}: {why}");
        assert_eq!((reply.code, &cause["message"]), (422, &json!(message)), "{address}{query}");
        assert_eq!(cause["field"], "spec.clusterIPs");
    }
    // Nothing of what was refused or not meant is left behind.
    assert_eq!(taken(&api).await, ["10.96.0.1", "10.96.0.20", "10.96.0.9"]);
}

#[tokio::test]
async fn more_ranges_give_more_addresses_and_those_that_go_give_none() {
    let api = Api::new().await;
    let small =
        json!({"metadata": {"name": "small", "finalizers": ["example.com/kept"]}, "spec": {"cidrs": ["10.97.0.0/30"]}});
    api.create(CIDRS, small).await;
    let one = service("one", json!({"clusterIP": "10.97.0.1"}));
    assert_eq!(api.call("POST", SERVICES, one).await.code, 201);
    assert_eq!(api.call("DELETE", &format!("{CIDRS}/small"), Value::Null).await.code, 200);
    let two = service("two", json!({"clusterIP": "10.97.0.2"}));
    let refused = api.call("POST", SERVICES, two).await;
    let why = "failed to allocate IP 10.97.0.2: the provided network does not match the current range";
    assert!(refused.body["message"].as_str().unwrap().ends_with(why), "{}", refused.body);
    // All others still come from the range that is left.
    let any = api.create(SERVICES, service("any", json!({}))).await;
    assert!(any["spec"]["clusterIP"].as_str().unwrap().starts_with("10.96.0."), "{any}");
}

#[tokio::test]
async fn a_full_range_is_said_to_be_full_and_none_is_given_twice() {
    let api = Api::new().await;
    let reply = api.call("PATCH", &format!("{CIDRS}/kubernetes/status"), json!({"status": {"conditions": [
        {"type": "Ready", "status": "False", "reason": "r", "message": "m", "lastTransitionTime": "2026-01-01T00:00:00Z"},
    ]}})).await;
    assert_eq!(reply.code, 200, "{}", reply.body);
    api.create(CIDRS, json!({"metadata": {"name": "small"}, "spec": {"cidrs": ["10.97.0.0/29"]}})).await;
    let create = |number: usize| {
        let api = &api;
        async move { api.call("POST", SERVICES, service(&format!("s{number}"), json!({}))).await }
    };
    let replies = futures::future::join_all((0..8).map(create)).await;
    let mut given: Vec<&str> = replies.iter().filter_map(|reply| reply.body["spec"]["clusterIP"].as_str()).collect();
    given.sort_unstable();
    assert_eq!(given, ["10.97.0.1", "10.97.0.2", "10.97.0.3", "10.97.0.4", "10.97.0.5", "10.97.0.6"]);
    let refused = replies.iter().find(|reply| reply.code != 201).unwrap();
    let cause = &refused.body["details"]["causes"][0];
    assert_eq!(cause["message"], "Internal error: failed to allocate a serviceIP: range is full");
}

/// Services of before have their addresses written down at the start; what somebody deletes comes back.
#[tokio::test]
async fn addresses_that_are_held_are_written_down_again() {
    let api = Api::new().await;
    api.create(SERVICES, service("s", json!({"clusterIP": "10.96.0.9"}))).await;
    let path = format!("{ADDRESSES}/10.96.0.9");
    let watch =
        format!("{ADDRESSES}?watch=1&timeoutSeconds=5&resourceVersion=0&fieldSelector=metadata.name%3D10.96.0.9");
    let before = api.get(&path).await;
    assert_eq!(api.call("DELETE", &path, Value::Null).await.code, 200);
    let mut stream = http_body_util::BodyExt::into_data_stream(api.fetch(&watch, &[]).await.into_body());
    let mut seen = String::new();
    while !seen.contains("\"ADDED\"") {
        let chunk = futures::StreamExt::next(&mut stream).await.expect("the address comes back").unwrap();
        seen.push_str(&String::from_utf8_lossy(&chunk));
    }
    let again = api.get(&path).await;
    assert_eq!(again["spec"], before["spec"]);
    assert_ne!(again["metadata"]["uid"], before["metadata"]["uid"]);
}
