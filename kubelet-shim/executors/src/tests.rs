//! An executor and the cluster's side, both over HTTP, without a process.

use std::path::Path;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use kubernel_mesos_proto::node::{CALLS_PATH, EVENTS_PATH};
use kubernel_mesos_proto::recordio::Decoder;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::{Config, Executors, http};

const UUID: &str = "AAAAAAAAAAAAAAAAAAAAAA==";
const OTHER_UUID: &str = "AAAAAAAAAAAAAAAAAAAAAQ==";

pub(crate) fn open(dir: &Path) -> Executors {
    let listen = ([127, 0, 0, 1], 5051).into();
    let node_ip = [127, 0, 0, 1].into();
    Executors::open(Config {
        node_name: "node".into(),
        node_ip,
        data_dir: dir.to_owned(),
        volumes_dir: dir.join("volumes"),
        listen,
    })
    .unwrap()
}

async fn send(router: Router, method: &str, path: &str, headers: &[(&str, &str)], body: String) -> Response<Body> {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    router.oneshot(request.body(Body::from(body)).unwrap()).await.unwrap()
}

const JSON: (&str, &str) = ("content-type", "application/json");

async fn say(executors: &Executors, call: Value) -> Response<Body> {
    let mut call = call;
    call["framework_id"] = json!({"value": "f"});
    call["executor_id"] = json!({"value": "e"});
    send(http::routes(executors.clone()), "POST", "/slave(1)/api/v1/executor", &[JSON], call.to_string()).await
}

async fn order(executors: &Executors, call: Value) -> StatusCode {
    send(executors.routes(), "POST", CALLS_PATH, &[JSON], call.to_string()).await.status()
}

async fn launch(executors: &Executors, tasks: &[&str], group: bool) {
    launch_with(executors, tasks, group, json!([])).await;
}

async fn launch_with(executors: &Executors, tasks: &[&str], group: bool, volumes: Value) {
    let tasks: Vec<Value> = tasks
        .iter()
        .map(|id| json!({"name": id, "task_id": {"value": id}, "agent_id": {"value": "node"}, "data": "AAAA"}))
        .collect();
    let framework = json!({"user": "root", "name": "test", "id": {"value": "f"}, "checkpoint": true});
    let launch = json!({"framework": framework, "executor": {"executor_id": {"value": "e"}}, "pod_uid": "pod",
        "tasks": tasks, "group": group, "volumes": volumes});
    assert_eq!(order(executors, json!({"type": "LAUNCH", "launch": launch})).await, StatusCode::ACCEPTED);
}

async fn acknowledge(executors: &Executors, task: &str, uuid: &str) {
    let acknowledge = json!({"framework_id": {"value": "f"}, "task_id": {"value": task}, "uuid": uuid});
    let call = json!({"type": "ACKNOWLEDGE", "acknowledge": acknowledge});
    assert_eq!(order(executors, call).await, StatusCode::ACCEPTED);
}

async fn update(executors: &Executors, task: &str, state: &str, uuid: &str) {
    let status = json!({"task_id": {"value": task}, "state": state, "uuid": uuid, "source": "SOURCE_EXECUTOR"});
    let answer = say(executors, json!({"type": "UPDATE", "update": {"status": status}})).await;
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
}

/// A stream of records, read one by one.
struct Records {
    body: Body,
    decoder: Decoder,
}

impl Records {
    fn new(answer: Response<Body>) -> Self {
        assert_eq!(answer.status(), StatusCode::OK);
        Self { body: answer.into_body(), decoder: Decoder::new(1 << 20) }
    }

    async fn next(&mut self) -> Value {
        loop {
            if let Some(record) = self.decoder.record().unwrap() {
                return serde_json::from_slice(&record).unwrap();
            }
            let frame = self.body.frame().await.unwrap().unwrap();
            self.decoder.push(&frame.into_data().unwrap());
        }
    }

    /// The next record's type and where it points.
    async fn next_is(&mut self, kind: &str, pointer: &str, expected: Value) {
        let event = self.next().await;
        assert_eq!(event["type"], kind, "{event}");
        assert_eq!(event.pointer(pointer), Some(&expected), "{event}");
    }
}

async fn subscribe(executors: &Executors, unacknowledged: Value) -> Records {
    Records::new(say(executors, json!({"type": "SUBSCRIBE", "subscribe": unacknowledged})).await)
}

