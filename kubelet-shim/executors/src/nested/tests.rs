//! Nested containers over HTTP; the containers in which they run are this machine.

use std::ffi::OsString;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, Response, StatusCode};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use http_body_util::BodyExt as _;
use kubernel_mesos_proto::recordio::{self, Decoder};
use kubernel_runtime::cri::ExecRequest;
use kubernel_streams::local::LocalCommand;
use kubernel_streams::remote_command::ExecTarget;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::token::Claims;
use crate::{Executors, Host, http};

/// Lets in whoever has the word.
struct Machine;

impl Host for Machine {
    fn container(&self, pod_uid: &str, name: Option<&str>) -> Option<String> {
        (pod_uid == "pod").then(|| name.unwrap_or("c").to_owned())
    }

    fn exec(&self, request: ExecRequest) -> BoxFuture<'_, Result<Box<dyn ExecTarget>, String>> {
        let words = request.cmd.into_iter().map(OsString::from).collect();
        async move {
            match request.container_id.as_str() {
                "c" => Ok(Box::new(LocalCommand { words }) as Box<dyn ExecTarget>),
                other => Err(format!("there is no container {other}")),
            }
        }
        .boxed()
    }

    fn may_run<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<(), (StatusCode, String)>> {
        async move { if token == "word" { Ok(()) } else { Err((StatusCode::UNAUTHORIZED, "Unauthorized".into())) } }
            .boxed()
    }
}

fn open(dir: &std::path::Path) -> Executors {
    let executors = crate::tests::open(dir);
    let _ = executors.inner.host.set(Arc::new(Machine));
    executors
}

async fn send(executors: &Executors, token: &str, kind: &str, body: Vec<u8>) -> Response<Body> {
    let request = Request::post("/api/v1")
        .header("content-type", kind)
        .header("message-content-type", "application/json")
        .header("authorization", format!("Bearer {token}"));
    http::routes(executors.clone()).oneshot(request.body(Body::from(body)).unwrap()).await.unwrap()
}

async fn call(executors: &Executors, token: &str, call: Value) -> (StatusCode, String) {
    let answer = send(executors, token, "application/json", call.to_string().into_bytes()).await;
    let status = answer.status();
    let bytes = answer.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8_lossy(&bytes).into_owned())
}

fn id(name: &str) -> Value {
    json!({"value": name, "parent": {"value": "c"}})
}

fn about(kind: &str, name: &str) -> Value {
    json!({"type": kind, (kind.to_lowercase()): {"container_id": id(name)}})
}

fn session(name: &str, script: &str) -> Value {
    json!({"type": "LAUNCH_NESTED_CONTAINER_SESSION", "launch_nested_container_session": {
        "container_id": id(name),
        "command": {"value": script, "environment": {"variables": [{"name": "WORD", "value": "hello"}]}},
    }})
}

/// What a session says, by stream.
async fn said(answer: Response<Body>) -> (String, String) {
    assert_eq!(answer.status(), StatusCode::OK);
    let mut decoder = Decoder::new(1 << 20);
    decoder.push(&answer.into_body().collect().await.unwrap().to_bytes());
    let (mut stdout, mut stderr) = (String::new(), String::new());
    while let Some(record) = decoder.record().unwrap() {
        let record: Value = serde_json::from_slice(&record).unwrap();
        let data = record["data"]["data"].as_str().unwrap();
        let to = if record["data"]["type"] == "STDERR" { &mut stderr } else { &mut stdout };
        to.push_str(data);
    }
    (stdout, stderr)
}

#[tokio::test]
async fn a_session_has_its_streams_and_its_end() {
    let dir = tempfile::tempdir().unwrap();
    let executors = open(dir.path());
    let script = r#"read -r line; printf "$WORD $line"; printf oh >&2; exit 3"#;
    let output = send(&executors, "word", "application/json", session("s", script).to_string().into_bytes()).await;
    let said_to = |data: &str| {
        json!({"type": "ATTACH_CONTAINER_INPUT", "attach_container_input": {
            "type": "PROCESS_IO", "process_io": {"type": "DATA", "data": {"type": "STDIN", "data": data}},
        }})
    };
    let first = json!({"type": "ATTACH_CONTAINER_INPUT", "attach_container_input": {
        "type": "CONTAINER_ID", "container_id": id("s"),
    }});
    let records = [first, said_to("d29ybGQK"), said_to("")];
    let input = records.iter().flat_map(|record| recordio::encode(record.to_string().as_bytes())).collect();
    assert_eq!(send(&executors, "word", "application/recordio", input).await.status(), StatusCode::OK);
    // "hello world" and "oh", as JSON has bytes.
    let (stdout, stderr) = said(output).await;
    assert_eq!((stdout.as_str(), stderr.as_str()), ("aGVsbG8gd29ybGQ=", "b2g="));
    let wait = json!({"type": "WAIT_CONTAINER", "wait_container": {"exit_status": 3 << 8}});
    let (status, text) = call(&executors, "word", about("WAIT_CONTAINER", "s")).await;
    assert_eq!((status, serde_json::from_str::<Value>(&text).unwrap()), (StatusCode::OK, wait));
}

