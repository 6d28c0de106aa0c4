//! Connections to kubelets and to Pods: one HTTP/1.1 connection for one request, because most of them are upgraded.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http::{HeaderMap, HeaderName, Method, Request, Response, StatusCode, Uri, header};
use hyper::client::conn::http1;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use kubernel_meta::{ApiError, Object, Reason};
use kubernel_store::At;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::ApiServer;
use crate::context::Context;
use crate::document;
use crate::verbs::get;

/// How long a dial and a handshake may take.
const DIAL_WAIT: Duration = Duration::from_secs(10);
/// Where a node's kubelet listens where the node does not say.
const KUBELET_PORT: u64 = 10250;
/// Headers that belong to one connection, not to the request.
const HOP_BY_HOP: [&str; 6] =
    ["keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer", "transfer-encoding"];

/// Whom to dial, and how.
pub(super) struct Backend {
    /// Host name or address.
    pub(super) host: String,
    /// Port.
    pub(super) port: u16,
    /// Encrypted, and whether the certificate must be the cluster's.
    pub(super) tls: Tls,
}

/// How a connection is encrypted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Tls {
    /// Not at all.
    None,
    /// As a kubelet's client: both sides show certificates of the cluster's CA.
    Kubelet,
    /// With whatever certificate the other side has.
    Any,
}

/// The kubelet of a node.
pub(super) async fn of_node(context: &Context, node: &str) -> Result<Backend, ApiError> {
    let nodes = context.resources.find("", "v1", "nodes").ok_or_else(ApiError::unknown_resource)?;
    let entry = get::entry(context, nodes, "", node, At::Latest).await?;
    let object = document::decode(nodes, &entry)?;
    let host = address(&object).ok_or_else(|| {
        ApiError::internal(format!("no preferred addresses found; known addresses: [] of node {node}"))
    })?;
    let port = object.at(&["status", "daemonEndpoints", "kubeletEndpoint", "Port"]).and_then(serde_json::Value::as_u64);
    let port = port.filter(|port| *port > 0).unwrap_or(KUBELET_PORT);
    Ok(Backend { host, port: u16::try_from(port).unwrap_or_default(), tls: Tls::Kubelet })
}

/// The address under which the control plane reaches a node.
fn address(node: &Object) -> Option<String> {
    let addresses = node.list_at(&["status", "addresses"]);
    ["InternalIP", "InternalDNS", "Hostname", "ExternalIP", "ExternalDNS"].iter().find_map(|kind| {
        let found = addresses.iter().find(|address| address["type"] == *kind)?;
        found["address"].as_str().filter(|text| !text.is_empty()).map(str::to_owned)
    })
}

/// Sends a request to a backend. Where the backend upgrades the connection and the client asked for it, both are copied
/// into one another from then on.
pub(super) async fn forward(
    server: &ApiServer,
    backend: &Backend,
    method: Method,
    path_and_query: &str,
    headers: &HeaderMap,
    upgrade: Option<OnUpgrade>,
    body: Body,
) -> Result<Response<Body>, ApiError> {
    let Backend { host, port, .. } = backend;
    let authority = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
    let uri: Uri = path_and_query.parse().map_err(|e| ApiError::bad_request(format!("invalid path: {e}")))?;
    let mut request = Request::new(body);
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    *request.headers_mut() = passed_on(headers, upgrade.is_some());
    if let Ok(value) = authority.parse() {
        request.headers_mut().insert(header::HOST, value);
    }
    let mut sender = dial(server, backend, &authority).await?;
    let mut response = sender.send_request(request).await.map_err(|e| unreachable(format!("{authority}: {e}")))?;
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        let Some(client) = upgrade else {
            return Err(unreachable(format!("{authority}: switched protocols unasked")));
        };
        let backend = hyper::upgrade::on(&mut response);
        tokio::spawn(async move {
            let (Ok(client), Ok(backend)) = (client.await, backend.await) else { return };
            let (mut client, mut backend) = (TokioIo::new(client), TokioIo::new(backend));
            if let Err(error) = tokio::io::copy_bidirectional(&mut client, &mut backend).await {
                tracing::debug!(%error, "an upgraded connection ended");
            }
        });
        let (parts, _) = response.into_parts();
        return Ok(Response::from_parts(parts, Body::empty()));
    }
    let (mut parts, body) = response.into_parts();
    for name in HOP_BY_HOP.iter().chain(&["connection", "upgrade"]) {
        parts.headers.remove(*name);
    }
    Ok(Response::from_parts(parts, Body::new(body)))
}

/// The client's headers without what is between it and us.
fn passed_on(headers: &HeaderMap, upgrade: bool) -> HeaderMap {
    let mut out = headers.clone();
    for name in HOP_BY_HOP {
        out.remove(name);
    }
    if !upgrade {
        out.remove(header::CONNECTION);
        out.remove(header::UPGRADE);
    }
    out.remove(header::AUTHORIZATION);
    out.remove(header::HOST);
    out.remove(header::CONTENT_LENGTH);
    let impersonation: Vec<HeaderName> =
        out.keys().filter(|name| name.as_str().starts_with("impersonate-")).cloned().collect();
    for name in impersonation {
        out.remove(name);
    }
    if let Some(length) = headers.get(header::CONTENT_LENGTH) {
        out.insert(header::CONTENT_LENGTH, length.clone());
    }
    out
}

async fn dial(server: &ApiServer, backend: &Backend, authority: &str) -> Result<http1::SendRequest<Body>, ApiError> {
    let failed = |error: &dyn std::fmt::Display| unreachable(format!("dial tcp {authority}: {error}"));
    let connect = async {
        let stream = TcpStream::connect((backend.host.as_str(), backend.port)).await.map_err(|e| failed(&e))?;
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "no TCP_NODELAY");
        }
        if backend.tls == Tls::None {
            return handshake(TokioIo::new(stream)).await.map_err(|e| failed(&e));
        }
        let config = client_config(server, backend.tls)?;
        let name = ServerName::try_from(backend.host.clone()).map_err(|e| failed(&e))?;
        let stream = TlsConnector::from(config).connect(name, stream).await.map_err(|e| failed(&e))?;
        handshake(TokioIo::new(stream)).await.map_err(|e| failed(&e))
    };
    tokio::time::timeout(DIAL_WAIT, connect).await.unwrap_or_else(|_| Err(failed(&"i/o timeout")))
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

fn client_config(server: &ApiServer, tls: Tls) -> Result<Arc<ClientConfig>, ApiError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(ApiError::internal)?;
    if tls == Tls::Any {
        let verifier = Arc::new(AnyCertificate(provider));
        return Ok(Arc::new(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth()));
    }
    let pki = server.config().pki.as_ref().ok_or_else(|| ApiError::internal("no certificates for kubelets"))?;
    let mut roots = RootCertStore::empty();
    roots.add(pki.authority().certificate_der().clone()).map_err(ApiError::internal)?;
    let issued = pki.kubelet_client();
    let chain = vec![issued.certificate_der().map_err(ApiError::internal)?];
    let key = issued.key_der().map_err(ApiError::internal)?;
    let config = builder.with_root_certificates(roots).with_client_auth_cert(chain, key).map_err(ApiError::internal)?;
    Ok(Arc::new(config))
}

fn unreachable(detail: String) -> ApiError {
    ApiError::new(500, Reason::Unknown, format!("error dialing backend: {detail}"))
}

/// Pods and Services that are proxied over TLS show certificates that nobody in the cluster vouches for; upstream does
/// not check them either.
#[derive(Debug)]
struct AnyCertificate(Arc<rustls::crypto::CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
