//! Lives of Pods on virtual time: a script of what happens, and after each step what the Pod asks for and shows.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::fmt::Write as _;

use jiff::{SignedDuration, Timestamp};
use kubernel_podlife::{
    Action, Input, Outcome, PodLife, PodView, ProbeKind, Restored, RestoredContainer, StartFailure, Terminated,
};
use serde_json::{Value, json};

/// One step of a script: seconds since the beginning and what happens then.
type Step = (i64, fn(&PodLife) -> Input);

fn at(secs: i64) -> Timestamp {
    let start: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    start + SignedDuration::from_secs(secs)
}

fn pod(spec: Value) -> Value {
    json!({"metadata": {"namespace": "ns", "name": "p", "uid": "u", "generation": 1}, "spec": spec})
}

fn one(container: Value) -> Value {
    let mut container = container;
    container["name"] = "c".into();
    container["image"] = "img".into();
    pod(json!({"restartPolicy": "Always", "containers": [container]}))
}

/// What of a step counts, on one line: actions, then the phase and each container.
fn describe(life: &mut PodLife, now: Timestamp) -> String {
    let mut out = String::new();
    for action in life.take_actions() {
        let text = match action {
            Action::PrepareVolumes => "volumes".to_owned(),
            Action::RunSandbox { attempt } => format!("sandbox#{attempt}"),
            Action::Start { container, attempt } => format!("start {container}#{attempt}"),
            Action::Kill { container, grace_secs, pre_stop, .. } => {
                format!("kill {container} {grace_secs}s{}", if pre_stop { " preStop" } else { "" })
            }
            Action::Probe { container, kind, .. } => format!("probe {container} {}", kind.as_str()),
            Action::Resize { container, .. } => format!("resize {container}"),
            Action::AbortStart => "abort".to_owned(),
            Action::StopSandbox { .. } => "stop sandbox".to_owned(),
            Action::CleanUp => "clean up".to_owned(),
            Action::Finalize => "finalize".to_owned(),
            Action::Event { reason, .. } => format!("({reason})"),
        };
        let _ = write!(out, "{text}; ");
    }
    let status = life.status(now);
    let _ = write!(out, "{}", status["phase"].as_str().unwrap());
    if let Some(reason) = status["reason"].as_str() {
        let _ = write!(out, "/{reason}");
    }
    for list in ["initContainerStatuses", "containerStatuses"] {
        for entry in status[list].as_array().into_iter().flatten() {
            let name = entry["name"].as_str().unwrap();
            let (kind, state) = entry["state"].as_object().unwrap().iter().next().unwrap();
            let detail = match kind.as_str() {
                "running" => "Running".to_owned(),
                "terminated" => format!("{}({})", state["reason"].as_str().unwrap(), state["exitCode"]),
                _ => state["reason"].as_str().unwrap().to_owned(),
            };
            let ready = if entry["ready"] == true { "+" } else { "" };
            let restarts = entry["restartCount"].as_u64().unwrap();
            let restarts = if restarts > 0 { format!("*{restarts}") } else { String::new() };
            let _ = write!(out, " {name}:{detail}{ready}{restarts}");
        }
    }
    out
}

/// Plays a script and compares each step's line.
fn check(pod: &Value, script: &[Step], expected: &[&str]) {
    let mut life = PodLife::new(at(0), PodView::from_json(pod));
    let mut found = Vec::new();
    for (secs, input) in script {
        let input = input(&life);
        life.step(at(*secs), input);
        found.push(describe(&mut life, at(*secs)));
    }
    let found: Vec<&str> = found.iter().map(String::as_str).collect();
    assert_eq!(found, expected, "\n{}\n", found.join("\n"));
}

fn tick(_: &PodLife) -> Input {
    Input::Tick
}

fn volumes(_: &PodLife) -> Input {
    Input::Volumes(Ok(()))
}

fn sandbox(_: &PodLife) -> Input {
    Input::Sandbox(Ok(("s".into(), vec!["10.0.0.2".into()])))
}

