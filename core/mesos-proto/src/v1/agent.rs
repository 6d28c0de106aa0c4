//! What agents and masters say of themselves.

use super::{Address, AgentID, Attribute, DurationInfo, ReservationInfo, Resource, ResourceProviderID, TimeInfo};
use crate::{enums, messages};

messages! {
    /// Mesos' `DomainInfo.FaultDomain.RegionInfo`.
    RegionInfo as "DomainInfo.FaultDomain.RegionInfo" { name: required String = 1 }

    /// Mesos' `DomainInfo.FaultDomain.ZoneInfo`.
    ZoneInfo as "DomainInfo.FaultDomain.ZoneInfo" { name: required String = 1 }

    /// Mesos' `DomainInfo.FaultDomain`.
    FaultDomain as "DomainInfo.FaultDomain" { region: required RegionInfo = 1, zone: required ZoneInfo = 2 }

    /// Mesos' `DomainInfo`.
    DomainInfo { fault_domain: optional FaultDomain = 1 }

    /// Mesos' `MasterInfo.Capability`.
    MasterCapability as "MasterInfo.Capability" { r#type: optional MasterCapabilityType = 1 }

    /// Mesos' `MasterInfo`.
    MasterInfo {
        id: required String = 1,
        ip: required u32 = 2,
        port: required u32 = 3 [5050],
        pid: optional String = 4,
        hostname: optional String = 5,
        version: optional String = 6,
        address: optional Address = 7,
        domain: optional DomainInfo = 8,
        capabilities: repeated MasterCapability = 9,
    }

    /// Mesos' `AgentInfo.Capability`.
    AgentCapability as "AgentInfo.Capability" { r#type: optional AgentCapabilityType = 1 }

    /// Mesos' `AgentInfo`.
    AgentInfo {
        hostname: required String = 1,
        port: default i32 = 8 [5051],
        resources: repeated Resource = 3,
        attributes: repeated Attribute = 5,
        id: optional AgentID = 6,
        domain: optional DomainInfo = 10,
    }

    /// Mesos' `ResourceProviderInfo.Storage`.
    ResourceProviderInfoStorage as "ResourceProviderInfo.Storage" {
        reconciliation_interval_seconds: optional f64 = 2,
    }

    /// Mesos' `ResourceProviderInfo`.
    ResourceProviderInfo {
        id: optional ResourceProviderID = 1,
        attributes: repeated Attribute = 2,
        r#type: required String = 3,
        name: required String = 4,
        default_reservations: repeated ReservationInfo = 5,
        storage: optional ResourceProviderInfoStorage = 6,
    }

    /// Mesos' `VersionInfo`.
    VersionInfo {
        version: required String = 1,
        build_date: optional String = 2,
        build_time: optional f64 = 3,
        build_user: optional String = 4,
        git_sha: optional String = 5,
        git_branch: optional String = 6,
        git_tag: optional String = 7,
    }

    /// Mesos' `Flag`.
    Flag { name: required String = 1, value: optional String = 2 }

    /// Mesos' `Metric`.
    Metric { name: required String = 1, value: optional f64 = 2 }

    /// Mesos' `FileInfo`.
    FileInfo {
        path: required String = 1,
        nlink: optional i32 = 2,
        size: optional u64 = 3,
        mtime: optional TimeInfo = 4,
        mode: optional u32 = 5,
        uid: optional String = 6,
        gid: optional String = 7,
    }

    /// Mesos' `DrainConfig`.
    DrainConfig { max_grace_period: optional DurationInfo = 1, mark_gone: default bool = 2 [false] }

    /// Mesos' `DrainInfo`.
    DrainInfo { state: required DrainState = 1, config: required DrainConfig = 2 }
}

enums! {
    /// Mesos' `MasterInfo.Capability.Type`.
    MasterCapabilityType {
        Unknown = 0 "UNKNOWN", AgentUpdate = 1 "AGENT_UPDATE", AgentDraining = 2 "AGENT_DRAINING",
        QuotaV2 = 3 "QUOTA_V2",
    }

    /// Mesos' `AgentInfo.Capability.Type`.
    AgentCapabilityType {
        Unknown = 0 "UNKNOWN", MultiRole = 1 "MULTI_ROLE", HierarchicalRole = 2 "HIERARCHICAL_ROLE",
        ReservationRefinement = 3 "RESERVATION_REFINEMENT", ResourceProvider = 4 "RESOURCE_PROVIDER",
        ResizeVolume = 5 "RESIZE_VOLUME", AgentOperationFeedback = 6 "AGENT_OPERATION_FEEDBACK",
        AgentDraining = 7 "AGENT_DRAINING", TaskResourceLimits = 8 "TASK_RESOURCE_LIMITS",
    }

    /// Mesos' `DrainState`.
    DrainState { Unknown = 0 "UNKNOWN", Draining = 1 "DRAINING", Drained = 2 "DRAINED" }
}
