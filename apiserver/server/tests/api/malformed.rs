//! What no client should send: each row is refused with a Status that says so, and the server goes on. Where upstream
//! itself answers with 500 (a `$patch` that it does not know, a resourceVersion that is no number) there is no row.

use crate::common::{Api, CONFIG_MAPS};
use axum::body::Body;
use http::Request;
use http_body_util::BodyExt as _;
use kubernel_server::User;
use serde_json::{Value, json};
use tower::ServiceExt as _;

const JSON: &str = "application/json";
const YAML: &str = "application/yaml";
const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";
const JSON_PATCH: &str = "application/json-patch+json";
const MERGE: &str = "application/merge-patch+json";
const STRATEGIC: &str = "application/strategic-merge-patch+json";
const APPLY: &str = "application/apply-patch+yaml";

/// Sends one request; its answer must be a Status of this code, whose message says this. What it is else comes back.
async fn refused(
    api: &Api,
    method: &str,
    path: &str,
    content_type: &str,
    body: &[u8],
    code: u16,
    says: &str,
) -> Option<String> {
    let mut request = Request::builder().method(method).uri(path);
    if !content_type.is_empty() {
        request = request.header("content-type", content_type);
    }
    let service = api.server.service(User::new("tester", &["system:masters"]));
    let response = service.oneshot(request.body(Body::from(body.to_vec())).unwrap()).await.unwrap();
    let status = response.status().as_u16();
    let answer = response.into_body().collect().await.unwrap().to_bytes();
    let answer: Value = serde_json::from_slice(&answer).unwrap_or_else(|_| json!(String::from_utf8_lossy(&answer)));
    let is_status = answer["kind"] == "Status" && answer["status"] == "Failure" && answer["code"] == code;
    if status == code && is_status && answer["message"].as_str().unwrap_or_default().contains(says) {
        return None;
    }
    let shown = String::from_utf8_lossy(&body[..body.len().min(120)]).into_owned();
    Some(format!("{method} {path} {content_type} {shown:?} is not {code} {says:?} but {status} {answer}"))
}

