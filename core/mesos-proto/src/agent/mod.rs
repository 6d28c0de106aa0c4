//! The operator API of an agent: `Call`, `Response` and what goes through an attached terminal (`ProcessIo`); the package `mesos.v1.agent`.

pub mod call;
pub mod response;

use crate::v1::{DurationInfo, TtyInfo};
use crate::{enums, messages};

messages! {
    /// Mesos' `Call`.
    Call {
        r#type: optional call::Type = 1,
        get_metrics: optional call::GetMetrics = 2,
        set_logging_level: optional call::SetLoggingLevel = 3,
        list_files: optional call::ListFiles = 4,
        read_file: optional call::ReadFile = 5,
        get_containers: optional call::GetContainers = 20,
        launch_nested_container: optional call::LaunchNestedContainer = 6,
        wait_nested_container: optional call::WaitNestedContainer = 7,
        kill_nested_container: optional call::KillNestedContainer = 8,
        remove_nested_container: optional call::RemoveNestedContainer = 12,
        launch_nested_container_session: optional call::LaunchNestedContainerSession = 9,
        attach_container_input: optional call::AttachContainerInput = 10,
        attach_container_output: optional call::AttachContainerOutput = 11,
        launch_container: optional call::LaunchContainer = 13,
        wait_container: optional call::WaitContainer = 14,
        kill_container: optional call::KillContainer = 15,
        remove_container: optional call::RemoveContainer = 16,
        add_resource_provider_config: optional call::AddResourceProviderConfig = 17,
        update_resource_provider_config: optional call::UpdateResourceProviderConfig = 18,
        remove_resource_provider_config: optional call::RemoveResourceProviderConfig = 19,
        mark_resource_provider_gone: optional call::MarkResourceProviderGone = 22,
        prune_images: optional call::PruneImages = 21,
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
        get_containers: optional response::GetContainers = 10,
        get_frameworks: optional response::GetFrameworks = 11,
        get_executors: optional response::GetExecutors = 12,
        get_operations: optional response::GetOperations = 18,
        get_tasks: optional response::GetTasks = 13,
        get_agent: optional response::GetAgent = 15,
        get_resource_providers: optional response::GetResourceProviders = 17,
        wait_nested_container: optional response::WaitNestedContainer = 14,
        wait_container: optional response::WaitContainer = 16,
    }

    /// Mesos' `ProcessIO.Data`.
    ProcessIoData as "ProcessIO.Data" { r#type: optional ProcessIoDataType = 1, data: optional Vec<u8> = 2 }

    /// Mesos' `ProcessIO.Control.Heartbeat`.
    ProcessIoControlHeartbeat as "ProcessIO.Control.Heartbeat" { interval: optional DurationInfo = 1 }

    /// Mesos' `ProcessIO.Control`.
    ProcessIoControl as "ProcessIO.Control" {
        r#type: optional ProcessIoControlType = 1,
        tty_info: optional TtyInfo = 2,
        heartbeat: optional ProcessIoControlHeartbeat = 3,
    }

    /// Mesos' `ProcessIO`.
    ProcessIo as "ProcessIO" {
        r#type: optional ProcessIoType = 1,
        data: optional ProcessIoData = 2,
        control: optional ProcessIoControl = 3,
    }
}

enums! {
    /// Mesos' `ProcessIO.Type`.
    ProcessIoType { Unknown = 0 "UNKNOWN", Data = 1 "DATA", Control = 2 "CONTROL" }

    /// Mesos' `ProcessIO.Data.Type`.
    ProcessIoDataType { Unknown = 0 "UNKNOWN", Stdin = 1 "STDIN", Stdout = 2 "STDOUT", Stderr = 3 "STDERR" }

    /// Mesos' `ProcessIO.Control.Type`.
    ProcessIoControlType { Unknown = 0 "UNKNOWN", TtyInfo = 1 "TTY_INFO", Heartbeat = 2 "HEARTBEAT" }
}
