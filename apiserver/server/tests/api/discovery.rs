//! Discovery against the documents of a v1.36.2 server: the same groups, versions, resources and order, but for our own.

use crate::common::Api;
use http_body_util::BodyExt as _;
use serde_json::Value;

const OUR_GROUP: &str = "kernel.kubernel.io";
const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/// Path, what is accepted, upstream's document, and where the names of its groups are.
const DOCUMENTS: &[(&str, &str, &str, &str)] = &[
    ("/api", AGGREGATED, include_str!("data/discovery/aggregated-api.json"), "/metadata/name"),
    ("/apis", AGGREGATED, include_str!("data/discovery/aggregated-apis.json"), "/metadata/name"),
    ("/api", "application/json", include_str!("data/discovery/api.json"), "/name"),
    ("/apis", "application/json", include_str!("data/discovery/apis.json"), "/name"),
];

#[tokio::test]
async fn it_says_what_upstreams_says() {
    let api = Api::new().await;
    for (path, accept, upstream, name) in DOCUMENTS {
        let body = api.fetch(path, &[("accept", accept)]).await.into_body().collect().await.unwrap().to_bytes();
        let mut ours: Value = serde_json::from_slice(&body).unwrap();
        let mut upstream: Value = serde_json::from_str(upstream).unwrap();
        for list in ["items", "groups"] {
            if let Some(groups) = ours.get_mut(list).and_then(Value::as_array_mut) {
                groups.retain(|group| group.pointer(name).and_then(Value::as_str) != Some(OUR_GROUP));
            }
        }
        // Each server has an address of its own.
        for document in [&mut ours, &mut upstream] {
            document.as_object_mut().unwrap().remove("serverAddressByClientCIDRs");
        }
        assert_eq!(ours, upstream, "{path} {accept}");
    }
}
