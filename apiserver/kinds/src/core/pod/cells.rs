//! A Pod's row in `kubectl get pods`: the words of STATUS, READY and RESTARTS (upstream's printPod).

use jiff::Timestamp;
use kubernel_meta::Object;
use serde_json::{Value, json};

use crate::print;
use crate::tree::{condition, condition_is_true, flag, int, set, text};

/// What is summed up over the containers on the way to a row.
#[derive(Default)]
struct Summary<'a> {
    reason: String,
    ready: usize,
    restarts: i64,
    /// RFC 3339; times of one form compare as texts. Empty where nothing was restarted.
    last_restart: &'a str,
}

/// The cells, in the order of the descriptor's columns.
pub(super) fn cells(pod: &Object, now: Timestamp) -> Vec<Value> {
    let none = |text: &str| json!(if text.is_empty() { "<none>" } else { text });
    let summary = summarize(pod);
    let sidecars = pod.list_at(&["spec", "initContainers"]).iter().filter(|c| is_sidecar(c)).count();
    let total = pod.list_at(&["spec", "containers"]).len() + sidecars;
    let restarts = if summary.restarts != 0 && !summary.last_restart.is_empty() {
        format!("{} ({} ago)", summary.restarts, kubernel_meta::time::age(summary.last_restart, now))
    } else {
        summary.restarts.to_string()
    };
    let ip = pod.list_at(&["status", "podIPs"]).first().map_or("", |ip| text(ip, "ip"));
    vec![
        json!(pod.name()),
        json!(format!("{}/{total}", summary.ready)),
        json!(summary.reason),
        json!(restarts),
        json!(print::age(pod, now)),
        none(ip),
        none(pod.str_at(&["spec", "nodeName"])),
        none(pod.str_at(&["status", "nominatedNodeName"])),
        json!(readiness_gates(pod)),
    ]
}

/// The row's conditions, which tell a client that a Pod will not run again.
pub(super) fn row_conditions(pod: &Object) -> Vec<Value> {
    let (reason, message) = match pod.str_at(&["status", "phase"]) {
        "Succeeded" => ("Succeeded", "The pod has completed successfully."),
        "Failed" => ("Failed", "The pod failed."),
        _ => return Vec::new(),
    };
    vec![json!({"type": "Completed", "status": "True", "reason": reason, "message": message})]
}

fn is_sidecar(container: &Value) -> bool {
    text(container, "restartPolicy") == "Always"
}

fn summarize(pod: &Object) -> Summary<'_> {
    let phase = pod.str_at(&["status", "phase"]);
    let status_reason = pod.str_at(&["status", "reason"]);
    let conditions = pod.list_at(&["status", "conditions"]);
    let reason = if status_reason.is_empty() { phase } else { status_reason }.to_owned();
    let mut summary = Summary { reason, ..Summary::default() };
    if condition(conditions, "PodScheduled").is_some_and(|c| text(c, "reason") == "SchedulingGated") {
        summary.reason = "SchedulingGated".to_owned();
    }
    let (initializing, sidecars) = init_containers(pod, &mut summary);
    if !initializing || condition_is_true(conditions, "Initialized") {
        (summary.restarts, summary.last_restart) = sidecars;
        containers(pod, conditions, &mut summary);
    }
    if pod.deletion_timestamp().is_some() {
        if status_reason == "NodeLost" {
            summary.reason = "Unknown".to_owned();
        } else if !matches!(phase, "Succeeded" | "Failed") {
            summary.reason = "Terminating".to_owned();
        }
    }
    summary
}

/// Goes through the init containers up to the first that has not finished. Tells whether one holds the Pod up, and the
/// restarts of sidecars with the last one's time.
fn init_containers<'a>(pod: &'a Object, summary: &mut Summary<'a>) -> (bool, (i64, &'a str)) {
    let specs = pod.list_at(&["spec", "initContainers"]);
    let mut sidecars = (0, "");
    for (at, status) in pod.list_at(&["status", "initContainerStatuses"]).iter().enumerate() {
        let sidecar = specs.iter().any(|spec| text(spec, "name") == text(status, "name") && is_sidecar(spec));
        let finished = last_termination(status);
        summary.restarts += int(status, "restartCount");
        summary.last_restart = summary.last_restart.max(finished);
        if sidecar {
            sidecars = (sidecars.0 + int(status, "restartCount"), sidecars.1.max(finished));
        }
        let terminated = status.pointer("/state/terminated").filter(|t| t.is_object());
        let waiting = status.pointer("/state/waiting").map_or("", |waiting| text(waiting, "reason"));
        match terminated {
            Some(terminated) if int(terminated, "exitCode") == 0 => continue,
            _ if sidecar && flag(status, "started") => {
                summary.ready += usize::from(flag(status, "ready"));
                continue;
            }
            Some(terminated) => summary.reason = format!("Init:{}", termination(terminated)),
            None if !waiting.is_empty() && waiting != "PodInitializing" => summary.reason = format!("Init:{waiting}"),
            None => summary.reason = format!("Init:{at}/{}", specs.len()),
        }
        return (true, sidecars);
    }
    (false, sidecars)
}

fn containers<'a>(pod: &'a Object, conditions: &[Value], summary: &mut Summary<'a>) {
    let mut has_running = false;
    for status in pod.list_at(&["status", "containerStatuses"]).iter().rev() {
        summary.restarts += int(status, "restartCount");
        summary.last_restart = summary.last_restart.max(last_termination(status));
        let state = status.get("state").unwrap_or(&Value::Null);
        let waiting = set(state, "waiting").map_or("", |waiting| text(waiting, "reason"));
        if !waiting.is_empty() {
            summary.reason = waiting.to_owned();
        } else if let Some(terminated) = set(state, "terminated") {
            summary.reason = termination(terminated);
        } else if flag(status, "ready") && set(state, "running").is_some() {
            has_running = true;
            summary.ready += 1;
        }
    }
    if summary.reason == "Completed" && has_running {
        let ready = condition_is_true(conditions, "Ready");
        summary.reason = if ready { "Running" } else { "NotReady" }.to_owned();
    }
}

fn last_termination(status: &Value) -> &str {
    status.pointer("/lastState/terminated").map_or("", |terminated| text(terminated, "finishedAt"))
}

/// The reason of a termination, or the signal or exit code where it has none.
fn termination(terminated: &Value) -> String {
    match (text(terminated, "reason"), int(terminated, "signal")) {
        ("", 0) => format!("ExitCode:{}", int(terminated, "exitCode")),
        ("", signal) => format!("Signal:{signal}"),
        (reason, _) => reason.to_owned(),
    }
}

fn readiness_gates(pod: &Object) -> String {
    let gates = pod.list_at(&["spec", "readinessGates"]);
    if gates.is_empty() {
        return "<none>".to_owned();
    }
    let conditions = pod.list_at(&["status", "conditions"]);
    let open = gates.iter().filter(|gate| condition_is_true(conditions, text(gate, "conditionType"))).count();
    format!("{open}/{}", gates.len())
}
