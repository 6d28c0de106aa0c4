//! Connections to kubelets and to Pods: one HTTP/1.1 connection for one request, because most of them are upgraded.

use std::net::SocketAddr;

use axum::body::Body;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Request, Response, Uri, header};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use kubernel_meta::{ApiError, Object, Reason};
use kubernel_store::At;

use crate::ApiServer;
use crate::backend::{self, Address, Trust};
use crate::context::Context;
use crate::document;
use crate::relay::{self, Links};
use crate::verbs::get;

/// Where a node's kubelet listens where the node does not say.
const KUBELET_PORT: u64 = 10250;

/// Whom to dial, and how.
pub(super) struct Backend {
    /// Host name or IP address, and port.
    pub(super) address: Address,
    /// Encrypted, and whether the certificate must be the cluster's.
    pub(super) tls: Tls,
}

/// How a connection is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tls {
    /// Not at all.
    None,
    /// As a kubelet's client: both sides show certificates of the cluster's CA.
    Kubelet,
    /// With whatever certificate the other side has: nobody in the cluster vouches for those of Pods and Services, and
    /// upstream does not check them either.
    Any,
}

/// The kubelet of a node.
pub(super) async fn of_node(context: &Context, node: &str) -> Result<Backend, ApiError> {
    let nodes = context.resources.find("", "v1", "nodes").ok_or_else(ApiError::unknown_resource)?;
    let entry = get::entry(context, nodes, "", node, At::Latest).await?;
    let object = document::decode(nodes, &entry)?;
    let host = address(&object)?;
    let port = object.at(&["status", "daemonEndpoints", "kubeletEndpoint", "Port"]).and_then(serde_json::Value::as_u64);
    let port = port.filter(|port| *port > 0).unwrap_or(KUBELET_PORT);
    let address = Address { host, port: u16::try_from(port).unwrap_or_default() };
    Ok(Backend { address, tls: Tls::Kubelet })
}

/// The address under which the control plane reaches a node.
fn address(node: &Object) -> Result<String, ApiError> {
    let addresses = node.list_at(&["status", "addresses"]);
    // By address first: this server may run where the names of nodes mean nothing.
    let found = ["InternalIP", "InternalDNS", "Hostname", "ExternalIP", "ExternalDNS"].iter().find_map(|kind| {
        let found = addresses.iter().find(|address| address["type"] == *kind)?;
        found["address"].as_str().filter(|text| !text.is_empty()).map(str::to_owned)
    });
    found.ok_or_else(|| {
        let known: Vec<String> = addresses.iter().map(ToString::to_string).collect();
        unknown(format!("no preferred addresses found; known addresses: [{}]", known.join(" ")))
    })
}

/// How a request is passed on.
pub(super) struct Passage {
    /// The path and query that the backend is asked for.
    pub(super) target: String,
    /// Whether the connection has to become something else than HTTP.
    pub(super) must_upgrade: bool,
    /// Whether links and redirects are rewritten to lead through this server.
    pub(super) rewrites: bool,
}

/// Passes the client's request on, and the backend's answer back.
pub(super) async fn forward(
    context: &Context,
    backend: &Backend,
    passage: Passage,
    mut parts: Parts,
    body: Body,
) -> Result<Response<Body>, ApiError> {
    let upgrade = relay::is_upgrade(&context.headers);
    if passage.must_upgrade && !upgrade {
        return Err(ApiError::bad_request("Upgrade request required"));
    }
    let client = parts.extensions.remove::<OnUpgrade>().filter(|_| upgrade);
    if upgrade && client.is_none() {
        return Err(unknown("request connection cannot be hijacked".to_owned()));
    }
    let host = relay::host(&context.headers, &parts.uri).to_owned();
    let mut headers = relay::passed_on(&context.headers, upgrade, parts.extensions.get::<SocketAddr>().copied());
    let target: Uri =
        passage.target.parse().map_err(|error| ApiError::bad_request(format!("invalid path: {error}")))?;
    let links = if passage.rewrites { links(&parts.uri, target.path(), backend, &host) } else { Links::default() };
    if passage.rewrites && !upgrade {
        set(&mut headers, "x-forwarded-uri", parts.uri.path());
    }
    // The backend sees the host that the client asked for, as upstream does.
    set(&mut headers, header::HOST.as_str(), if host.is_empty() { &links.source_host } else { &host });
    let mut request = Request::new(body);
    *request.method_mut() = parts.method;
    *request.uri_mut() = target;
    *request.headers_mut() = headers;
    let failed = |text: String| match upgrade {
        true => unknown(format!("error dialing backend: {text}")),
        false => ApiError::new(503, Reason::ServiceUnavailable, format!("error trying to reach service: {text}")),
    };
    let response = send(&context.server, backend, request).await.map_err(failed)?;
    relay::answer(response, client, &links).await.map_err(unknown)
}

/// Sends a request of this server's own. The error is Go's text.
pub(super) async fn send(
    server: &ApiServer,
    backend: &Backend,
    mut request: Request<Body>,
) -> Result<Response<Incoming>, String> {
    let authority = backend.address.to_string();
    if !request.headers().contains_key(header::HOST) {
        set(request.headers_mut(), header::HOST.as_str(), &authority);
    }
    let stream = backend::connect(&backend.address).await?;
    let mut sender = match trust(server, backend.tls)? {
        None => handshake(TokioIo::new(stream)).await,
        Some((trust, identity)) => {
            let config = backend::client_config(&trust, identity)?;
            let stream = backend::encrypt(stream, config.into(), &backend.address.host).await?;
            handshake(TokioIo::new(stream)).await
        }
    }
    .map_err(|error| error.to_string())?;
    let gone = |error: hyper::Error| if error.is_incomplete_message() { "EOF".to_owned() } else { error.to_string() };
    sender.send_request(request).await.map_err(gone)
}

/// Whom to believe, and what to show; `None` without encryption.
fn trust(server: &ApiServer, tls: Tls) -> Result<Option<(Trust, Option<&crate::pki::Issued>)>, String> {
    match tls {
        Tls::None => Ok(None),
        Tls::Any => Ok(Some((Trust::Any, None))),
        Tls::Kubelet => {
            let pki = server.config().pki.as_ref().ok_or("no certificates for kubelets")?;
            Ok(Some((Trust::Bundle(pki.authority().certificate_pem().to_owned()), Some(pki.kubelet_client()))))
        }
    }
}

async fn handshake<T>(io: T) -> Result<http1::SendRequest<Body>, hyper::Error>
where
    T: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
{
    let (sender, connection) = http1::handshake(io).await?;
    tokio::spawn(async move {
        if let Err(error) = connection.with_upgrades().await {
            tracing::debug!(%error, "a backend's connection ended");
        }
    });
    Ok(sender)
}

/// Links on the backend's pages: its paths are seen below the client's, whose end is the backend's.
fn links(uri: &Uri, target: &str, backend: &Backend, host: &str) -> Links {
    let prefix = uri.path().strip_suffix(target).unwrap_or_default().to_owned();
    Links { prefix, source_host: backend.address.to_string(), request_host: host.to_owned(), ..Links::default() }
}

fn set(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

/// 500 without a reason: what upstream makes of an error that it does not know.
pub(super) fn unknown(message: String) -> ApiError {
    ApiError::new(500, Reason::Unknown, message)
}
