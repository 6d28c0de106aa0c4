//! Tasks, their executors and how they are.

use super::{
    AgentID, CheckInfo, CheckStatusInfo, CommandInfo, ContainerInfo, ContainerStatus, DurationInfo, ExecutorID,
    FrameworkID, HealthCheck, KillPolicy, Labels, Resource, Scalar, TaskID, TimeInfo,
};
use crate::{enums, messages};

messages! {
    /// Mesos' `ExecutorInfo`.
    ExecutorInfo {
        r#type: optional ExecutorType = 15,
        executor_id: required ExecutorID = 1,
        framework_id: optional FrameworkID = 8,
        command: optional Box<CommandInfo> = 7,
        container: optional Box<ContainerInfo> = 11,
        resources: repeated Resource = 5,
        name: optional String = 9,
        source: optional String = 10,
        data: optional Vec<u8> = 4,
        discovery: optional Box<DiscoveryInfo> = 12,
        shutdown_grace_period: optional DurationInfo = 13,
        labels: optional Labels = 14,
    }

    /// Mesos' `TaskInfo`.
    TaskInfo {
        name: required String = 1,
        task_id: required TaskID = 2,
        agent_id: required AgentID = 3,
        resources: repeated Resource = 4,
        executor: optional Box<ExecutorInfo> = 5,
        command: optional Box<CommandInfo> = 7,
        container: optional Box<ContainerInfo> = 9,
        health_check: optional Box<HealthCheck> = 8,
        check: optional Box<CheckInfo> = 13,
        kill_policy: optional KillPolicy = 12,
        data: optional Vec<u8> = 6,
        labels: optional Labels = 10,
        discovery: optional Box<DiscoveryInfo> = 11,
        max_completion_time: optional DurationInfo = 14,
        limits: map Scalar = 15,
    }

    /// Mesos' `TaskGroupInfo`.
    TaskGroupInfo { tasks: repeated TaskInfo = 1 }

    /// Mesos' `Task`.
    Task {
        name: required String = 1,
        task_id: required TaskID = 2,
        framework_id: required FrameworkID = 3,
        executor_id: optional ExecutorID = 4,
        agent_id: required AgentID = 5,
        state: required TaskState = 6,
        resources: repeated Resource = 7,
        statuses: repeated TaskStatus = 8,
        status_update_state: optional TaskState = 9,
        status_update_uuid: optional Vec<u8> = 10,
        labels: optional Labels = 11,
        discovery: optional Box<DiscoveryInfo> = 12,
        container: optional Box<ContainerInfo> = 13,
        health_check: optional Box<HealthCheck> = 15,
        kill_policy: optional KillPolicy = 16,
        user: optional String = 14,
        limits: map Scalar = 17,
    }

    /// Mesos' `TaskResourceLimitation`.
    TaskResourceLimitation { resources: repeated Resource = 1 }

    /// Mesos' `TaskStatus`.
    TaskStatus {
        task_id: required TaskID = 1,
        state: required TaskState = 2,
        message: optional String = 4,
        source: optional TaskStatusSource = 9,
        reason: optional TaskStatusReason = 10,
        data: optional Vec<u8> = 3,
        agent_id: optional AgentID = 5,
        executor_id: optional ExecutorID = 7,
        timestamp: optional f64 = 6,
        uuid: optional Vec<u8> = 11,
        healthy: optional bool = 8,
        check_status: optional Box<CheckStatusInfo> = 15,
        labels: optional Labels = 12,
        container_status: optional Box<ContainerStatus> = 13,
        unreachable_time: optional TimeInfo = 14,
        limitation: optional Box<TaskResourceLimitation> = 16,
    }

    /// Mesos' `Port`.
    Port {
        number: required u32 = 1,
        name: optional String = 2,
        protocol: optional String = 3,
        visibility: optional Visibility = 4,
        labels: optional Labels = 5,
    }

    /// Mesos' `Ports`.
    Ports { ports: repeated Port = 1 }

    /// Mesos' `DiscoveryInfo`.
    DiscoveryInfo {
        visibility: required Visibility = 1,
        name: optional String = 2,
        environment: optional String = 3,
        location: optional String = 4,
        version: optional String = 5,
        ports: optional Ports = 6,
        labels: optional Labels = 7,
    }
}

