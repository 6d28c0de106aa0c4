//! OpenAPI documents: v3 one for each group and version, v2 all in one; each made once.

use axum::body::Body;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use kubernel_meta::ApiError;
use serde_json::{Map, json};

use crate::context::Context;
use crate::resources::Resources;
use crate::respond;

use super::aggregated::Hashed;

/// Answers `/openapi/v3` and what is below it.
pub(super) fn v3(context: &Context, headers: &HeaderMap, rest: &[&str]) -> Result<Response<Body>, ApiError> {
    let resources = &context.resources;
    if rest.is_empty() {
        let mut paths = Map::new();
        for (group, versions) in resources.groups() {
            for version in versions {
                let name = name(group, version);
                let hash = &document(resources, &name).map(|d| d.hash).unwrap_or_default();
                let url = format!("/openapi/v3/{name}?hash={hash}");
                paths.insert(name, json!({ "serverRelativeURL": url }));
            }
        }
        let json = json!({ "paths": paths }).to_string();
        let hash = super::hash(json.as_bytes());
        return Ok(serve(headers, &Hashed { json: json.into(), hash }, false));
    }
    let name = rest.join("/");
    let Some(found) = document(resources, &name) else {
        return Ok(respond::text(StatusCode::NOT_FOUND, "404 page not found\n"));
    };
    match context.query.non_empty("hash") {
        Some(hash) if hash != found.hash => {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::MOVED_PERMANENTLY;
            let url = format!("/openapi/v3/{name}?hash={}", found.hash);
            if let Ok(value) = HeaderValue::from_str(&url) {
                response.headers_mut().insert(header::LOCATION, value);
            }
            Ok(response)
        }
        hash => Ok(serve(headers, &found, hash.is_some())),
    }
}

/// Answers `/openapi/v2`.
pub(super) fn v2(_context: &Context, _headers: &HeaderMap) -> Result<Response<Body>, ApiError> {
    Ok(respond::text(StatusCode::NOT_FOUND, "404 page not found\n"))
}

fn name(group: &str, version: &str) -> String {
    if group.is_empty() { format!("api/{version}") } else { format!("apis/{group}/{version}") }
}

fn document(_resources: &Resources, _name: &str) -> Option<Hashed> {
    None
}

fn serve(headers: &HeaderMap, document: &Hashed, immutable: bool) -> Response<Body> {
    let etag = format!("\"{}\"", document.hash);
    let mut response = if super::has(headers, &etag) {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response
    } else {
        Response::new(Body::from(document.json.clone()))
    };
    let out = response.headers_mut();
    out.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    out.insert(header::VARY, HeaderValue::from_static("Accept"));
    if immutable {
        out.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, immutable"));
    }
    if let Ok(value) = HeaderValue::from_str(&etag) {
        out.insert(header::ETAG, value);
    }
    response
}
