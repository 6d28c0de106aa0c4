//! The scheduler API: what frameworks say (`Call`) and hear (`Event`); the package `mesos.v1.scheduler`.

pub mod call;
mod constraints;
pub mod event;
pub mod response;

pub use constraints::*;

use crate::messages;
use crate::v1::FrameworkID;

messages! {
    /// Mesos' `Event`.
    Event {
        r#type: optional event::Type = 1,
        subscribed: optional event::Subscribed = 2,
        offers: optional event::Offers = 3,
        inverse_offers: optional event::InverseOffers = 9,
        rescind: optional event::Rescind = 4,
        rescind_inverse_offer: optional event::RescindInverseOffer = 10,
        update: optional event::Update = 5,
        update_operation_status: optional event::UpdateOperationStatus = 11,
        message: optional event::Message = 6,
        failure: optional event::Failure = 7,
        error: optional event::Error = 8,
    }

    /// Mesos' `Response`.
    Response { r#type: optional response::Type = 1, reconcile_operations: optional response::ReconcileOperations = 2 }

    /// Mesos' `Call`.
    Call {
        framework_id: optional FrameworkID = 1,
        r#type: optional call::Type = 2,
        subscribe: optional call::Subscribe = 3,
        accept: optional call::Accept = 4,
        decline: optional call::Decline = 5,
        accept_inverse_offers: optional call::AcceptInverseOffers = 13,
        decline_inverse_offers: optional call::DeclineInverseOffers = 14,
        revive: optional call::Revive = 15,
        kill: optional call::Kill = 6,
        shutdown: optional call::Shutdown = 7,
        acknowledge: optional call::Acknowledge = 8,
        acknowledge_operation_status: optional call::AcknowledgeOperationStatus = 17,
        reconcile: optional call::Reconcile = 9,
        reconcile_operations: optional call::ReconcileOperations = 18,
        message: optional call::Message = 10,
        request: optional call::Request = 11,
        suppress: optional call::Suppress = 16,
        update_framework: optional call::UpdateFramework = 19,
    }

    /// Mesos' `APIResult`.
    ApiResult as "APIResult" {
        status_code: required u32 = 1,
        response: optional Response = 2,
        error: optional String = 3,
    }
}
