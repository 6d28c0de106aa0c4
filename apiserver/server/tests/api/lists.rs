//! What lists show.

use crate::common::{Api, CONFIG_MAPS, names, version};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};

#[tokio::test]
async fn pages_are_one_state() {
    let api = Api::new().await;
    for n in 0..25 {
        api.config_map(&format!("c{n:02}"), if n % 2 == 0 { "even" } else { "odd" }).await;
    }
    let mut path = format!("{CONFIG_MAPS}?limit=10");
    let mut seen = Vec::new();
    let mut versions = Vec::new();
    let mut remaining = Vec::new();
    loop {
        let page = api.get(&path).await;
        seen.extend(names(&page));
        versions.push(version(&page));
        remaining.push(page["metadata"]["remainingItemCount"].as_u64());
        // What happens between two pages is on none of them.
        api.config_map(&format!("c{:02}-later", seen.len()), "odd").await;
        let Some(token) = page["metadata"]["continue"].as_str() else { break };
        path = format!("{CONFIG_MAPS}?limit=10&continue={token}");
    }
    assert_eq!(seen, (0..25).map(|n| format!("c{n:02}")).collect::<Vec<_>>());
    assert!(versions.iter().all(|version| *version == versions[0]), "{versions:?}");
    assert_eq!(remaining, [Some(15), Some(5), None]);
    let selected = api.get(&format!("{CONFIG_MAPS}?limit=5&labelSelector=l%3Deven")).await;
    assert_eq!(names(&selected).len(), 5);
    assert_eq!(selected["metadata"]["remainingItemCount"], Value::Null);
}

#[tokio::test]
async fn an_exact_version_shows_the_past() {
    let api = Api::new().await;
    let first = api.config_map("a", "1").await;
    api.config_map("b", "1").await;
    api.call("DELETE", &format!("{CONFIG_MAPS}/a"), Value::Null).await;
    let past = format!("{CONFIG_MAPS}?resourceVersionMatch=Exact&resourceVersion={}", version(&first));
    assert_eq!(names(&api.get(&past).await), ["a"]);
    assert_eq!(names(&api.get(CONFIG_MAPS).await), ["b"]);
}

#[tokio::test]
async fn a_version_that_has_not_happened_is_a_timeout() {
    let api = Api::new().await;
    let reply = api.call("GET", &format!("{CONFIG_MAPS}?resourceVersion=999999"), Value::Null).await;
    assert_eq!(reply.code, 504, "{}", reply.body);
    assert_eq!(reply.body["details"]["causes"][0]["reason"], "ResourceVersionTooLarge");
    assert_eq!(reply.headers["retry-after"], "1");
}

#[tokio::test]
async fn items_are_the_stored_objects_without_their_kind() {
    let api = Api::new().await;
    let made = api.config_map("a", "1").await;
    let list = api.get("/api/v1/configmaps?fieldSelector=metadata.namespace%3Dt").await;
    assert_eq!((&list["kind"], &list["apiVersion"]), (&json!("ConfigMapList"), &json!("v1")));
    let mut item = list["items"][0].clone();
    assert_eq!((&item["kind"], &item["apiVersion"]), (&Value::Null, &Value::Null));
    item["kind"] = json!("ConfigMap");
    item["apiVersion"] = json!("v1");
    assert_eq!(item, made);
}

/// History is bounded by its bytes: this many writes of this size push out what was before them.
const WRITES: usize = 30;
const WRITE_BYTES: usize = 900 << 10;

