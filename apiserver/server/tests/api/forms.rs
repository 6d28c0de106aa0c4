//! The forms of answers: protobuf says what JSON says, in objects, lists, failures and watches; large answers shrink.

use std::io::Read as _;

use crate::common::{Api, CONFIG_MAPS};
use futures::StreamExt as _;
use http_body_util::BodyExt as _;
use kubernel_schema::{builtin, protobuf};
use serde_json::{Value, json};

const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";
const CLIENT_GO: &str = "application/vnd.kubernetes.protobuf,application/json";

async fn whole(api: &Api, path: &str, accept: &str) -> (u16, String, Vec<u8>) {
    let (parts, body) = api.fetch(path, &[("accept", accept)]).await.into_parts();
    let content_type = parts.headers["content-type"].to_str().unwrap().to_owned();
    (parts.status.as_u16(), content_type, body.collect().await.unwrap().to_bytes().to_vec())
}

/// The object of a protobuf document.
fn read(bytes: &[u8]) -> Value {
    protobuf::decode(builtin(), bytes).unwrap().into_value()
}

/// JSON without what protobuf cannot say: nulls.
fn comparable(mut value: Value) -> Value {
    match &mut value {
        Value::Object(map) => {
            map.retain(|_, value| !value.is_null());
            map.values_mut().for_each(|value| *value = comparable(value.take()));
        }
        Value::Array(items) => items.iter_mut().for_each(|value| *value = comparable(value.take())),
        _ => {}
    }
    value
}

/// The kinds of a list's items are in JSON alone.
fn without_kinds(mut list: Value) -> Value {
    let items = list.get_mut("items").and_then(Value::as_array_mut);
    for item in items.into_iter().flatten().filter_map(Value::as_object_mut) {
        item.remove("kind");
        item.remove("apiVersion");
    }
    list
}

