//! What is wrong with an operator's call by itself, in Mesos' words. Pure.

use kubernel_mesos_proto::master::{Call, call::Type};

/// The kind of a call that has all its kind needs.
///
/// # Errors
///
/// What is missing.
pub(crate) fn check(call: &Call) -> Result<Type, String> {
    let of = call.r#type.ok_or("Expecting 'type' to be present")?;
    let needed = match of {
        Type::GetMetrics => Some(("get_metrics", call.get_metrics.is_some())),
        Type::SetLoggingLevel => Some(("set_logging_level", call.set_logging_level.is_some())),
        Type::ListFiles => Some(("list_files", call.list_files.is_some())),
        Type::ReadFile => Some(("read_file", call.read_file.is_some())),
        Type::UpdateWeights => Some(("update_weights", call.update_weights.is_some())),
        Type::ReserveResources => Some(("reserve_resources", call.reserve_resources.is_some())),
        Type::UnreserveResources => Some(("unreserve_resources", call.unreserve_resources.is_some())),
        Type::CreateVolumes => Some(("create_volumes", call.create_volumes.is_some())),
        Type::DestroyVolumes => Some(("destroy_volumes", call.destroy_volumes.is_some())),
        Type::GrowVolume => Some(("grow_volume", call.grow_volume.is_some())),
        Type::ShrinkVolume => Some(("shrink_volume", call.shrink_volume.is_some())),
        Type::UpdateMaintenanceSchedule => {
            Some(("update_maintenance_schedule", call.update_maintenance_schedule.is_some()))
        }
        Type::StartMaintenance => Some(("start_maintenance", call.start_maintenance.is_some())),
        Type::StopMaintenance => Some(("stop_maintenance", call.stop_maintenance.is_some())),
        Type::DrainAgent => Some(("drain_agent", call.drain_agent.is_some())),
        Type::DeactivateAgent => Some(("deactivate_agent", call.deactivate_agent.is_some())),
        Type::ReactivateAgent => Some(("reactivate_agent", call.reactivate_agent.is_some())),
        Type::UpdateQuota => Some(("update_quota", call.update_quota.is_some())),
        Type::SetQuota => Some(("set_quota", call.set_quota.is_some())),
        Type::RemoveQuota => Some(("remove_quota", call.remove_quota.is_some())),
        Type::Teardown => Some(("teardown", call.teardown.is_some())),
        Type::MarkAgentGone => Some(("mark_agent_gone", call.mark_agent_gone.is_some())),
        _ => None,
    };
    match needed {
        Some((name, false)) => Err(format!("Expecting '{name}' to be present")),
        _ => Ok(of),
    }
}