async fn events(executors: &Executors) -> Records {
    Records::new(send(executors.routes(), "GET", EVENTS_PATH, &[], String::new()).await)
}

#[tokio::test]
async fn a_task_from_launch_to_end() {
    let dir = tempfile::tempdir().unwrap();
    let executors = open(dir.path());
    let mut node = events(&executors).await;
    node.next_is("EXECUTORS", "/type", json!("EXECUTORS")).await;
    launch(&executors, &["t"], false).await;
    let mut executor = subscribe(&executors, json!({})).await;
    let subscribed = executor.next().await;
    assert_eq!(subscribed["subscribed"]["executor_info"]["executor_id"], json!({"value": "e"}));
    assert_eq!(subscribed["subscribed"]["framework_info"]["id"], json!({"value": "f"}));
    executor.next_is("LAUNCH", "/launch/task/data", json!("AAAA")).await;
    update(&executors, "t", "TASK_RUNNING", UUID).await;
    executor.next_is("ACKNOWLEDGED", "/acknowledged/uuid", json!(UUID)).await;
    node.next_is("UPDATE", "/update/status/state", json!("TASK_RUNNING")).await;
    // The same again is no news; the next one waits until the first is acknowledged.
    update(&executors, "t", "TASK_RUNNING", UUID).await;
    update(&executors, "t", "TASK_FINISHED", OTHER_UUID).await;
    executor.next_is("ACKNOWLEDGED", "/acknowledged/uuid", json!(UUID)).await;
    executor.next_is("ACKNOWLEDGED", "/acknowledged/uuid", json!(OTHER_UUID)).await;
    acknowledge(&executors, "t", UUID).await;
    node.next_is("UPDATE", "/update/status/state", json!("TASK_FINISHED")).await;
    acknowledge(&executors, "t", OTHER_UUID).await;
    assert!(executors.inner.book.lock().executors.values().all(|executor| executor.tasks.is_empty()));
}

#[tokio::test]
async fn what_was_written_down_is_there_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let executors = open(dir.path());
    launch(&executors, &["running", "unseen"], false).await;
    let mut executor = subscribe(&executors, json!({})).await;
    for _ in 0..3 {
        executor.next().await;
    }
    update(&executors, "running", "TASK_RUNNING", UUID).await;
    launch(&executors, &[], false).await;
    drop(executors);
    let executors = open(dir.path());
    let refused = say(&executors, json!({"type": "MESSAGE", "message": {"data": "AAAA"}})).await;
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    let mut node = events(&executors).await;
    node.next_is("EXECUTORS", "/executors/executors/0/pod_uid", json!("pod")).await;
    node.next_is("UPDATE", "/update/status/uuid", json!(UUID)).await;
    let again = json!({"unacknowledged_updates": [{"status": {"task_id": {"value": "running"}, "uuid": UUID,
        "state": "TASK_RUNNING", "source": "SOURCE_EXECUTOR"}}]});
    let mut executor = subscribe(&executors, again).await;
    executor.next_is("SUBSCRIBED", "/type", json!("SUBSCRIBED")).await;
    executor.next_is("ACKNOWLEDGED", "/acknowledged/uuid", json!(UUID)).await;
    node.next_is("UPDATE", "/update/status/state", json!("TASK_LOST")).await;
}

#[tokio::test]
async fn groups_kills_and_messages() {
    let dir = tempfile::tempdir().unwrap();
    let executors = open(dir.path());
    let mut node = events(&executors).await;
    node.next().await;
    let kill =
        |task: &str| json!({"type": "KILL", "kill": {"framework_id": {"value": "f"}, "task_id": {"value": task}}});
    assert_eq!(order(&executors, kill("t")).await, StatusCode::NOT_FOUND);
    // One that was not sent yet ends here, with its group.
    launch(&executors, &["a", "b"], true).await;
    assert_eq!(order(&executors, kill("b")).await, StatusCode::ACCEPTED);
    for _ in 0..2 {
        node.next_is("UPDATE", "/update/status/reason", json!("REASON_TASK_KILLED_DURING_LAUNCH")).await;
    }
    launch(&executors, &["c", "d"], true).await;
    let mut executor = subscribe(&executors, json!({})).await;
    executor.next().await;
    executor.next_is("LAUNCH_GROUP", "/launch_group/task_group/tasks/1/task_id/value", json!("d")).await;
    assert_eq!(order(&executors, kill("c")).await, StatusCode::ACCEPTED);
    executor.next_is("KILL", "/kill/task_id/value", json!("c")).await;
    let message = json!({"framework_id": {"value": "f"}, "executor_id": {"value": "e"}, "data": "AAAA"});
    order(&executors, json!({"type": "MESSAGE", "message": message})).await;
    executor.next_is("MESSAGE", "/message/data", json!("AAAA")).await;
    say(&executors, json!({"type": "MESSAGE", "message": {"data": "BBBB"}})).await;
    node.next_is("MESSAGE", "/message/data", json!("BBBB")).await;
    order(
        &executors,
        json!({"type": "SHUTDOWN", "shutdown": {"framework_id": {"value": "f"},
        "executor_id": {"value": "e"}}}),
    )
    .await;
    executor.next_is("SHUTDOWN", "/type", json!("SHUTDOWN")).await;
}

