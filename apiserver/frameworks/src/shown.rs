//! How a Pod looks that stands for a task of an executor: nobody runs it, so the bridge says how it is. Pure.

use kubernel_mesos_proto::v1::{TaskState, TaskStatus};
use kubernel_meta::time;
use serde_json::{Value, json};

use crate::names;

/// The status of a Pod that stands for a task of an executor.
pub(crate) fn status(status: &TaskStatus) -> Value {
    let now = time::format(jiff::Timestamp::now());
    let message = status.message.as_deref().unwrap_or_default();
    let over = kubernel_mesos::book::is_terminal(status.state);
    let good = status.state == TaskState::Finished;
    let phase = match (over, good, status.state) {
        (true, true, _) => "Succeeded",
        (true, false, _) => "Failed",
        (false, _, TaskState::Running | TaskState::Killing) => "Running",
        _ => "Pending",
    };
    let state = match over {
        true => json!({"terminated": {
            "exitCode": i32::from(!good), "reason": if good { "Completed" } else { "Error" },
            "message": message, "finishedAt": now,
        }}),
        false if phase == "Running" => json!({"running": {"startedAt": now}}),
        false => json!({"waiting": {"reason": "ContainerCreating"}}),
    };
    let running = phase == "Running";
    json!({
        "phase": phase, "message": message, "startTime": now,
        "containerStatuses": [{
            "name": crate::pod::CONTAINER, "image": names::PROCESS, "imageID": "", "ready": running,
            "started": running, "restartCount": 0, "state": state,
        }],
    })
}
