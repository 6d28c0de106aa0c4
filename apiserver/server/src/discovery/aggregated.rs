//! Aggregated discovery (`apidiscovery.k8s.io/v2`): everything in two documents, each made once.

use std::sync::OnceLock;

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use kubernel_meta::ApiError;
use serde_json::{Value, json};

use crate::context::Context;
use crate::negotiate::Media;
use crate::resources::{Resource, Resources};
use crate::{binary, yaml};

/// The parameters are part of the answer's type: clients take it for the older list without them.
const PARAMETERS: &str = ";g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/// A document with the hash that its ETag carries.
#[derive(Debug)]
pub(crate) struct Hashed {
    /// The JSON.
    pub(crate) json: Bytes,
    /// Its hash, upper-case hex.
    pub(crate) hash: String,
    /// The same in protobuf, once somebody has asked for it.
    binary: OnceLock<Bytes>,
}

/// Answers `/api` (`core`) or `/apis` in the form that was negotiated.
pub(super) fn serve(context: &Context, core: bool, media: Media) -> Result<Response<Body>, ApiError> {
    let headers = &context.headers;
    let own = context.resources.discovery(core, || document(&context.resources, core));
    let merged = if core { None } else { context.server.aggregation().aggregated(&context.resources, own) };
    let document = merged.as_deref().unwrap_or(own);
    let etag = format!("\"{}\"", document.hash);
    let mut response = if super::has(headers, &etag) {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response
    } else {
        Response::new(Body::from(document.form(media)?))
    };
    let headers = response.headers_mut();
    let content_type = format!("{}{PARAMETERS}", media.content_type());
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_str(&content_type).map_err(ApiError::internal)?);
    headers.insert(header::VARY, HeaderValue::from_static("Accept"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public"));
    if let Ok(value) = HeaderValue::from_str(&etag) {
        headers.insert(header::ETAG, value);
    }
    Ok(response)
}

impl Hashed {
    pub(crate) fn new(document: &Value) -> Self {
        let json = Bytes::from(document.to_string());
        let hash = kubernel_schema::openapi::hash(&json);
        Self { json, hash, binary: OnceLock::new() }
    }

    fn form(&self, media: Media) -> Result<Bytes, ApiError> {
        let value = || serde_json::from_slice::<Value>(&self.json).map_err(ApiError::internal);
        match media {
            Media::Json => Ok(self.json.clone()),
            Media::Yaml => Ok(yaml::to_yaml(&value()?).into()),
            Media::Protobuf => match self.binary.get() {
                Some(made) => Ok(made.clone()),
                None => {
                    let made = binary::of_value(&value()?).ok_or_else(|| ApiError::internal("no form of discovery"))?;
                    Ok(self.binary.get_or_init(|| made).clone())
                }
            },
        }
    }
}

fn document(resources: &Resources, core: bool) -> Hashed {
    let items: Vec<Value> = resources
        .groups()
        .into_iter()
        .filter(|(group, _)| group.is_empty() == core)
        .map(|(group, versions)| {
            let versions: Vec<Value> = versions.iter().map(|version| of_version(resources, group, version)).collect();
            let metadata = if group.is_empty() { json!({}) } else { json!({ "name": group }) };
            json!({ "metadata": metadata, "versions": versions })
        })
        .collect();
    Hashed::new(&json!({
        "kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items,
    }))
}

fn of_version(resources: &Resources, group: &str, version: &str) -> Value {
    let mut served: Vec<&Resource> = resources
        .iter()
        .map(|resource| &**resource)
        .filter(|resource| resource.gvr.group == group && resource.gvr.version == version)
        .collect();
    served.sort_by(|a, b| a.gvr.resource.cmp(&b.gvr.resource));
    let list: Vec<Value> = served.iter().map(|resource| of_resource(resource)).collect();
    json!({ "version": version, "resources": list, "freshness": "Current" })
}

fn of_resource(resource: &Resource) -> Value {
    let kind = &resource.kind;
    // Upstream leaves group and version empty where they are the resource's own.
    let own = |name: &str| json!({ "group": "", "version": "", "kind": name });
    let mut entry = json!({
        "resource": kind.plural, "responseKind": own(&kind.kind),
        "scope": if kind.namespaced { "Namespaced" } else { "Cluster" },
        "singularResource": kind.singular, "verbs": kind.verbs.as_ref(),
    });
    if !kind.short_names.is_empty() {
        entry["shortNames"] = json!(kind.short_names.as_ref());
    }
    if !kind.categories.is_empty() {
        entry["categories"] = json!(kind.categories.as_ref());
    }
    let mut subresources: Vec<Value> = kind
        .subresources
        .iter()
        .map(|sub| {
            let response = match &sub.kind {
                Some((group, version, name)) if (&**group, &**version) != (&*kind.group, &*kind.version) => {
                    json!({ "group": group, "version": version, "kind": name })
                }
                Some((_, _, name)) => own(name),
                None => own(&kind.kind),
            };
            json!({ "subresource": sub.name, "responseKind": response, "verbs": sub.verbs.as_ref() })
        })
        .collect();
    subresources.sort_by(|a, b| a["subresource"].as_str().cmp(&b["subresource"].as_str()));
    if !subresources.is_empty() {
        entry["subresources"] = json!(subresources);
    }
    entry
}
