//! The parts of API objects that the bridge reads, as they come over the wire.

use kubernel_scheduler::Watched;
use serde::Deserialize;

/// `ObjectMeta`, as far as it matters here.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Meta {
    /// Its name.
    pub(crate) name: String,
    /// Where it is.
    pub(crate) namespace: String,
    /// Its uid.
    pub(crate) uid: String,
    /// Its version.
    pub(crate) resource_version: String,
    /// When somebody wanted it gone.
    pub(crate) deletion_timestamp: Option<String>,
    /// Those that mean something here.
    pub(crate) annotations: Annotations,
}

/// The annotations that mean something here (`names.rs`).
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Annotations {
    /// The framework's identifier.
    #[serde(rename = "mesos.kernel.kubernel.io/framework")]
    pub(crate) framework: String,
    /// The executor's.
    #[serde(rename = "mesos.kernel.kubernel.io/executor")]
    pub(crate) executor: String,
    /// The task's.
    #[serde(rename = "mesos.kernel.kubernel.io/task")]
    pub(crate) task: String,
    /// The tasks as they were launched.
    #[serde(rename = "mesos.kernel.kubernel.io/task-info")]
    pub(crate) task_info: String,
    /// The executor as it was launched.
    #[serde(rename = "mesos.kernel.kubernel.io/executor-info")]
    pub(crate) executor_info: String,
    /// The role.
    #[serde(rename = "mesos.kernel.kubernel.io/role")]
    pub(crate) role: String,
    /// The Pod of the executor that runs it.
    #[serde(rename = "mesos.kernel.kubernel.io/runs-in")]
    pub(crate) runs_in: String,
    /// A framework as it says of itself.
    #[serde(rename = "mesos.kernel.kubernel.io/framework-info")]
    pub(crate) framework_info: String,
}

/// A Pod that is a task, a group of tasks, or an executor.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct TaskPod {
    /// Its metadata.
    pub(crate) metadata: Meta,
    /// Where it is.
    pub(crate) spec: TaskPodSpec,
    /// How it is.
    pub(crate) status: TaskPodStatus,
}

/// Where a Pod is.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct TaskPodSpec {
    /// The node.
    pub(crate) node_name: String,
}

/// How a Pod is.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct TaskPodStatus {
    /// `Pending`, `Running`, `Succeeded`, `Failed`.
    pub(crate) phase: String,
    /// Why it is so.
    pub(crate) reason: String,
    /// The words for it.
    pub(crate) message: String,
    /// When the node began with it.
    pub(crate) start_time: Option<String>,
    /// Its address.
    #[serde(rename = "podIP")]
    pub(crate) pod_ip: String,
    /// Its machine's.
    #[serde(rename = "hostIP")]
    pub(crate) host_ip: String,
    /// Its containers.
    pub(crate) container_statuses: Vec<ContainerStatus>,
    /// What is said of it.
    pub(crate) conditions: Vec<Condition>,
}

/// Something that is said of a Pod.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Condition {
    /// What it is about.
    pub(crate) r#type: String,
    /// The words.
    pub(crate) message: String,
}

/// How a container is.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ContainerStatus {
    /// Which.
    pub(crate) name: String,
    /// Its readiness probe succeeds, if it has one.
    pub(crate) ready: bool,
    /// Its state.
    pub(crate) state: ContainerState,
}

/// One of three.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ContainerState {
    /// Not yet.
    pub(crate) waiting: Option<Waiting>,
    /// It runs.
    pub(crate) running: Option<Running>,
    /// It ran.
    pub(crate) terminated: Option<Terminated>,
}

/// A container that runs.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Running {}

/// A container that does not run yet.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Waiting {
    /// Why.
    pub(crate) reason: String,
    /// The words for it.
    pub(crate) message: String,
}

/// A container that ended.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Terminated {
    /// As it said.
    pub(crate) exit_code: i32,
    /// What ended it, if something did.
    pub(crate) signal: i32,
    /// Why.
    pub(crate) reason: String,
    /// The words for it.
    pub(crate) message: String,
}

/// A Framework.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct FrameworkObject {
    /// Its metadata.
    pub(crate) metadata: Meta,
    /// How it is.
    pub(crate) status: FrameworkStatus,
}

/// How a framework is.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct FrameworkStatus {
    /// When it came.
    pub(crate) registered_time: Option<String>,
    /// When it came again.
    pub(crate) reregistered_time: Option<String>,
    /// When it went.
    pub(crate) disconnected_time: Option<String>,
    /// Roles in which it wants nothing.
    pub(crate) suppressed_roles: Vec<String>,
}

/// A Namespace or a ResourceRole: as the scheduler reads them.
pub(crate) use kubernel_scheduler::{Named, ResourceRole};

impl Watched for TaskPod {
    fn version(&self) -> &str {
        &self.metadata.resource_version
    }
}

impl Watched for FrameworkObject {
    fn version(&self) -> &str {
        &self.metadata.resource_version
    }
}
