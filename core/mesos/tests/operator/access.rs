//! Who may come in, which master answers, how many calls a framework may make, and what subscribed operators hear.

use std::sync::Arc;

use crate::world::World;
use axum::body::Body;
use base64::{Engine, prelude::BASE64_STANDARD};
use http::{HeaderMap, Request, header};
use http_body_util::BodyExt;
use kubernel_mesos::{
    Access, Leader, STREAM_ID,
    auth::{Acls, Credentials},
    limits::{Limits, Turn},
};
use kubernel_mesos_proto::{Message, v1};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::watch;
use tower::ServiceExt;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    credentials: Option<Value>,
    acls: Option<Value>,
    /// `host:port` of another master; empty: nobody leads.
    leader: Option<String>,
    requests: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    method: String,
    path: String,
    /// `principal:secret`.
    r#as: Option<String>,
    #[serde(default)]
    body: String,
    status: u16,
    says: Option<String>,
    challenge: Option<String>,
    location: Option<String>,
}

fn access(case: &Case) -> Access {
    let mut access = Access::default();
    if let Some(credentials) = &case.credentials {
        let read = v1::Credentials::from_value(credentials).unwrap();
        access.credentials = Some(Arc::new(Credentials::new(&read)));
    }
    if let Some(acls) = &case.acls {
        access.acls = Arc::new(Acls::parse(acls.to_string().as_bytes()).unwrap());
    }
    if let Some(leader) = &case.leader {
        let leader = if leader.is_empty() { Leader::None } else { Leader::Other(leader.clone()) };
        access.leader = watch::channel(leader).1;
    }
    access
}

async fn check(world: &World, row: &Row) {
    let mut request = Request::builder().method(row.method.as_str()).uri(&row.path);
    if let Some(who) = &row.r#as {
        request = request.header(header::AUTHORIZATION, format!("Basic {}", BASE64_STANDARD.encode(who)));
    }
    let (status, headers, body) = world.ask(request.body(Body::from(row.body.clone())).unwrap()).await;
    let shown = format!("{} {} as {:?}: {status} {body:?}", row.method, row.path, row.r#as);
    assert_eq!(status.as_u16(), row.status, "{shown}");
    assert_eq!(text(&headers, header::WWW_AUTHENTICATE), row.challenge, "{shown}");
    assert_eq!(text(&headers, header::LOCATION), row.location, "{shown}");
    if let Some(says) = &row.says {
        assert_eq!(body, says.as_bytes(), "{shown}");
    }
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<String> {
    headers.get(name).map(|value| value.to_str().unwrap().to_owned())
}

#[tokio::test]
async fn callers_are_let_in_and_sent_on() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("../data/access.json")).unwrap();
    for case in &cases {
        let world = World::new(access(case));
        for row in &case.requests {
            check(&world, row).await;
        }
    }
}

#[test]
fn acls_that_are_not_understood_are_refused() {
    for wrong in [
        "[]",
        r#"{"permissive": 1}"#,
        r#"{"fly_to_the_moon": []}"#,
        r#"{"run_tasks": [{"principals": {"type": "ANY"}}]}"#,
        r#"{"run_tasks": [{"principals": {"type": "MOST"}, "users": {"type": "ANY"}}]}"#,
        r#"{"run_tasks": [{"principals": {"values": [1]}, "users": {"type": "ANY"}}]}"#,
    ] {
        assert!(Acls::parse(wrong.as_bytes()).is_err(), "{wrong}");
    }
}

fn limits(json: &Value) -> Result<Limits, String> {
    Limits::new(&v1::RateLimits::from_value(json).unwrap())
}

#[test]
fn calls_have_their_turn_at_the_pace_of_their_principal() {
    const SECOND: u64 = 1_000_000_000;
    let limits = limits(&json!({
        "limits": [{"principal": "slow", "qps": 1, "capacity": 2}, {"principal": "free"}, {"principal": "patient", "qps": 2}],
        "aggregate_default_qps": 10, "aggregate_default_capacity": 0,
    }))
    .unwrap();
    let rows = [
        (Some("slow"), 0, Turn::In(0)),
        (Some("slow"), 0, Turn::In(SECOND)),
        (Some("slow"), 0, Turn::In(2 * SECOND)),
        (Some("slow"), 0, Turn::Full(2)),
        (Some("slow"), SECOND, Turn::In(2 * SECOND)),
        (Some("slow"), 10 * SECOND, Turn::In(0)),
        (Some("free"), 0, Turn::In(0)),
        (Some("free"), 0, Turn::In(0)),
        (Some("patient"), 0, Turn::In(0)),
        (Some("patient"), 0, Turn::In(SECOND / 2)),
        (Some("patient"), 0, Turn::In(SECOND)),
        (None, 0, Turn::In(0)),
        (Some("other"), 0, Turn::Full(0)),
        (Some("other"), SECOND, Turn::In(0)),
    ];
    for (at, (principal, now_ns, turn)) in rows.into_iter().enumerate() {
        assert_eq!(limits.turn(principal, now_ns), turn, "row {at}: {principal:?} at {now_ns}");
    }
}

