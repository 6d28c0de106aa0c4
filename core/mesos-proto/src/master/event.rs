//! What a subscribed operator hears.

use super::response;
use crate::v1::{AgentID, FrameworkID, FrameworkInfo, Task, TaskState, TaskStatus};
use crate::{enums, messages};

messages! {
    /// Mesos' `Event.Subscribed`.
    Subscribed as "Event.Subscribed" {
        get_state: optional response::GetState = 1,
        heartbeat_interval_seconds: optional f64 = 2,
    }

    /// Mesos' `Event.TaskAdded`.
    TaskAdded as "Event.TaskAdded" { task: required Task = 1 }

    /// Mesos' `Event.TaskUpdated`.
    TaskUpdated as "Event.TaskUpdated" {
        framework_id: required FrameworkID = 1,
        status: required TaskStatus = 2,
        state: required TaskState = 3,
    }

    /// Mesos' `Event.FrameworkAdded`.
    FrameworkAdded as "Event.FrameworkAdded" { framework: required response::Framework = 1 }

    /// Mesos' `Event.FrameworkUpdated`.
    FrameworkUpdated as "Event.FrameworkUpdated" { framework: required response::Framework = 1 }

    /// Mesos' `Event.FrameworkRemoved`.
    FrameworkRemoved as "Event.FrameworkRemoved" { framework_info: required FrameworkInfo = 1 }

    /// Mesos' `Event.AgentAdded`.
    AgentAdded as "Event.AgentAdded" { agent: required response::Agent = 1 }

    /// Mesos' `Event.AgentRemoved`.
    AgentRemoved as "Event.AgentRemoved" { agent_id: required AgentID = 1 }
}

enums! {
    /// Mesos' `Event.Type`.
    Type {
        Unknown = 0 "UNKNOWN", Subscribed = 1 "SUBSCRIBED", TaskAdded = 2 "TASK_ADDED",
        TaskUpdated = 3 "TASK_UPDATED", AgentAdded = 4 "AGENT_ADDED", AgentRemoved = 5 "AGENT_REMOVED",
        FrameworkAdded = 6 "FRAMEWORK_ADDED", FrameworkUpdated = 7 "FRAMEWORK_UPDATED",
        FrameworkRemoved = 8 "FRAMEWORK_REMOVED", Heartbeat = 9 "HEARTBEAT",
    }
}
