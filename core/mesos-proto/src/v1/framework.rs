//! What a framework says of itself.

use super::{FrameworkID, Labels, Scalar};
use crate::{enums, messages};

messages! {
    /// Mesos' `FrameworkInfo.Capability`.
    FrameworkCapability as "FrameworkInfo.Capability" { r#type: optional FrameworkCapabilityType = 1 }

    /// Mesos' `FrameworkInfo`.
    FrameworkInfo {
        user: required String = 1,
        name: required String = 2,
        id: optional FrameworkID = 3,
        failover_timeout: default f64 = 4 [0.0],
        checkpoint: default bool = 5 [false],
        role: optional String = 6,
        roles: repeated String = 12,
        hostname: optional String = 7,
        principal: optional String = 8,
        webui_url: optional String = 9,
        capabilities: repeated FrameworkCapability = 10,
        labels: optional Labels = 11,
        offer_filters: map OfferFilters = 13,
    }

    /// Mesos' `OfferFilters.ResourceQuantities`.
    ResourceQuantities as "OfferFilters.ResourceQuantities" { quantities: map Scalar = 1 }

    /// Mesos' `OfferFilters.MinAllocatableResources`.
    MinAllocatableResources as "OfferFilters.MinAllocatableResources" { quantities: repeated ResourceQuantities = 1 }

    /// Mesos' `OfferFilters`.
    OfferFilters { min_allocatable_resources: optional MinAllocatableResources = 1 }

    /// Mesos' `Filters`.
    Filters { refuse_seconds: default f64 = 1 [5.0] }

    /// Mesos' `Credential`.
    Credential { principal: required String = 1, secret: optional String = 2 }

    /// Mesos' `Credentials`.
    Credentials { credentials: repeated Credential = 1 }

    /// Mesos' `RateLimit`.
    RateLimit { qps: optional f64 = 1, principal: required String = 2, capacity: optional u64 = 3 }

    /// Mesos' `RateLimits`.
    RateLimits {
        limits: repeated RateLimit = 1,
        aggregate_default_qps: optional f64 = 2,
        aggregate_default_capacity: optional u64 = 3,
    }
}

enums! {
    /// Mesos' `FrameworkInfo.Capability.Type`.
    FrameworkCapabilityType {
        Unknown = 0 "UNKNOWN", RevocableResources = 1 "REVOCABLE_RESOURCES",
        TaskKillingState = 2 "TASK_KILLING_STATE", GpuResources = 3 "GPU_RESOURCES",
        SharedResources = 4 "SHARED_RESOURCES", PartitionAware = 5 "PARTITION_AWARE", MultiRole = 6 "MULTI_ROLE",
        ReservationRefinement = 7 "RESERVATION_REFINEMENT", RegionAware = 8 "REGION_AWARE",
    }
}