#[test]
fn limits_that_are_none_are_refused() {
    for wrong in [
        json!({"limits": [{"principal": "a", "qps": 0}]}),
        json!({"limits": [{"principal": "a", "qps": -1}]}),
        json!({"limits": [{"principal": "a"}, {"principal": "a"}]}),
        json!({"aggregate_default_qps": 0}),
    ] {
        assert!(limits(&wrong).is_err(), "{wrong}");
    }
}

fn post(path: &str, stream: Option<&str>, body: &Value) -> Request<Body> {
    let mut request = Request::builder().method("POST").uri(path).header(header::CONTENT_TYPE, "application/json");
    if let Some(stream) = stream {
        request = request.header(STREAM_ID, stream);
    }
    request.body(Body::from(body.to_string())).unwrap()
}

/// The next event of a stream that is no heartbeat; `None` when it ends.
async fn next(body: &mut Body) -> Option<Value> {
    loop {
        let record = body.frame().await?.unwrap().into_data().unwrap();
        let start = record.iter().position(|byte| *byte == b'\n').unwrap() + 1;
        let event: Value = serde_json::from_slice(&record[start..]).unwrap();
        if event["type"] != "HEARTBEAT" {
            return Some(event);
        }
    }
}

#[tokio::test]
async fn a_framework_that_calls_too_often_loses_its_stream() {
    let limits = limits(&json!({"limits": [{"principal": "alice", "qps": 0.000_001, "capacity": 0}]})).unwrap();
    let world = World::new(Access { limits: Some(Arc::new(limits)), ..Access::default() });
    let id = json!({"value": "m-0000"});
    let subscribe = json!({"type": "SUBSCRIBE", "framework_id": id, "subscribe": {"framework_info": {
        "id": id, "user": "me", "name": "maker", "role": "team", "principal": "alice", "failover_timeout": 3600,
    }}});
    let response = world.router.clone().oneshot(post("/api/v1/scheduler", None, &subscribe)).await.unwrap();
    let stream = text(response.headers(), STREAM_ID.parse().unwrap()).unwrap();
    let mut events = response.into_body();
    let suppress = json!({"type": "SUPPRESS", "framework_id": id});
    for status in [202, 429, 403] {
        let (answered, _, body) = world.ask(post("/api/v1/scheduler", Some(&stream), &suppress)).await;
        assert_eq!(answered.as_u16(), status, "{body:?}");
    }
    let mut last = Value::Null;
    while let Some(event) = next(&mut events).await {
        last = event;
    }
    assert_eq!(last, json!({"type": "ERROR", "error": {"message": "Message dropped: capacity(0) exceeded"}}));
}

#[tokio::test]
async fn subscribed_operators_hear_what_is_and_what_changes() {
    let world = World::new(Access::default());
    let subscribe = post("/api/v1/operator", None, &json!({"type": "SUBSCRIBE"}));
    let mut events = world.router.clone().oneshot(subscribe).await.unwrap().into_body();
    let first = next(&mut events).await.unwrap();
    assert_eq!(first["type"], "SUBSCRIBED");
    let state = &first["subscribed"]["get_state"];
    assert_eq!(state["get_tasks"]["tasks"][0]["state"], "TASK_RUNNING");
    assert_eq!(state["get_agents"]["agents"].as_array().map(Vec::len), Some(3));
    assert_eq!(first["subscribed"]["heartbeat_interval_seconds"], 15.0);
    assert!(world.door.teardown("m-0000"));
    loop {
        let event = next(&mut events).await.unwrap();
        if event["type"] == "FRAMEWORK_REMOVED" {
            assert_eq!(event["framework_removed"]["framework_info"]["name"], "maker");
            break;
        }
    }
}

