//! OpenAPI documents: v3 one for each group and version, v2 all in one; each made once.

use std::collections::BTreeMap;

use axum::body::Body;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use kubernel_meta::{ApiError, GroupVersion, Gvk};
use kubernel_schema::openapi;
use serde_json::{Map, Value, json};

use crate::context::Context;
use crate::resources::{Resource, Resources};
use crate::respond;

use super::aggregated::Hashed;

/// Answers `/openapi/v3` and what is below it.
pub(super) fn v3(context: &Context, headers: &HeaderMap, rest: &[&str]) -> Result<Response<Body>, ApiError> {
    let documents = context.resources.openapi_v3(|| documents(&context.resources));
    if rest.is_empty() {
        let mut paths = Map::new();
        for (name, document) in documents {
            let url = format!("/openapi/v3/{name}?hash={}", document.hash);
            paths.insert(name.clone(), json!({ "serverRelativeURL": url }));
        }
        return Ok(serve(headers, &hashed(&json!({ "paths": paths })), false));
    }
    let name = rest.join("/");
    let Some(found) = documents.get(&name) else {
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
        hash => Ok(serve(headers, found, hash.is_some())),
    }
}

/// Answers `/openapi/v2`.
pub(super) fn v2(context: &Context, headers: &HeaderMap) -> Result<Response<Body>, ApiError> {
    let document = context.resources.openapi_v2(|| {
        let all: Vec<openapi::Resource> = context.resources.iter().map(|resource| described(resource)).collect();
        hashed(&openapi::v2(&all))
    });
    Ok(serve(headers, document, false))
}

fn documents(resources: &Resources) -> BTreeMap<String, Hashed> {
    let mut by_version: BTreeMap<GroupVersion, Vec<openapi::Resource>> = BTreeMap::new();
    for resource in resources.iter() {
        let version = GroupVersion::new(resource.gvr.group.as_str(), resource.gvr.version.as_str());
        by_version.entry(version).or_default().push(described(resource));
    }
    let document = |(version, all): (GroupVersion, Vec<openapi::Resource>)| {
        let root = if version.group.is_empty() { "api" } else { "apis" };
        (format!("{root}/{version}"), hashed(&openapi::v3(&version, &all)))
    };
    by_version.into_iter().map(document).collect()
}

/// A resource in the words of the schema crate, which knows no kinds.
fn described(resource: &Resource) -> openapi::Resource {
    let verbs = |verbs: &[kubernel_kinds::Text]| verbs.iter().map(ToString::to_string).collect();
    let subresource = |sub: &kubernel_kinds::Subresource| openapi::Subresource {
        name: sub.name.to_string(),
        gvk: sub.kind.as_ref().map(|(group, version, kind)| Gvk::new(&**group, &**version, &**kind)),
        verbs: verbs(&sub.verbs),
    };
    openapi::Resource {
        gvk: resource.gvk.clone(),
        plural: resource.gvr.resource.clone(),
        namespaced: resource.kind.namespaced,
        verbs: verbs(&resource.kind.verbs),
        schema: resource.schema.clone(),
        subresources: resource.kind.subresources.iter().map(subresource).collect(),
    }
}

fn hashed(document: &Value) -> Hashed {
    let json = document.to_string();
    let hash = super::hash(json.as_bytes());
    Hashed { json: json.into(), hash }
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
