//! OpenAPI documents: v3 one for each group and version, v2 all in one. Each is made when it is first asked for and kept
//! compressed, which is how most clients want it.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::sync::{Arc, OnceLock};

use axum::body::Body;
use bytes::Bytes;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use kubernel_meta::{ApiError, GroupVersion, Gvk, Reason};
use kubernel_schema::openapi;
use serde_json::{Map, Value, json};

use crate::context::Context;
use crate::resources::Resources;
use crate::respond;

/// What clients may ask for; both are answered in JSON.
const V2_PROTOBUF: &str = "application/com.github.proto-openapi.spec.v2";
const V3_PROTOBUF: &str = "application/com.github.proto-openapi.spec.v3";

/// The documents of one table of resources.
#[derive(Debug, Default)]
pub(crate) struct Documents {
    v3: OnceLock<BTreeMap<String, Packed>>,
    v2: OnceLock<Packed>,
}

/// A compressed document.
#[derive(Debug)]
struct Packed {
    gzip: Bytes,
    hash: String,
}

/// Answers `/openapi/v3` and what is below it.
pub(super) async fn v3(context: &Context, headers: &HeaderMap, rest: &[&str]) -> Result<Response<Body>, ApiError> {
    acceptable(headers, V3_PROTOBUF)?;
    let resources = made(context, |resources| {
        resources.openapi().v3(resources);
    })
    .await?;
    let documents = resources.openapi().v3(&resources);
    if rest.is_empty() {
        let paths: Map<String, Value> = documents
            .iter()
            .map(|(name, document)| {
                let url = format!("/openapi/v3/{name}?hash={}", document.hash);
                (name.clone(), json!({ "serverRelativeURL": url }))
            })
            .collect();
        return serve(headers, &Packed::new(&json!({ "paths": paths })), false);
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
            let value = HeaderValue::from_str(&url).map_err(ApiError::internal)?;
            response.headers_mut().insert(header::LOCATION, value);
            Ok(response)
        }
        hash => serve(headers, found, hash.is_some()),
    }
}

/// Answers `/openapi/v2`.
pub(super) async fn v2(context: &Context, headers: &HeaderMap) -> Result<Response<Body>, ApiError> {
    acceptable(headers, V2_PROTOBUF)?;
    let resources = made(context, |resources| {
        resources.openapi().v2(resources);
    })
    .await?;
    serve(headers, resources.openapi().v2(&resources), false)
}

/// Lets a document be made where it does not hold up other requests.
async fn made(context: &Context, make: fn(&Resources)) -> Result<Arc<Resources>, ApiError> {
    let resources = context.resources.clone();
    tokio::task::spawn_blocking(move || {
        make(&resources);
        resources
    })
    .await
    .map_err(ApiError::internal)
}

impl Documents {
    fn v3(&self, resources: &Resources) -> &BTreeMap<String, Packed> {
        self.v3.get_or_init(|| {
            let mut documents = BTreeMap::new();
            for (group, versions) in resources.groups() {
                for version in versions {
                    let version = GroupVersion::new(group, version);
                    let name = if group.is_empty() { format!("api/{version}") } else { format!("apis/{version}") };
                    let document = openapi::v3(&version, &described(resources, Some(&version)));
                    documents.insert(name, Packed::new(&document));
                }
            }
            documents
        })
    }

    fn v2(&self, resources: &Resources) -> &Packed {
        self.v2.get_or_init(|| Packed::new(&openapi::v2(&described(resources, None))))
    }
}

/// Resources as the documents describe them: those of one group and version, or all.
fn described(resources: &Resources, only: Option<&GroupVersion>) -> Vec<openapi::Resource> {
    let belongs = |gvk: &Gvk| only.is_none_or(|only| gvk.group == only.group && gvk.version == only.version);
    let texts = |texts: &[kubernel_kinds::Text]| texts.iter().map(ToString::to_string).collect();
    resources
        .iter()
        .filter(|resource| belongs(&resource.gvk))
        .map(|resource| openapi::Resource {
            gvk: resource.gvk.clone(),
            plural: resource.gvr.resource.clone(),
            namespaced: resource.kind.namespaced,
            verbs: texts(&resource.kind.verbs),
            schema: resource.schema.clone(),
            subresources: resource
                .kind
                .subresources
                .iter()
                .map(|sub| openapi::Subresource {
                    name: sub.name.to_string(),
                    gvk: sub.kind.as_ref().map(|(group, version, kind)| Gvk::new(&**group, &**version, &**kind)),
                    verbs: texts(&sub.verbs),
                })
                .collect(),
        })
        .collect()
}

impl Packed {
    fn new(document: &Value) -> Self {
        let json = document.to_string();
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        let gzip = encoder.write_all(json.as_bytes()).and_then(|()| encoder.finish()).unwrap_or_default();
        Self { gzip: gzip.into(), hash: openapi::hash(json.as_bytes()) }
    }

    fn json(&self) -> Result<Vec<u8>, ApiError> {
        let mut json = Vec::new();
        GzDecoder::new(&*self.gzip).read_to_end(&mut json).map_err(ApiError::internal)?;
        Ok(json)
    }
}

/// 406 for a client that takes neither JSON nor the protobuf form, for which it gets JSON.
fn acceptable(headers: &HeaderMap, protobuf: &str) -> Result<(), ApiError> {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let known = |clause: &str| {
        let media = clause.split(';').next().unwrap_or_default().trim();
        matches!(media, "" | "*/*" | "application/*" | "application/json") || media.starts_with(protobuf)
    };
    if accept.split(',').any(known) {
        return Ok(());
    }
    Err(ApiError::new(
        406,
        Reason::NotAcceptable,
        format!("only the following media types are accepted: application/json, {protobuf}@v1.0+protobuf"),
    ))
}

fn serve(headers: &HeaderMap, document: &Packed, immutable: bool) -> Result<Response<Body>, ApiError> {
    let etag = format!("\"{}\"", document.hash);
    let accepts = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let gzip = accepts.split(',').any(|word| word.split(';').next().unwrap_or_default().trim() == "gzip");
    let mut response = if super::has(headers, &etag) {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response
    } else if gzip {
        let mut response = Response::new(Body::from(document.gzip.clone()));
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        response
    } else {
        Response::new(Body::from(document.json()?))
    };
    let out = response.headers_mut();
    out.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    out.insert(header::VARY, HeaderValue::from_static("Accept, Accept-Encoding"));
    if immutable {
        out.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, immutable"));
        let year = jiff::Timestamp::now().as_second() + 365 * 24 * 3600;
        let expires = jiff::Timestamp::from_second(year).map(|at| at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string());
        if let Ok(value) = HeaderValue::from_str(&expires.unwrap_or_default()) {
            out.insert(header::EXPIRES, value);
        }
    }
    if let Ok(value) = HeaderValue::from_str(&etag) {
        out.insert(header::ETAG, value);
    }
    Ok(response)
}
