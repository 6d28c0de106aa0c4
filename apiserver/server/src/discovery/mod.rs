//! What the server says of itself: health, version, discovery, OpenAPI.

use axum::body::Body;
use http::request::Parts;
use http::{Response, StatusCode};
use kubernel_meta::ApiError;

use crate::context::Context;
use crate::respond;

/// Answers a request that is for no resource.
pub(crate) async fn serve(context: &Context, _parts: &Parts) -> Result<Response<Body>, ApiError> {
    match context.info.path.as_str() {
        "/healthz" | "/livez" | "/readyz" => Ok(respond::text(StatusCode::OK, "ok")),
        _ => Ok(respond::text(StatusCode::NOT_FOUND, "404 page not found\n")),
    }
}
