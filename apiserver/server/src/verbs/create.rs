//! POST: create, and the questions that are answered at once (reviews).

use std::sync::Arc;

use http::StatusCode;
use kubernel_meta::{ApiError, Object};

use crate::admission::{Operation, Options, name_owners_once};
use crate::context::Context;
use crate::resources::Resource;
use crate::respond::Answer;
use crate::versions::Kin;
use crate::{codec, request, reviews, subresources};

use super::verbatim;
use super::write::{self, Target};

/// Answers a POST to a collection.
pub(crate) async fn create(context: &Context, resource: &Arc<Resource>, body: &[u8]) -> Result<Answer, ApiError> {
    let options = request::write_options(&context.query, "CreateOptions", false)?;
    let mut object = codec::read_object(context, resource, body, options.field_validation)?;
    verbatim::note(context, resource, body);
    match_namespace(resource, &context.info.namespace, &mut object)?;
    name_owners_once(&mut object, false).into_iter().for_each(|warning| context.warn(warning));
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