enums! {
    /// Mesos' `ExecutorInfo.Type`.
    ExecutorType { Unknown = 0 "UNKNOWN", Default = 1 "DEFAULT", Custom = 2 "CUSTOM" }

    /// Mesos' `TaskState`.
    TaskState {
        Staging = 6 "TASK_STAGING", Starting = 0 "TASK_STARTING", Running = 1 "TASK_RUNNING",
        Killing = 8 "TASK_KILLING", Finished = 2 "TASK_FINISHED", Failed = 3 "TASK_FAILED", Killed = 4 "TASK_KILLED",
        Error = 7 "TASK_ERROR", Lost = 5 "TASK_LOST", Dropped = 9 "TASK_DROPPED", Unreachable = 10 "TASK_UNREACHABLE",
        Gone = 11 "TASK_GONE", GoneByOperator = 12 "TASK_GONE_BY_OPERATOR", Unknown = 13 "TASK_UNKNOWN",
    }

    /// Mesos' `TaskStatus.Source`.
    TaskStatusSource { Master = 0 "SOURCE_MASTER", Agent = 1 "SOURCE_AGENT", Executor = 2 "SOURCE_EXECUTOR" }

    /// Mesos' `TaskStatus.Reason`.
    TaskStatusReason {
        CommandExecutorFailed = 0 "REASON_COMMAND_EXECUTOR_FAILED",
        ContainerLaunchFailed = 21 "REASON_CONTAINER_LAUNCH_FAILED",
        ContainerLimitation = 19 "REASON_CONTAINER_LIMITATION",
        ContainerLimitationDisk = 20 "REASON_CONTAINER_LIMITATION_DISK",
        ContainerLimitationMemory = 8 "REASON_CONTAINER_LIMITATION_MEMORY",
        ContainerPreempted = 17 "REASON_CONTAINER_PREEMPTED",
        ContainerUpdateFailed = 22 "REASON_CONTAINER_UPDATE_FAILED",
        MaxCompletionTimeReached = 33 "REASON_MAX_COMPLETION_TIME_REACHED",
        ExecutorRegistrationTimeout = 23 "REASON_EXECUTOR_REGISTRATION_TIMEOUT",
        ExecutorReregistrationTimeout = 24 "REASON_EXECUTOR_REREGISTRATION_TIMEOUT",
        ExecutorTerminated = 1 "REASON_EXECUTOR_TERMINATED", ExecutorUnregistered = 2 "REASON_EXECUTOR_UNREGISTERED",
        FrameworkRemoved = 3 "REASON_FRAMEWORK_REMOVED", GcError = 4 "REASON_GC_ERROR",
        InvalidFrameworkid = 5 "REASON_INVALID_FRAMEWORKID", InvalidOffers = 6 "REASON_INVALID_OFFERS",
        IoSwitchboardExited = 27 "REASON_IO_SWITCHBOARD_EXITED", MasterDisconnected = 7 "REASON_MASTER_DISCONNECTED",
        Reconciliation = 9 "REASON_RECONCILIATION", ResourcesUnknown = 18 "REASON_RESOURCES_UNKNOWN",
        AgentDisconnected = 10 "REASON_AGENT_DISCONNECTED", AgentDraining = 34 "REASON_AGENT_DRAINING",
        AgentRemoved = 11 "REASON_AGENT_REMOVED", AgentRemovedByOperator = 31 "REASON_AGENT_REMOVED_BY_OPERATOR",
        AgentReregistered = 32 "REASON_AGENT_REREGISTERED", AgentRestarted = 12 "REASON_AGENT_RESTARTED",
        AgentUnknown = 13 "REASON_AGENT_UNKNOWN", TaskKilledDuringLaunch = 30 "REASON_TASK_KILLED_DURING_LAUNCH",
        TaskCheckStatusUpdated = 28 "REASON_TASK_CHECK_STATUS_UPDATED",
        TaskHealthCheckStatusUpdated = 29 "REASON_TASK_HEALTH_CHECK_STATUS_UPDATED",
        TaskGroupInvalid = 25 "REASON_TASK_GROUP_INVALID",
        TaskGroupUnauthorized = 26 "REASON_TASK_GROUP_UNAUTHORIZED", TaskInvalid = 14 "REASON_TASK_INVALID",
        TaskUnauthorized = 15 "REASON_TASK_UNAUTHORIZED", TaskUnknown = 16 "REASON_TASK_UNKNOWN",
    }

    /// Mesos' `DiscoveryInfo.Visibility`.
    Visibility { Framework = 0 "FRAMEWORK", Cluster = 1 "CLUSTER", External = 2 "EXTERNAL" }
}
