//! What a new cluster starts with: namespaces, roles and bindings, priority classes, flow control, the `kubernetes`
//! Service.
//!
//! Everything goes through the same pipeline as any write. What is there already stays as its owner made it, but for
//! the default roles and bindings, to which missing rules and subjects are added (upstream's autoupdate).

mod api_services;
mod objects;
pub(crate) mod rbac;

use std::collections::HashMap;

use axum::body::Body;
use futures::StreamExt;
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt;
use kubernel_kinds::registry;
use kubernel_meta::{GroupVersion, Object};
use kubernel_store::At;
use tower::Service;

use crate::{ApiServer, Error, User};

/// How many writes are on their way at the same time: the store commits them in groups.
const WRITES_MAX: usize = 64;
/// The names under which the writes own their fields, as upstream's: flow control's objects have one of their own.
const MANAGER: &str = "kube-apiserver";
const FLOW_MANAGER: &str = "api-priority-and-fairness-config-producer-v1";

/// Writes what is missing, then reads roles and bindings. Called once, before `/readyz` says ok.
pub async fn run(server: &ApiServer) -> Result<(), Error> {
    let wanted = objects::all(server);
    // A revoked join token is not brought back: it is made with the cluster, and never again.
    let is_new = !exists(server, "/registry/core/namespaces/kube-system").await?;
    let (namespaces, others): (Vec<Object>, Vec<Object>) =
        wanted.into_iter().partition(|object| object.kind() == "Namespace");
    write_missing(server, namespaces).await?;
    let others = others.into_iter().filter(|object| is_new || object.kind() != "Secret");
    write_missing(server, others.chain(rbac::all()).collect()).await?;
    server.authorizer().start(&**server.store()).await?;
    Ok(())
}

/// Creates the objects that are not there and updates those that their kind's rule says are behind.
async fn write_missing(server: &ApiServer, wanted: Vec<Object>) -> Result<(), Error> {
    let mut present: HashMap<String, Object> = HashMap::new();
    let mut prefixes: Vec<String> = Vec::new();
    for object in &wanted {
        let Some(place) = Place::of(object) else { continue };
        if !prefixes.contains(&place.prefix) {
            prefixes.push(place.prefix);
        }
    }
    for prefix in prefixes {
        let snapshot = server.store().snapshot(&prefix, At::Latest).await?;
        for entry in snapshot.range(&prefix, "") {
            if let Ok(map) = serde_json::from_slice(&entry.json) {
                present.insert(entry.key.to_string(), Object::new(map));
            }
        }
    }
    let writes = wanted.into_iter().filter_map(|object| {
        let place = Place::of(&object)?;
        match present.get(&place.key) {
            None => Some((Method::POST, place.collection, object)),
            Some(old) => {
                let changed = rbac::complete(old, &object).or_else(|| objects::refresh(old, &object))?;
                Some((Method::PUT, place.path, changed))
            }
        }
    });
    let mut results = futures::stream::iter(writes)
        .map(|(method, path, object)| write(server, method, path, object))
        .buffer_unordered(WRITES_MAX);
    while let Some(result) = results.next().await {
        // A cluster with all but one of its default objects is better than none.
        if let Err(error) = result {
            tracing::error!(%error, "a default object is missing");
        }
    }
    Ok(())
}

async fn write(server: &ApiServer, method: Method, path: String, object: Object) -> Result<(), Error> {
    let failed = |text: String| Error::Bootstrap(format!("{path}: {text}"));
    let is_flow = object.api_version().starts_with("flowcontrol.");
    let manager = if is_flow { FLOW_MANAGER } else { MANAGER };
    let body = serde_json::to_vec(object.map()).map_err(|error| failed(error.to_string()))?;
    let request = Request::builder()
        .method(method)
        .uri(&path)
        .header(http::header::CONTENT_TYPE, "application/json")
        .header(http::header::USER_AGENT, manager)
        .body(Body::from(body))
        .map_err(|error| failed(error.to_string()))?;
    let Ok(response) = server.service(User::system("system:apiserver")).call(request).await;
    let status = response.status();
    // Another server of the same cluster may have been faster.
    if status.is_success() || status == StatusCode::CONFLICT {
        return Ok(());
    }
    let body = response.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    Err(failed(format!("{status}: {}", String::from_utf8_lossy(&body))))
}

async fn exists(server: &ApiServer, key: &str) -> Result<bool, Error> {
    Ok(server.store().snapshot(key, At::Latest).await?.get(key).is_some())
}

/// Where an object lives: in the store and in the API.
struct Place {
    prefix: String,
    key: String,
    collection: String,
    path: String,
}

impl Place {
    /// `None` where the kind is not served.
    fn of(object: &Object) -> Option<Self> {
        let gvk = GroupVersion::parse(object.api_version())?.with_kind(object.kind());
        let kind = registry::find_kind(&gvk)?;
        let (group, plural, name) = (&kind.group, &kind.plural, object.name());
        let prefix = format!("/registry/{}/{plural}/", if group.is_empty() { "core" } else { group });
        let root = if group.is_empty() { "/api".to_owned() } else { format!("/apis/{group}") };
        let scope = match object.namespace() {
            "" => (String::new(), String::new()),
            namespace => (format!("{namespace}/"), format!("/namespaces/{namespace}")),
        };
        let collection = format!("{root}/{}{}/{plural}", kind.version, scope.1);
        Some(Self {
            key: format!("{prefix}{}{name}", scope.0),
            path: format!("{collection}/{name}"),
            prefix,
            collection,
        })
    }
}
