//! What an operator is answered.

use crate::v1::{
    AgentInfo, ContainerID, ContainerStatus, DrainConfig, ExecutorID, ExecutorInfo, FileInfo, Flag, FrameworkID,
    FrameworkInfo, Metric, Operation, Resource, ResourceProviderInfo, Task, TaskResourceLimitation, TaskState,
    TaskStatusReason, TimeInfo, VersionInfo,
};
use crate::{enums, messages};

messages! {
    /// Mesos' `Response.GetHealth`.
    GetHealth as "Response.GetHealth" { healthy: required bool = 1 }

    /// Mesos' `Response.GetFlags`.
    GetFlags as "Response.GetFlags" { flags: repeated Flag = 1 }

    /// Mesos' `Response.GetVersion`.
    GetVersion as "Response.GetVersion" { version_info: required VersionInfo = 1 }

    /// Mesos' `Response.GetMetrics`.
    GetMetrics as "Response.GetMetrics" { metrics: repeated Metric = 1 }

    /// Mesos' `Response.GetLoggingLevel`.
    GetLoggingLevel as "Response.GetLoggingLevel" { level: required u32 = 1 }

    /// Mesos' `Response.ListFiles`.
    ListFiles as "Response.ListFiles" { file_infos: repeated FileInfo = 1 }

    /// Mesos' `Response.ReadFile`.
    ReadFile as "Response.ReadFile" { size: required u64 = 1, data: required Vec<u8> = 2 }

    /// Mesos' `Response.GetState`.
    GetState as "Response.GetState" {
        get_tasks: optional GetTasks = 1,
        get_executors: optional GetExecutors = 2,
        get_frameworks: optional GetFrameworks = 3,
    }

    /// Mesos' `Response.GetContainers.Container`.
    Container as "Response.GetContainers.Container" {
        framework_id: optional FrameworkID = 1,
        executor_id: optional ExecutorID = 2,
        executor_name: optional String = 3,
        container_id: required ContainerID = 4,
        container_status: optional ContainerStatus = 5,
    }

    /// Mesos' `Response.GetContainers`.
    GetContainers as "Response.GetContainers" { containers: repeated Container = 1 }

    /// Mesos' `Response.GetFrameworks.Framework`.
    Framework as "Response.GetFrameworks.Framework" { framework_info: required FrameworkInfo = 1 }

    /// Mesos' `Response.GetFrameworks`.
    GetFrameworks as "Response.GetFrameworks" {
        frameworks: repeated Framework = 1,
        completed_frameworks: repeated Framework = 2,
    }

    /// Mesos' `Response.GetExecutors.Executor`.
    Executor as "Response.GetExecutors.Executor" { executor_info: required ExecutorInfo = 1 }

    /// Mesos' `Response.GetExecutors`.
    GetExecutors as "Response.GetExecutors" {
        executors: repeated Executor = 1,
        completed_executors: repeated Executor = 2,
    }

    /// Mesos' `Response.GetOperations`.
    GetOperations as "Response.GetOperations" { operations: repeated Operation = 1 }

    /// Mesos' `Response.GetTasks`.
    GetTasks as "Response.GetTasks" {
        pending_tasks: repeated Task = 1,
        queued_tasks: repeated Task = 2,
        launched_tasks: repeated Task = 3,
        terminated_tasks: repeated Task = 4,
        completed_tasks: repeated Task = 5,
    }

    /// Mesos' `Response.GetAgent`.
    GetAgent as "Response.GetAgent" {
        agent_info: optional AgentInfo = 1,
        drain_config: optional DrainConfig = 2,
        estimated_drain_start_time: optional TimeInfo = 3,
    }

    /// Mesos' `Response.GetResourceProviders.ResourceProvider`.
    ResourceProvider as "Response.GetResourceProviders.ResourceProvider" {
        resource_provider_info: required ResourceProviderInfo = 1,
        total_resources: repeated Resource = 2,
    }

    /// Mesos' `Response.GetResourceProviders`.
    GetResourceProviders as "Response.GetResourceProviders" { resource_providers: repeated ResourceProvider = 1 }

    /// Mesos' `Response.WaitNestedContainer`.
    WaitNestedContainer as "Response.WaitNestedContainer" {
        exit_status: optional i32 = 1,
        state: optional TaskState = 2,
        reason: optional TaskStatusReason = 3,
        limitation: optional TaskResourceLimitation = 4,
        message: optional String = 5,
    }

    /// Mesos' `Response.WaitContainer`.
    WaitContainer as "Response.WaitContainer" {
        exit_status: optional i32 = 1,
        state: optional TaskState = 2,
        reason: optional TaskStatusReason = 3,
        limitation: optional TaskResourceLimitation = 4,
        message: optional String = 5,
    }
}

enums! {
    /// Mesos' `Response.Type`.
    Type {
        Unknown = 0 "UNKNOWN", GetHealth = 1 "GET_HEALTH", GetFlags = 2 "GET_FLAGS", GetVersion = 3 "GET_VERSION",
        GetMetrics = 4 "GET_METRICS", GetLoggingLevel = 5 "GET_LOGGING_LEVEL", ListFiles = 6 "LIST_FILES",
        ReadFile = 7 "READ_FILE", GetState = 8 "GET_STATE", GetContainers = 9 "GET_CONTAINERS",
        GetFrameworks = 10 "GET_FRAMEWORKS", GetExecutors = 11 "GET_EXECUTORS", GetOperations = 17 "GET_OPERATIONS",
        GetTasks = 12 "GET_TASKS", GetAgent = 14 "GET_AGENT", GetResourceProviders = 16 "GET_RESOURCE_PROVIDERS",
        WaitNestedContainer = 13 "WAIT_NESTED_CONTAINER", WaitContainer = 15 "WAIT_CONTAINER",
    }
}
