//! What an executor hears.

use crate::v1::{AgentInfo, ContainerID, ExecutorInfo, FrameworkInfo, KillPolicy, TaskGroupInfo, TaskID, TaskInfo};
use crate::{enums, messages};

messages! {
    /// Mesos' `Event.Subscribed`.
    Subscribed as "Event.Subscribed" {
        executor_info: required ExecutorInfo = 1,
        framework_info: required FrameworkInfo = 2,
        agent_info: required AgentInfo = 3,
        container_id: optional ContainerID = 4,
    }

    /// Mesos' `Event.Launch`.
    Launch as "Event.Launch" { task: required TaskInfo = 1 }

    /// Mesos' `Event.LaunchGroup`.
    LaunchGroup as "Event.LaunchGroup" { task_group: required TaskGroupInfo = 1 }

    /// Mesos' `Event.Kill`.
    Kill as "Event.Kill" { task_id: required TaskID = 1, kill_policy: optional KillPolicy = 2 }

    /// Mesos' `Event.Acknowledged`.
    Acknowledged as "Event.Acknowledged" { task_id: required TaskID = 1, uuid: required Vec<u8> = 2 }

    /// Mesos' `Event.Message`.
    Message as "Event.Message" { data: required Vec<u8> = 1 }

    /// Mesos' `Event.Error`.
    Error as "Event.Error" { message: required String = 1 }
}

enums! {
    /// Mesos' `Event.Type`.
    Type {
        Unknown = 0 "UNKNOWN", Subscribed = 1 "SUBSCRIBED", Launch = 2 "LAUNCH", LaunchGroup = 8 "LAUNCH_GROUP",
        Kill = 3 "KILL", Acknowledged = 4 "ACKNOWLEDGED", Message = 5 "MESSAGE", Error = 6 "ERROR",
        Shutdown = 7 "SHUTDOWN", Heartbeat = 9 "HEARTBEAT",
    }
}
