//! PATCH: JSON patch, merge patch, strategic merge patch and server-side apply.

use std::sync::Arc;

use http::{StatusCode, header};
use kubernel_meta::{ApiError, Details, Object, Reason};
use kubernel_store::At;

use crate::context::Context;
use crate::resources::Resource;
use crate::respond::Answer;
use crate::versions::Kin;
use crate::{codec, negotiate, request};

use super::create::match_namespace;
use super::store_error;
use super::write::{self, Target};

/// What a patch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PatchType {
    Json,
    Merge,
    Strategic,
    Apply,
}

/// The patch type that a request's Content-Type names.
pub(crate) fn patch_type(context: &Context, resource: &Resource) -> Result<PatchType, ApiError> {
    let value = context.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match value.split(';').next().unwrap_or_default().trim() {
        "application/json-patch+json" => Ok(PatchType::Json),
        "application/merge-patch+json" => Ok(PatchType::Merge),
        "application/strategic-merge-patch+json" if resource.kind.is_built_in() => Ok(PatchType::Strategic),
        "application/apply-patch+yaml" => Ok(PatchType::Apply),
        "application/strategic-merge-patch+json" => Err(negotiate::unsupported(
            "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml",
        )),
        _ => {
            let error = ApiError::new(415, Reason::UnsupportedMediaType, "415: Unsupported Media Type");
            Err(error.with_details(Details::default()))
        }
    }
}

/// Answers a PATCH of an object, or of a subresource that carries the object's kind.
pub(crate) async fn patch(
    context: &Context,
    resource: &Arc<Resource>,
    subresource: &str,
    body: &[u8],
) -> Result<Answer, ApiError> {
    let patch_type = patch_type(context, resource)?;
    let apply = patch_type == PatchType::Apply;
    let options = request::write_options(&context.query, "PatchOptions", apply)?;
    let (namespace, name) = (context.info.namespace.as_str(), context.info.name.as_str());
    let manager = context.field_manager(&options.field_manager);
    let target =
        Target { resource, namespace, name, subresource, options: &options, manager: &manager, strict_uid: false };
    if apply {
        let applied = codec::read_apply(context, body, options.field_validation)?;
        if subresource.is_empty() && missing(context, resource).await? {
            if !applied.uid().is_empty() {
                let uid = applied.uid();
                let detail =
                    format!("uid mismatch: the provided object specified uid {uid}, and no existing object was found");
                return Err(ApiError::conflict(&resource.gvr, name, detail));
            }
            checked_name(name, &applied)?;
            return create_by_apply(context, target, applied).await;
        }
        let kin = Kin { resource, subresource, conversions: &context.conversions };
        let written = write::update(context, target, |old| {
            let force = options.force.unwrap_or(false);
            let mut new = codec::apply(&kin, Some(old), &applied, &manager, force, context.now)?;
            // An object that is there lends its name to a patch without one.
            checked_name(name, &new)?;
            match_namespace(resource, namespace, &mut new)?;
            Ok((new, true))
        })
        .await?;
        return Answer::written(StatusCode::OK, resource, &written);
    }
    let patch = codec::Patch::new(patch_type, body);
    let written = write::update(context, target, |old| {
        let mut new = patch.apply(context, resource, old, options.field_validation)?;
        checked_name(name, &new)?;
        match_namespace(resource, namespace, &mut new)?;
        Ok((new, false))
    })
    .await?;
    Answer::written(StatusCode::OK, resource, &written)
}

async fn create_by_apply(context: &Context, target: Target<'_>, applied: Object) -> Result<Answer, ApiError> {
    let Target { resource, options, manager, .. } = target;
    let force = options.force.unwrap_or(false);
    let kin = Kin { resource, subresource: "", conversions: &context.conversions };
    let mut object = codec::apply(&kin, None, &applied, manager, force, context.now)?;
    object.set(&["metadata", "name"], target.name);
    match_namespace(resource, target.namespace, &mut object)?;
    let written = write::create(context, target, object, true).await?;
    Answer::written(StatusCode::CREATED, resource, &written)
}

async fn missing(context: &Context, resource: &Resource) -> Result<bool, ApiError> {
    let key = resource.key(&context.info.namespace, &context.info.name);
    let snapshot = context.server.store().snapshot(&key, At::Latest).await.map_err(store_error)?;
    Ok(snapshot.get(&key).is_none())
}

/// The patched object's name must be the path's.
pub(crate) fn checked_name(name: &str, object: &Object) -> Result<(), ApiError> {
    match object.name() {
        "" => {
            let message =
                format!("the name of the object ({name} based on URL) was undeterminable: name must be provided");
            Err(ApiError::bad_request(message))
        }
        found if found == name => Ok(()),
        found => Err(ApiError::bad_request(format!(
            "the name of the object ({found}) does not match the name on the URL ({name})"
        ))),
    }
}
