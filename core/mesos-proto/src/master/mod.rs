//! The operator API of the master: `Call`, `Response` and, on its stream, `Event`; the package `mesos.v1.master`.

pub mod call;
pub mod event;
pub mod response;

use crate::messages;

messages! {
    /// Mesos' `Call`.
    Call {
        r#type: optional call::Type = 1,
        get_metrics: optional call::GetMetrics = 2,
        set_logging_level: optional call::SetLoggingLevel = 3,
        list_files: optional call::ListFiles = 4,
        read_file: optional call::ReadFile = 5,
        update_weights: optional call::UpdateWeights = 6,
        reserve_resources: optional call::ReserveResources = 7,
        unreserve_resources: optional call::UnreserveResources = 8,
        create_volumes: optional call::CreateVolumes = 9,
        destroy_volumes: optional call::DestroyVolumes = 10,
        grow_volume: optional call::GrowVolume = 18,
        shrink_volume: optional call::ShrinkVolume = 19,
        update_maintenance_schedule: optional call::UpdateMaintenanceSchedule = 11,
        start_maintenance: optional call::StartMaintenance = 12,
        stop_maintenance: optional call::StopMaintenance = 13,
        drain_agent: optional call::DrainAgent = 21,
        deactivate_agent: optional call::DeactivateAgent = 22,
        reactivate_agent: optional call::ReactivateAgent = 23,
        update_quota: optional call::UpdateQuota = 20,
        teardown: optional call::Teardown = 16,
        mark_agent_gone: optional call::MarkAgentGone = 17,
        set_quota: optional call::SetQuota = 14,
        remove_quota: optional call::RemoveQuota = 15,
    }

    /// Mesos' `Response`.
    Response {
        r#type: optional response::Type = 1,
        get_health: optional response::GetHealth = 2,
        get_flags: optional response::GetFlags = 3,
        get_version: optional response::GetVersion = 4,
        get_metrics: optional response::GetMetrics = 5,
        get_logging_level: optional response::GetLoggingLevel = 6,
        list_files: optional response::ListFiles = 7,
        read_file: optional response::ReadFile = 8,
        get_state: optional response::GetState = 9,
        get_agents: optional response::GetAgents = 10,
        get_frameworks: optional response::GetFrameworks = 11,
        get_executors: optional response::GetExecutors = 12,
        get_operations: optional response::GetOperations = 20,
        get_tasks: optional response::GetTasks = 13,
        get_roles: optional response::GetRoles = 14,
        get_weights: optional response::GetWeights = 15,
        get_master: optional response::GetMaster = 16,
        get_maintenance_status: optional response::GetMaintenanceStatus = 17,
        get_maintenance_schedule: optional response::GetMaintenanceSchedule = 18,
        get_quota: optional response::GetQuota = 19,
    }

    /// Mesos' `Event`.
    Event {
        r#type: optional event::Type = 1,
        subscribed: optional event::Subscribed = 2,
        task_added: optional event::TaskAdded = 3,
        task_updated: optional event::TaskUpdated = 4,
        agent_added: optional event::AgentAdded = 5,
        agent_removed: optional event::AgentRemoved = 6,
        framework_added: optional event::FrameworkAdded = 7,
        framework_updated: optional event::FrameworkUpdated = 8,
        framework_removed: optional event::FrameworkRemoved = 9,
    }
}
