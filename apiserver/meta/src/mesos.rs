//! What marks the objects of Mesos' frameworks: labels, annotations and more on which server, scheduler, bridge and node
//! agree. The exact text of an identifier is in the annotation; the label of the same name holds what a label can.

/// Label and annotation: whose it is. The label holds the name of the Framework object.
pub const FRAMEWORK: &str = "mesos.kernel.kubernel.io/framework";
/// Label and annotation: which executor it is, or runs it.
pub const EXECUTOR: &str = "mesos.kernel.kubernel.io/executor";
/// Label and annotation: which task it is.
pub const TASK: &str = "mesos.kernel.kubernel.io/task";
/// Annotation: the tasks as they were launched, a list, without their data.
pub const TASK_INFO: &str = "mesos.kernel.kubernel.io/task-info";
/// Annotation: the executor as it was launched, without its data.
pub const EXECUTOR_INFO: &str = "mesos.kernel.kubernel.io/executor-info";
/// Annotation: the role in which it counts.
pub const ROLE: &str = "mesos.kernel.kubernel.io/role";
/// Annotation: the Pod of the executor that runs the task, in the same namespace. Such a Pod is run by nobody else.
pub const RUNS_IN: &str = "mesos.kernel.kubernel.io/runs-in";
/// Annotation of a Pod: its containers, separated by commas, whose readiness probe is the check of a task.
pub const CHECKED: &str = "mesos.kernel.kubernel.io/checked";
/// How the condition of a Pod begins by which the node tells what the check of a container found; the container's name
/// follows. Its message is Mesos' `CheckStatusInfo`.
pub const CHECK_CONDITION: &str = "check.mesos.kernel.kubernel.io/";
/// Annotation of a Framework: all that it says of itself.
pub const FRAMEWORK_INFO: &str = "mesos.kernel.kubernel.io/framework-info";
/// Finalizer of a Framework: it is torn down before it goes.
pub const TEARDOWN: &str = "mesos.kernel.kubernel.io/teardown";
/// Annotation of the namespace of what has none: the number that the next framework gets.
pub const NEXT_FRAMEWORK: &str = "mesos.kernel.kubernel.io/next-framework";
/// Label of Reservations that say what frameworks and their operators reserved: the agent.
pub const RESERVED_ON: &str = "mesos.kernel.kubernel.io/agent";