/// What lists of `view_*` hide is in no answer, whoever asks how; the rest is there.
#[tokio::test]
async fn what_acls_hide_is_left_out() {
    const ALL: [&str; 10] = [
        "/state",
        "/state-summary",
        "/frameworks",
        "/tasks",
        "/slaves",
        "/roles",
        "GET_STATE",
        "GET_FRAMEWORKS",
        "GET_TASKS",
        "SUBSCRIBE",
    ];
    let nobody = |list: &str, of: &str| json!({list: [{"principals": {"type": "ANY"}, of: {"type": "NONE"}}]});
    let for_user = |list: &str, user: &str| json!({"permissive": false, list: [{"principals": {"type": "ANY"}, "users": {"values": [user]}}]});
    let only_tasks = json!({
        "permissive": false,
        "view_frameworks": [{"principals": {"type": "ANY"}, "users": {"values": ["me"]}}],
        "view_tasks": [{"principals": {"type": "ANY"}, "users": {"values": ["me"]}}],
    });
    // The lists; what is asked; what is in the answers, and what is not.
    type Words = &'static [&'static str];
    let schedule: Words = &["/maintenance/schedule", "GET_MAINTENANCE_SCHEDULE"];
    let status: Words = &["/maintenance/status", "GET_MAINTENANCE_STATUS"];
    let rows: [(Value, Words, Words, Words); 14] = [
        (json!({}), &["/state", "/frameworks", "GET_STATE"], &["maker", "task-1"], &[]),
        (json!({}), &["/roles", "/weights", "GET_ROLES", "GET_WEIGHTS"], &["\"team\""], &[]),
        (nobody("view_frameworks", "users"), &ALL, &[], &["maker", "task-1"]),
        (nobody("view_tasks", "users"), &["/state", "/frameworks", "GET_STATE", "SUBSCRIBE"], &["maker"], &["task-1"]),
        (nobody("view_tasks", "users"), &["/tasks", "GET_TASKS", "/state-summary"], &[], &["task-1", "a task"]),
        (for_user("view_frameworks", "me"), &["/frameworks", "GET_FRAMEWORKS"], &["maker"], &["task-1"]),
        (for_user("view_frameworks", "other"), &ALL, &[], &["maker", "task-1"]),
        (only_tasks, &["/state", "/tasks", "GET_STATE", "GET_TASKS"], &["task-1"], &["\"team\",\"weight"]),
        (json!({}), schedule, &["hostname"], &[]),
        (json!({}), status, &["hostname"], &[]),
        (nobody("get_maintenance_schedules", "machines"), schedule, &[], &["hostname"]),
        (nobody("get_maintenance_schedules", "machines"), status, &["hostname"], &[]),
        (nobody("get_maintenance_statuses", "machines"), status, &[], &["hostname"]),
        (nobody("view_roles", "roles"), &["/roles", "/weights", "GET_ROLES", "GET_WEIGHTS"], &[], &["team"]),
    ];
    for (acls, asked, there, hidden) in rows {
        let lists = Acls::parse(acls.to_string().as_bytes()).unwrap();
        let world = World::new(Access { acls: Arc::new(lists), ..Access::default() });
        for what in asked {
            let request = match what.strip_prefix('/') {
                Some(_) => Request::get(*what).body(Body::empty()).unwrap(),
                None => post("/api/v1", None, &json!({"type": what})),
            };
            let text = if *what == "SUBSCRIBE" {
                let mut events = world.router.clone().oneshot(request).await.unwrap().into_body();
                next(&mut events).await.unwrap().to_string()
            } else {
                String::from_utf8(world.ask(request).await.2.to_vec()).unwrap()
            };
            for word in there {
                assert!(text.contains(word), "{acls}: {what} lacks {word}: {text}");
            }
            for word in hidden {
                assert!(!text.contains(word), "{acls}: {what} shows {word}: {text}");
            }
        }
    }
    let lists = Acls::parse(nobody("view_flags", "flags").to_string().as_bytes()).unwrap();
    let world = World::new(Access { acls: Arc::new(lists), ..Access::default() });
    let flags = world.ask(Request::get("/flags").body(Body::empty()).unwrap()).await.0;
    let called = world.ask(post("/api/v1", None, &json!({"type": "GET_FLAGS"}))).await.0;
    assert_eq!((flags.as_u16(), called.as_u16()), (403, 403));
    let state = world.ask(Request::get("/state").body(Body::empty()).unwrap()).await.2;
    assert!(!String::from_utf8_lossy(&state).contains("\"flags\""));
}
