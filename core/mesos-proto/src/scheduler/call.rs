//! What a framework says.

use super::OfferConstraints;
use crate::v1::{
    AgentID, ExecutorID, Filters, FrameworkInfo, KillPolicy, OfferID, OfferOperation, OperationID, ResourceProviderID,
    TaskID,
};
use crate::{enums, messages};

messages! {
    /// Mesos' `Call.Subscribe`.
    Subscribe as "Call.Subscribe" {
        framework_info: required FrameworkInfo = 1,
        suppressed_roles: repeated String = 2,
        offer_constraints: optional OfferConstraints = 3,
    }

    /// Mesos' `Call.Accept`.
    Accept as "Call.Accept" {
        offer_ids: repeated OfferID = 1,
        operations: repeated OfferOperation = 2,
        filters: optional Filters = 3,
    }

    /// Mesos' `Call.Decline`.
    Decline as "Call.Decline" { offer_ids: repeated OfferID = 1, filters: optional Filters = 2 }

    /// Mesos' `Call.AcceptInverseOffers`.
    AcceptInverseOffers as "Call.AcceptInverseOffers" {
        inverse_offer_ids: repeated OfferID = 1,
        filters: optional Filters = 2,
    }

    /// Mesos' `Call.DeclineInverseOffers`.
    DeclineInverseOffers as "Call.DeclineInverseOffers" {
        inverse_offer_ids: repeated OfferID = 1,
        filters: optional Filters = 2,
    }

    /// Mesos' `Call.Revive`.
    Revive as "Call.Revive" { roles: repeated String = 1 }

    /// Mesos' `Call.Kill`.
    Kill as "Call.Kill" {
        task_id: required TaskID = 1,
        agent_id: optional AgentID = 2,
        kill_policy: optional KillPolicy = 3,
    }

    /// Mesos' `Call.Shutdown`.
    Shutdown as "Call.Shutdown" { executor_id: required ExecutorID = 1, agent_id: required AgentID = 2 }

    /// Mesos' `Call.Acknowledge`.
    Acknowledge as "Call.Acknowledge" {
        agent_id: required AgentID = 1,
        task_id: required TaskID = 2,
        uuid: required Vec<u8> = 3,
    }

    /// Mesos' `Call.AcknowledgeOperationStatus`.
    AcknowledgeOperationStatus as "Call.AcknowledgeOperationStatus" {
        agent_id: optional AgentID = 1,
        resource_provider_id: optional ResourceProviderID = 2,
        uuid: required Vec<u8> = 3,
        operation_id: required OperationID = 4,
    }

    /// Mesos' `Call.Reconcile.Task`.
    ReconcileTask as "Call.Reconcile.Task" { task_id: required TaskID = 1, agent_id: optional AgentID = 2 }

    /// Mesos' `Call.Reconcile`.
    Reconcile as "Call.Reconcile" { tasks: repeated ReconcileTask = 1 }

    /// Mesos' `Call.ReconcileOperations.Operation`.
    ReconcileOperation as "Call.ReconcileOperations.Operation" {
        operation_id: required OperationID = 1,
        agent_id: optional AgentID = 2,
        resource_provider_id: optional ResourceProviderID = 3,
    }

    /// Mesos' `Call.ReconcileOperations`.
    ReconcileOperations as "Call.ReconcileOperations" { operations: repeated ReconcileOperation = 1 }

    /// Mesos' `Call.Message`.
    Message as "Call.Message" {
        agent_id: required AgentID = 1,
        executor_id: required ExecutorID = 2,
        data: required Vec<u8> = 3,
    }

    /// Mesos' `Call.Request`.
    Request as "Call.Request" { requests: repeated crate::v1::Request = 1 }

    /// Mesos' `Call.Suppress`.
    Suppress as "Call.Suppress" { roles: repeated String = 1 }

    /// Mesos' `Call.UpdateFramework`.
    UpdateFramework as "Call.UpdateFramework" {
        framework_info: required FrameworkInfo = 1,
        suppressed_roles: repeated String = 2,
        offer_constraints: optional OfferConstraints = 3,
    }
}

enums! {
    /// Mesos' `Call.Type`.
    Type {
        Unknown = 0 "UNKNOWN", Subscribe = 1 "SUBSCRIBE", Teardown = 2 "TEARDOWN", Accept = 3 "ACCEPT",
        Decline = 4 "DECLINE", AcceptInverseOffers = 13 "ACCEPT_INVERSE_OFFERS",
        DeclineInverseOffers = 14 "DECLINE_INVERSE_OFFERS", Revive = 5 "REVIVE", Kill = 6 "KILL",
        Shutdown = 7 "SHUTDOWN", Acknowledge = 8 "ACKNOWLEDGE",
        AcknowledgeOperationStatus = 15 "ACKNOWLEDGE_OPERATION_STATUS", Reconcile = 9 "RECONCILE",
        ReconcileOperations = 16 "RECONCILE_OPERATIONS", Message = 10 "MESSAGE", Request = 11 "REQUEST",
        Suppress = 12 "SUPPRESS", UpdateFramework = 17 "UPDATE_FRAMEWORK",
    }
}
