//! What a Pod's annotations say of the task or executor that runs in it.

use std::collections::HashMap;

use kubernel_mesos_proto::Message as _;
use kubernel_mesos_proto::v1::{CommandInfo, ExecutorInfo, TaskInfo};
use kubernel_meta::mesos::{EXECUTOR, EXECUTOR_INFO, FRAMEWORK, TASK_INFO};
use kubernel_runtime::process::Facts;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// The variable that says which task of a group a container is.
const TASK_VARIABLE: &str = "MESOS_TASK_ID";
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
    /// Reads a Pod's annotations for one of its containers, which has `task` in its environment if it is one of several;
    /// `None` for a Pod that is not Mesos'.
    pub(crate) fn read(annotations: &HashMap<String, String>, task: Option<&str>) -> Result<Option<Self>, String> {
        let Some(framework) = annotations.get(FRAMEWORK) else { return Ok(None) };
        let named = annotations.get(EXECUTOR).cloned();
        let (info, executor) = if let Some(json) = annotations.get(TASK_INFO) {
            let all = tasks(json).map_err(|error| format!("annotation {TASK_INFO}: {error}"))?;
            let own = all.iter().position(|info| task == Some(info.task_id.value.as_str())).unwrap_or(0);
            let Some(info) = all.into_iter().nth(own) else { return Ok(None) };
            let id = info.task_id.value.clone();
            (Info::Task(Box::new(info)), named.unwrap_or(id))
        } else if let Some(json) = annotations.get(EXECUTOR_INFO) {
            let info = ExecutorInfo::from_json(json.as_bytes());
            let info = info.map_err(|error| format!("annotation {EXECUTOR_INFO}: {error}"))?;
            let id = info.executor_id.value.clone();
            (Info::Executor(Box::new(info)), named.unwrap_or(id))
        } else {
            return Ok(None);
        };
        Ok(Some(Self { framework: framework.clone(), executor, info }))
    }

    /// The same for a container that is about to be made.
    pub(crate) fn of(facts: Facts<'_>) -> Result<Option<Self>, String> {
        let task = facts.container.envs.iter().find(|pair| pair.key == TASK_VARIABLE);
        Self::read(&facts.sandbox.annotations, task.map(|pair| pair.value.as_str()))
    }

    /// What is to be fetched and by whom it runs.
    pub(crate) fn command(&self) -> Option<&CommandInfo> {
        match &self.info {
            Info::Task(info) => info.command.as_deref(),
            Info::Executor(info) => info.command.as_deref(),
        }
    }
}

/// The tasks in an annotation, which has a list of them.
fn tasks(json: &str) -> Result<Vec<TaskInfo>, String> {
    let all: Vec<Value> = serde_json::from_str(json).map_err(|error| error.to_string())?;
    all.iter().map(|one| TaskInfo::from_value(one).map_err(|error| error.to_string())).collect()
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
        let read = |pairs: &[(&str, &str)], task| {
            let all = pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
            let found = Identity::read(&all, task).map_err(drop)?;
            Ok(found.map(|found| {
                let name = match &found.info {
                    Info::Task(info) => info.name.clone(),
                    Info::Executor(_) => found.command().and_then(|command| command.value.clone()).unwrap_or_default(),
                };
                (found.executor, name)
            }))
        };
        let tasks = r#"[{"name": "n", "task_id": {"value": "t"}, "agent_id": {"value": "a"}},
            {"name": "m", "task_id": {"value": "u"}, "agent_id": {"value": "a"}}]"#;
        let executor = r#"{"executor_id": {"value": "e"}, "command": {"value": "x"}}"#;
        let is = |executor: &str, name: &str| Ok(Some((executor.to_owned(), name.to_owned())));
        assert_eq!(read(&[], None), Ok(None));
        assert_eq!(read(&[(FRAMEWORK, "f")], None), Ok(None));
        assert_eq!(read(&[(FRAMEWORK, "f"), (TASK_INFO, tasks)], None), is("t", "n"));
        assert_eq!(read(&[(FRAMEWORK, "f"), (TASK_INFO, tasks)], Some("u")), is("u", "m"));
        assert_eq!(read(&[(FRAMEWORK, "f"), (EXECUTOR_INFO, executor)], None), is("e", "x"));
        let group = [(FRAMEWORK, "f"), (EXECUTOR, "e"), (EXECUTOR_INFO, executor), (TASK_INFO, tasks)];
        assert_eq!(read(&group, Some("u")), is("e", "m"));
        assert_eq!(read(&[(FRAMEWORK, "f"), (TASK_INFO, "[{}]")], None), Err(()));
    }
}