/// The container under start runs; its id is its name and attempt, as a runtime would give each a new one.
fn started(life: &PodLife, container: &str, secs: i64) -> Input {
    let attempt = life.container_id(container).map_or(0, |(id, _)| id[container.len()..].parse::<u32>().unwrap() + 1);
    let text = |text: &str| text.to_owned();
    Input::Started {
        container: text(container),
        id: format!("{container}{attempt}"),
        image: text("img"),
        image_id: text("sha"),
        at: at(secs),
    }
}

fn exited(life: &PodLife, container: &str, exit_code: i32, secs: i64) -> Input {
    let id = life.container_id(container).unwrap().0.to_owned();
    let reason = if exit_code == 0 { "Completed" } else { "Error" }.to_owned();
    let end =
        Terminated { id, exit_code, reason, message: String::new(), started_at: None, finished_at: Some(at(secs)) };
    Input::Exited { container: container.to_owned(), end }
}

fn probed(life: &PodLife, container: &str, kind: ProbeKind, success: bool) -> Input {
    let id = life.container_id(container).unwrap().0.to_owned();
    let outcome = if success { Outcome::Success } else { Outcome::Failure("no".into()) };
    Input::Probed { container: container.to_owned(), id, kind, outcome }
}

fn deleted(life: &PodLife, grace_secs: i64) -> Input {
    let mut pod = life.pod().clone();
    pod.deletion = Some(kubernel_podlife::spec::Deletion { grace_secs });
    Input::Updated(Box::new(pod))
}

fn failed(reason: &str) -> Input {
    let failure = StartFailure { reason: reason.into(), message: "why".into(), end: None, event: None };
    Input::StartFailed { container: "c".into(), failure }
}

#[test]
fn a_plain_life() {
    check(
        &one(json!({})),
        &[
            (0, tick),
            (1, volumes),
            (2, sandbox),
            (3, |life| started(life, "c", 3)),
            (9, |life| deleted(life, 30)),
            (10, |life| exited(life, "c", 0, 10)),
            (11, |_| Input::SandboxStopped),
            (12, |_| Input::CleanedUp),
            (13, |_| Input::Gone),
        ],
        &[
            "volumes; Pending c:ContainerCreating",
            "sandbox#0; Pending c:ContainerCreating",
            "start c#0; Pending c:ContainerCreating",
            "Running c:Running+",
            "(Killing); kill c 30s; Running c:Running+",
            "stop sandbox; Succeeded c:Completed(0)",
            "clean up; Succeeded c:Completed(0)",
            "finalize; Succeeded c:Completed(0)",
            "Succeeded c:Completed(0)",
        ],
    );
}

#[test]
fn crashes_wait_longer_each_time() {
    check(
        &one(json!({})),
        &[
            (0, tick),
            (0, volumes),
            (0, sandbox),
            (0, |life| started(life, "c", 0)),
            (1, |life| exited(life, "c", 1, 1)),
            (1, |life| started(life, "c", 1)),
            (2, |life| exited(life, "c", 1, 2)),
            (11, tick),
            (12, tick),
            (12, |life| started(life, "c", 12)),
            (13, |life| exited(life, "c", 1, 13)),
            (33, tick),
            (33, |life| started(life, "c", 33)),
            // Ten minutes of good behaviour are rewarded.
            (700, |life| exited(life, "c", 1, 700)),
        ],
        &[
            "volumes; Pending c:ContainerCreating",
            "sandbox#0; Pending c:ContainerCreating",
            "start c#0; Pending c:ContainerCreating",
            "Running c:Running+",
            "start c#1; Running c:Error(1)",
            "Running c:Running+*1",
            "(BackOff); Running c:CrashLoopBackOff*1",
            "Running c:CrashLoopBackOff*1",
            "start c#2; Running c:CrashLoopBackOff*1",
            "Running c:Running+*2",
            "(BackOff); Running c:CrashLoopBackOff*2",
            "start c#3; Running c:CrashLoopBackOff*2",
            "Running c:Running+*3",
            "start c#4; Running c:Error(1)*3",
        ],
    );
}