/// Nothing was answered in another way.
fn check(answers: Vec<Option<String>>) {
    let wrong: Vec<String> = answers.into_iter().flatten().collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Bodies of a POST of a ConfigMap: content type, body, code, a part of the message.
const CREATES: &[(&str, &str, u16, &str)] = &[
    (JSON, "", 400, ""),
    (JSON, " ", 400, ""),
    (JSON, "{", 400, "unexpected end of JSON input"),
    (JSON, "{\"kind\":\"ConfigMap\"", 400, "unexpected end of JSON input"),
    (JSON, "[]", 400, ""),
    (JSON, "1", 400, ""),
    (JSON, "true", 400, ""),
    (JSON, "\"ConfigMap\"", 400, ""),
    (JSON, "ConfigMap", 400, "invalid character 'C'"),
    (JSON, "{'kind':'ConfigMap'}", 400, "invalid character '\\''"),
    (JSON, "{\"kind\":\"ConfigMap\",}", 400, "invalid character '}'"),
    (JSON, "{\"kind\":\"ConfigMap\"}x", 400, "invalid character 'x'"),
    (JSON, "{\"kind\":\"ConfigMap\"}{}", 400, "invalid character '{'"),
    (JSON, "/* a */ {}", 400, "invalid character '/'"),
    (JSON, "\u{feff}{}", 400, "invalid character"),
    (JSON, "{\"data\":{\"a\":\"\n\"}}", 400, "invalid character '\\n' in string literal"),
    (JSON, "{\"data\":{\"a\":\"\\x\"}}", 400, "invalid character 'x' in string escape code"),
    (JSON, "{\"data\":{\"a\":NaN}}", 400, "invalid character 'N'"),
    (JSON, "{\"data\":{\"a\":Infinity}}", 400, "invalid character 'I'"),
    (JSON, "{\"data\":{\"a\":01}}", 400, "invalid character '1'"),
    (JSON, "{\"data\":{\"a\":1}}", 400, "cannot unmarshal number into Go struct field ConfigMap.data of type string"),
    (
        JSON,
        "{\"data\":[]}",
        400,
        "cannot unmarshal array into Go struct field ConfigMap.data of type map[string]string",
    ),
    (JSON, "{\"data\":\"a\"}", 400, "cannot unmarshal string into Go struct field ConfigMap.data"),
    (
        JSON,
        "{\"immutable\":\"yes\"}",
        400,
        "cannot unmarshal string into Go struct field ConfigMap.immutable of type bool",
    ),
    (JSON, "{\"binaryData\":{\"a\":\"%%%\"}}", 400, "illegal base64 data"),
    (JSON, "{\"metadata\":[]}", 400, "cannot unmarshal array into Go struct field ConfigMap.metadata"),
    (
        JSON,
        "{\"metadata\":{\"name\":1}}",
        400,
        "cannot unmarshal number into Go struct field ObjectMeta.metadata.name of type string",
    ),
    (JSON, "{\"metadata\":{\"labels\":{\"a\":{}}}}", 400, "cannot unmarshal object into Go struct field"),
    (JSON, "{\"metadata\":{\"generation\":1.5}}", 400, "cannot unmarshal number 1.5 into Go struct field"),
    (JSON, "{\"metadata\":{\"generation\":9223372036854775808}}", 400, "cannot unmarshal number 9223372036854775808"),
    (JSON, "{\"metadata\":{\"generation\":1e999}}", 400, "1e999"),
    (JSON, "{\"metadata\":{\"creationTimestamp\":\"yesterday\"}}", 400, "parsing time"),
    (JSON, "{\"metadata\":{\"ownerReferences\":{}}}", 400, "cannot unmarshal object into Go struct field"),
    (JSON, "{\"metadata\":{\"managedFields\":[1]}}", 400, "cannot unmarshal number"),
    (JSON, "{\"kind\":1}", 400, ""),
    (JSON, "{\"apiVersion\":{}}", 400, ""),
    (JSON, "{\"kind\":\"Pod\",\"apiVersion\":\"v1\"}", 400, "cannot be handled as a ConfigMap"),
    (JSON, "{\"kind\":\"ConfigMap\",\"apiVersion\":\"v2\"}", 400, ""),
    (JSON, "{\"kind\":\"Nothing\",\"apiVersion\":\"x.io/v1\"}", 400, ""),
    (JSON, "{}", 422, "name or generateName is required"),
    (JSON, "null", 422, "name or generateName is required"),
    (JSON, "{\"metadata\":{\"name\":\"A\"}}", 422, "a lowercase RFC 1123 subdomain"),
    (JSON, "{\"metadata\":{\"name\":\"a/b\"}}", 422, "metadata.name: Invalid value: \"a/b\""),
    (JSON, "{\"metadata\":{\"name\":\"\\u0000\"}}", 422, "metadata.name: Invalid value"),
    (JSON, "{\"metadata\":{\"name\":\"..\"}}", 422, "metadata.name: Invalid value"),
    (JSON, "{\"metadata\":{\"name\":\"\\ud800\"}}", 422, "metadata.name: Invalid value"),
    (JSON, "{\"metadata\":{\"generateName\":\"_\"}}", 422, "metadata.generateName: Invalid value"),
    (
        JSON,
        "{\"metadata\":{\"name\":\"a\",\"namespace\":\"u\"}}",
        400,
        "the namespace of the provided object does not match",
    ),
    (JSON, "{\"metadata\":{\"name\":\"a\",\"labels\":{\"a b\":\"\"}}}", 422, "metadata.labels: Invalid value: \"a b\""),
    (JSON, "{\"metadata\":{\"name\":\"a\",\"labels\":{\"\":\"\"}}}", 422, "metadata.labels: Invalid value: \"\""),
    (JSON, "{\"metadata\":{\"name\":\"a\",\"labels\":{\"a\":\"-\"}}}", 422, "metadata.labels: Invalid value: \"-\""),
    (
        JSON,
        "{\"metadata\":{\"name\":\"a\",\"annotations\":{\"/\":\"\"}}}",
        422,
        "metadata.annotations: Invalid value: \"/\"",
    ),
    (JSON, "{\"metadata\":{\"name\":\"a\",\"finalizers\":[\"x\"]}}", 422, "metadata.finalizers"),
    (JSON, "{\"metadata\":{\"name\":\"a\",\"ownerReferences\":[{}]}}", 422, "metadata.ownerReferences"),
    (JSON, "{\"metadata\":{\"name\":\"a\"},\"data\":{\"a b\":\"\"}}", 422, "data[a b]: Invalid value"),
    (JSON, "{\"metadata\":{\"name\":\"a\"},\"data\":{\"..\":\"\"}}", 422, "data[..]: Invalid value"),
    ("text/plain", "{}", 415, ""),
    ("application/xml", "<a/>", 415, ""),
    ("///", "{}", 415, ""),
    ("application/json-patch+json", "[]", 415, ""),
    (YAML, "a: [", 400, ""),
    (YAML, "a:\n\t- b", 400, ""),
    (YAML, "a: *nowhere", 400, ""),
    (YAML, "a: b: c", 400, ""),
    (YAML, "- a", 400, ""),
    (YAML, "data: {a: 1}", 400, "cannot unmarshal number into Go struct field ConfigMap.data of type string"),
    (YAML, "kind: Pod\napiVersion: v1", 400, "cannot be handled as a ConfigMap"),
    (PROTOBUF, "", 400, ""),
    (PROTOBUF, "k8s", 400, ""),
    (PROTOBUF, "nope", 400, ""),
    (PROTOBUF, "k8s\0\u{1}\u{2}\u{3}", 400, ""),
    (PROTOBUF, "k8s\0\u{a}\u{7f}", 400, ""),
    (PROTOBUF, "k8s\0\u{12}\u{2}\u{a}\u{7f}", 400, ""),
    (PROTOBUF, "{\"kind\":\"ConfigMap\"}", 400, ""),
];

/// Patches of a ConfigMap with `data: {a: "1"}`.
const PATCHES: &[(&str, &str, u16, &str)] = &[
    (JSON, "{}", 415, "415"),
    ("", "{}", 415, ""),
    (JSON_PATCH, "", 400, ""),
    (JSON_PATCH, "{}", 400, "cannot unmarshal object"),
    (JSON_PATCH, "[1]", 400, "cannot unmarshal number"),
    (JSON_PATCH, "[{}]", 422, ""),
    (JSON_PATCH, "[{\"op\":\"nope\",\"path\":\"/data\"}]", 422, ""),
    (JSON_PATCH, "[{\"op\":\"add\",\"path\":\"data\",\"value\":{}}]", 422, ""),
    (JSON_PATCH, "[{\"op\":\"add\",\"path\":\"/x/y/z\",\"value\":1}]", 422, ""),
    (JSON_PATCH, "[{\"op\":\"remove\",\"path\":\"/data/b\"}]", 422, ""),
    (JSON_PATCH, "[{\"op\":\"test\",\"path\":\"/data/a\",\"value\":\"2\"}]", 422, ""),
    (JSON_PATCH, "[{\"op\":\"move\",\"from\":\"/data/b\",\"path\":\"/data/c\"}]", 422, ""),
    (JSON_PATCH, "[{\"op\":\"add\",\"path\":\"/metadata/finalizers/9\",\"value\":\"x.io/a\"}]", 422, ""),
    (JSON_PATCH, "[{\"op\":\"replace\",\"path\":\"/data\",\"value\":7}]", 422, "cannot unmarshal number"),
    (JSON_PATCH, "[{\"op\":\"replace\",\"path\":\"/kind\",\"value\":\"Foo\"}]", 422, "no kind \"Foo\" is registered"),
    (MERGE, "{\"kind\":\"Pod\"}", 422, "converting (v1.Pod) to (core.ConfigMap): unknown conversion"),
    (MERGE, "{\"apiVersion\":\"v2\"}", 422, "no kind \"ConfigMap\" is registered for version \"v2\""),
    (MERGE, "", 400, ""),
    (MERGE, "{", 400, ""),
    (MERGE, "[]", 400, ""),
    (MERGE, "1", 400, ""),
    (MERGE, "{\"data\":7}", 422, "cannot unmarshal number"),
    (MERGE, "{\"metadata\":{\"name\":\"b\"}}", 400, "does not match the name on the URL"),
    (MERGE, "{\"metadata\":{\"labels\":{\"a b\":\"\"}}}", 422, "metadata.labels"),
    (MERGE, "{\"metadata\":{\"uid\":\"x\"}}", 422, "metadata.uid"),
    (STRATEGIC, "{", 400, ""),
    (STRATEGIC, "[]", 400, ""),
    (STRATEGIC, "{\"data\":[]}", 422, "cannot restore map from slice"),
    (STRATEGIC, "{\"metadata\":{\"$retainKeys\":{}}}", 400, ""),
    (STRATEGIC, "{\"metadata\":{\"ownerReferences\":[{\"name\":\"x\"}]}}", 422, "metadata.ownerReferences"),
    (APPLY, "", 400, ""),
    (APPLY, "{", 400, ""),
    (APPLY, "[]", 400, ""),
    (APPLY, "{}", 400, ""),
    (APPLY, "{\"apiVersion\":\"v1\"}", 400, ""),
    (APPLY, "{\"apiVersion\":\"v1\",\"kind\":\"Pod\"}", 400, ""),
    (APPLY, "{\"apiVersion\":\"v2\",\"kind\":\"ConfigMap\"}", 400, ""),
    (
        APPLY,
        "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"managedFields\":[{}]}}",
        400,
        "metadata.managedFields must be nil",
    ),
    (APPLY, "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"resourceVersion\":\"7\"}}", 409, ""),
];

/// Reads and deletions: method, path after the namespace's ConfigMaps, code, a part of the message.
const QUERIES: &[(&str, &str, u16, &str)] = &[
    ("GET", "?limit=x", 400, ""),
    ("GET", "?continue=x", 400, "continue key is not valid"),
    ("GET", "?continue=eyJ2IjoibWV0YS5rOHMuaW8vdjEifQ", 400, "continue key is not valid"),
    ("GET", "?resourceVersion=x", 400, ""),
    ("GET", "?resourceVersion=-1", 400, ""),
    ("GET", "?resourceVersion=1&resourceVersionMatch=Newer", 422, "resourceVersionMatch"),
    ("GET", "?resourceVersionMatch=Exact", 422, "resourceVersionMatch"),
    ("GET", "?sendInitialEvents=true", 422, "sendInitialEvents"),
    ("GET", "?watch=true&sendInitialEvents=true", 422, "resourceVersionMatch"),
    ("GET", "?timeoutSeconds=x", 400, ""),
    ("GET", "?labelSelector=a+in", 400, ""),
    ("GET", "?labelSelector=%21%21", 400, ""),
    ("GET", "?labelSelector=a+in+%28b", 400, ""),
    ("GET", "?labelSelector=a%3E%3Db", 400, ""),
    ("GET", "?fieldSelector=data.a%3D1", 400, "not a known field selector"),
    ("GET", "?fieldSelector=metadata.name", 400, "invalid selector"),
    ("GET", "/b", 404, "configmaps \"b\" not found"),
    ("GET", "/a/b", 404, ""),
    ("GET", "/a/status", 404, ""),
    ("PUT", "", 405, ""),
    ("PATCH", "", 405, ""),
    ("POST", "/a", 405, ""),
    ("TRACE", "/a", 405, ""),
    ("NOPE", "/a", 405, ""),
    ("DELETE", "/a?gracePeriodSeconds=x", 400, ""),
    ("DELETE", "/a?propagationPolicy=Never", 422, "propagationPolicy"),
    ("DELETE", "/a?dryRun=Some", 422, "dryRun"),
    ("DELETE", "/a?orphanDependents=true&propagationPolicy=Orphan", 422, "orphanDependents"),
    ("DELETE", "/b", 404, "configmaps \"b\" not found"),
];

#[tokio::test]
async fn bodies() {
    let api = Api::new().await;
    let mut answers = Vec::new();
    for (content_type, body, code, says) in CREATES {
        answers.push(refused(&api, "POST", CONFIG_MAPS, content_type, body.as_bytes(), *code, says).await);
    }
    check(answers);
}

#[tokio::test]
async fn patches() {
    let api = Api::new().await;
    let mut answers = Vec::new();
    api.create(CONFIG_MAPS, json!({ "metadata": { "name": "a" }, "data": { "a": "1" } })).await;
    let path = format!("{CONFIG_MAPS}/a?fieldManager=m");
    for (content_type, body, code, says) in PATCHES {
        answers.push(refused(&api, "PATCH", &path, content_type, body.as_bytes(), *code, says).await);
    }
    check(answers);
    assert_eq!(api.get(&format!("{CONFIG_MAPS}/a")).await["data"], json!({ "a": "1" }));
}

#[tokio::test]
async fn queries() {
    let api = Api::new().await;
    let mut answers = Vec::new();
    api.config_map("a", "1").await;
    for (method, rest, code, says) in QUERIES {
        answers.push(refused(&api, method, &format!("{CONFIG_MAPS}{rest}"), "", b"", *code, says).await);
    }
    check(answers);
}

/// Small texts that would become large, and large ones.
#[tokio::test]
async fn bombs() {
    let api = Api::new().await;
    let mut answers = Vec::new();
    api.create(CONFIG_MAPS, json!({ "metadata": { "name": "a" }, "data": { "a": "1" } })).await;
    let path = format!("{CONFIG_MAPS}/a?fieldManager=m");
    let nested = |open: &str, close: &str, depth: usize| format!("{}{}", open.repeat(depth), close.repeat(depth));
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let body = format!("{{\"kind\":\"ConfigMap\",\"x\":{}}}", nested(open, close, 100_000).replace(":}", ":1}"));
        answers.push(refused(&api, "POST", CONFIG_MAPS, JSON, body.as_bytes(), 400, "exceeded max depth").await);
        answers.push(refused(&api, "PATCH", &path, MERGE, body.as_bytes(), 400, "").await);
        answers.push(refused(&api, "PATCH", &path, STRATEGIC, body.as_bytes(), 400, "").await);
        answers.push(refused(&api, "POST", CONFIG_MAPS, YAML, body.as_bytes(), 400, "").await);
        answers.push(refused(&api, "PATCH", &path, APPLY, body.as_bytes(), 400, "").await);
    }

    let mut laughs = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
    for level in 1..12 {
        let last = format!("*a{}", level - 1);
        laughs.push_str(&format!("a{level}: &a{level} [{}]\n", vec![last; 10].join(",")));
    }
    answers.push(refused(&api, "POST", CONFIG_MAPS, YAML, laughs.as_bytes(), 400, "").await);
    answers.push(refused(&api, "PATCH", &path, APPLY, laughs.as_bytes(), 400, "").await);

    let operation = "{\"op\":\"add\",\"path\":\"/data/b\",\"value\":\"\"},".repeat(10_001);
    let many = format!("[{}]", operation.trim_end_matches(','));
    let says = "The allowed maximum operations in a JSON patch is 10000, got 10001";
    answers.push(refused(&api, "PATCH", &path, JSON_PATCH, many.as_bytes(), 413, says).await);
    let doubling = ",{\"op\":\"copy\",\"from\":\"/l\",\"path\":\"/l/-\"}".repeat(60);
    let doubling = format!("[{{\"op\":\"add\",\"path\":\"/l\",\"value\":[1]}}{doubling}]");
    answers.push(
        refused(&api, "PATCH", &path, JSON_PATCH, doubling.as_bytes(), 422, "the server rejected our request").await,
    );

    let large = format!("{{\"data\":{{\"a\":\"{}\"}}}}", "x".repeat(3 << 20));
    for (method, path, content_type) in
        [("POST", CONFIG_MAPS, JSON), ("PATCH", &path, MERGE), ("DELETE", &path, JSON), ("PUT", &path, YAML)]
    {
        answers.push(refused(&api, method, path, content_type, large.as_bytes(), 413, "limit is 3145728").await);
    }
    let large = json!({ "metadata": { "name": "b" }, "data": { "a": "x".repeat((1 << 20) + 1) } });
    answers.push(refused(&api, "POST", CONFIG_MAPS, JSON, large.to_string().as_bytes(), 422, "Too long").await);
    let notes = json!({ "metadata": { "name": "b", "annotations": { "a": "x".repeat(1 << 18) } } });
    answers.push(
        refused(&api, "POST", CONFIG_MAPS, JSON, notes.to_string().as_bytes(), 422, "metadata.annotations: Too long")
            .await,
    );

    let packed = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
    answers.push(refused(&api, "POST", CONFIG_MAPS, JSON, &packed, 400, "invalid character").await);
    check(answers);
    assert_eq!(api.get(&format!("{CONFIG_MAPS}/a")).await["data"], json!({ "a": "1" }));
}
