//! What frameworks answered to inverse offers; the package `mesos.v1.allocator`.

use crate::v1::{FrameworkID, TimeInfo};
use crate::{enums, messages};

messages! {
    /// Mesos' `InverseOfferStatus`.
    InverseOfferStatus {
        status: required InverseOfferAnswer = 1,
        framework_id: required FrameworkID = 2,
        timestamp: required TimeInfo = 3,
    }
}

enums! {
    /// Mesos' `InverseOfferStatus.Status`.
    InverseOfferAnswer { Unknown = 1 "UNKNOWN", Accept = 2 "ACCEPT", Decline = 3 "DECLINE" }
}