#[test]
fn images_that_do_not_come() {
    check(
        &one(json!({})),
        &[
            (0, tick),
            (0, volumes),
            (0, sandbox),
            (0, |_| failed("ErrImagePull")),
            (4, tick),
            (9, tick),
            (10, tick),
            (10, |_| failed("ErrImagePull")),
            (14, tick),
            (30, tick),
            (31, |life| started(life, "c", 31)),
        ],
        &[
            "volumes; Pending c:ContainerCreating",
            "sandbox#0; Pending c:ContainerCreating",
            "start c#0; Pending c:ContainerCreating",
            "(Failed); Pending c:ErrImagePull",
            "(BackOff); (Failed); Pending c:ImagePullBackOff",
            "Pending c:ImagePullBackOff",
            "start c#0; Pending c:ImagePullBackOff",
            "(Failed); Pending c:ErrImagePull",
            "(BackOff); (Failed); Pending c:ImagePullBackOff",
            "start c#0; Pending c:ImagePullBackOff",
            "Running c:Running+",
        ],
    );
}

#[test]
fn init_containers_and_sidecars_come_in_order() {
    let spec = json!({
        "restartPolicy": "Never",
        "initContainers": [
            {"name": "i"},
            {"name": "s", "restartPolicy": "Always", "startupProbe": {"periodSeconds": 1}},
        ],
        "containers": [{"name": "c"}],
    });
    check(
        &pod(spec),
        &[
            (0, tick),
            (0, volumes),
            (0, sandbox),
            (1, |life| started(life, "i", 1)),
            (2, |life| exited(life, "i", 0, 2)),
            (3, |life| started(life, "s", 3)),
            (3, |life| probed(life, "s", ProbeKind::Startup, true)),
            (4, |life| started(life, "c", 4)),
            (5, |life| exited(life, "s", 1, 5)),
            (6, |life| started(life, "s", 6)),
            (6, |life| probed(life, "s", ProbeKind::Startup, true)),
            (7, |life| exited(life, "c", 0, 7)),
            (8, |life| exited(life, "s", 0, 8)),
            (9, |_| Input::SandboxStopped),
        ],
        &[
            "volumes; Pending i:PodInitializing s:PodInitializing c:PodInitializing",
            "sandbox#0; Pending i:PodInitializing s:PodInitializing c:PodInitializing",
            "start i#0; Pending i:PodInitializing s:PodInitializing c:PodInitializing",
            "Pending i:Running s:PodInitializing c:PodInitializing",
            "start s#0; Pending i:Completed(0)+ s:PodInitializing c:PodInitializing",
            "probe s Startup; Pending i:Completed(0)+ s:Running c:PodInitializing",
            "start c#0; Pending i:Completed(0)+ s:Running+ c:PodInitializing",
            "Running i:Completed(0)+ s:Running+ c:Running+",
            "start s#1; Running i:Completed(0)+ s:Error(1) c:Running+",
            "probe s Startup; Running i:Completed(0)+ s:Running*1 c:Running+",
            "Running i:Completed(0)+ s:Running+*1 c:Running+",
            "(Killing); kill s 30s; Running i:Completed(0)+ s:Running+*1 c:Completed(0)",
            "stop sandbox; Succeeded i:Completed(0)+ s:Completed(0)*1 c:Completed(0)",
            "Succeeded i:Completed(0)+ s:Completed(0)*1 c:Completed(0)",
        ],
    );
}

