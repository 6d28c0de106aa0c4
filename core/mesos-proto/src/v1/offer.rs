//! Offers and what is done with them.

use super::{
    AgentID, AllocationInfo, Attribute, DiskSourceType, DomainInfo, ExecutorID, ExecutorInfo, FrameworkID, OfferID,
    OperationID, Resource, ResourceProviderID, Scalar, TaskGroupInfo, TaskInfo, Unavailability, Url, Uuid,
};
use crate::{enums, messages};

messages! {
    /// Mesos' `Offer.Operation.Launch`.
    Launch as "Offer.Operation.Launch" { task_infos: repeated TaskInfo = 1 }

    /// Mesos' `Offer.Operation.LaunchGroup`.
    LaunchGroup as "Offer.Operation.LaunchGroup" {
        executor: required ExecutorInfo = 1,
        task_group: required TaskGroupInfo = 2,
    }

    /// Mesos' `Offer.Operation.Reserve`.
    Reserve as "Offer.Operation.Reserve" { source: repeated Resource = 2, resources: repeated Resource = 1 }

    /// Mesos' `Offer.Operation.Unreserve`.
    Unreserve as "Offer.Operation.Unreserve" { resources: repeated Resource = 1 }

    /// Mesos' `Offer.Operation.Create`.
    Create as "Offer.Operation.Create" { volumes: repeated Resource = 1 }

    /// Mesos' `Offer.Operation.Destroy`.
    Destroy as "Offer.Operation.Destroy" { volumes: repeated Resource = 1 }

    /// Mesos' `Offer.Operation.GrowVolume`.
    GrowVolume as "Offer.Operation.GrowVolume" { volume: required Resource = 1, addition: required Resource = 2 }

    /// Mesos' `Offer.Operation.ShrinkVolume`.
    ShrinkVolume as "Offer.Operation.ShrinkVolume" { volume: required Resource = 1, subtract: required Scalar = 2 }

    /// Mesos' `Offer.Operation.CreateDisk`.
    CreateDisk as "Offer.Operation.CreateDisk" {
        source: required Resource = 1,
        target_type: required DiskSourceType = 2,
        target_profile: optional String = 3,
    }

    /// Mesos' `Offer.Operation.DestroyDisk`.
    DestroyDisk as "Offer.Operation.DestroyDisk" { source: required Resource = 1 }

    /// Mesos' `Offer.Operation`.
    OfferOperation as "Offer.Operation" {
        r#type: optional OfferOperationType = 1,
        id: optional OperationID = 12,
        launch: optional Launch = 2,
        launch_group: optional LaunchGroup = 7,
        reserve: optional Reserve = 3,
        unreserve: optional Unreserve = 4,
        create: optional Create = 5,
        destroy: optional Destroy = 6,
        grow_volume: optional GrowVolume = 13,
        shrink_volume: optional ShrinkVolume = 14,
        create_disk: optional CreateDisk = 15,
        destroy_disk: optional DestroyDisk = 16,
    }

    /// Mesos' `Offer`.
    Offer {
        id: required OfferID = 1,
        framework_id: required FrameworkID = 2,
        agent_id: required AgentID = 3,
        hostname: required String = 4,
        url: optional Box<Url> = 8,
        domain: optional DomainInfo = 11,
        resources: repeated Resource = 5,
        attributes: repeated Attribute = 7,
        executor_ids: repeated ExecutorID = 6,
        unavailability: optional Unavailability = 9,
        allocation_info: optional AllocationInfo = 10,
    }

    /// Mesos' `InverseOffer`.
    InverseOffer {
        id: required OfferID = 1,
        url: optional Url = 2,
        framework_id: required FrameworkID = 3,
        agent_id: optional AgentID = 4,
        unavailability: required Unavailability = 5,
        resources: repeated Resource = 6,
    }

    /// Mesos' `Operation`.
    Operation {
        framework_id: optional FrameworkID = 1,
        agent_id: optional AgentID = 2,
        info: required OfferOperation = 3,
        latest_status: required OperationStatus = 4,
        statuses: repeated OperationStatus = 5,
        uuid: required Uuid = 6,
    }

    /// Mesos' `OperationStatus`.
    OperationStatus {
        operation_id: optional OperationID = 1,
        state: required OperationState = 2,
        message: optional String = 3,
        converted_resources: repeated Resource = 4,
        uuid: optional Uuid = 5,
        agent_id: optional AgentID = 6,
        resource_provider_id: optional ResourceProviderID = 7,
    }
}

enums! {
    /// Mesos' `Offer.Operation.Type`.
    OfferOperationType {
        Unknown = 0 "UNKNOWN", Launch = 1 "LAUNCH", LaunchGroup = 6 "LAUNCH_GROUP", Reserve = 2 "RESERVE",
        Unreserve = 3 "UNRESERVE", Create = 4 "CREATE", Destroy = 5 "DESTROY", GrowVolume = 11 "GROW_VOLUME",
        ShrinkVolume = 12 "SHRINK_VOLUME", CreateDisk = 13 "CREATE_DISK", DestroyDisk = 14 "DESTROY_DISK",
    }

    /// Mesos' `OperationState`.
    OperationState {
        Unsupported = 0 "OPERATION_UNSUPPORTED", Pending = 1 "OPERATION_PENDING", Finished = 2 "OPERATION_FINISHED",
        Failed = 3 "OPERATION_FAILED", Error = 4 "OPERATION_ERROR", Dropped = 5 "OPERATION_DROPPED",
        Unreachable = 6 "OPERATION_UNREACHABLE", GoneByOperator = 7 "OPERATION_GONE_BY_OPERATOR",
        Recovering = 8 "OPERATION_RECOVERING", Unknown = 9 "OPERATION_UNKNOWN",
    }
}
