//! What an operator asks.

use crate::maintenance::Schedule;
use crate::quota::{QuotaConfig, QuotaRequest};
use crate::v1::{AgentID, Duration, DurationInfo, FrameworkID, MachineID, Resource, Scalar, WeightInfo};
use crate::{enums, messages};

messages! {
    /// Mesos' `Call.GetMetrics`.
    GetMetrics as "Call.GetMetrics" { timeout: optional DurationInfo = 1 }

    /// Mesos' `Call.SetLoggingLevel`.
    SetLoggingLevel as "Call.SetLoggingLevel" { level: required u32 = 1, duration: required DurationInfo = 2 }

    /// Mesos' `Call.ListFiles`.
    ListFiles as "Call.ListFiles" { path: required String = 1 }

    /// Mesos' `Call.ReadFile`.
    ReadFile as "Call.ReadFile" { path: required String = 1, offset: required u64 = 2, length: optional u64 = 3 }

    /// Mesos' `Call.UpdateWeights`.
    UpdateWeights as "Call.UpdateWeights" { weight_infos: repeated WeightInfo = 1 }

    /// Mesos' `Call.ReserveResources`.
    ReserveResources as "Call.ReserveResources" {
        agent_id: required AgentID = 1,
        source: repeated Resource = 3,
        resources: repeated Resource = 2,
    }

    /// Mesos' `Call.UnreserveResources`.
    UnreserveResources as "Call.UnreserveResources" {
        agent_id: required AgentID = 1,
        resources: repeated Resource = 2,
    }

    /// Mesos' `Call.CreateVolumes`.
    CreateVolumes as "Call.CreateVolumes" { agent_id: required AgentID = 1, volumes: repeated Resource = 2 }

    /// Mesos' `Call.DestroyVolumes`.
    DestroyVolumes as "Call.DestroyVolumes" { agent_id: required AgentID = 1, volumes: repeated Resource = 2 }

    /// Mesos' `Call.GrowVolume`.
    GrowVolume as "Call.GrowVolume" {
        agent_id: optional AgentID = 1,
        volume: required Resource = 2,
        addition: required Resource = 3,
    }

    /// Mesos' `Call.ShrinkVolume`.
    ShrinkVolume as "Call.ShrinkVolume" {
        agent_id: optional AgentID = 1,
        volume: required Resource = 2,
        subtract: required Scalar = 3,
    }

    /// Mesos' `Call.UpdateMaintenanceSchedule`.
    UpdateMaintenanceSchedule as "Call.UpdateMaintenanceSchedule" { schedule: required Schedule = 1 }

    /// Mesos' `Call.StartMaintenance`.
    StartMaintenance as "Call.StartMaintenance" { machines: repeated MachineID = 1 }

    /// Mesos' `Call.StopMaintenance`.
    StopMaintenance as "Call.StopMaintenance" { machines: repeated MachineID = 1 }

    /// Mesos' `Call.DrainAgent`.
    DrainAgent as "Call.DrainAgent" {
        agent_id: required AgentID = 1,
        max_grace_period: optional Duration = 2,
        mark_gone: default bool = 3 [false],
    }

    /// Mesos' `Call.DeactivateAgent`.
    DeactivateAgent as "Call.DeactivateAgent" { agent_id: required AgentID = 1 }

    /// Mesos' `Call.ReactivateAgent`.
    ReactivateAgent as "Call.ReactivateAgent" { agent_id: required AgentID = 1 }

    /// Mesos' `Call.UpdateQuota`.
    UpdateQuota as "Call.UpdateQuota" { force: optional bool = 1, quota_configs: repeated QuotaConfig = 2 }

    /// Mesos' `Call.SetQuota`.
    SetQuota as "Call.SetQuota" { quota_request: required QuotaRequest = 1 }

    /// Mesos' `Call.RemoveQuota`.
    RemoveQuota as "Call.RemoveQuota" { role: required String = 1 }

    /// Mesos' `Call.Teardown`.
    Teardown as "Call.Teardown" { framework_id: required FrameworkID = 1 }

    /// Mesos' `Call.MarkAgentGone`.
    MarkAgentGone as "Call.MarkAgentGone" { agent_id: required AgentID = 1 }
}

enums! {
    /// Mesos' `Call.Type`.
    Type {
        Unknown = 0 "UNKNOWN", GetHealth = 1 "GET_HEALTH", GetFlags = 2 "GET_FLAGS", GetVersion = 3 "GET_VERSION",
        GetMetrics = 4 "GET_METRICS", GetLoggingLevel = 5 "GET_LOGGING_LEVEL",
        SetLoggingLevel = 6 "SET_LOGGING_LEVEL", ListFiles = 7 "LIST_FILES", ReadFile = 8 "READ_FILE",
        GetState = 9 "GET_STATE", GetAgents = 10 "GET_AGENTS", GetFrameworks = 11 "GET_FRAMEWORKS",
        GetExecutors = 12 "GET_EXECUTORS", GetOperations = 33 "GET_OPERATIONS", GetTasks = 13 "GET_TASKS",
        GetRoles = 14 "GET_ROLES", GetWeights = 15 "GET_WEIGHTS", UpdateWeights = 16 "UPDATE_WEIGHTS",
        GetMaster = 17 "GET_MASTER", Subscribe = 18 "SUBSCRIBE", ReserveResources = 19 "RESERVE_RESOURCES",
        UnreserveResources = 20 "UNRESERVE_RESOURCES", CreateVolumes = 21 "CREATE_VOLUMES",
        DestroyVolumes = 22 "DESTROY_VOLUMES", GrowVolume = 34 "GROW_VOLUME", ShrinkVolume = 35 "SHRINK_VOLUME",
        GetMaintenanceStatus = 23 "GET_MAINTENANCE_STATUS", GetMaintenanceSchedule = 24 "GET_MAINTENANCE_SCHEDULE",
        UpdateMaintenanceSchedule = 25 "UPDATE_MAINTENANCE_SCHEDULE", StartMaintenance = 26 "START_MAINTENANCE",
        StopMaintenance = 27 "STOP_MAINTENANCE", DrainAgent = 37 "DRAIN_AGENT",
        DeactivateAgent = 38 "DEACTIVATE_AGENT", ReactivateAgent = 39 "REACTIVATE_AGENT", GetQuota = 28 "GET_QUOTA",
        UpdateQuota = 36 "UPDATE_QUOTA", SetQuota = 29 "SET_QUOTA", RemoveQuota = 30 "REMOVE_QUOTA",
        Teardown = 31 "TEARDOWN", MarkAgentGone = 32 "MARK_AGENT_GONE",
    }
}