#[test]
fn an_init_container_that_fails_for_good_fails_the_pod() {
    let spec = json!({"restartPolicy": "Never", "initContainers": [{"name": "i"}], "containers": [{"name": "c"}]});
    check(
        &pod(spec),
        &[
            (0, tick),
            (0, volumes),
            (0, sandbox),
            (1, |life| started(life, "i", 1)),
            (2, |life| exited(life, "i", 1, 2)),
            (3, |_| Input::SandboxStopped),
        ],
        &[
            "volumes; Pending i:PodInitializing c:PodInitializing",
            "sandbox#0; Pending i:PodInitializing c:PodInitializing",
            "start i#0; Pending i:PodInitializing c:PodInitializing",
            "Pending i:Running c:PodInitializing",
            "stop sandbox; Failed i:Error(1) c:PodInitializing",
            "Failed i:Error(1) c:PodInitializing",
        ],
    );
}

#[test]
fn probes_gate_and_kill() {
    let container = json!({
        "lifecycle": {"postStart": {}, "preStop": {}},
        "startupProbe": {"initialDelaySeconds": 2, "periodSeconds": 1, "failureThreshold": 5},
        "readinessProbe": {"periodSeconds": 5, "failureThreshold": 2},
        "livenessProbe": {"periodSeconds": 3, "failureThreshold": 1, "terminationGracePeriodSeconds": 7},
    });
    check(
        &one(container),
        &[
            (0, tick),
            (0, volumes),
            (0, sandbox),
            (1, |life| started(life, "c", 1)),
            (2, |_| Input::PostStart { container: "c".into(), id: "c0".into(), result: Ok(()) }),
            (3, tick),
            (3, |life| probed(life, "c", ProbeKind::Startup, false)),
            (4, tick),
            (4, |life| probed(life, "c", ProbeKind::Startup, true)),
            (4, |life| probed(life, "c", ProbeKind::Readiness, true)),
            (4, |life| probed(life, "c", ProbeKind::Liveness, true)),
            (7, tick),
            (7, |life| probed(life, "c", ProbeKind::Liveness, false)),
            (8, |life| exited(life, "c", 137, 8)),
        ],
        &[
            "volumes; Pending c:ContainerCreating",
            "sandbox#0; Pending c:ContainerCreating",
            "start c#0; Pending c:ContainerCreating",
            "Running c:Running",
            "Running c:Running",
            "probe c Startup; Running c:Running",
            "(Unhealthy); Running c:Running",
            "probe c Startup; Running c:Running",
            "probe c Liveness; probe c Readiness; Running c:Running",
            "Running c:Running+",
            "Running c:Running+",
            "probe c Liveness; probe c Readiness; Running c:Running+",
            "(Unhealthy); (Killing); kill c 7s preStop; Running c:Running+",
            "start c#1; Running c:Error(137)",
        ],
    );
}

#[test]
fn a_deletion_may_be_hastened_but_not_delayed() {
    check(
        &one(json!({"lifecycle": {"preStop": {}}})),
        &[
            (0, tick),
            (0, volumes),
            (0, sandbox),
            (0, |life| started(life, "c", 0)),
            (1, |life| deleted(life, 60)),
            (2, |life| deleted(life, 600)),
            (3, |life| deleted(life, 5)),
            (4, |life| exited(life, "c", 137, 4)),
        ],
        &[
            "volumes; Pending c:ContainerCreating",
            "sandbox#0; Pending c:ContainerCreating",
            "start c#0; Pending c:ContainerCreating",
            "Running c:Running+",
            "(Killing); kill c 60s preStop; Running c:Running+",
            "Running c:Running+",
            "kill c 5s; Running c:Running+",
            "stop sandbox; Failed c:Error(137)",
        ],
    );
}

