//! `proxy`: HTTP to a node, a Pod or an endpoint of a Service. `location` says where that is.

use std::sync::Arc;

use axum::body::Body;
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode, header};
use kubernel_meta::{ApiError, Object};

use crate::context::Context;
use crate::relay;
use crate::resources::Resource;

use super::kubelet::{self, Passage};
use super::location;

/// Answers any method.
pub(super) async fn serve(
    context: &Context,
    resource: &Arc<Resource>,
    parts: Parts,
    body: Body,
) -> Result<Response<Body>, ApiError> {
    let info = &context.info;
    let mut options = Object::default();
    if !info.rest.is_empty() {
        options.set(&["path"], info.rest.as_str());
    }
    super::admit_connection(context, resource, options).await?;
    let backend = match info.resource.as_str() {
        "nodes" => location::node(context).await?,
        "pods" => location::pod(context, resource).await?,
        _ => location::service(context).await?,
    };
    let reads = matches!(parts.method, Method::GET | Method::HEAD);
    if info.rest.is_empty() && reads && !relay::is_upgrade(&context.headers) {
        return redirect(&parts);
    }
    let path = percent_encoding::utf8_percent_encode(&info.rest, PATH).to_string();
    let path = if path.is_empty() { "/" } else { &path };
    let target = match parts.uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    let passage = Passage { target, must_upgrade: false, rewrites: true };
    kubelet::forward(context, &backend, passage, parts, body).await
}

/// What may not stand in a path as it is.
const PATH: &percent_encoding::AsciiSet =
    &percent_encoding::CONTROLS.add(b' ').add(b'"').add(b'#').add(b'<').add(b'>').add(b'?').add(b'`').add(b'%');

/// Relative links on a proxied page need the slash.
fn redirect(parts: &Parts) -> Result<Response<Body>, ApiError> {
    let mut location = format!("{}/", parts.uri.path());
    if let Some(query) = parts.uri.query() {
        location.push('?');
        location.push_str(query);
    }
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::MOVED_PERMANENTLY;
    let value = HeaderValue::from_str(&location).map_err(ApiError::internal)?;
    response.headers_mut().insert(header::LOCATION, value);
    Ok(response)
}
