//! What a framework is answered at once.

use crate::v1::OperationStatus;
use crate::{enums, messages};

messages! {
    /// Mesos' `Response.ReconcileOperations`.
    ReconcileOperations as "Response.ReconcileOperations" { operation_statuses: repeated OperationStatus = 1 }
}

enums! {
    /// Mesos' `Response.Type`.
    Type { Unknown = 0 "UNKNOWN", ReconcileOperations = 1 "RECONCILE_OPERATIONS" }
}
