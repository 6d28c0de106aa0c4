//! Identifiers, times, addresses, labels: the small change of all messages.

use crate::{enums, messages};

messages! {
    /// Mesos' `FrameworkID`.
    FrameworkID { value: required String = 1 }

    /// Mesos' `OfferID`.
    OfferID { value: required String = 1 }

    /// Mesos' `AgentID`.
    AgentID { value: required String = 1 }

    /// Mesos' `TaskID`.
    TaskID { value: required String = 1 }

    /// Mesos' `ExecutorID`.
    ExecutorID { value: required String = 1 }

    /// Mesos' `ContainerID`.
    ContainerID { value: required String = 1, parent: optional Box<ContainerID> = 2 }

    /// Mesos' `ResourceProviderID`.
    ResourceProviderID { value: required String = 1 }

    /// Mesos' `OperationID`.
    OperationID { value: required String = 1 }

    /// Mesos' `TimeInfo`.
    TimeInfo { nanoseconds: required i64 = 1 }

    /// Mesos' `DurationInfo`.
    DurationInfo { nanoseconds: required i64 = 1 }

    /// Mesos' `Address`.
    Address { hostname: optional String = 1, ip: optional String = 2, port: required i32 = 3 }

    /// Mesos' `URL`.
    Url as "URL" {
        scheme: required String = 1,
        address: required Address = 2,
        path: optional String = 3,
        query: repeated Parameter = 4,
        fragment: optional String = 5,
    }

    /// Mesos' `Unavailability`.
    Unavailability { start: required TimeInfo = 1, duration: optional DurationInfo = 2 }

    /// Mesos' `MachineID`.
    MachineID { hostname: optional String = 1, ip: optional String = 2 }

    /// Mesos' `MachineInfo`.
    MachineInfo {
        id: required MachineID = 1,
        mode: optional MachineMode = 2,
        unavailability: optional Unavailability = 3,
    }

    /// Mesos' `UUID`.
    Uuid as "UUID" { value: required Vec<u8> = 1 }

    /// Mesos' `Parameter`.
    Parameter { key: required String = 1, value: required String = 2 }

    /// Mesos' `Parameters`.
    Parameters { parameter: repeated Parameter = 1 }

    /// Mesos' `Labels`.
    Labels { labels: repeated Label = 1 }

    /// Mesos' `Label`.
    Label { key: required String = 1, value: optional String = 2 }
}

enums! {
    /// Mesos' `MachineInfo.Mode`.
    MachineMode { Up = 1 "UP", Draining = 2 "DRAINING", Down = 3 "DOWN" }
}
