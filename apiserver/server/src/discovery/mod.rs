//! What the server says of itself: health, version, discovery, OpenAPI, metrics, the token issuer's keys.

mod aggregated;
mod backup;
pub(crate) mod health;
mod legacy;
mod openapi;
pub(crate) mod version;

pub(crate) use aggregated::Hashed;
pub use backup::PKI as BACKUP_PKI;
pub(crate) use openapi::Documents;

use axum::body::Body;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use kubernel_meta::ApiError;
use serde_json::Value;

use crate::context::Context;
use crate::handler::{not_allowed, write};
use crate::metrics;
use crate::negotiate;
use crate::respond::{self, Answer};

/// Answers a request that is for no resource. Documents have routes that know only GET; the other paths do not ask for the
/// method.
pub(crate) async fn serve(context: &Context, parts: &Parts) -> Result<Response<Body>, ApiError> {
    let path = context.info.path.as_str();
    if path.starts_with("//") {
        return Ok(respond::not_found());
    }
    let words: Vec<&str> = path.trim_matches('/').split('/').collect();
    let found = find(context, parts, &words).await?;
    let has_route = matches!(words.as_slice(), ["version" | "api" | "apis" | ".well-known" | "openid", ..]);
    if has_route && parts.method != Method::GET && found.status() != StatusCode::NOT_FOUND {
        return Err(not_allowed());
    }
    Ok(found)
}

async fn find(context: &Context, parts: &Parts, words: &[&str]) -> Result<Response<Body>, ApiError> {
    if let [endpoint @ ("healthz" | "livez" | "readyz")] = words {
        context.measure_with(|| context.server.metrics().requests.measure_path(&format!("/{endpoint}")));
    }
    if let ["api"] | ["apis"] = words
        && let Some(media) = negotiate::aggregated_discovery(&context.headers)
    {
        return aggregated::serve(context, words[0] == "api", media);
    }
    match words {
        ["healthz" | "livez" | "readyz", ..] => return Ok(health::serve(context, words)),
        ["version"] => return value(context, version::version()).await,
        ["api"] => return value(context, legacy::versions(&context.headers)).await,
        ["apis"] => {
            let own = legacy::groups(&context.resources);
            return value(context, context.server.aggregation().groups(own)).await;
        }
        ["apis", group] => {
            let own = legacy::group(&context.resources, group);
            if let Some(found) = context.server.aggregation().group(group, own) {
                return value(context, found).await;
            }
        }
        ["api", version] => return listed(context, "", version).await,
        ["apis", group, version] if context.resources.iter().any(|known| known.gvr.group == *group) => {
            return listed(context, group, version).await;
        }
        ["openapi", "v3", rest @ ..] => return openapi::v3(context, parts, rest).await,
        ["openapi", "v2"] => return openapi::v2(context, &context.headers).await,
        ["debug", "api_priority_and_fairness", page] => {
            if let Some(text) = context.server.flow().dump(page) {
                return Ok(respond::text(StatusCode::OK, text));
            }
        }
        ["kubernel", "backup"] => return backup::serve(context).await,
        ["metrics"] => return Ok(metrics::serve(context).await),
        ["metrics", "slis"] => return Ok(metrics::slis(context)),
        [".well-known", "openid-configuration"] => {
            return issuer(context, "application/json", |pki| pki.signer().discovery());
        }
        ["openid", "v1", "jwks"] => return issuer(context, "application/jwk-set+json", |pki| pki.signer().jwks()),
        [""] => {
            let others = context.server.aggregation().paths();
            return value(context, legacy::paths(&context.resources, &others)).await;
        }
        _ => {}
    }
    Ok(respond::not_found())
}

async fn listed(context: &Context, group: &str, version: &str) -> Result<Response<Body>, ApiError> {
    let list = legacy::resources(&context.resources, group, version).ok_or_else(ApiError::unknown_resource)?;
    value(context, list).await
}

async fn value(context: &Context, value: Value) -> Result<Response<Body>, ApiError> {
    write(context, Answer::Value(StatusCode::OK, value)).await
}

fn issuer(
    context: &Context,
    content_type: &'static str,
    make: impl Fn(&crate::pki::Pki) -> Value,
) -> Result<Response<Body>, ApiError> {
    let pki = context.server.config().pki.as_ref().ok_or_else(|| ApiError::internal("no token issuer"))?;
    let mut response = Response::new(Body::from(make(pki).to_string()));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600"));
    Ok(response)
}

/// Whether the client has this version of the document already.
fn has(headers: &HeaderMap, etag: &str) -> bool {
    let sent = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok()).unwrap_or_default();
    sent.split(',').any(|tag| tag.trim() == etag || tag.trim() == "*")
}