#[tokio::test]
async fn an_executor_that_is_faster_than_its_first_task_waits_for_it() {
    let dir = tempfile::tempdir().unwrap();
    let executors = open(dir.path());
    let key = ("f".to_owned(), "e".to_owned());
    executors.step(|book| book.bind(key, "pod", "container")).unwrap();
    let (mut executor, ()) = tokio::join!(subscribe(&executors, json!({})), launch(&executors, &["t"], false));
    executor.next_is("SUBSCRIBED", "/subscribed/container_id/value", json!("container")).await;
    executor.next_is("LAUNCH", "/launch/task/task_id/value", json!("t")).await;
}

#[tokio::test]
async fn an_end_says_what_is_still_to_be_told() {
    let dir = tempfile::tempdir().unwrap();
    let executors = open(dir.path());
    let over = |pod: &str| {
        let over = json!({"framework_id": {"value": "f"}, "executor_id": {"value": "e"}, "pod_uid": pod});
        json!({"type": "OVER", "over": over})
    };
    let mut node = events(&executors).await;
    node.next().await;
    // Nobody knows it: nothing will come.
    assert_eq!(order(&executors, over("before")).await, StatusCode::ACCEPTED);
    node.next_is("EXITED", "/exited/pod_uid", json!("before")).await;
    launch(&executors, &["t"], false).await;
    let mut executor = subscribe(&executors, json!({})).await;
    executor.next().await;
    update(&executors, "t", "TASK_RUNNING", UUID).await;
    node.next_is("UPDATE", "/update/status/state", json!("TASK_RUNNING")).await;
    update(&executors, "t", "TASK_FINISHED", OTHER_UUID).await;
    assert_eq!(order(&executors, over("pod")).await, StatusCode::ACCEPTED);
    node.next_is("EXITED", "/exited/untold", json!([{"value": "t"}])).await;
    // What comes for it now is too late; what it said last is not lost.
    launch(&executors, &["late"], false).await;
    node.next_is("UPDATE", "/update/status/reason", json!("REASON_EXECUTOR_TERMINATED")).await;
    let mut again = events(&executors).await;
    again.next_is("EXECUTORS", "/executors/executors/0/known", json!([{"value": "late"}, {"value": "t"}])).await;
    acknowledge(&executors, "t", UUID).await;
    node.next_is("UPDATE", "/update/status/state", json!("TASK_FINISHED")).await;
    // The next of that name, in another Pod, begins anew.
    let framework = json!({"user": "root", "name": "test", "id": {"value": "f"}});
    let task = json!({"name": "n", "task_id": {"value": "n"}, "agent_id": {"value": "node"}});
    let launch = json!({"framework": framework, "executor": {"executor_id": {"value": "e"}}, "pod_uid": "next",
        "tasks": [task], "group": false});
    assert_eq!(order(&executors, json!({"type": "LAUNCH", "launch": launch})).await, StatusCode::ACCEPTED);
    let mut executor = subscribe(&executors, json!({})).await;
    executor.next_is("SUBSCRIBED", "/type", json!("SUBSCRIBED")).await;
    executor.next_is("LAUNCH", "/launch/task/task_id/value", json!("n")).await;
}

