//! PUT: the whole object anew.

use std::sync::Arc;

use http::StatusCode;
use kubernel_meta::{ApiError, field};
use kubernel_store::At;

use crate::admission::name_owners_once;
use crate::context::Context;
use crate::resources::Resource;
use crate::respond::Answer;
use crate::{codec, request};

use super::create::match_namespace;
use super::patch::checked_name;
use super::store_error;
use super::verbatim;
use super::write::{self, Target};

/// Answers a PUT to an object, or to a subresource that carries the object's kind.
pub(crate) async fn update(
    context: &Context,
    resource: &Arc<Resource>,
    subresource: &str,
    body: &[u8],
) -> Result<Answer, ApiError> {
    let options = request::write_options(&context.query, "UpdateOptions", false)?;
    let mut object = codec::read_object(context, resource, body, options.field_validation)?;
    verbatim::note(context, resource, body);
    let (namespace, name) = (context.info.namespace.as_str(), context.info.name.as_str());
    checked_name(name, &object)?;
    match_namespace(resource, namespace, &mut object)?;
    name_owners_once(&mut object, false).into_iter().for_each(|warning| context.warn(warning));
    let manager = context.field_manager(&options.field_manager);
    let target =
        Target { resource, namespace, name, subresource, options: &options, manager: &manager, strict_uid: true };
    let strategy = &resource.kind.strategy;
    if subresource.is_empty() && strategy.allow_create_on_update() && !exists(context, resource).await? {
        object.remove(&["metadata", "resourceVersion"]);
        let written = write::create(context, target, object, false).await?;
        return Answer::written(StatusCode::CREATED, resource, &written);
    }
    let written = write::update(context, target, |_| {
        if object.resource_version().is_empty() && !strategy.allow_unconditional_update() {
            let path = field::Path::root("metadata").child("resourceVersion");
            let error = path.invalid(0, "must be specified for an update");
            // Upstream names the resource where a kind belongs.
            let mut named = resource.gvk.clone();
            named.kind.clone_from(&resource.gvr.resource);
            return Err(ApiError::invalid(&named, name, &[error]));
        }
        Ok((object.clone(), false))
    })
    .await?;
    Answer::written(StatusCode::OK, resource, &written)
}

async fn exists(context: &Context, resource: &Resource) -> Result<bool, ApiError> {
    let key = resource.key(&context.info.namespace, &context.info.name);
    let snapshot = context.server.store().snapshot(&key, At::Latest).await.map_err(store_error)?;
    Ok(snapshot.get(&key).is_some())
}
