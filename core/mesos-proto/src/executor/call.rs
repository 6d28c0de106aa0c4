//! What an executor says.

use crate::v1::{TaskInfo, TaskStatus};
use crate::{enums, messages};

messages! {
    /// Mesos' `Call.Subscribe`.
    Subscribe as "Call.Subscribe" {
        unacknowledged_tasks: repeated TaskInfo = 1,
        unacknowledged_updates: repeated Update = 2,
    }

    /// Mesos' `Call.Update`.
    Update as "Call.Update" { status: required TaskStatus = 1 }

    /// Mesos' `Call.Message`.
    Message as "Call.Message" { data: required Vec<u8> = 2 }
}

enums! {
    /// Mesos' `Call.Type`.
    Type {
        Unknown = 0 "UNKNOWN", Subscribe = 1 "SUBSCRIBE", Update = 2 "UPDATE", Message = 3 "MESSAGE",
        Heartbeat = 4 "HEARTBEAT",
    }
}
