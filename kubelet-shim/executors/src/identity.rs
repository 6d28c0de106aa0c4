//! What a Pod's annotations say of the task or executor that runs in it.

use std::collections::HashMap;

use kubernel_mesos_proto::Message as _;
use kubernel_mesos_proto::v1::{CommandInfo, ExecutorInfo, TaskInfo};
use sha2::{Digest as _, Sha256};

const FRAMEWORK: &str = "mesos.kernel.kubernel.io/framework";
const EXECUTOR: &str = "mesos.kernel.kubernel.io/executor";
const TASK: &str = "mesos.kernel.kubernel.io/task";
const TASK_INFO: &str = "mesos.kernel.kubernel.io/task-info";
const EXECUTOR_INFO: &str = "mesos.kernel.kubernel.io/executor-info";
/// The annotation of a Pod that stands for a task of an executor: the name of the executor's Pod, in the same namespace.
pub const RUNS_IN: &str = "mesos.kernel.kubernel.io/runs-in";
/// A longer identifier is no file name.
const NAME_BYTES_MAX: usize = 200;

/// Who runs in a Pod.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Identity {
    pub(crate) framework: String,
    /// Of a task with a command of its own: the task's.
    pub(crate) executor: String,
    /// What was asked for, without what no Pod can carry.
    pub(crate) info: Info,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Info {
    Task(Box<TaskInfo>),
    Executor(Box<ExecutorInfo>),
}

impl Identity {
    /// Reads a Pod's annotations; `None` for a Pod that is not Mesos'.
    pub(crate) fn read(annotations: &HashMap<String, String>) -> Result<Option<Self>, String> {
        let Some(framework) = annotations.get(FRAMEWORK) else { return Ok(None) };
        let wrong = |name: &str| {
            let name = name.to_owned();
            move |error: kubernel_mesos_proto::Error| format!("annotation {name}: {error}")
        };
        let (info, named, name) = if let Some(json) = annotations.get(EXECUTOR_INFO) {
            let info = ExecutorInfo::from_json(json.as_bytes()).map_err(wrong(EXECUTOR_INFO))?;
            let id = info.executor_id.value.clone();
            (Info::Executor(Box::new(info)), annotations.get(EXECUTOR), id)
        } else if let Some(json) = annotations.get(TASK_INFO) {
            let info = TaskInfo::from_json(json.as_bytes()).map_err(wrong(TASK_INFO))?;
            let id = info.task_id.value.clone();
            (Info::Task(Box::new(info)), annotations.get(TASK), id)
        } else {
            return Ok(None);
        };
        let executor = named.cloned().unwrap_or(name);
        Ok(Some(Self { framework: framework.clone(), executor, info }))
    }

    /// What is to be fetched and by whom it runs.
    pub(crate) fn command(&self) -> Option<&CommandInfo> {
        match &self.info {
            Info::Task(info) => info.command.as_deref(),
            Info::Executor(info) => info.command.as_deref(),
        }
    }
}

/// An identifier as the name of a file: itself where it can be.
pub(crate) fn file_name(id: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-:@".contains(&byte);
    if !id.is_empty() && id.len() <= NAME_BYTES_MAX && !id.starts_with('.') && id.bytes().all(plain) {
        return id.to_owned();
    }
    Sha256::digest(id.as_bytes()).iter().fold("~".to_owned(), |name, byte| format!("{name}{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names() {
        let hashed = |id: &str| file_name(id).starts_with('~') && file_name(id).len() == 65;
        for id in ["task-1", "a:b@c.d"] {
            assert_eq!(file_name(id), id);
        }
        for id in ["", "..", ".a", "a/b", "a b", "ä", &"x".repeat(201)] {
            assert!(hashed(id), "{id}");
        }
    }

    #[test]
    fn annotations() {
        let read = |pairs: &[(&str, &str)]| {
            Identity::read(&pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect())
        };
        assert_eq!(read(&[]), Ok(None));
        assert_eq!(read(&[(FRAMEWORK, "f")]), Ok(None));
        let task = r#"{"name": "n", "task_id": {"value": "t"}, "agent_id": {"value": "a"}}"#;
        let found = read(&[(FRAMEWORK, "f"), (TASK_INFO, task)]).unwrap().unwrap();
        assert_eq!((found.framework.as_str(), found.executor.as_str()), ("f", "t"));
        let executor = r#"{"executor_id": {"value": "e"}, "command": {"value": "x"}}"#;
        let found = read(&[(FRAMEWORK, "f"), (EXECUTOR_INFO, executor), (TASK_INFO, task)]).unwrap().unwrap();
        assert_eq!(found.executor, "e");
        assert_eq!(found.command().and_then(|command| command.value.as_deref()), Some("x"));
        assert!(read(&[(FRAMEWORK, "f"), (TASK_INFO, "{}")]).is_err());
    }
}
