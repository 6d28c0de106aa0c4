//! Requests for live objects, where the leading server is another one: it answers them.

use axum::body::Body;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Response, Uri};
use kubernel_meta::{ApiError, Reason};

use crate::backend::{Origin, Route, Trust};
use crate::context::Context;
use crate::{LivePlace, aggregation};

/// Says that a server has passed the request on: it is not passed on twice where servers disagree on who leads.
const PASSED_ON: HeaderName = HeaderName::from_static("x-kubernel-passed-on");

/// Passes the request on; gives it back where this server has the objects.
pub(crate) async fn serve(
    context: &Context,
    parts: Parts,
    body: Body,
) -> Result<Result<Response<Body>, ApiError>, (Parts, Body)> {
    let place = context.server.config().live.as_ref().map_or(LivePlace::Here, |live| live.place());
    let url = match place {
        LivePlace::Here => return Err((parts, body)),
        LivePlace::There(url) if !context.headers.contains_key(PASSED_ON) => url,
        LivePlace::There(_) | LivePlace::Nowhere => return Ok(Err(nobody())),
    };
    let Some(origin) = origin(context, &url) else { return Ok(Err(nobody())) };
    let besides = HeaderMap::from_iter([(PASSED_ON, HeaderValue::from_static("1"))]);
    Ok(Ok(aggregation::send(context, &origin, besides, parts, body).await.unwrap_or_else(|failure| failure)))
}

fn origin(context: &Context, url: &str) -> Option<Origin> {
    let uri: Uri = url.parse().ok()?;
    let host = uri.host()?.trim_start_matches('[').trim_end_matches(']').to_owned();
    let authority = context.server.config().pki.as_ref()?.authority().certificate_pem().to_owned();
    Some(Origin {
        route: Route::Host(host.clone()),
        server_name: host,
        port: uri.port_u16()?,
        trust: Trust::Bundle(authority),
        as_front_proxy: true,
    })
}

fn nobody() -> ApiError {
    let message = "no server leads at the moment: offers and agents are known again in a few seconds";
    ApiError::new(503, Reason::ServiceUnavailable, message).with_retry_after(1)
}