#[tokio::test]
async fn refusals() {
    let dir = tempfile::tempdir().unwrap();
    let executors = open(dir.path());
    launch(&executors, &["t"], false).await;
    let call = |framework: &str, executor: &str, rest: Value| {
        let mut call = json!({"framework_id": {"value": framework}, "executor_id": {"value": executor}});
        for (key, value) in rest.as_object().unwrap() {
            call[key] = value.clone();
        }
        call.to_string()
    };
    let subscribe = json!({"type": "SUBSCRIBE", "subscribe": {}});
    let update = |status: Value| json!({"type": "UPDATE", "update": {"status": status}});
    let task = json!({"value": "t"});
    let protobuf = ("accept", "text/html");
    let invalid = |text: &str| format!("Failed to validate Executor::Call: {text}");
    for (method, headers, body, status, text) in [
        ("GET", vec![], String::new(), 405, "Expecting one of { 'POST' }, but received 'GET'".to_owned()),
        ("POST", vec![], String::new(), 400, "Expecting 'Content-Type' to be present".to_owned()),
        (
            "POST",
            vec![("content-type", "text/html")],
            String::new(),
            415,
            "Expecting 'Content-Type' of application/json or application/x-protobuf".to_owned(),
        ),
        (
            "POST",
            vec![("content-type", "application/x-protobuf")],
            "x".to_owned(),
            400,
            "Failed to parse body into Call protobuf".to_owned(),
        ),
        (
            "POST",
            vec![JSON, protobuf],
            call("f", "e", subscribe.clone()),
            406,
            "Expecting 'Accept' to allow application/json or application/x-protobuf".to_owned(),
        ),
        ("POST", vec![JSON], call("f", "e", json!({})), 400, invalid("Expecting 'type' to be present")),
        (
            "POST",
            vec![JSON],
            call("f", "e", json!({"type": "UPDATE"})),
            400,
            invalid("Expecting 'update' to be present"),
        ),
        (
            "POST",
            vec![JSON],
            call("f", "e", update(json!({"task_id": task, "state": "TASK_RUNNING"}))),
            400,
            invalid("Expecting 'uuid' to be present"),
        ),
        ("POST", vec![JSON], call("g", "e", subscribe.clone()), 400, "Framework cannot be found".to_owned()),
        ("POST", vec![JSON], call("f", "x", subscribe), 400, "Executor cannot be found".to_owned()),
        (
            "POST",
            vec![JSON],
            call("f", "e", json!({"type": "MESSAGE", "message": {"data": ""}})),
            403,
            "Executor is not subscribed".to_owned(),
        ),
        ("POST", vec![JSON], call("g", "x", json!({"type": "HEARTBEAT"})), 202, String::new()),
    ] {
        let answer = send(http::routes(executors.clone()), method, "/api/v1/executor", &headers, body.clone()).await;
        assert_eq!(answer.status(), status, "{method} {body}");
        let bytes = answer.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(String::from_utf8_lossy(&bytes), text, "{method} {body}");
    }
}

#[tokio::test]
async fn tasks_find_their_volumes_in_the_sandbox_while_they_live() {
    let dir = tempfile::tempdir().unwrap();
    let executors = open(dir.path());
    let mut node = events(&executors).await;
    node.next_is("EXECUTORS", "/type", json!("EXECUTORS")).await;
    launch(&executors, &["first"], false).await;
    executors.step(|book| book.bind(("f".into(), "e".into()), "pod", "c")).unwrap();
    let mut executor = subscribe(&executors, json!({})).await;
    executor.next_is("SUBSCRIBED", "/type", json!("SUBSCRIBED")).await;
    executor.next_is("LAUNCH", "/launch/task/name", json!("first")).await;
    let sandbox = executors.inner.outfits.places.runs("f", "e").join("c");
    std::fs::create_dir_all(&sandbox).unwrap();
    let uid = "0a4ae43c-5bd2-4dbb-bd53-6b2e21f2c6a1";
    let held = |task: &str, uid: &str| json!({"task_id": {"value": task}, "path": "data", "uid": uid});
    launch_with(&executors, &["one", "two"], false, json!([held("one", uid), held("two", uid)])).await;
    for task in ["one", "two"] {
        executor.next_is("LAUNCH", "/launch/task/name", json!(task)).await;
    }
    std::fs::write(sandbox.join("data/kept"), "it").unwrap();
    update(&executors, "one", "TASK_FINISHED", UUID).await;
    assert!(sandbox.join("data").exists(), "the other task has it");
    update(&executors, "two", "TASK_FINISHED", OTHER_UUID).await;
    assert!(!sandbox.join("data").exists());
    assert!(dir.path().join("volumes").join(uid).join("kept").exists());
    for task in ["one", "two"] {
        node.next_is("UPDATE", "/update/status/task_id/value", json!(task)).await;
    }
    launch_with(&executors, &["three", "four"], true, json!([held("four", "nobody")])).await;
    for task in ["three", "four"] {
        node.next_is("UPDATE", "/update/status/message", json!("\"nobody\" is not a volume's uid")).await;
        assert!(executors.inner.book.lock().executors.values().all(|executor| executor.tasks.contains_key(task)));
    }
}

