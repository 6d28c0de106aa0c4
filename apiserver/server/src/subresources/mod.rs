//! Subresources: `status` and its like, `scale`, `binding`, `eviction`, `token`, and the connections to nodes.

mod token;

use std::sync::Arc;

use axum::body::Body;
use http::Response;
use http::request::Parts;
use kubernel_meta::ApiError;

use crate::context::Context;
use crate::handler::{not_allowed, read, write};
use crate::resources::Resource;
use crate::verbs;

/// Answers a request for a subresource.
pub(crate) async fn serve(
    context: &Context,
    resource: &Arc<Resource>,
    _parts: Parts,
    body: Body,
) -> Result<Response<Body>, ApiError> {
    let info = &context.info;
    let Some(subresource) = resource.kind.subresource(&info.subresource) else {
        return Err(ApiError::unknown_resource());
    };
    if !subresource.verbs.iter().any(|verb| *verb == info.verb) {
        return Err(not_allowed());
    }
    let name = info.subresource.as_str();
    let answer = match info.verb.as_str() {
        "get" => verbs::update::read(context, resource).await?,
        "update" => verbs::update::update(context, resource, name, &read(body).await?).await?,
        "patch" => verbs::patch::patch(context, resource, name, &read(body).await?).await?,
        "create" if name == "token" => token::create(context, &read(body).await?).await?,
        _ => return Err(not_allowed()),
    };
    write(context, answer)
}
