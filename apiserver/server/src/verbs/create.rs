//! POST: create, and the questions that are answered at once (reviews).

use std::sync::Arc;

use http::StatusCode;
use kubernel_meta::{ApiError, Object};

use crate::admission::{Operation, Options};
use crate::context::Context;
use crate::resources::Resource;
use crate::respond::Answer;
use crate::versions::Kin;
use crate::{codec, request, reviews, subresources};

use super::write::{self, Target};

/// Answers a POST to a collection.
pub(crate) async fn create(context: &Context, resource: &Arc<Resource>, body: &[u8]) -> Result<Answer, ApiError> {
    let options = request::write_options(&context.query, "CreateOptions", false)?;
    let mut object = codec::read_object(context, resource, body, options.field_validation)?;
    match_namespace(resource, &context.info.namespace, &mut object)?;
    dedup_owners(context, &mut object, false);
    let manager = context.field_manager(&options.field_manager);
    let namespace = context.info.namespace.as_str();
    let target = Target {
        resource,
        namespace,
        name: "",
        subresource: "",
        options: &options,
        manager: &manager,
        strict_uid: false,
    };
    let written = write::create(context, target, object, false).await?;
    Answer::written(StatusCode::CREATED, resource, &written)
}

/// Answers a review.
pub(crate) async fn review(context: &Context, resource: &Arc<Resource>, body: &[u8]) -> Result<Answer, ApiError> {
    if resource.gvk.kind == "Binding" {
        return subresources::bind_by_name(context, resource, body).await;
    }
    let options = request::write_options(&context.query, "CreateOptions", false)?;
    let mut object = codec::read_object(context, resource, body, options.field_validation)?;
    match_namespace(resource, &context.info.namespace, &mut object)?;
    let namespace = context.info.namespace.as_str();
    let manager = context.field_manager(&options.field_manager);
    let kin = Kin { resource, subresource: "", conversions: &context.conversions };
    codec::own(&kin, None, &mut object, &manager, context.now);
    let name = object.name().to_owned();
    subresources::admit_carried(context, resource, (Operation::Create, Options::Create(&options)), &name, &mut object)
        .await?;
    let object = reviews::review(&context.server, &context.user, &resource.kind, namespace, object).await?;
    Answer::object(StatusCode::CREATED, resource, &object)
}

/// The body's namespace must be the path's, or nothing (rest.EnsureObjectNamespaceMatchesRequestNamespace).
pub(crate) fn match_namespace(resource: &Resource, namespace: &str, object: &mut Object) -> Result<(), ApiError> {
    let expected = if resource.kind.namespaced { namespace } else { "" };
    if object.namespace() == expected {
        return Ok(());
    }
    // What belongs to no namespace says nothing by naming one.
    if expected.is_empty() {
        object.remove(&["metadata", "namespace"]);
        return Ok(());
    }
    if !object.namespace().is_empty() {
        return Err(ApiError::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    object.set(&["metadata", "namespace"], expected);
    Ok(())
}

/// Drops owner references that are named twice, with a warning that says whose fault it is: the request's, or that of
/// admission.
pub(crate) fn dedup_owners(context: &Context, object: &mut Object, admitted: bool) {
    let owners = object.list_at(&["metadata", "ownerReferences"]);
    let mut kept: Vec<serde_json::Value> = Vec::with_capacity(owners.len());
    let mut twice: Vec<String> = Vec::new();
    for owner in owners {
        if kept.contains(owner) {
            twice.push(owner.get("uid").and_then(|uid| uid.as_str()).unwrap_or_default().to_owned());
        } else {
            kept.push(owner.clone());
        }
    }
    if !twice.is_empty() {
        context.warn(format!(
            ".metadata.ownerReferences contains duplicate entries{}; API server dedups owner references in 1.20+, and may \
             reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: {}",
            if admitted { " after mutating admission happens" } else { "" },
            twice.join(", ")
        ));
        object.set(&["metadata", "ownerReferences"], kept);
    }
}
