//! Maintenance schedules; the package `mesos.v1.maintenance`.

use crate::allocator::InverseOfferStatus;
use crate::messages;
use crate::v1::{MachineID, Unavailability};

messages! {
    /// Mesos' `Window`.
    Window { machine_ids: repeated MachineID = 1, unavailability: required Unavailability = 2 }

    /// Mesos' `Schedule`.
    Schedule { windows: repeated Window = 1 }

    /// Mesos' `ClusterStatus.DrainingMachine`.
    DrainingMachine as "ClusterStatus.DrainingMachine" {
        id: required MachineID = 1,
        statuses: repeated InverseOfferStatus = 2,
    }

    /// Mesos' `ClusterStatus`.
    ClusterStatus { draining_machines: repeated DrainingMachine = 1, down_machines: repeated MachineID = 2 }
}