#[test]
fn a_kill_is_asked_for_once_however_often_time_passes() {
    let mut life = PodLife::new(at(0), PodView::from_json(&one(json!({"lifecycle": {"preStop": {}}}))));
    let script: [Step; 5] =
        [(0, tick), (0, volumes), (0, sandbox), (0, |life| started(life, "c", 0)), (1, |life| deleted(life, 8))];
    for (secs, input) in script {
        let input = input(&life);
        life.step(at(secs), input);
    }
    assert!(life.take_actions().contains(&Action::Kill {
        container: "c".into(),
        id: "c0".into(),
        grace_secs: 8,
        pre_stop: true
    }));
    for millis in (1001..20_000).step_by(333) {
        let now = at(0) + SignedDuration::from_millis(millis);
        let input = deleted(&life, 8);
        life.step(now, input);
        assert_eq!(life.take_actions(), [], "after {millis} ms");
    }
}

#[test]
fn a_deletion_before_anything_ran() {
    check(
        &one(json!({})),
        &[(0, tick), (1, |life| deleted(life, 30)), (2, volumes), (3, |_| Input::CleanedUp)],
        &[
            "volumes; Pending c:ContainerCreating",
            "Failed c:ContainerStatusUnknown(137)",
            "clean up; Failed c:ContainerStatusUnknown(137)",
            "finalize; Failed c:ContainerStatusUnknown(137)",
        ],
    );
}

#[test]
fn a_deletion_during_a_start_waits_for_its_outcome() {
    check(
        &one(json!({})),
        &[
            (0, tick),
            (0, volumes),
            (0, sandbox),
            (1, |life| deleted(life, 30)),
            (2, |life| started(life, "c", 2)),
            (3, |life| exited(life, "c", 0, 3)),
        ],
        &[
            "volumes; Pending c:ContainerCreating",
            "sandbox#0; Pending c:ContainerCreating",
            "start c#0; Pending c:ContainerCreating",
            "abort; Pending c:ContainerCreating",
            "(Killing); kill c 29s; Running c:Running+",
            "stop sandbox; Succeeded c:Completed(0)",
        ],
    );
}

#[test]
fn a_deadline_ends_the_pod() {
    let spec = json!({
        "restartPolicy": "Always", "activeDeadlineSeconds": 10, "terminationGracePeriodSeconds": 3,
        "containers": [{"name": "c"}],
    });
    check(
        &pod(spec),
        &[
            (0, tick),
            (0, volumes),
            (0, sandbox),
            (0, |life| started(life, "c", 0)),
            (9, tick),
            (10, tick),
            (11, |life| exited(life, "c", 0, 11)),
        ],
        &[
            "volumes; Pending c:ContainerCreating",
            "sandbox#0; Pending c:ContainerCreating",
            "start c#0; Pending c:ContainerCreating",
            "Running c:Running+",
            "Running c:Running+",
            "(DeadlineExceeded); (Killing); kill c 3s; Running c:Running+",
            "stop sandbox; Failed/DeadlineExceeded c:Completed(0)",
        ],
    );
}

#[test]
fn a_lost_sandbox_is_replaced() {
    check(
        &one(json!({})),
        &[
            (0, tick),
            (0, volumes),
            (0, sandbox),
            (0, |life| started(life, "c", 0)),
            (5, |_| Input::SandboxLost { id: "s".into() }),
            (6, |life| exited(life, "c", 137, 6)),
            (7, |_| Input::SandboxStopped),
            (8, sandbox),
        ],
        &[
            "volumes; Pending c:ContainerCreating",
            "sandbox#0; Pending c:ContainerCreating",
            "start c#0; Pending c:ContainerCreating",
            "Running c:Running+",
            "(SandboxChanged); stop sandbox; Running c:Running+",
            "Running c:Error(137)",
            "sandbox#1; Running c:Error(137)",
            "start c#1; Running c:Error(137)",
        ],
    );
}

#[test]
fn a_refused_pod_fails_without_a_trace() {
    check(
        &one(json!({})),
        &[(0, |_| Input::Reject { reason: "OutOfcpu".into(), message: "no".into() }), (1, |life| deleted(life, 30))],
        &["Failed/OutOfcpu", "clean up; Failed/OutOfcpu"],
    );
}