#[tokio::test]
async fn sandboxes_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let executors = open(dir.path());
    let runs = executors.inner.outfits.places.runs("f", "e").join("c");
    std::fs::create_dir_all(&runs).unwrap();
    std::fs::write(runs.join("stdout"), "hello").unwrap();
    std::fs::write(dir.path().join("secret"), "no").unwrap();
    std::os::unix::fs::symlink(dir.path().join("secret"), runs.join("link")).unwrap();
    let whole = runs.to_string_lossy().into_owned();
    for (what, path, rest, expected) in [
        ("read", format!("{whole}/stdout"), "&offset=1&length=3", Some(json!({"offset": 1, "data": "ell"}))),
        (
            "read",
            "/frameworks/f/executors/e/runs/c/stdout".into(),
            "&offset=-1",
            Some(json!({"offset": 5, "data": ""})),
        ),
        ("read", format!("{whole}/link"), "&offset=0", None),
        ("read", format!("{whole}/../../../../../../../../secret"), "&offset=0", None),
        ("read", "/etc/passwd".into(), "&offset=0", None),
        ("browse", format!("{whole}/nothing"), "", None),
    ] {
        let target = format!("/files/{what}?path={path}{rest}");
        let answer = send(http::routes(executors.clone()), "GET", &target, &[], String::new()).await;
        let status = answer.status();
        let bytes = answer.into_body().collect().await.unwrap().to_bytes();
        match expected {
            Some(expected) => assert_eq!(serde_json::from_slice::<Value>(&bytes).unwrap(), expected, "{target}"),
            None => assert_eq!(status, StatusCode::NOT_FOUND, "{target}"),
        }
    }
    for (call, status, expected) in [
        (
            json!({"type": "READ_FILE", "read_file": {"path": "/frameworks/f/executors/e/runs/c/stdout", "offset": 3}}),
            200,
            json!({"type": "READ_FILE", "read_file": {"size": 5, "data": "bG8="}}),
        ),
        (
            json!({"type": "READ_FILE", "read_file": {"path": format!("{whole}/stdout"), "offset": 9}}),
            200,
            json!({"type": "READ_FILE", "read_file": {"size": 5, "data": ""}}),
        ),
        (json!({"type": "READ_FILE", "read_file": {"path": format!("{whole}/link"), "offset": 0}}), 404, json!(null)),
        (json!({"type": "READ_FILE"}), 400, json!(null)),
        (json!({"type": "LIST_FILES", "list_files": {"path": "/etc"}}), 404, json!(null)),
    ] {
        let answer = send(http::routes(executors.clone()), "POST", "/api/v1", &[JSON], call.to_string()).await;
        assert_eq!(answer.status(), status, "{call}");
        let bytes = answer.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(serde_json::from_slice::<Value>(&bytes).unwrap_or_default(), expected, "{call}");
    }
    let call = json!({"type": "LIST_FILES", "list_files": {"path": &whole}}).to_string();
    let answer = send(http::routes(executors.clone()), "POST", "/api/v1", &[JSON], call).await;
    let bytes = answer.into_body().collect().await.unwrap().to_bytes();
    let listed: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(listed["list_files"]["file_infos"][1]["path"], format!("{whole}/stdout"));
    assert_eq!(listed["list_files"]["file_infos"][1]["size"], 5);
    let target = format!("/files/browse?path={whole}");
    let answer = send(http::routes(executors.clone()), "GET", &target, &[], String::new()).await;
    let bytes = answer.into_body().collect().await.unwrap().to_bytes();
    let listed: Vec<Value> = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(listed[1]["path"], format!("{whole}/stdout"));
    assert_eq!((&listed[1]["size"], listed[1]["mode"].as_str().unwrap().len()), (&json!(5), 10));
}
