//! What a new cluster starts with: namespaces, roles and bindings, priority classes, flow control, the `kubernetes`
//! Service.
//!
//! Everything goes through the same pipeline as any write. What is there already stays as its owner made it, but for
//! the default roles and bindings, to which missing rules and subjects are added (upstream's autoupdate), and flow
//! control's objects, the Services' range and the API's endpoints, which are looked at again for as long as the server runs.

mod api_services;
pub(crate) mod endpoints;
mod flow;
mod objects;
pub(crate) mod rbac;
mod service_cidr;

use std::collections::HashMap;
use std::time::Duration;

use axum::body::Body;
use futures::StreamExt;
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt;
use kubernel_kinds::registry;
use kubernel_meta::{GroupVersion, Object};
use kubernel_store::At;
use serde_json::json;
use tokio_util::sync::CancellationToken;
use tower::Service;

use crate::{ApiServer, Error, User};

/// How many writes are on their way at the same time: the store commits them in groups.
const WRITES_MAX: usize = 64;
/// How often flow control's objects are looked at again (upstream's interval).
const FLOW_EVERY: Duration = Duration::from_secs(60);
/// The same of the range of Services' addresses.
const SERVICE_CIDR_EVERY: Duration = Duration::from_secs(10);
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
    // The Service `kubernetes` takes its address from it.
    service_cidr::ensure(server).await?;
    let others = others.into_iter().filter(|object| is_new || object.kind() != "Secret");
    write_missing(server, others.chain(rbac::all()).collect()).await?;
    ensure_flow(server).await?;
    server.authorizer().start(&**server.store()).await?;
    Ok(())
}

/// Keeps what the server cannot do without as it should be, until the server stops.
pub(crate) async fn keep(server: ApiServer, stop: CancellationToken) {
    let (mut flow, mut service_cidr) = (tokio::time::interval(FLOW_EVERY), tokio::time::interval(SERVICE_CIDR_EVERY));
    // The first tick comes at once: the server has just looked.
    flow.reset();
    service_cidr.reset();
    loop {
        let outcome = tokio::select! {
            () = stop.cancelled() => return,
            _ = flow.tick() => ensure_flow(&server).await,
            _ = service_cidr.tick() => service_cidr::ensure(&server).await,
        };
        if let Err(error) = outcome {
            tracing::warn!(%error, "default objects stay as they are for now");
        }
    }
}

/// Brings flow control's objects to where they should be.
async fn ensure_flow(server: &ApiServer) -> Result<(), Error> {
    let mut stored = Vec::new();
    for prefix in flow::PREFIXES {
        let snapshot = server.store().snapshot(prefix, At::Latest).await?;
        let objects = snapshot.range(prefix, "").filter_map(|entry| serde_json::from_slice(&entry.json).ok());
        stored.extend(objects.map(Object::new));
    }
    let writes = flow::plan(stored, flow::wanted()).into_iter().filter_map(|step| match step {
        flow::Step::Create(object) => Some((Method::POST, Place::of(&object)?.collection, object)),
        flow::Step::Update(object) => Some((Method::PUT, Place::of(&object)?.path, object)),
        flow::Step::Delete(object) => Some((Method::DELETE, Place::of(&object)?.path, only_as_seen(&object)?)),
    });
    write_all(server, writes).await;
    Ok(())
}

/// Options of a deletion that somebody else's change prevents.
fn only_as_seen(object: &Object) -> Option<Object> {
    let version = object.str_at(&["metadata", "resourceVersion"]);
    let preconditions = json!({ "uid": object.uid(), "resourceVersion": version });
    let options = json!({ "apiVersion": "v1", "kind": "DeleteOptions", "preconditions": preconditions });
    Object::from_value(options).ok()
}

/// Creates the objects that are not there and updates those that their kind's rule says are behind; says whether there
/// were any.
async fn write_missing(server: &ApiServer, wanted: Vec<Object>) -> Result<bool, Error> {
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
    let missing = |object: Object| {
        let place = Place::of(&object)?;
        match present.get(&place.key) {
            None => Some((Method::POST, place.collection, object)),
            Some(old) => {
                let changed = rbac::complete(old, &object).or_else(|| objects::refresh(old, &object))?;
                Some((Method::PUT, place.path, changed))
            }
        }
    };
    let writes: Vec<_> = wanted.into_iter().filter_map(missing).collect();
    let any = !writes.is_empty();
    write_all(server, writes).await;
    Ok(any)
}

async fn write_all(server: &ApiServer, writes: impl IntoIterator<Item = (Method, String, Object)>) {
    let mut results = futures::stream::iter(writes)
        .map(|(method, path, object)| write(server, method, path, object))
        .buffer_unordered(WRITES_MAX);
    while let Some(result) = results.next().await {
        // A cluster with all but one of its default objects is better than none.
        if let Err(error) = result {
            tracing::error!(%error, "a default object is not as it should be");
        }
    }
}

async fn write(server: &ApiServer, method: Method, path: String, object: Object) -> Result<(), Error> {
    let failed = |text: String| Error::Bootstrap(format!("{path}: {text}"));
    let is_flow = path.contains("/flowcontrol.apiserver.k8s.io/");
    let manager = if is_flow { FLOW_MANAGER } else { MANAGER };
    let body = serde_json::to_vec(object.map()).map_err(|error| failed(error.to_string()))?;
    let content_type = if method == Method::PATCH { "application/apply-patch+yaml" } else { "application/json" };
    let request = Request::builder()
        .method(method.clone())
        .uri(&path)
        .header(http::header::CONTENT_TYPE, content_type)
        .header(http::header::USER_AGENT, manager)
        .body(Body::from(body))
        .map_err(|error| failed(error.to_string()))?;
    let Ok(response) = server.service(User::system("system:apiserver")).call(request).await;
    let status = response.status();
    // Another server of the same cluster may have been faster.
    if status.is_success() || matches!(status, StatusCode::CONFLICT | StatusCode::NOT_FOUND) {
        return Ok(());
    }
    // What it takes besides its name, an address for example, may have been gone before its name was.
    if method == Method::POST
        && let Some(place) = Place::of(&object)
        && exists(server, &place.key).await?
    {
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
