//! What a framework hears.

use crate::v1::{
    AgentID, ExecutorID, FrameworkID, InverseOffer, MasterInfo, Offer, OfferID, OperationStatus, TaskStatus,
};
use crate::{enums, messages};

messages! {
    /// Mesos' `Event.Subscribed`.
    Subscribed as "Event.Subscribed" {
        framework_id: required FrameworkID = 1,
        heartbeat_interval_seconds: optional f64 = 2,
        master_info: optional MasterInfo = 3,
    }

    /// Mesos' `Event.Offers`.
    Offers as "Event.Offers" { offers: repeated Offer = 1 }

    /// Mesos' `Event.InverseOffers`.
    InverseOffers as "Event.InverseOffers" { inverse_offers: repeated InverseOffer = 1 }

    /// Mesos' `Event.Rescind`.
    Rescind as "Event.Rescind" { offer_id: required OfferID = 1 }

    /// Mesos' `Event.RescindInverseOffer`.
    RescindInverseOffer as "Event.RescindInverseOffer" { inverse_offer_id: required OfferID = 1 }

    /// Mesos' `Event.Update`.
    Update as "Event.Update" { status: required TaskStatus = 1 }

    /// Mesos' `Event.UpdateOperationStatus`.
    UpdateOperationStatus as "Event.UpdateOperationStatus" { status: required OperationStatus = 1 }

    /// Mesos' `Event.Message`.
    Message as "Event.Message" {
        agent_id: required AgentID = 1,
        executor_id: required ExecutorID = 2,
        data: required Vec<u8> = 3,
    }

    /// Mesos' `Event.Failure`.
    Failure as "Event.Failure" {
        agent_id: optional AgentID = 1,
        executor_id: optional ExecutorID = 2,
        status: optional i32 = 3,
    }

    /// Mesos' `Event.Error`.
    Error as "Event.Error" { message: required String = 1 }
}

enums! {
    /// Mesos' `Event.Type`.
    Type {
        Unknown = 0 "UNKNOWN", Subscribed = 1 "SUBSCRIBED", Offers = 2 "OFFERS", InverseOffers = 9 "INVERSE_OFFERS",
        Rescind = 3 "RESCIND", RescindInverseOffer = 10 "RESCIND_INVERSE_OFFER", Update = 4 "UPDATE",
        UpdateOperationStatus = 11 "UPDATE_OPERATION_STATUS", Message = 5 "MESSAGE", Failure = 6 "FAILURE",
        Error = 7 "ERROR", Heartbeat = 8 "HEARTBEAT",
    }
}
