//! The master as clients see it: its version, flags and address. Pure but for the door's settings.

use kubernel_mesos_proto::{
    master::response::GetMaster,
    v1::{Flag, VersionInfo},
};

use crate::Door;

/// The version: numbers and dots alone.
pub(crate) fn version(door: &Door) -> VersionInfo {
    VersionInfo {
        version: door.config().version.clone(),
        build_user: Some("kubernel".to_owned()),
        git_tag: Some(env!("CARGO_PKG_VERSION").to_owned()),
        ..VersionInfo::default()
    }
}

/// What of Mesos' flags the door has a value for.
pub(crate) fn flags(door: &Door) -> Vec<Flag> {
    let config = door.config();
    let all = [
        ("hostname", config.hostname.clone()),
        ("ip", config.ip.to_string()),
        ("port", config.port.to_string()),
        ("max_completed_frameworks", crate::book::COMPLETED_FRAMEWORKS_MAX.to_string()),
        ("max_completed_tasks_per_framework", crate::book::COMPLETED_TASKS_MAX.to_string()),
        ("filter_gpu_resources", "true".to_owned()),
        ("root_submissions", "true".to_owned()),
    ];
    all.into_iter().map(|(name, value)| Flag { name: name.to_owned(), value: Some(value) }).collect()
}

/// `master@ip:port`.
pub(crate) fn pid(door: &Door) -> String {
    format!("master@{}:{}", door.config().ip, door.config().port)
}

/// The master, and since when it is one.
pub(crate) fn get(door: &Door) -> GetMaster {
    GetMaster {
        master_info: Some(door.master_info()),
        start_time: Some(door.opened()),
        elected_time: Some(door.opened()),
    }
}
