//! Values, attributes and resources; reservations and volumes are parts of a resource.

use super::{AgentID, FrameworkID, Labels, ResourceProviderID, Volume};
use crate::{enums, messages};

messages! {
    /// Mesos' `Value.Scalar`.
    Scalar as "Value.Scalar" { value: required f64 = 1 }

    /// Mesos' `Value.Range`.
    Range as "Value.Range" { begin: required u64 = 1, end: required u64 = 2 }

    /// Mesos' `Value.Ranges`.
    Ranges as "Value.Ranges" { range: repeated Range = 1 }

    /// Mesos' `Value.Set`.
    Set as "Value.Set" { item: repeated String = 1 }

    /// Mesos' `Value.Text`.
    Text as "Value.Text" { value: required String = 1 }

    /// Mesos' `Value`.
    Value {
        r#type: required ValueType = 1,
        scalar: optional Scalar = 2,
        ranges: optional Ranges = 3,
        set: optional Set = 4,
        text: optional Text = 5,
    }

    /// Mesos' `Attribute`.
    Attribute {
        name: required String = 1,
        r#type: required ValueType = 2,
        scalar: optional Scalar = 3,
        ranges: optional Ranges = 4,
        set: optional Set = 6,
        text: optional Text = 5,
    }

    /// Mesos' `Resource.AllocationInfo`.
    AllocationInfo as "Resource.AllocationInfo" { role: optional String = 1 }

    /// Mesos' `Resource.ReservationInfo`.
    ReservationInfo as "Resource.ReservationInfo" {
        r#type: optional ReservationType = 4,
        role: optional String = 3,
        principal: optional String = 1,
        labels: optional Labels = 2,
    }

    /// Mesos' `Resource.DiskInfo.Persistence`.
    Persistence as "Resource.DiskInfo.Persistence" { id: required String = 1, principal: optional String = 2 }

    /// Mesos' `Resource.DiskInfo.Source.Path`.
    DiskPath as "Resource.DiskInfo.Source.Path" { root: optional String = 1 }

    /// Mesos' `Resource.DiskInfo.Source.Mount`.
    DiskMount as "Resource.DiskInfo.Source.Mount" { root: optional String = 1 }

    /// Mesos' `Resource.DiskInfo.Source`.
    DiskSource as "Resource.DiskInfo.Source" {
        r#type: required DiskSourceType = 1,
        path: optional DiskPath = 2,
        mount: optional DiskMount = 3,
        vendor: optional String = 7,
        id: optional String = 4,
        metadata: optional Labels = 5,
        profile: optional String = 6,
    }

    /// Mesos' `Resource.DiskInfo`.
    DiskInfo as "Resource.DiskInfo" {
        persistence: optional Persistence = 1,
        volume: optional Volume = 2,
        source: optional DiskSource = 3,
    }

    /// Mesos' `Resource.RevocableInfo`.
    RevocableInfo as "Resource.RevocableInfo" {}

    /// Mesos' `Resource.SharedInfo`.
    SharedInfo as "Resource.SharedInfo" {}

    /// Mesos' `Resource`.
    Resource {
        provider_id: optional ResourceProviderID = 12,
        name: required String = 1,
        r#type: required ValueType = 2,
        scalar: optional Scalar = 3,
        ranges: optional Ranges = 4,
        set: optional Set = 5,
        role: optional String = 6,
        allocation_info: optional AllocationInfo = 11,
        reservation: optional ReservationInfo = 8,
        reservations: repeated ReservationInfo = 13,
        disk: optional Box<DiskInfo> = 7,
        revocable: optional RevocableInfo = 9,
        shared: optional SharedInfo = 10,
    }

    /// Mesos' `Request`.
    Request { agent_id: optional AgentID = 1, resources: repeated Resource = 2 }

    /// Mesos' `WeightInfo`.
    WeightInfo { weight: required f64 = 1, role: optional String = 2 }

    /// Mesos' `Role`.
    Role {
        name: required String = 1,
        weight: required f64 = 2,
        frameworks: repeated FrameworkID = 3,
        resources: repeated Resource = 4,
    }
}

enums! {
    /// Mesos' `Value.Type`.
    ValueType { Scalar = 0 "SCALAR", Ranges = 1 "RANGES", Set = 2 "SET", Text = 3 "TEXT" }

    /// Mesos' `Resource.ReservationInfo.Type`.
    ReservationType { Unknown = 0 "UNKNOWN", Static = 1 "STATIC", Dynamic = 2 "DYNAMIC" }

    /// Mesos' `Resource.DiskInfo.Source.Type`.
    DiskSourceType { Unknown = 0 "UNKNOWN", Path = 1 "PATH", Mount = 2 "MOUNT", Block = 3 "BLOCK", Raw = 4 "RAW" }
}