#[tokio::test]
async fn protobuf_says_what_json_says() {
    let api = Api::new().await;
    for n in 0..200 {
        api.config_map(&format!("c{n:03}"), "x").await;
    }
    let partial = |media: &str, kind: &str| format!("{media};as={kind};g=meta.k8s.io;v=v1");
    let object = |media: &str| media.to_owned();
    type Accept<'a> = &'a dyn Fn(&str) -> String;
    let rows: [(&str, Accept<'_>); 8] = [
        (&format!("{CONFIG_MAPS}/c001"), &object),
        (CONFIG_MAPS, &object),
        (&format!("{CONFIG_MAPS}?limit=3"), &object),
        ("/apis/rbac.authorization.k8s.io/v1/clusterroles", &object),
        ("/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas/exempt", &object),
        (&format!("{CONFIG_MAPS}/none"), &object),
        (&format!("{CONFIG_MAPS}/c002"), &|media| partial(media, "PartialObjectMetadata")),
        (CONFIG_MAPS, &|media| partial(media, "PartialObjectMetadataList")),
    ];
    for (path, accept) in rows {
        let (json_code, _, json) = whole(&api, path, &accept("application/json")).await;
        // The second time the messages are there already.
        for _ in 0..2 {
            let (code, content_type, bytes) = whole(&api, path, &accept(PROTOBUF)).await;
            assert_eq!((code, content_type.as_str()), (json_code, PROTOBUF), "{path}");
            let json: Value = serde_json::from_slice(&json).unwrap();
            assert_eq!(read(&bytes), without_kinds(comparable(json)), "{path}");
        }
    }
}

#[tokio::test]
async fn the_most_wanted_form_is_taken() {
    let api = Api::new().await;
    api.config_map("a", "x").await;
    let table = format!("{PROTOBUF};as=Table;g=meta.k8s.io;v=v1,application/json;as=Table;g=meta.k8s.io;v=v1");
    let live = "/apis/kernel.kubernel.io/v1alpha1/resourceroles";
    for (path, accept, expect) in [
        (CONFIG_MAPS, CLIENT_GO, PROTOBUF),
        (CONFIG_MAPS, "application/json,application/vnd.kubernetes.protobuf", "application/json"),
        (CONFIG_MAPS, "application/json;q=0.5,application/vnd.kubernetes.protobuf;q=0.8", PROTOBUF),
        (CONFIG_MAPS, "*/*,application/vnd.kubernetes.protobuf", PROTOBUF),
        (CONFIG_MAPS, &table, "application/json"),
        (CONFIG_MAPS, "application/vnd.kubernetes.protobuf;stream=other,application/yaml", "application/yaml"),
        // Kinds without a protobuf form.
        (live, CLIENT_GO, "application/json"),
    ] {
        let (code, content_type, _) = whole(&api, path, accept).await;
        assert_eq!((code, content_type.as_str()), (200, expect), "{path} {accept}");
    }
    let (code, content_type, _) = whole(&api, live, PROTOBUF).await;
    assert_eq!((code, content_type.as_str()), (406, PROTOBUF));
}

#[tokio::test]
async fn frames_of_a_watch_hold_what_lines_hold() {
    let api = Api::new().await;
    api.config_map("a", "x").await;
    let query = "watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
    for view in ["", ";as=PartialObjectMetadata;g=meta.k8s.io;v=v1"] {
        let path = format!("{CONFIG_MAPS}?{query}&timeoutSeconds=1");
        let (_, _, lines) = whole(&api, &path, &format!("application/json{view}")).await;
        let (_, content_type, frames) = whole(&api, &path, &format!("{PROTOBUF};stream=watch{view}")).await;
        assert_eq!(content_type, "application/vnd.kubernetes.protobuf;stream=watch");
        let expect: Vec<Value> = String::from_utf8(lines).unwrap().lines().map(event_of_line).collect();
        assert_eq!(expect.len(), 2, "an object and a bookmark: {expect:?}");
        assert_eq!(events_of_frames(&frames), expect, "{view}");
    }
}

/// Views that are cut out of the stored text say what those say that are made of objects.
#[tokio::test]
async fn metadata_is_cut_out_as_it_is_read() {
    let api = Api::new().await;
    let autoscalers = "/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers";
    let spec = json!({ "maxReplicas": 2, "scaleTargetRef": { "kind": "Deployment", "name": "d" } });
    for name in ["a", "b"] {
        let note = json!({ "name": name, "annotations": { "a": "x \"y\"" } });
        api.create(CONFIG_MAPS, json!({ "metadata": note, "data": { "metadata": "z" } })).await;
        let metadata = json!({ "name": name, "annotations": { "autoscaling.alpha.kubernetes.io/metrics": "[]" } });
        api.create(autoscalers, json!({ "metadata": metadata, "spec": spec })).await;
    }
    let view = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
    for path in [CONFIG_MAPS, autoscalers] {
        let (_, _, cut) = whole(&api, path, view).await;
        let (_, _, made) = whole(&api, &format!("{path}?pretty=true"), view).await;
        let (cut, made): (Value, Value) =
            (serde_json::from_slice(&cut).unwrap(), serde_json::from_slice(&made).unwrap());
        assert_eq!(cut["items"].as_array().map(Vec::len), Some(2), "{cut}");
        assert_eq!(cut, made);
    }
}

fn event_of_line(line: &str) -> Value {
    serde_json::from_str(line).unwrap()
}

/// Four bytes of length, then type (1) and object (2), in which the raw document is (1).
fn events_of_frames(mut bytes: &[u8]) -> Vec<Value> {
    let mut events = Vec::new();
    while let Some((head, rest)) = bytes.split_first_chunk::<4>() {
        let (frame, rest) = rest.split_at(u32::from_be_bytes(*head) as usize);
        bytes = rest;
        let (kind, object) = field(frame, 1);
        let (raw, end) = field(field(object, 2).0, 1);
        assert_eq!((end.len(), field(object, 2).1.len()), (0, 0));
        events.push(json!({ "type": std::str::from_utf8(kind).unwrap(), "object": read(raw) }));
    }
    events
}

/// The bytes of the field with which a message begins, and what comes after it.
fn field(bytes: &[u8], number: u8) -> (&[u8], &[u8]) {
    assert_eq!(bytes[0], (number << 3) | 2);
    let mut length = 0;
    let mut at = 1;
    loop {
        length |= usize::from(bytes[at] & 0x7f) << (7 * (at - 1));
        at += 1;
        if bytes[at - 1] & 0x80 == 0 {
            return bytes[at..].split_at(length);
        }
    }
}

#[tokio::test]
async fn large_answers_are_compressed_for_who_takes_gzip() {
    let api = Api::new().await;
    let body = json!({"metadata": {"name": "big"}, "data": {"k": "abcdefgh".repeat(20 * 1024)}});
    api.create(CONFIG_MAPS, body).await;
    for (path, encodings, expect) in [
        (CONFIG_MAPS.to_owned(), "gzip, deflate", Some("gzip")),
        (format!("{CONFIG_MAPS}/big"), "gzip", Some("gzip")),
        (format!("{CONFIG_MAPS}/big"), "gzip;q=1.0", None),
        (format!("{CONFIG_MAPS}/big"), "", None),
        ("/api/v1/namespaces".to_owned(), "gzip", None),
    ] {
        let plain = api.fetch(&path, &[]).await.into_body().collect().await.unwrap().to_bytes();
        let (parts, mut body) = api.fetch(&path, &[("accept-encoding", encodings)]).await.into_parts();
        let found = parts.headers.get("content-encoding").map(|value| value.to_str().unwrap());
        assert_eq!(found, expect, "{path} {encodings}");
        let mut bytes = Vec::new();
        let mut pieces = std::mem::take(&mut body).into_data_stream();
        while let Some(piece) = pieces.next().await {
            bytes.extend_from_slice(&piece.unwrap());
        }
        if expect.is_some() {
            assert!(bytes.len() < plain.len() / 10);
            let mut inflated = Vec::new();
            flate2::read::GzDecoder::new(&*bytes).read_to_end(&mut inflated).unwrap();
            bytes = inflated;
        }
        assert_eq!(bytes, plain, "{path} {encodings}");
    }
}

#[tokio::test]
async fn discovery_says_the_same_in_every_form() {
    let api = Api::new().await;
    let aggregated = |media: &str| format!("{media};g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList");
    for path in ["/api", "/apis"] {
        let (code, content_type, json) = whole(&api, path, &aggregated("application/json")).await;
        assert_eq!((code, content_type), (200, aggregated("application/json")));
        let (code, content_type, bytes) = whole(&api, path, &aggregated(PROTOBUF)).await;
        assert_eq!((code, content_type), (200, aggregated(PROTOBUF)));
        assert_eq!(read(&bytes), serde_json::from_slice::<Value>(&json).unwrap(), "{path}");
    }
    for path in ["/api", "/apis", "/api/v1", "/apis/apps", "/apis/apps/v1"] {
        let (_, _, json) = whole(&api, path, "application/json").await;
        let (code, content_type, bytes) = whole(&api, path, CLIENT_GO).await;
        assert_eq!((code, content_type.as_str()), (200, PROTOBUF), "{path}");
        let json: Value = serde_json::from_slice(&json).unwrap();
        // The oldest ones do not say their version, in neither form.
        let envelope = protobuf::envelope(&bytes).unwrap();
        assert_eq!(json["apiVersion"].as_str().unwrap_or_default(), envelope.api_version, "{path}");
        if !envelope.api_version.is_empty() {
            assert_eq!(read(&bytes), json, "{path}");
        }
    }
}

#[tokio::test]
async fn discovery_is_aggregated_for_who_wants_that_most() {
    let api = Api::new().await;
    let of = |media: &str, version: &str| format!("{media};g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList");
    let (json, binary) = (of("application/json", "v2"), of(PROTOBUF, "v2"));
    for (accept, expect) in [
        (format!("{json},application/json"), json.as_str()),
        (format!("application/json;q=0.8,{json};q=0.9"), json.as_str()),
        (format!("{},{json},application/json", of("application/json", "v2beta1")), json.as_str()),
        (of("*/*", "v2"), json.as_str()),
        (format!("{binary},{json}"), binary.as_str()),
        (format!("application/json,{json}"), "application/json"),
        (format!("{json};q=0.8,application/json;q=0.9"), "application/json"),
        (format!("{},application/json", of("application/json", "v2beta1")), "application/json"),
        ("*/*".to_owned(), "application/json"),
        (String::new(), "application/json"),
    ] {
        let (code, content_type, _) = whole(&api, "/apis", &accept).await;
        assert_eq!((code, content_type.as_str()), (200, expect), "{accept}");
    }
}

#[tokio::test]
async fn openapi_comes_in_both_forms_under_one_tag() {
    let api = Api::new().await;
    let v3 = "application/com.github.proto-openapi.spec.v3.v1.0+protobuf";
    let v2 = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";
    for (path, accept, code, content_type) in [
        ("/openapi/v3/apis/apps/v1", "", 200, "application/json"),
        ("/openapi/v3/apis/apps/v1", "*/*", 200, "application/json"),
        ("/openapi/v3/apis/apps/v1", v3, 200, v3),
        ("/openapi/v3/apis/apps/v1", "application/com.github.proto-openapi.spec.v3@v1.0+protobuf", 200, v3),
        ("/openapi/v3/version", v3, 200, v3),
        (
            "/openapi/v3/apis/apps/v1",
            "application/json;q=0.2,application/com.github.proto-openapi.spec.v3.v1.0+protobuf",
            200,
            v3,
        ),
        ("/openapi/v3/apis/apps/v1", "application/yaml", 406, ""),
        ("/openapi/v3", "application/yaml", 200, "application/json"),
        ("/openapi/v2", "application/com.github.proto-openapi.spec.v2@v1.0+protobuf", 200, v2),
        ("/openapi/v2", "text/html", 406, ""),
    ] {
        let response = api.fetch(path, &[("accept", accept)]).await;
        let found = response.headers().get("content-type").map_or("", |value| value.to_str().unwrap());
        assert_eq!((response.status().as_u16(), found), (code, content_type), "{path} {accept}");
    }
    let tag = |response: &http::Response<axum::body::Body>| response.headers()["etag"].clone();
    let json = api.fetch("/openapi/v3/apis/apps/v1", &[]).await;
    let binary = api.fetch("/openapi/v3/apis/apps/v1", &[("accept", v3)]).await;
    assert_eq!(tag(&json), tag(&binary));
    let tag = tag(&json).to_str().unwrap().to_owned();
    let known = api.fetch("/openapi/v3/apis/apps/v1", &[("accept", v3), ("if-none-match", &tag)]).await;
    assert_eq!(known.status(), 304);
}
