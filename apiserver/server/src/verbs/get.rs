//! GET of one object.

use std::sync::Arc;

use kubernel_kinds::Source;
use kubernel_meta::ApiError;
use kubernel_store::{At, Entry};

use crate::context::Context;
use crate::crds;
use crate::resources::Resource;
use crate::respond::Answer;

use super::{bare, live, parse_version, store_error};

/// Answers a GET.
pub(crate) async fn get(context: &Context, resource: &Arc<Resource>) -> Result<Answer, ApiError> {
    let info = &context.info;
    if resource.kind.source == Source::Live {
        return live::get(context, resource);
    }
    let at = match context.query.non_empty("resourceVersion") {
        None => At::Latest,
        Some(text) => At::NotOlderThan(parse_version(text).map_err(bare)?),
    };
    let entry = entry(context, resource, &info.namespace, &info.name, at).await?;
    Ok(Answer::entry(resource, entry))
}

/// The stored object as the resource shows it, or 404.
pub(crate) async fn entry(
    context: &Context,
    resource: &Resource,
    namespace: &str,
    name: &str,
    at: At,
) -> Result<Arc<Entry>, ApiError> {
    let key = resource.key(namespace, name);
    let snapshot = context.server.store().snapshot(&key, at).await.map_err(store_error)?;
    let entry = snapshot.get(&key).ok_or_else(|| ApiError::not_found(&resource.gvr, name))?;
    crds::one(&context.server, resource, entry).await
}
