//! The kernel's words for how tasks are, and Mesos'. Pure.

use kubernel_kernel::{self as kernel, Event, FrameworkId, Reason, Source, Status, Step};
use kubernel_mesos_proto::v1::{AgentID, TaskID, TaskState, TaskStatus, TaskStatusReason, TaskStatusSource};

/// Mesos' state as the kernel's.
pub fn to_kernel(state: TaskState) -> kernel::TaskState {
    use TaskState as Mesos;
    use kernel::TaskState as Kernel;
    match state {
        Mesos::Staging => Kernel::Staging,
        Mesos::Starting => Kernel::Starting,
        Mesos::Running => Kernel::Running,
        Mesos::Killing => Kernel::Killing,
        Mesos::Finished => Kernel::Finished,
        Mesos::Failed => Kernel::Failed,
        Mesos::Killed => Kernel::Killed,
        Mesos::Error => Kernel::Error,
        Mesos::Lost => Kernel::Lost,
        Mesos::Dropped => Kernel::Dropped,
        Mesos::Unreachable => Kernel::Unreachable,
        Mesos::Gone => Kernel::Gone,
        Mesos::GoneByOperator => Kernel::GoneByOperator,
        Mesos::Unknown => Kernel::Unknown,
    }
}

/// The kernel's state as Mesos'.
pub fn from_kernel(state: kernel::TaskState) -> TaskState {
    use TaskState as Mesos;
    use kernel::TaskState as Kernel;
    match state {
        Kernel::Staging => Mesos::Staging,
        Kernel::Starting => Mesos::Starting,
        Kernel::Running => Mesos::Running,
        Kernel::Killing => Mesos::Killing,
        Kernel::Unreachable => Mesos::Unreachable,
        Kernel::Finished => Mesos::Finished,
        Kernel::Failed => Mesos::Failed,
        Kernel::Killed => Mesos::Killed,
        Kernel::Error => Mesos::Error,
        Kernel::Lost => Mesos::Lost,
        Kernel::Dropped => Mesos::Dropped,
        Kernel::Gone => Mesos::Gone,
        Kernel::GoneByOperator => Mesos::GoneByOperator,
        Kernel::Unknown => Mesos::Unknown,
    }
}

/// The kernel's reason as Mesos'.
pub fn reason(reason: Reason) -> TaskStatusReason {
    use TaskStatusReason as Mesos;
    match reason {
        Reason::AgentDisconnected => Mesos::AgentDisconnected,
        Reason::AgentDraining => Mesos::AgentDraining,
        Reason::AgentRemoved => Mesos::AgentRemoved,
        Reason::AgentRemovedByOperator => Mesos::AgentRemovedByOperator,
        Reason::AgentReregistered => Mesos::AgentReregistered,
        Reason::AgentUnknown => Mesos::AgentUnknown,
        Reason::ContainerPreempted => Mesos::ContainerPreempted,
        Reason::ExecutorTerminated => Mesos::ExecutorTerminated,
        Reason::FrameworkRemoved => Mesos::FrameworkRemoved,
        Reason::InvalidOffers => Mesos::InvalidOffers,
        Reason::Reconciliation => Mesos::Reconciliation,
        Reason::TaskGroupInvalid => Mesos::TaskGroupInvalid,
        Reason::TaskInvalid => Mesos::TaskInvalid,
        Reason::TaskKilledDuringLaunch => Mesos::TaskKilledDuringLaunch,
    }
}

/// What the kernel says of a task, as a framework is told.
pub fn status(of: &Status, agent: Option<&str>, now: f64) -> TaskStatus {
    TaskStatus {
        task_id: TaskID { value: of.name.to_string() },
        state: from_kernel(of.state),
        message: of.message.as_ref().map(ToString::to_string),
        source: Some(match of.source {
            Source::Master => TaskStatusSource::Master,
            Source::Agent => TaskStatusSource::Agent,
            Source::Executor => TaskStatusSource::Executor,
        }),
        reason: of.reason.map(reason),
        agent_id: agent.map(|agent| AgentID { value: agent.to_owned() }),
        timestamp: Some(now),
        ..TaskStatus::default()
    }
}

/// The framework that came in a step.
pub fn added(step: &Step) -> Option<FrameworkId> {
    step.events.iter().find_map(|event| match event {
        Event::FrameworkAdded { framework, .. } => Some(*framework),
        _ => None,
    })
}
