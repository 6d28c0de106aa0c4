//! `proxy`: HTTP to a node's kubelet, a Pod or an endpoint of a Service.

use std::sync::Arc;

use axum::body::Body;
use http::request::Parts;
use http::{HeaderValue, Response, StatusCode, header};
use hyper::upgrade::OnUpgrade;
use kubernel_meta::{ApiError, Reason};
use kubernel_store::At;
use rand::RngExt as _;
use serde_json::Value;

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
    let backend = match info.resource.as_str() {
        "nodes" => kubelet::of_node(context, &info.name).await?,
        "pods" => pod(context, resource).await?,
        _ => service(context, resource).await?,
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

async fn service(context: &Context, services: &Arc<Resource>) -> Result<Backend, ApiError> {
    let (tls, name, port) = split(&context.info.name);
    let namespace = context.info.namespace.as_str();
    let entry = get::entry(context, services, namespace, name, At::Latest).await?;
    let service = document::decode(services, &entry)?;
    let ports = service.list_at(&["spec", "ports"]);
    // A number is a Service's port; the endpoints know it by its name.
    let found = match port {
        "" if ports.len() == 1 => ports.first(),
        "" => ports.iter().find(|known| known["name"].as_str().unwrap_or_default().is_empty()),
        text => {
            let number = text.parse::<u64>().ok();
            ports.iter().find(|known| known["name"] == text || (number.is_some() && known["port"].as_u64() == number))
        }
    };
    let unavailable = |message: String| ApiError::new(503, Reason::ServiceUnavailable, message);
    let Some(found) = found else {
        return Err(unavailable(format!("no service port {port:?} found for service {name:?}")));
    };
    let port_name = found["name"].as_str().unwrap_or_default();
    let endpoints = context.resources.find("", "v1", "endpoints").ok_or_else(ApiError::unknown_resource)?;
    let none = || unavailable(format!("no endpoints available for service {name:?}"));
    let entry = get::entry(context, endpoints, namespace, name, At::Latest).await.map_err(|_| none())?;
    let endpoints = document::decode(endpoints, &entry)?;
    let mut choices: Vec<(String, u16)> = Vec::new();
    for subset in endpoints.list_at(&["subsets"]) {
        let port = subset["ports"].as_array().and_then(|ports| {
            let known = ports.iter().find(|known| known["name"].as_str().unwrap_or_default() == port_name)?;
            u16::try_from(known["port"].as_u64()?).ok()
        });
        let Some(port) = port else { continue };
        let addresses = subset["addresses"].as_array().map_or(&[][..], Vec::as_slice);
        choices.extend(addresses.iter().filter_map(|address| Some((address["ip"].as_str()?.to_owned(), port))));
    }
    if choices.is_empty() {
        return Err(none());
    }
    let (host, port) = choices.swap_remove(rand::rng().random_range(0..choices.len()));
    Ok(Backend { host, port, tls })
}
