//! What an operator asks.

use super::ProcessIo;
use crate::v1::{
    CommandInfo, ContainerID, ContainerInfo, DurationInfo, Image, Resource, ResourceProviderID, ResourceProviderInfo,
    Scalar,
};
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

    /// Mesos' `Call.GetContainers`.
    GetContainers as "Call.GetContainers" { show_nested: optional bool = 1, show_standalone: optional bool = 2 }

    /// Mesos' `Call.LaunchNestedContainer`.
    LaunchNestedContainer as "Call.LaunchNestedContainer" {
        container_id: required ContainerID = 1,
        command: optional CommandInfo = 2,
        container: optional ContainerInfo = 3,
    }

    /// Mesos' `Call.WaitNestedContainer`.
    WaitNestedContainer as "Call.WaitNestedContainer" { container_id: required ContainerID = 1 }

    /// Mesos' `Call.KillNestedContainer`.
    KillNestedContainer as "Call.KillNestedContainer" {
        container_id: required ContainerID = 1,
        signal: optional i32 = 2,
    }

    /// Mesos' `Call.RemoveNestedContainer`.
    RemoveNestedContainer as "Call.RemoveNestedContainer" { container_id: required ContainerID = 1 }

    /// Mesos' `Call.LaunchNestedContainerSession`.
    LaunchNestedContainerSession as "Call.LaunchNestedContainerSession" {
        container_id: required ContainerID = 1,
        command: optional CommandInfo = 2,
        container: optional ContainerInfo = 3,
    }

    /// Mesos' `Call.AttachContainerInput`.
    AttachContainerInput as "Call.AttachContainerInput" {
        r#type: optional AttachContainerInputType = 1,
        container_id: optional ContainerID = 2,
        process_io: optional ProcessIo = 3,
    }

    /// Mesos' `Call.AttachContainerOutput`.
    AttachContainerOutput as "Call.AttachContainerOutput" { container_id: required ContainerID = 1 }

    /// Mesos' `Call.LaunchContainer`.
    LaunchContainer as "Call.LaunchContainer" {
        container_id: required ContainerID = 1,
        command: optional CommandInfo = 2,
        resources: repeated Resource = 3,
        container: optional ContainerInfo = 4,
        limits: map Scalar = 5,
    }

    /// Mesos' `Call.WaitContainer`.
    WaitContainer as "Call.WaitContainer" { container_id: required ContainerID = 1 }

    /// Mesos' `Call.KillContainer`.
    KillContainer as "Call.KillContainer" { container_id: required ContainerID = 1, signal: optional i32 = 2 }

    /// Mesos' `Call.RemoveContainer`.
    RemoveContainer as "Call.RemoveContainer" { container_id: required ContainerID = 1 }

    /// Mesos' `Call.AddResourceProviderConfig`.
    AddResourceProviderConfig as "Call.AddResourceProviderConfig" { info: required ResourceProviderInfo = 1 }

    /// Mesos' `Call.UpdateResourceProviderConfig`.
    UpdateResourceProviderConfig as "Call.UpdateResourceProviderConfig" { info: required ResourceProviderInfo = 1 }

    /// Mesos' `Call.RemoveResourceProviderConfig`.
    RemoveResourceProviderConfig as "Call.RemoveResourceProviderConfig" {
        r#type: required String = 1,
        name: required String = 2,
    }

    /// Mesos' `Call.MarkResourceProviderGone`.
    MarkResourceProviderGone as "Call.MarkResourceProviderGone" {
        resource_provider_id: required ResourceProviderID = 1,
    }

    /// Mesos' `Call.PruneImages`.
    PruneImages as "Call.PruneImages" { excluded_images: repeated Image = 1 }
}

enums! {
    /// Mesos' `Call.Type`.
    Type {
        Unknown = 0 "UNKNOWN", GetHealth = 1 "GET_HEALTH", GetFlags = 2 "GET_FLAGS", GetVersion = 3 "GET_VERSION",
        GetMetrics = 4 "GET_METRICS", GetLoggingLevel = 5 "GET_LOGGING_LEVEL",
        SetLoggingLevel = 6 "SET_LOGGING_LEVEL", ListFiles = 7 "LIST_FILES", ReadFile = 8 "READ_FILE",
        GetState = 9 "GET_STATE", GetContainers = 10 "GET_CONTAINERS", GetFrameworks = 11 "GET_FRAMEWORKS",
        GetExecutors = 12 "GET_EXECUTORS", GetOperations = 31 "GET_OPERATIONS", GetTasks = 13 "GET_TASKS",
        GetAgent = 20 "GET_AGENT", GetResourceProviders = 26 "GET_RESOURCE_PROVIDERS",
        LaunchNestedContainer = 14 "LAUNCH_NESTED_CONTAINER", WaitNestedContainer = 15 "WAIT_NESTED_CONTAINER",
        KillNestedContainer = 16 "KILL_NESTED_CONTAINER", RemoveNestedContainer = 21 "REMOVE_NESTED_CONTAINER",
        LaunchNestedContainerSession = 17 "LAUNCH_NESTED_CONTAINER_SESSION",
        AttachContainerInput = 18 "ATTACH_CONTAINER_INPUT", AttachContainerOutput = 19 "ATTACH_CONTAINER_OUTPUT",
        LaunchContainer = 22 "LAUNCH_CONTAINER", WaitContainer = 23 "WAIT_CONTAINER",
        KillContainer = 24 "KILL_CONTAINER", RemoveContainer = 25 "REMOVE_CONTAINER",
        AddResourceProviderConfig = 27 "ADD_RESOURCE_PROVIDER_CONFIG",
        UpdateResourceProviderConfig = 28 "UPDATE_RESOURCE_PROVIDER_CONFIG",
        RemoveResourceProviderConfig = 29 "REMOVE_RESOURCE_PROVIDER_CONFIG",
        MarkResourceProviderGone = 32 "MARK_RESOURCE_PROVIDER_GONE", PruneImages = 30 "PRUNE_IMAGES",
    }

    /// Mesos' `Call.AttachContainerInput.Type`.
    AttachContainerInputType { Unknown = 0 "UNKNOWN", ContainerId = 1 "CONTAINER_ID", ProcessIo = 2 "PROCESS_IO" }
}
