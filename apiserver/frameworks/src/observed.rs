//! What a task's Pod tells: its state, and the words for it. Pure.

use kubernel_mesos_proto::Message;
use kubernel_mesos_proto::v1::{
    CheckInfo, CheckStatusInfo, CommandCheckStatus, ContainerID, ContainerStatus, HttpCheckStatus, IpAddress,
    NetworkInfo, TaskState, TaskStatusReason as Reason, TcpCheckStatus,
};
use kubernel_meta::mesos;

use crate::watched::{Condition, ContainerState, TaskPod};

/// What is known of a task from its Pod.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Observed {
    /// How far it is.
    pub(crate) state: TaskState,
    /// Why.
    pub(crate) reason: Option<Reason>,
    /// The words for people, Mesos' where it has some.
    pub(crate) message: Option<String>,
}

/// Reasons to wait that do not pass by themselves: Mesos gives such a task up at once.
const HOPELESS: [&str; 8] = [
    "ErrImagePull",
    "ImagePullBackOff",
    "InvalidImageName",
    "ErrImageNeverPull",
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
    "StartError",
];

/// How a task is whose container in the Pod has this name; `None`: nobody has looked at the Pod yet.
pub(crate) fn observe(pod: &TaskPod, container: &str) -> Option<Observed> {
    let status = &pod.status;
    let found = status.container_statuses.iter().find(|found| found.name == container).map(|found| &found.state);
    let is = |state: TaskState, message: &str| {
        let message = (!message.is_empty()).then(|| message.to_owned());
        Some(Observed { state, reason: None, message })
    };
    let because = |reason: Reason, message: &str| {
        Some(Observed { state: TaskState::Failed, reason: Some(reason), message: Some(message.to_owned()) })
    };
    match found {
        Some(ContainerState { terminated: Some(end), .. }) => match (end.reason.as_str(), end.signal, end.exit_code) {
            ("OOMKilled", ..) => because(Reason::ContainerLimitationMemory, "Memory limit exceeded"),
            ("ContainerCannotRun" | "StartError" | "ContainerCreateError", ..) => {
                because(Reason::ContainerLaunchFailed, &end.message)
            }
            _ if status.reason == "DeadlineExceeded" => {
                because(Reason::MaxCompletionTimeReached, "Task exceeded its maximum completion time")
            }
            (_, 0, 0) => is(TaskState::Finished, "Command exited with status 0"),
            (_, 0, code) => is(TaskState::Failed, &format!("Command exited with status {code}")),
            (_, signal, _) => is(TaskState::Failed, &format!("Command terminated with signal {}", signal_name(signal))),
        },
        Some(ContainerState { waiting: Some(waiting), .. }) if HOPELESS.contains(&waiting.reason.as_str()) => {
            let message = if waiting.message.is_empty() { &waiting.reason } else { &waiting.message };
            because(Reason::ContainerLaunchFailed, message)
        }
        Some(ContainerState { running: Some(_), .. }) => is(TaskState::Running, ""),
        _ => match (status.phase.as_str(), status.reason.as_str()) {
            ("Succeeded", _) => is(TaskState::Finished, "Command exited with status 0"),
            ("Failed", "DeadlineExceeded") => {
                because(Reason::MaxCompletionTimeReached, "Task exceeded its maximum completion time")
            }
            ("Failed", why) => {
                let message = if status.message.is_empty() { why } else { &status.message };
                because(Reason::ContainerLaunchFailed, message)
            }
            ("Running", _) => is(TaskState::Running, ""),
            _ if status.start_time.is_some() => is(TaskState::Starting, ""),
            _ => None,
        },
    }
}

/// Whether the container of this name is ready.
pub(crate) fn is_ready(pod: &TaskPod, container: &str) -> bool {
    pod.status.container_statuses.iter().any(|found| found.name == container && found.ready)
}

/// What the check of a task found last, whose container has this name.
pub(crate) fn checked(pod: &TaskPod, container: &str) -> Option<CheckStatusInfo> {
    let about = |condition: &&Condition| condition.r#type.strip_prefix(mesos::CHECK_CONDITION) == Some(container);
    let condition = pod.status.conditions.iter().find(about)?;
    CheckStatusInfo::from_json(condition.message.as_bytes()).ok()
}

/// What is known of a task's check before it was made.
pub(crate) fn unchecked(check: &CheckInfo) -> CheckStatusInfo {
    CheckStatusInfo {
        r#type: check.r#type,
        command: check.command.as_ref().map(|_| CommandCheckStatus::default()),
        http: check.http.as_ref().map(|_| HttpCheckStatus::default()),
        tcp: check.tcp.as_ref().map(|_| TcpCheckStatus::default()),
    }
}