#[test]
fn a_container_taken_over_keeps_running() {
    let object = one(json!({"readinessProbe": {}}));
    let container = |attempt: u32, end: Option<Terminated>| RestoredContainer {
        name: "c".into(),
        id: format!("c{attempt}"),
        attempt,
        image: "img".into(),
        image_id: "sha".into(),
        started_at: end.is_none().then(|| at(-100)),
        end,
    };
    let end = Terminated {
        id: "c3".into(),
        exit_code: 2,
        reason: "Error".into(),
        message: String::new(),
        started_at: None,
        finished_at: Some(at(-101)),
    };
    let restored = Restored {
        sandbox: Some(("s".into(), vec!["10.0.0.2".into()], true)),
        sandbox_attempts: 1,
        containers: vec![container(4, None), container(3, Some(end))],
        status: json!({"startTime": "2025-12-31T23:00:00Z", "containerStatuses": [{"name": "c", "ready": true}]}),
    };
    let mut life = PodLife::restore(at(0), PodView::from_json(&object), restored);
    life.step(at(0), Input::Tick);
    assert_eq!(describe(&mut life, at(0)), "volumes; probe c Readiness; Running c:Running+*4");
    let status = life.status(at(0));
    assert_eq!(status["startTime"], "2025-12-31T23:00:00Z");
    assert_eq!(status["podIP"], "10.0.0.2");
    assert_eq!(status["containerStatuses"][0]["lastState"]["terminated"]["exitCode"], 2);
    life.step(at(1), Input::Volumes(Ok(())));
    assert_eq!(describe(&mut life, at(1)), "Running c:Running+*4");
}

#[test]
fn wake_up_times() {
    let object = one(json!({"readinessProbe": {"initialDelaySeconds": 3, "periodSeconds": 5}}));
    let mut life = PodLife::new(at(0), PodView::from_json(&object));
    let mut wakes = Vec::new();
    let script: [Step; 6] = [
        (0, tick),
        (0, |_| Input::Volumes(Err("x".into()))),
        (2, tick),
        (3, volumes),
        (3, sandbox),
        (4, |life| started(life, "c", 4)),
    ];
    for (secs, input) in script {
        let input = input(&life);
        life.step(at(secs), input);
        wakes.push(life.wake_at().map(|wake| wake.duration_since(at(0)).as_secs()));
    }
    assert_eq!(wakes, [None, Some(2), None, None, None, Some(7)]);
}

/// Changes a container's cpu limit.
fn limited(life: &PodLife, cpu: &str) -> Input {
    let mut pod = life.pod().clone();
    pod.spec.containers[0].resources = json!({"limits": {"cpu": cpu}});
    Input::Updated(Box::new(pod))
}

#[test]
fn resources_change_in_place_or_by_a_restart() {
    check(
        &one(json!({"resources": {"limits": {"cpu": "1"}}})),
        &[
            (0, tick),
            (0, volumes),
            (0, sandbox),
            (0, |life| started(life, "c", 0)),
            (1, |life| limited(life, "2")),
            (2, |_| Input::Resized { container: "c".into(), id: "c0".into(), result: Err("no".into()) }),
            (12, tick),
            (13, |_| Input::Resized { container: "c".into(), id: "c0".into(), result: Ok(()) }),
            (14, tick),
        ],
        &[
            "volumes; Pending c:ContainerCreating",
            "sandbox#0; Pending c:ContainerCreating",
            "start c#0; Pending c:ContainerCreating",
            "Running c:Running+",
            "resize c; Running c:Running+",
            "(ResizeError); Running c:Running+",
            "resize c; Running c:Running+",
            "Running c:Running+",
            "Running c:Running+",
        ],
    );
    let policy = json!([{"resourceName": "cpu", "restartPolicy": "RestartContainer"}]);
    check(
        &one(json!({"resources": {"limits": {"cpu": "1"}}, "resizePolicy": policy})),
        &[
            (0, tick),
            (0, volumes),
            (0, sandbox),
            (0, |life| started(life, "c", 0)),
            (1, |life| limited(life, "2")),
            (2, |life| exited(life, "c", 143, 2)),
        ],
        &[
            "volumes; Pending c:ContainerCreating",
            "sandbox#0; Pending c:ContainerCreating",
            "start c#0; Pending c:ContainerCreating",
            "Running c:Running+",
            "(Killing); kill c 30s; Running c:Running+",
            "start c#1; Running c:Error(143)",
        ],
    );
}

