//! What is said to executors and of them.

use std::time::SystemTime;

use kubernel_mesos_proto::executor::{self, event};
use kubernel_mesos_proto::node;
use kubernel_mesos_proto::v1::{
    AgentID, AgentInfo, ExecutorID, FrameworkID, FrameworkInfo, TaskGroupInfo, TaskID, TaskInfo, TaskState, TaskStatus,
};

use super::Key;

pub(super) fn launch(mut tasks: Vec<TaskInfo>, group: bool) -> executor::Event {
    if group {
        let launch_group = Some(event::LaunchGroup { task_group: TaskGroupInfo { tasks } });
        return executor::Event { r#type: Some(event::Type::LaunchGroup), launch_group, ..executor::Event::default() };
    }
    let launch = tasks.pop().map(|task| event::Launch { task });
    executor::Event { r#type: Some(event::Type::Launch), launch, ..executor::Event::default() }
}

pub(super) fn update(key: &Key, status: &TaskStatus) -> node::Event {
    let update = node::Update {
        framework_id: framework_named(&key.0),
        executor_id: executor_named(&key.1),
        status: status.clone(),
    };
    node::Event { r#type: node::EventType::Update, update: Some(update), ..node::Event::default() }
}

pub(super) fn exited(key: &Key, wait_status: i32, pod_uid: &str, untold: Vec<TaskID>) -> node::Event {
    let exited = node::Exited {
        framework_id: framework_named(&key.0),
        executor_id: executor_named(&key.1),
        wait_status,
        pod_uid: pod_uid.to_owned(),
        untold,
    };
    node::Event { r#type: node::EventType::Exited, exited: Some(exited), ..node::Event::default() }
}

pub(super) fn framework_named(id: &str) -> FrameworkID {
    FrameworkID { value: id.to_owned() }
}

pub(super) fn executor_named(id: &str) -> ExecutorID {
    ExecutorID { value: id.to_owned() }
}

pub(crate) fn framework_id(info: &FrameworkInfo) -> String {
    info.id.as_ref().map(|id| id.value.clone()).unwrap_or_default()
}

/// The node as executors see it.
pub(crate) fn agent(name: &str, hostname: &str, port: u16) -> AgentInfo {
    AgentInfo {
        hostname: hostname.to_owned(),
        port: i32::from(port),
        id: Some(AgentID { value: name.to_owned() }),
        ..AgentInfo::default()
    }
}

pub(crate) fn is_terminal(state: TaskState) -> bool {
    use TaskState::{Dropped, Error, Failed, Finished, Gone, GoneByOperator, Killed, Lost};
    matches!(state, Finished | Failed | Killed | Error | Lost | Dropped | Gone | GoneByOperator)
}

pub(super) fn now_secs() -> f64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}