/// A reason of the kernel in the words of Mesos' messages; `None` for those that no task ends for.
pub(crate) fn reason(reason: kubernel_kernel::Reason) -> Option<Reason> {
    use kubernel_kernel::Reason as Kernel;
    match reason {
        Kernel::AgentDraining => Some(Reason::AgentDraining),
        Kernel::ContainerPreempted => Some(Reason::ContainerPreempted),
        Kernel::FrameworkRemoved => Some(Reason::FrameworkRemoved),
        Kernel::TaskKilledDuringLaunch => Some(Reason::TaskKilledDuringLaunch),
        _ => None,
    }
}

/// Where a task's container is reached: a Pod, or in a Pod of several tasks the container with this name.
pub(crate) fn container_status(pod: &TaskPod, container: Option<&str>) -> ContainerStatus {
    let pod_id = ContainerID { value: pod.metadata.uid.clone(), parent: None };
    let id = match container {
        Some(name) => ContainerID { value: name.to_owned(), parent: Some(Box::new(pod_id)) },
        None => pod_id,
    };
    let ip = [&pod.status.pod_ip, &pod.status.host_ip].into_iter().find(|ip| !ip.is_empty());
    let networks = ip.map(|ip| {
        let address = IpAddress { ip_address: Some(ip.clone()), ..IpAddress::default() };
        NetworkInfo { ip_addresses: vec![address], ..NetworkInfo::default() }
    });
    ContainerStatus { container_id: Some(id), network_infos: networks.into_iter().collect(), executor_pid: None }
}

/// A signal in the words of strsignal(3).
pub(crate) fn signal_name(signal: i32) -> String {
    let name = match signal {
        1 => "Hangup",
        2 => "Interrupt",
        3 => "Quit",
        4 => "Illegal instruction",
        6 => "Aborted",
        7 => "Bus error",
        8 => "Floating point exception",
        9 => "Killed",
        11 => "Segmentation fault",
        13 => "Broken pipe",
        14 => "Alarm clock",
        15 => "Terminated",
        _ => return format!("{signal}"),
    };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[track_caller]
    fn check(status: Value, expected: Option<(TaskState, Option<Reason>, &str)>) {
        let pod: TaskPod = serde_json::from_value(json!({"metadata": {}, "status": status})).unwrap_or_default();
        let found = observe(&pod, "task").map(|seen| (seen.state, seen.reason, seen.message.unwrap_or_default()));
        assert_eq!(found, expected.map(|(state, reason, message)| (state, reason, message.to_owned())), "{status}");
    }

    #[test]
    fn pods_tell_how_tasks_are() {
        use Reason::{ContainerLaunchFailed, ContainerLimitationMemory, MaxCompletionTimeReached};
        use TaskState::{Failed, Finished, Running, Starting};
        let task = |state: Value| json!({"phase": "Pending", "containerStatuses": [{"name": "task", "state": state}]});
        let ended = |end: Value| task(json!({"terminated": end}));
        check(json!({}), None);
        check(json!({"phase": "Pending"}), None);
        check(json!({"phase": "Pending", "startTime": "2026-01-01T00:00:00Z"}), Some((Starting, None, "")));
        check(task(json!({"waiting": {"reason": "ContainerCreating"}})), None);
        check(task(json!({"running": {}})), Some((Running, None, "")));
        check(json!({"phase": "Running"}), Some((Running, None, "")));
        check(ended(json!({"exitCode": 0})), Some((Finished, None, "Command exited with status 0")));
        check(ended(json!({"exitCode": 3})), Some((Failed, None, "Command exited with status 3")));
        let killed = Some((Failed, None, "Command terminated with signal Killed"));
        check(ended(json!({"exitCode": 137, "signal": 9})), killed);
        let memory = Some((Failed, Some(ContainerLimitationMemory), "Memory limit exceeded"));
        check(ended(json!({"exitCode": 137, "reason": "OOMKilled"})), memory);
        let image = json!({"waiting": {"reason": "ErrImagePull", "message": "not found"}});
        check(task(image), Some((Failed, Some(ContainerLaunchFailed), "not found")));
        check(json!({"phase": "Succeeded"}), Some((Finished, None, "Command exited with status 0")));
        let full = json!({"phase": "Failed", "reason": "OutOfcpu", "message": "Node didn't have enough resource: cpu"});
        check(full, Some((Failed, Some(ContainerLaunchFailed), "Node didn't have enough resource: cpu")));
        let late = Some((Failed, Some(MaxCompletionTimeReached), "Task exceeded its maximum completion time"));
        check(json!({"phase": "Failed", "reason": "DeadlineExceeded"}), late);
    }
}