#[tokio::test]
async fn tasks_are_named_by_their_pods() {
    let dir = tempfile::tempdir().unwrap();
    let executors = open(dir.path());
    for (parent, status) in [
        (json!({"value": "pod"}), StatusCode::OK),
        (json!({"value": "c", "parent": {"value": "pod"}}), StatusCode::OK),
        (json!({"value": "d", "parent": {"value": "pod"}}), StatusCode::BAD_REQUEST),
    ] {
        let mut body = session("s", "true");
        body["launch_nested_container_session"]["container_id"]["parent"] = parent;
        let answer = send(&executors, "word", "application/json", body.to_string().into_bytes()).await;
        assert_eq!(answer.status(), status, "{body}");
    }
}

#[tokio::test]
async fn what_nobody_hears_any_more_ends_and_can_be_forgotten() {
    let dir = tempfile::tempdir().unwrap();
    let executors = open(dir.path());
    let exit =
        |text: &str| serde_json::from_str::<Value>(text).unwrap()["wait_nested_container"]["exit_status"].clone();
    for name in ["left", "killed"] {
        let body = session(name, "exec sleep 1000").to_string().into_bytes();
        let output = send(&executors, "word", "application/json", body.clone()).await;
        let again = send(&executors, "word", "application/json", body).await;
        assert_eq!(again.status(), StatusCode::BAD_REQUEST, "there is one of that name");
        let (status, text) = call(&executors, "word", about("REMOVE_NESTED_CONTAINER", name)).await;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR, "{text}");
        if name == "killed" {
            assert_eq!(call(&executors, "word", about("KILL_NESTED_CONTAINER", name)).await.0, StatusCode::OK);
        } else {
            drop(output);
        }
        let (_, text) = call(&executors, "word", about("WAIT_NESTED_CONTAINER", name)).await;
        assert_eq!(exit(&text), super::KILLED, "{text}");
        assert_eq!(call(&executors, "word", about("REMOVE_NESTED_CONTAINER", name)).await.0, StatusCode::OK);
        let gone = (StatusCode::NOT_FOUND, format!("Container c.{name} cannot be found"));
        assert_eq!(call(&executors, "word", about("WAIT_NESTED_CONTAINER", name)).await, gone);
    }
}

#[tokio::test]
async fn refusals() {
    let dir = tempfile::tempdir().unwrap();
    let executors = open(dir.path());
    let token = |cid: &str| {
        let claims = Claims { fid: "f".into(), eid: "e".into(), cid: cid.into() };
        executors.inner.tokens.issue(&claims).unwrap()
    };
    let (own, other) = (token("c"), token("d"));
    let of = |parent: Value, command: Value| {
        json!({"type": "LAUNCH_NESTED_CONTAINER_SESSION", "launch_nested_container_session": {
            "container_id": {"value": "x", "parent": parent}, "command": command,
        }})
    };
    let (c, d) = (json!({"value": "c"}), json!({"value": "d"}));
    let command = json!({"value": "true"});
    let invalid = |text: &str| format!("Failed to validate agent::Call: {text}");
    for (token, sent, status, text) in [
        ("", about("WAIT_CONTAINER", "s"), 401, "Unauthorized".to_owned()),
        ("wrong", of(c.clone(), command.clone()), 401, "Unauthorized".to_owned()),
        (&other, of(c.clone(), command.clone()), 403, String::new()),
        (&own, of(d.clone(), command.clone()), 403, String::new()),
        ("word", of(d, command.clone()), 400, "there is no container d".to_owned()),
        ("word", of(c.clone(), json!({})), 400, invalid("the command has no value")),
        (
            "word",
            of(Value::Null, command),
            400,
            invalid("Expecting 'launch_nested_container_session.container_id.parent' to be present"),
        ),
        ("word", json!({"type": "KILL_CONTAINER"}), 400, invalid("Expecting 'kill_container' to be present")),
        (&own, about("WAIT_CONTAINER", "s"), 404, "Container c.s cannot be found".to_owned()),
        (
            &own,
            about("ATTACH_CONTAINER_OUTPUT", "s"),
            500,
            "I/O switchboard server was disabled for this container".to_owned(),
        ),
        (
            &own,
            json!({"type": "LAUNCH_NESTED_CONTAINER", "launch_nested_container": {
                "container_id": id("q"), "command": {"value": "true"},
            }}),
            400,
            "Container c has no sandbox on this agent: its output can only be had in a session".to_owned(),
        ),
    ] {
        let answer = call(&executors, token, sent.clone()).await;
        assert_eq!(answer, (StatusCode::from_u16(status).unwrap(), text), "{sent}");
    }
    let records = recordio::encode(about("ATTACH_CONTAINER_INPUT", "s").to_string().as_bytes());
    let answer = send(&executors, "word", "application/recordio", records).await;
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "the first record says not which container");
}

#[tokio::test]
async fn an_executor_that_shows_a_token_is_the_one_of_it() {
    let dir = tempfile::tempdir().unwrap();
    let executors = open(dir.path());
    let claims = |eid: &str| Claims { fid: "f".into(), eid: eid.into(), cid: "c".into() };
    let token = |eid: &str| executors.inner.tokens.issue(&claims(eid)).unwrap();
    let heartbeat = json!({"type": "HEARTBEAT", "framework_id": {"value": "f"}, "executor_id": {"value": "e"}});
    for (token, status) in [(token("e"), 202), (token("x"), 403), ("nothing".to_owned(), 401)] {
        let request = Request::post("/api/v1/executor")
            .header("content-type", "application/json")
            .header("authorization", format!("Bearer {token}"));
        let request = request.body(Body::from(heartbeat.to_string())).unwrap();
        let answer = http::routes(executors.clone()).oneshot(request).await.unwrap();
        assert_eq!(answer.status(), status);
    }
}
