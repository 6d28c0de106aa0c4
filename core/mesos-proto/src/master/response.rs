//! What an operator is answered.

use crate::maintenance::{ClusterStatus, Schedule};
use crate::quota::QuotaStatus;
use crate::scheduler::OfferConstraints;
use crate::v1::{
    AgentCapability, AgentID, AgentInfo, DrainInfo, ExecutorInfo, FileInfo, Flag, FrameworkInfo, InverseOffer,
    MasterInfo, Metric, Offer, Operation, Resource, ResourceProviderInfo, Role, Task, TimeInfo, VersionInfo,
    WeightInfo,
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
        get_agents: optional GetAgents = 4,
    }

    /// Mesos' `Response.GetAgents.Agent.ResourceProvider`.
    ResourceProvider as "Response.GetAgents.Agent.ResourceProvider" {
        resource_provider_info: required ResourceProviderInfo = 1,
        total_resources: repeated Resource = 2,
    }

    /// Mesos' `Response.GetAgents.Agent`.
    Agent as "Response.GetAgents.Agent" {
        agent_info: required AgentInfo = 1,
        active: required bool = 2,
        deactivated: optional bool = 12,
        version: required String = 3,
        pid: optional String = 4,
        registered_time: optional TimeInfo = 5,
        reregistered_time: optional TimeInfo = 6,
        total_resources: repeated Resource = 7,
        allocated_resources: repeated Resource = 8,
        offered_resources: repeated Resource = 9,
        capabilities: repeated AgentCapability = 10,
        resource_providers: repeated ResourceProvider = 11,
        drain_info: optional DrainInfo = 13,
        estimated_drain_start_time: optional TimeInfo = 14,
    }

    /// Mesos' `Response.GetAgents`.
    GetAgents as "Response.GetAgents" { agents: repeated Agent = 1, recovered_agents: repeated AgentInfo = 2 }

    /// Mesos' `Response.GetFrameworks.Framework`.
    Framework as "Response.GetFrameworks.Framework" {
        framework_info: required FrameworkInfo = 1,
        active: required bool = 2,
        connected: required bool = 3,
        recovered: required bool = 11,
        registered_time: optional TimeInfo = 4,
        reregistered_time: optional TimeInfo = 5,
        unregistered_time: optional TimeInfo = 6,
        offers: repeated Offer = 7,
        inverse_offers: repeated InverseOffer = 8,
        allocated_resources: repeated Resource = 9,
        offered_resources: repeated Resource = 10,
        offer_constraints: optional OfferConstraints = 12,
    }

    /// Mesos' `Response.GetFrameworks`.
    GetFrameworks as "Response.GetFrameworks" {
        frameworks: repeated Framework = 1,
        completed_frameworks: repeated Framework = 2,
        recovered_frameworks: repeated FrameworkInfo = 3,
    }

    /// Mesos' `Response.GetExecutors.Executor`.
    Executor as "Response.GetExecutors.Executor" {
        executor_info: required ExecutorInfo = 1,
        agent_id: required AgentID = 2,
    }

    /// Mesos' `Response.GetExecutors`.
    GetExecutors as "Response.GetExecutors" {
        executors: repeated Executor = 1,
        orphan_executors: repeated Executor = 2,
    }

    /// Mesos' `Response.GetOperations`.
    GetOperations as "Response.GetOperations" { operations: repeated Operation = 1 }

    /// Mesos' `Response.GetTasks`.
    GetTasks as "Response.GetTasks" {
        pending_tasks: repeated Task = 1,
        tasks: repeated Task = 2,
        unreachable_tasks: repeated Task = 5,
        completed_tasks: repeated Task = 3,
        orphan_tasks: repeated Task = 4,
    }

    /// Mesos' `Response.GetRoles`.
    GetRoles as "Response.GetRoles" { roles: repeated Role = 1 }

    /// Mesos' `Response.GetWeights`.
    GetWeights as "Response.GetWeights" { weight_infos: repeated WeightInfo = 1 }

    /// Mesos' `Response.GetMaster`.
    GetMaster as "Response.GetMaster" {
        master_info: optional MasterInfo = 1,
        start_time: optional f64 = 2,
        elected_time: optional f64 = 3,
    }

    /// Mesos' `Response.GetMaintenanceStatus`.
    GetMaintenanceStatus as "Response.GetMaintenanceStatus" { status: required ClusterStatus = 1 }

    /// Mesos' `Response.GetMaintenanceSchedule`.
    GetMaintenanceSchedule as "Response.GetMaintenanceSchedule" { schedule: required Schedule = 1 }

    /// Mesos' `Response.GetQuota`.
    GetQuota as "Response.GetQuota" { status: required QuotaStatus = 1 }
}

enums! {
    /// Mesos' `Response.Type`.
    Type {
        Unknown = 0 "UNKNOWN", GetHealth = 1 "GET_HEALTH", GetFlags = 2 "GET_FLAGS", GetVersion = 3 "GET_VERSION",
        GetMetrics = 4 "GET_METRICS", GetLoggingLevel = 5 "GET_LOGGING_LEVEL", ListFiles = 6 "LIST_FILES",
        ReadFile = 7 "READ_FILE", GetState = 8 "GET_STATE", GetAgents = 9 "GET_AGENTS",
        GetFrameworks = 10 "GET_FRAMEWORKS", GetExecutors = 11 "GET_EXECUTORS", GetOperations = 19 "GET_OPERATIONS",
        GetTasks = 12 "GET_TASKS", GetRoles = 13 "GET_ROLES", GetWeights = 14 "GET_WEIGHTS",
        GetMaster = 15 "GET_MASTER", GetMaintenanceStatus = 16 "GET_MAINTENANCE_STATUS",
        GetMaintenanceSchedule = 17 "GET_MAINTENANCE_SCHEDULE", GetQuota = 18 "GET_QUOTA",
    }
}