#[test]
fn conditions_and_gates() {
    let mut object = one(json!({}));
    object["spec"]["readinessGates"] = json!([{"conditionType": "x/y"}]);
    let mut life = PodLife::new(at(0), PodView::from_json(&object));
    let script: [Step; 4] = [(0, tick), (0, volumes), (1, sandbox), (2, |life| started(life, "c", 2))];
    for (secs, input) in script {
        let input = input(&life);
        life.step(at(secs), input);
        life.status(at(secs));
    }
    let conditions = |life: &mut PodLife, secs: i64| -> Vec<(String, String, String, String)> {
        let status = life.status(at(secs));
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let all = status["conditions"].as_array().unwrap().iter();
        all.map(|c| (text(&c["type"]), text(&c["status"]), text(&c["reason"]), text(&c["lastTransitionTime"])))
            .collect()
    };
    let expect = |ready: (&str, &str, &str)| -> Vec<(String, String, String, String)> {
        let time = |secs: &str| format!("2026-01-01T00:00:{secs}Z");
        let row = |kind: &str, status: &str, reason: &str, secs: &str| {
            (kind.to_owned(), status.to_owned(), reason.to_owned(), time(secs))
        };
        vec![
            row("PodReadyToStartContainers", "True", "", "01"),
            row("Initialized", "True", "", "00"),
            row("Ready", ready.0, ready.1, ready.2),
            row("ContainersReady", "True", "", "02"),
            row("PodScheduled", "True", "", "00"),
        ]
    };
    assert_eq!(conditions(&mut life, 5), expect(("False", "ReadinessGatesNotReady", "00")));
    object["status"]["conditions"] = json!([{"type": "x/y", "status": "True"}]);
    life.step(at(6), Input::Updated(Box::new(PodView::from_json(&object))));
    assert_eq!(conditions(&mut life, 6), expect(("True", "", "06")));
}

#[test]
fn containers_of_an_ended_pod_that_were_cleaned_away_stay_as_they_ended() {
    let entry = |name: &str| {
        json!({"name": name, "restartCount": 0, "image": "i", "imageID": "x", "state": {"terminated": {
            "containerID": format!("containerd://{name}"), "exitCode": 0, "reason": "Completed",
            "startedAt": "2025-12-31T23:00:01Z", "finishedAt": "2025-12-31T23:00:02Z"}}})
    };
    let object = json!({
        "metadata": {"name": "p", "namespace": "default", "uid": "u", "generation": 1},
        "status": {"phase": "Succeeded"},
        "spec": {"restartPolicy": "Never", "initContainers": [{"name": "i", "image": "i"}],
            "containers": [{"name": "c", "image": "i"}]},
    });
    let status = json!({"phase": "Succeeded", "startTime": "2025-12-31T23:00:00Z",
        "initContainerStatuses": [entry("i")], "containerStatuses": [entry("c")]});
    let restored = Restored {
        sandbox: Some(("s".into(), Vec::new(), false)),
        sandbox_attempts: 1,
        containers: Vec::new(),
        status,
    };
    let mut life = PodLife::restore(at(0), PodView::from_json(&object), restored);
    life.step(at(0), Input::Tick);
    let status = life.status(at(0));
    assert_eq!(status["phase"], "Succeeded");
    for list in ["initContainerStatuses", "containerStatuses"] {
        let ended = &status[list][0]["state"]["terminated"];
        assert_eq!((&ended["exitCode"], &ended["reason"]), (&json!(0), &json!("Completed")), "{status}");
    }
}