#[tokio::test]
async fn what_history_has_lost_is_expired_and_goes_on_in_the_present() {
    let api = Api::new().await;
    for name in ["a", "b", "c"] {
        api.config_map(name, "1").await;
    }
    let page = api.get(&format!("{CONFIG_MAPS}?limit=1")).await;
    let (token, past) = (page["metadata"]["continue"].as_str().unwrap(), version(&page));
    for n in 0..WRITES {
        let data = char::from(b'A' + (n % 26) as u8).to_string().repeat(WRITE_BYTES);
        api.call("PATCH", &format!("{CONFIG_MAPS}/b"), json!({"data": {"x": data}})).await;
    }
    api.call("DELETE", &format!("{CONFIG_MAPS}/b"), Value::Null).await;
    api.config_map("d", "1").await;

    let reply = api.call("GET", &format!("{CONFIG_MAPS}?limit=1&continue={token}"), Value::Null).await;
    assert_eq!((reply.code, &reply.body["reason"]), (410, &json!("Expired")), "{}", reply.body);
    let text = reply.body["message"].as_str().unwrap();
    assert!(text.starts_with("The provided continue parameter is too old to display a consistent list"), "{text}");
    let token = reply.body["metadata"]["continue"].as_str().unwrap();
    let rest = api.get(&format!("{CONFIG_MAPS}?continue={token}")).await;
    assert_eq!(names(&rest), ["c", "d"]);
    assert!(version(&rest) > past);

    for query in
        [format!("resourceVersion={past}&resourceVersionMatch=Exact"), format!("resourceVersion={past}&limit=1")]
    {
        let reply = api.call("GET", &format!("{CONFIG_MAPS}?{query}"), Value::Null).await;
        assert_eq!((reply.code, &reply.body["reason"]), (410, &json!("Expired")), "{query}: {}", reply.body);
        assert_eq!(reply.body["message"], "The resourceVersion for the provided list is too old.", "{query}");
    }
    assert_eq!(names(&api.get(&format!("{CONFIG_MAPS}?resourceVersion={past}")).await), ["a", "c", "d"]);
    let watch = api.call("GET", &format!("{CONFIG_MAPS}?watch=1&resourceVersion={past}"), Value::Null).await;
    assert_eq!((watch.code, &watch.body["type"]), (200, &json!("ERROR")), "{}", watch.body);
    let status = &watch.body["object"];
    assert_eq!((&status["code"], &status["reason"]), (&json!(410), &json!("Expired")), "{status}");
    let text = status["message"].as_str().unwrap();
    assert!(text.starts_with(&format!("too old resource version: {past} (")), "{text}");
}

#[tokio::test]
async fn an_indented_list_is_the_list() {
    let api = Api::new().await;
    for count in 0..3 {
        let plain = api.get(CONFIG_MAPS).await;
        let response = api.send("GET", &format!("{CONFIG_MAPS}?pretty=true"), "", String::new()).await;
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        let text = std::str::from_utf8(&bytes).unwrap();
        assert_eq!(serde_json::from_str::<Value>(text).unwrap(), plain);
        assert!(
            text.starts_with("{\n  \"kind\": \"ConfigMapList\",\n  \"apiVersion\": \"v1\",\n  \"metadata\": {\n    ")
        );
        assert_eq!(text.matches("\n    {\n      \"").count(), count, "{text}");
        api.config_map(&format!("c{count}"), "1").await;
    }
}

#[tokio::test]
async fn every_kind_can_be_listed_and_described() {
    let api = Api::new().await;
    let groups = api.get("/apis").await["groups"].as_array().cloned().unwrap();
    let versions = groups.iter().flat_map(|group| group["versions"].as_array().cloned().unwrap());
    let mut paths: Vec<String> = versions.map(|v| format!("/apis/{}", v["groupVersion"].as_str().unwrap())).collect();
    paths.push("/api/v1".to_owned());
    for base in paths {
        for resource in api.get(&base).await["resources"].as_array().unwrap() {
            let verbs = resource["verbs"].as_array().unwrap();
            if verbs.iter().any(|verb| verb == "list") {
                let path = format!("{base}/{}", resource["name"].as_str().unwrap());
                let list = api.get(&path).await;
                assert_eq!(list["kind"], format!("{}List", resource["kind"].as_str().unwrap()), "{path}");
            }
        }
        api.get(&format!("/openapi/v3{base}")).await;
    }
}
