//! What is wrong with a call by itself, in Mesos' order and words. Pure.

use kubernel_mesos_proto::scheduler::{Call, call::Type};

use crate::Principal;

/// Checks a call by itself.
///
/// # Errors
///
/// What is wrong.
pub(super) fn check(call: &Call, principal: Option<&Principal>) -> Result<(), String> {
    let Some(of) = call.r#type else { return Err("Expecting 'type' to be present".to_owned()) };
    if of == Type::Subscribe {
        return check_subscribe(call, principal);
    }
    let expect = |there: bool, name: &str| match there {
        true => Ok(()),
        false => Err(format!("Expecting '{name}' to be present")),
    };
    expect(call.framework_id.is_some(), "framework_id")?;
    match of {
        Type::Unknown | Type::Subscribe | Type::Teardown | Type::Revive | Type::Suppress => Ok(()),
        Type::Accept => expect(call.accept.is_some(), "accept"),
        Type::Decline => expect(call.decline.is_some(), "decline"),
        Type::AcceptInverseOffers => expect(call.accept_inverse_offers.is_some(), "accept_inverse_offers"),
        Type::DeclineInverseOffers => expect(call.decline_inverse_offers.is_some(), "decline_inverse_offers"),
        Type::Kill => expect(call.kill.is_some(), "kill"),
        Type::Shutdown => expect(call.shutdown.is_some(), "shutdown"),
        Type::Reconcile => expect(call.reconcile.is_some(), "reconcile"),
        Type::ReconcileOperations => expect(call.reconcile_operations.is_some(), "reconcile_operations"),
        Type::Message => expect(call.message.is_some(), "message"),
        Type::Request => expect(call.request.is_some(), "request"),
        Type::Acknowledge => {
            expect(call.acknowledge.is_some(), "acknowledge")?;
            check_uuid(call.acknowledge.as_ref().map(|acknowledge| acknowledge.uuid.as_slice()))
        }
        Type::AcknowledgeOperationStatus => {
            let acknowledge = call.acknowledge_operation_status.as_ref();
            expect(acknowledge.is_some(), "acknowledge_operation_status")?;
            check_uuid(acknowledge.map(|acknowledge| acknowledge.uuid.as_slice()))?;
            expect(acknowledge.is_some_and(|acknowledge| acknowledge.agent_id.is_some()), "agent_id")
        }
        Type::UpdateFramework => {
            expect(call.update_framework.is_some(), "update_framework")?;
            let named = call.update_framework.as_ref().and_then(|update| update.framework_info.id.as_ref());
            if named == call.framework_id.as_ref() {
                Ok(())
            } else {
                Err("'framework_id' differs from 'update_framework.framework_info.id'".to_owned())
            }
        }
    }
}

fn check_subscribe(call: &Call, principal: Option<&Principal>) -> Result<(), String> {
    let Some(subscribe) = &call.subscribe else {
        return Err("Expecting 'subscribe' to be present".to_owned());
    };
    let info = &subscribe.framework_info;
    // An absent identifier and an empty one are the same.
    let value = |id: Option<&kubernel_mesos_proto::v1::FrameworkID>| id.map(|id| id.value.clone()).unwrap_or_default();
    if value(info.id.as_ref()) != value(call.framework_id.as_ref()) {
        return Err("'framework_id' differs from 'subscribe.framework_info.id'".to_owned());
    }
    match (principal, &info.principal) {
        (Some(Principal(authenticated)), Some(named)) if authenticated != named => Err(format!(
            "Authenticated principal '{authenticated}' does not match principal '{named}' set in `FrameworkInfo`"
        )),
        _ => Ok(()),
    }
}

fn check_uuid(uuid: Option<&[u8]>) -> Result<(), String> {
    match uuid {
        Some(uuid) if uuid.len() == 16 => Ok(()),
        Some(uuid) => Err(format!("Not a valid UUID: has {} bytes instead of 16", uuid.len())),
        None => Ok(()),
    }
}
