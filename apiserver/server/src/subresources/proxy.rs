//! `proxy`: HTTP to a node's kubelet, a Pod or an endpoint of a Service.

use std::sync::Arc;

use axum::body::Body;
use http::request::Parts;
use http::{HeaderValue, Response, StatusCode, header};
use hyper::upgrade::OnUpgrade;
use kubernel_meta::{ApiError, Object, Reason};
use kubernel_store::At;
use serde_json::Value;

use crate::backend::service::Port;
use crate::backend::{self, Address};
use crate::context::Context;
use crate::document;
use crate::resources::Resource;
use crate::verbs::get;

use super::kubelet::{self, Backend, Tls};

/// Answers any method.
pub(super) async fn serve(
    context: &Context,
    resource: &Arc<Resource>,
    mut parts: Parts,
    body: Body,
) -> Result<Response<Body>, ApiError> {
    let info = &context.info;
    if info.rest.is_empty() {
        return redirect(&parts);
    }
    let mut options = Object::default();
    options.set(&["path"], info.rest.as_str());
    super::admit_connection(context, resource, options).await?;
    let backend = match info.resource.as_str() {
        "nodes" => kubelet::of_node(context, &info.name).await?,
        "pods" => pod(context, resource).await?,
        _ => service(context).await?,
    };
    let path = percent_encoding::utf8_percent_encode(&info.rest, PATH).to_string();
    let path = match parts.uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path,
    };
    let wants_upgrade = context.headers.contains_key(header::UPGRADE);
    let upgrade = parts.extensions.remove::<OnUpgrade>().filter(|_| wants_upgrade);
    kubelet::forward(&context.server, &backend, parts.method, &path, &context.headers, upgrade, body).await
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

/// `name`, `name:port`, `scheme:name:port`.
fn split(text: &str) -> (Tls, &str, &str) {
    let words: Vec<&str> = text.split(':').collect();
    match words.as_slice() {
        ["https", name, port] => (Tls::Any, name, port),
        ["http", name, port] => (Tls::None, name, port),
        [name, port] => (Tls::None, name, port),
        _ => (Tls::None, text, ""),
    }
}

async fn pod(context: &Context, pods: &Arc<Resource>) -> Result<Backend, ApiError> {
    let (tls, name, port) = split(&context.info.name);
    let entry = get::entry(context, pods, &context.info.namespace, name, At::Latest).await?;
    let pod = document::decode(pods, &entry)?;
    let host = pod.str_at(&["status", "podIP"]).to_owned();
    if host.is_empty() {
        return Err(ApiError::bad_request("address not allowed"));
    }
    let ports =
        pod.list_at(&["spec", "containers"]).iter().filter_map(|container| container["ports"].as_array()).flatten();
    let number = |port: &Value| port["containerPort"].as_u64().and_then(|port| u16::try_from(port).ok());
    let mut ports = ports;
    let port = match port {
        "" => ports.next().and_then(number).unwrap_or(if tls == Tls::Any { 443 } else { 80 }),
        text => match text.parse() {
            Ok(port) => port,
            Err(_) => ports.find(|known| known["name"] == text).and_then(number).ok_or_else(|| {
                ApiError::new(503, Reason::ServiceUnavailable, format!("no port {text:?} found for pod {name:?}"))
            })?,
        },
    };
    Ok(Backend { host, port, tls })
}

async fn service(context: &Context) -> Result<Backend, ApiError> {
    let (tls, name, port) = split(&context.info.name);
    let (store, namespace) = (&**context.server.store(), context.info.namespace.as_str());
    let mut found = backend::service::addresses(store, namespace, name, Port::Word(port)).await?;
    let unavailable = || ApiError::new(503, Reason::ServiceUnavailable, "no endpoints available");
    let Address { host, port } = found.pop().ok_or_else(unavailable)?;
    Ok(Backend { host, port, tls })
}
